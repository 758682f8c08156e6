"""Raw frames to the float matrix that LIME samples from, and back.

LIME knows two kinds of columns: numbers, which it draws from a normal distribution, and
categories, given as integer codes, which it draws by their frequency. Everything a table holds is
told in those two.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limelight.errors import InputError
from limelight.explain.text import is_missing, value_text
from limelight.search.roles import column_role

Array = NDArray[Any]
_EPOCH = pd.Timestamp("1970-01-01")


class _Column(Protocol):
    name: Any

    @property
    def categorical(self) -> tuple[bool, ...]: ...

    def encode(self, column: pd.Series) -> Array: ...
    def decode(self, matrix: Array) -> Any: ...
    def condition(self, value: Any) -> str: ...


@dataclass
class _Category:
    """Text, categories and booleans: the code of the level; missing is a level of its own."""

    name: Any
    levels: pd.Series
    categorical: tuple[bool, ...] = (True,)
    _codes: dict[Any, int] = field(default_factory=dict)
    _missing: int = -1

    @classmethod
    def of(cls, column: pd.Series) -> _Category:
        distinct = column.drop_duplicates()
        present = distinct[distinct.notna()]
        order = sorted(range(len(present)), key=lambda at: str(present.iloc[at]))
        missing = distinct[distinct.isna()]
        levels = pd.concat([present.iloc[order], missing]) if len(missing) else present.iloc[order]
        codes = {value: code for code, value in enumerate(present.iloc[order].astype(object))}
        return cls(column.name, levels, _codes=codes, _missing=len(present))

    def encode(self, column: pd.Series) -> Array:
        # A level that the training rows do not have gets a code that is never sampled.
        unseen = self._missing + 1
        absent = column.isna().to_numpy()
        values = column.astype(object).to_numpy()
        codes = [
            self._missing if gone else self._codes.get(value, unseen)
            for value, gone in zip(values, absent, strict=True)
        ]
        return np.array(codes, dtype="float64").reshape(-1, 1)

    def decode(self, matrix: Array) -> Any:
        known = np.minimum(matrix[:, 0].astype("int64"), len(self.levels) - 1)
        return self.levels.array.take(known)

    def condition(self, value: Any) -> str:
        text = value_text(value)
        return f"{self.name} is missing" if is_missing(value) else f"{self.name} = {text}"


@dataclass
class _Number:
    """Numbers, and times as days: the value, the median where there is none, and a flag for it."""

    name: Any
    dtype: Any
    median: float
    mean: float
    low: float
    high: float
    whole: bool
    flagged: bool
    python_type: type | None = None
    is_time: bool = False

    @property
    def categorical(self) -> tuple[bool, ...]:
        return (False, True) if self.flagged else (False,)

    @classmethod
    def of(cls, column: pd.Series, is_time: bool) -> _Number:
        values = _days(column) if is_time else _floats(column)
        known = values[np.isfinite(values)]
        known = known if len(known) else np.zeros(1)
        first = column.dropna()
        as_object = column.dtype == object and len(first) > 0
        return cls(
            name=column.name,
            dtype=column.dtype,
            median=float(np.median(known)),
            mean=float(known.mean()),
            low=float(known.min()),
            high=float(known.max()),
            whole=bool((known % 1 == 0).all()),
            flagged=bool(np.isnan(values).any() and not np.isnan(values).all()),
            python_type=type(first.iloc[0]) if as_object else None,
            is_time=is_time,
        )

    def encode(self, column: pd.Series) -> Array:
        values = _days(column) if self.is_time else _floats(column)
        absent = np.isnan(values)
        filled = np.clip(np.where(absent, self.median, values), -1e15, 1e15)
        infinite = np.isinf(values)
        filled[infinite] = np.clip(values[infinite], self.low, self.high)
        parts = [filled, absent.astype("float64")] if self.flagged else [filled]
        return np.column_stack(parts)

    def decode(self, matrix: Array) -> Any:
        # No clipping to the training rows' range: LIME fits on the draws as they were, and slopes
        # near an end of the range would come out too flat.
        values = np.rint(matrix[:, 0]) if self.whole else matrix[:, 0]
        absent = matrix[:, 1] > 0.5 if self.flagged else np.zeros(len(values), dtype=bool)
        if self.is_time:
            return self._times(values, absent)
        if self.python_type is not None:
            return _python_numbers(values, absent, self.python_type)
        if absent.any():
            return pd.Series(_within(values, self.dtype)).mask(absent).astype(self.dtype).array
        return pd.Series(_within(values, self.dtype)).astype(self.dtype).array

    def _times(self, days: Array, absent: Array) -> Any:
        times = pd.Series(_EPOCH + pd.to_timedelta(days, unit="D")).mask(absent).dt.round("ms")
        if self.python_type is not None:
            plain = self.python_type is date
            return [
                None if pd.isna(time) else time.date() if plain else time.to_pydatetime()
                for time in times
            ]
        zone = getattr(self.dtype, "tz", None)
        if zone is not None:
            times = times.dt.tz_localize("UTC").dt.tz_convert(zone)
        return times.astype(self.dtype).array

    def condition(self, value: Any) -> str:
        if is_missing(value):
            return f"{self.name} is missing"
        if self.is_time:
            mean: Any = (_EPOCH + pd.to_timedelta(round(self.mean), unit="D")).date()
        else:
            mean = float(f"{self.mean:.4g}")
        return f"{self.name} = {value_text(value)} (mean {value_text(mean)})"


class Codec:
    """A two-way translation between raw rows and a float64 matrix that LIME can perturb.

    Categories become integer codes, with a code of their own for missing values. Numbers stay;
    a missing one becomes the median, and a second, categorical column says that it was missing.
    Times become days since 1970. `decode` gives each column the dtype that it had.

    Args:
        training: Raw rows, shape (n, d), that say what values there are.

    Example:
        >>> frame = pd.DataFrame({"age": [30, 40], "job": ["cook", None]})
        >>> codec = Codec(frame)
        >>> codec.encode(frame).tolist(), codec.categorical
        ([[30.0, 0.0], [40.0, 1.0]], [1])
        >>> codec.decode(codec.encode(frame)).equals(frame)
        True
    """

    def __init__(self, training: pd.DataFrame) -> None:
        self.columns: list[Any] = list(training.columns)
        self._parts: list[_Column] = [_part(training[name]) for name in self.columns]
        kinds = [(at, kind) for at, part in enumerate(self._parts) for kind in part.categorical]
        #: For each column of the matrix, the position of the raw column that it comes from.
        self.source: list[int] = [at for at, _ in kinds]
        #: Columns of the matrix that hold codes.
        self.categorical: list[int] = [at for at, (_, coded) in enumerate(kinds) if coded]

    def encode(self, frame: pd.DataFrame) -> Array:
        """Raw rows (n, d) as float64 (n, len(source)), finite everywhere.

        Raises:
            InputError: Columns of the training rows are not in the frame.
        """
        absent = [name for name in self.columns if name not in frame.columns]
        if absent:
            raise InputError(
                f"the rows to explain have no column {', '.join(map(repr, absent))}.",
                "Give rows with all the columns that the model was trained on.",
            )
        if not self._parts:
            return np.empty((len(frame), 0))
        return np.hstack([part.encode(frame[part.name]) for part in self._parts])

    def decode(self, matrix: Array) -> pd.DataFrame:
        """Matrix rows as a raw frame with the training rows' columns and dtypes."""
        parts, at = {}, 0
        for part in self._parts:
            width = len(part.categorical)
            parts[part.name] = part.decode(matrix[:, at : at + width])
            at += width
        return pd.DataFrame(parts, columns=self.columns)

    def condition(self, position: int, value: Any) -> str:
        """What is said of a row by the value of its raw column, e.g. ``"age = 36 (mean 41.2)"``."""
        return self._parts[position].condition(value)


