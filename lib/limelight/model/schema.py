"""What a model's features look like, and raw rows brought to that look.

The training frame and every later frame go through the same `Schema.normalise`, so the model sees
the same dtypes whatever the rows came as:

| role (`limelight.search.roles`) | dtype | missing |
|---|---|---|
| number | float64; a span of time in seconds | NaN |
| boolean | boolean (nullable) | pd.NA |
| category | object, str | None |
| datetime | datetime64[us], the wall clock of the training column's time zone | NaT |

`column_role` reads the same role back from a normalised column.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from limelight.data.reading import MISSING_WORDS
from limelight.errors import InputError, did_you_mean
from limelight.model.date_texts import UnreadDate, read_date_texts
from limelight.model.spelling import Spelling
from limelight.search.roles import Role, column_role

Rows = pd.DataFrame | pd.Series | Mapping[str, Any] | Sequence[Mapping[str, Any]]
"""Rows as a caller has them: a frame, one row as a Series or dict, or a list of dicts."""

_TRUTHS = {
    **dict.fromkeys(("true", "t", "yes", "y", "1", "1.0"), True),
    **dict.fromkeys(("false", "f", "no", "n", "0", "0.0"), False),
}
_UNREADABLE = object()


@dataclass(frozen=True)
class Feature:
    """One feature column.

    Args:
        name: Name of the column.
        role: How its values are read.
        dtype: Its dtype in the training frame, for the reader.
        zone: Time zone of a datetime column, or empty. Times without a zone are taken as of this
            zone (as UTC where it is empty), the others are converted to it.
        example: A value of the training frame as text, for error messages; may be empty.
        spelling: How the levels of a category are spelt.
        first: ``day`` or ``month``: which of them the training source had first in its dates;
            empty where it had no local dates or is not known.
    """

    name: str
    role: Role
    dtype: str
    zone: str = ""
    example: str = ""
    spelling: Spelling = field(default_factory=Spelling, hash=False)
    first: str = ""


@dataclass(frozen=True)
class Schema:
    """The features of a model, in order.

    Example:
        >>> schema = Schema.of(pd.DataFrame({"age": [30, 41], "city": ["Bern", None]}))
        >>> schema.roles
        {'age': 'number', 'city': 'category'}
        >>> schema.normalise([{"city": "Oslo", "age": "52", "name": "not used"}])
            age  city
        0  52.0  Oslo
    """

    features: tuple[Feature, ...]

    @classmethod
    def of(cls, frame: pd.DataFrame, first: Mapping[str, str] | None = None) -> Schema:
        """The schema of a training frame of raw features.

        Args:
            frame: The features, shape (n, columns).
            first: ``day`` or ``month`` by column: the order of local dates in the source
                (`limelight.data.source.SourceTable.first`). A frame from a store has times, which
                do not show how they were written.

        Raises:
            InputError: A column name comes twice.
        """
        _refuse_twice(frame, [str(name) for name in frame.columns])
        first = first or {}
        features = (_feature(str(n), column, first.get(str(n), "")) for n, column in frame.items())
        return cls(tuple(features))

    @property
    def names(self) -> list[str]:
        """The names of the features, in order."""
        return [feature.name for feature in self.features]

    @property
    def roles(self) -> dict[str, Role]:
        """The role of each feature, in order."""
        return {feature.name: feature.role for feature in self.features}

    def normalise(self, rows: Rows) -> pd.DataFrame:
        """The features of some rows, in the schema's order and dtypes; the index is kept.

        Columns that are no features are left out. Any order of columns and any dtype will do whose
        values can be read in the feature's role: ``"3"`` is a number, ``1`` a boolean, ISO text a
        date. Other text is a date where it can be one alone (`limelight.model.date_texts`):
        ``05/06/2022`` is read in the order of the training source, or else the rows must show
        it. Empty text and ``NA`` are missing numbers, booleans or dates. Spaces around a name do
        not matter where it is clear which column is meant.

        Raises:
            InputError: A feature is missing or comes twice, or a value cannot be read.
        """
        frame = self._named(as_frame(rows))
        self._refuse_missing(frame)
        _refuse_twice(frame, self.names)
        columns = {feature.name: _read(feature, frame[feature.name]) for feature in self.features}
        return pd.DataFrame(columns, index=frame.index, columns=pd.Index(self.names, dtype=object))

    def to_dict(self) -> list[dict[str, Any]]:
        """The schema as JSON values."""
        return [asdict(feature) for feature in self.features]

    def _named(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with names as text, without the spaces that a source's header lost."""
        given = [str(name) for name in frame.columns]
        stripped = [name.strip() for name in given]
        wanted = set(self.names) - set(given)
        names = [
            short if short in wanted and stripped.count(short) == 1 else name
            for name, short in zip(given, stripped, strict=True)
        ]
        return frame if names == list(frame.columns) else frame.set_axis(names, axis=1)

    def _refuse_missing(self, frame: pd.DataFrame) -> None:
        given = {str(name) for name in frame.columns}
        missing = [name for name in self.names if name not in given]
        if not missing:
            return
        spare = given - set(self.names)
        listed = ", ".join(map(repr, missing))
        hints = " ".join(hint for name in missing if (hint := _near(name, spare)))
        raise InputError(
            f"the rows lack {len(missing)} of the {len(self.names)} columns that the model was"
            f" trained on: {listed}.",
            hints or "Add them; a value may be missing, a column may not.",
        )