def _part(column: pd.Series) -> _Column:
    role = column_role(column)
    if role in ("number", "datetime") and column.notna().any():
        return _Number.of(column, is_time=role == "datetime")
    return _Category.of(column)


def _floats(column: pd.Series) -> Array:
    return np.array(column.to_numpy(dtype="float64", na_value=np.nan), dtype="float64")


def _days(column: pd.Series) -> Array:
    if not pd.api.types.is_datetime64_any_dtype(column):
        column = pd.to_datetime(column)
    if getattr(column.dtype, "tz", None) is not None:
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    return np.asarray(((column - _EPOCH) / pd.Timedelta(days=1)).to_numpy(dtype="float64"))


def _within(values: Array, dtype: Any) -> Array:
    """Whole numbers kept to what their type can hold."""
    if not pd.api.types.is_integer_dtype(dtype):
        return values
    limits = np.iinfo(getattr(dtype, "numpy_dtype", dtype))
    return np.clip(values, max(limits.min, -(2**53)), min(limits.max, 2**53))


def _python_numbers(values: Array, absent: Array, kind: type) -> list[Any]:
    def one(value: float) -> Any:
        return Decimal(f"{value:.12g}") if kind is Decimal else kind(value)

    return [None if gone else one(value) for value, gone in zip(values, absent, strict=True)]