def as_frame(rows: Rows) -> pd.DataFrame:
    """Rows as a frame: a Series or a dict is one row, a list of dicts is many.

    Raises:
        InputError: Something else is given.
    """
    if isinstance(rows, pd.DataFrame):
        return rows
    if isinstance(rows, pd.Series):
        # One row of a frame: built as object, so that no value changes its type.
        return pd.DataFrame([rows.tolist()], columns=rows.index, index=[rows.name], dtype=object)
    if isinstance(rows, Mapping):
        rows = [rows]
    if isinstance(rows, Sequence) and all(isinstance(row, Mapping) for row in rows):
        names = list(dict.fromkeys(name for row in rows for name in row))
        values = [[row.get(name) for name in names] for row in rows]
        return pd.DataFrame(values, columns=pd.Index(names, dtype=object), dtype=object)
    raise InputError(
        f"rows are given as {type(rows).__name__}.",
        "Give a DataFrame, one row as a Series or a dict, or a list of dicts.",
    )


def _feature(name: str, column: pd.Series, first: str) -> Feature:
    role = column_role(column)
    present = column.dropna()
    example = "" if present.empty else str(present.iloc[0])[:40]
    zone = _zone(present) if role == "datetime" else ""
    spelling = Spelling.of(column) if role == "category" else Spelling()
    first = first if role == "datetime" else ""
    return Feature(name, role, str(column.dtype), zone, example, spelling, first)


def _zone(present: pd.Series) -> str:
    if isinstance(present.dtype, pd.DatetimeTZDtype):
        return str(present.dtype.tz)
    zone = None if present.empty else getattr(present.iloc[0], "tzinfo", None)
    return "" if zone is None else str(zone)


def _near(name: str, spare: set[str]) -> str:
    hint = did_you_mean(name, spare)
    guess = hint.partition("? Known:")[0]
    return f"For {name!r}: {guess.lower()[:1]}{guess[1:]}?" if hint.startswith("Did") else ""


def _refuse_twice(frame: pd.DataFrame, names: list[str]) -> None:
    labels = pd.Index([str(name) for name in frame.columns])
    twice = [name for name in dict.fromkeys(labels[labels.duplicated()]) if name in names]
    if twice:
        raise InputError(
            f"column {', '.join(map(repr, twice))} comes more than once.",
            "Give every column once.",
        )


def _read(feature: Feature, column: pd.Series) -> pd.Series:
    if feature.role == "number":
        return _read_numbers(feature, column)
    if feature.role == "boolean":
        return _read_booleans(feature, column)
    if feature.role == "datetime":
        return _read_datetimes(feature, column)
    return _series([feature.spelling.text(v) for v in _objects(column)], column, "object")


def _read_numbers(feature: Feature, column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_complex_dtype(column):
        return pd.Series(column.to_numpy(dtype="float64", na_value=np.nan), index=column.index)
    if pd.api.types.is_timedelta64_dtype(column):
        return _series(column.dt.total_seconds().tolist(), column, "float64")
    return _series(_each(feature, column, _number, float("nan")), column, "float64")


def _read_booleans(feature: Feature, column: pd.Series) -> pd.Series:
    if pd.api.types.is_bool_dtype(column) and not isinstance(column.dtype, pd.CategoricalDtype):
        return column.astype("boolean")
    return _series(_each(feature, column, _boolean, pd.NA), column, "boolean")


def _read_datetimes(feature: Feature, column: pd.Series) -> pd.Series:
    zone = feature.zone or "UTC"
    if not pd.api.types.is_datetime64_any_dtype(column):
        column = _with_texts_read(feature, column, zone)
        stamps = _each(feature, column, lambda value: _stamp(value, zone), pd.NaT)
        return _series(stamps, column, "datetime64[us]")
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_convert(zone).dt.tz_localize(None)
    return column.astype("datetime64[us]")


def _with_texts_read(feature: Feature, column: pd.Series, zone: str) -> pd.Series:
    """The column with times in place of texts: together they show the order of day and month."""
    values = _objects(column)
    places = [
        place
        for place, value in enumerate(values)
        if isinstance(value, str) and not _is_missing(value)
    ]
    texts = [values[place] for place in places]
    try:
        times = read_date_texts(texts, feature.first, zone)
    except UnreadDate as unread:
        place = places[unread.place]
        expected = f" or with the {feature.first} first" if feature.first else ""
        raise InputError(
            f"column {feature.name!r} has {values[place]!r} in row {column.index[place]!r}, which"
            f" {unread.reason}.",
            f"Write it as year-month-day, such as {feature.example or '2022-04-24'}{expected}, or"
            " leave it empty.",
        ) from unread
    for place, time in zip(places, times, strict=True):
        values[place] = time
    return _series(values, column, "object")


def _series(values: list[Any], like: pd.Series, dtype: str) -> pd.Series:
    return pd.Series(values, index=like.index, dtype=dtype)


def _objects(column: pd.Series) -> list[Any]:
    return column.astype(object).tolist()


def _each(
    feature: Feature, column: pd.Series, read: Callable[[Any], Any], missing: Any
) -> list[Any]:
    """Every value read, or an error that names the first that cannot be."""
    values = []
    for label, value in zip(column.index, _objects(column), strict=True):
        if _is_missing(value):
            values.append(missing)
            continue
        found = read(value)
        if found is _UNREADABLE:
            example = f" such as {feature.example}" if feature.example else ""
            raise InputError(
                f"column {feature.name!r} has {value!r} in row {label!r}, which is no"
                f" {feature.role}.",
                f"The model was trained on a {feature.role}{example}: correct the value, or leave"
                " it empty.",
            )
        values.append(found)
    return values


def _is_missing(value: Any) -> bool:
    if isinstance(value, str):
        word = value.strip()
        return not word or word in MISSING_WORDS
    return value is None or value is pd.NA or value is pd.NaT or value != value


def _number(value: Any) -> Any:
    # Decimal is no `Real` for Python. Python alone would read "1_000" as 1000.
    given = value.strip() if isinstance(value, str) else value
    if isinstance(given, str) and "_" in given:
        return _UNREADABLE
    if isinstance(given, (timedelta, np.timedelta64)):
        return pd.Timedelta(given).total_seconds()
    if not isinstance(given, (str, Real, Decimal, np.bool_)):
        return _UNREADABLE
    try:
        return float(given)
    except (ValueError, OverflowError):
        return _UNREADABLE


def _boolean(value: Any) -> Any:
    if isinstance(value, (str, Real, Decimal, np.bool_)):
        return _TRUTHS.get(str(value).strip().lower(), _UNREADABLE)
    return _UNREADABLE


def _stamp(value: Any, zone: str) -> Any:
    # A bare number would be read as nanoseconds since 1970, which nobody means.
    if not isinstance(value, (date, np.datetime64)):
        return _UNREADABLE
    try:
        stamp = pd.Timestamp(value)
    except (ValueError, OverflowError):
        return _UNREADABLE
    if isinstance(stamp, pd.Timestamp) and stamp.tzinfo is not None:
        stamp = stamp.tz_convert(zone).tz_localize(None)
    return stamp
