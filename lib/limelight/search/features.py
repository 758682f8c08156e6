"""From a raw frame to the matrix that estimators take."""

from __future__ import annotations

from typing import Any, Literal, Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from limelight.errors import InputError
from limelight.search.columns import (
    read_booleans,
    read_levels,
    read_numbers,
    read_times,
    zone_of,
)
from limelight.search.roles import column_role

Array = NDArray[Any]

KINDS = ("onehot", "ordinal", "native", "levels")

MAX_ONEHOT_LEVELS = 40
MAX_ORDINAL_LEVELS = 100
"""More levels than these share one; an extra column then tells how frequent the level is."""
ALL_LEVELS = 1_000_000
"""A limit that no column reaches: codes up to here are exact in float32."""


class FrameEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Encodes a raw frame of any mixture of columns as a matrix of numbers.

    How a column is read follows from its role (`limelight.search.roles`) in the frame it is
    fitted on. Columns that tell nothing are left out: constant ones, ones without values, and
    texts that are different in nearly every row. A value that was not there when fitting counts
    as infrequent or missing; whole numbers may come as floats or text later.

    Args:
        kind: ``"onehot"`` gives float64 without NaN: numbers with their median where missing and
            an indicator of it, a column for each frequent level of a category. ``"ordinal"``
            gives float32 with NaN where missing: categories are codes, the most frequent is 0,
            for estimators that take both (boosted trees, forests). ``"native"`` gives the same
            as a frame, categories as such, for HistGradientBoosting and LightGBM. ``"levels"``
            is as ``"native"`` with a code for every level, however many there are, for CatBoost.
        scale: ``"standard"`` gives numbers and times mean 0 and deviation 1, cut at 10
            deviations; one-hot columns stay 0 and 1. Categories stay codes under ``"ordinal"``.

    Attributes:
        categorical_features_: bool, shape (columns of the matrix,): which hold category codes;
            codes are whole numbers, below 255 unless under ``"levels"``.
        feature_names_in_: The columns of the frame; object, shape (d,).

    Example:
        >>> frame = pd.DataFrame({"age": [30, None, 50, 41], "job": ["a", "b", "a", "b"]})
        >>> encoder = FrameEncoder().fit(frame)
        >>> encoder.get_feature_names_out().tolist()
        ['age', 'age (missing)', 'job = b']
        >>> encoder.transform(frame).tolist()
        [[30.0, 0.0, 0.0], [41.0, 1.0, 1.0], [50.0, 0.0, 0.0], [41.0, 0.0, 1.0]]
        >>> FrameEncoder("ordinal").fit_transform(frame).tolist()
        [[30.0, 0.0], [nan, 1.0], [50.0, 0.0], [41.0, 1.0]]
    """

    def __init__(
        self,
        kind: Literal["onehot", "ordinal", "native", "levels"] = "onehot",
        scale: Literal["standard"] | None = None,
    ) -> None:
        self.kind = kind
        self.scale = scale

    def fit(self, features: pd.DataFrame, target: Any = None) -> Self:  # noqa: ARG002
        """Learn levels, medians and scales of a raw frame, shape (n, d).

        Raises:
            ValueError: ``kind`` or ``scale`` is unknown.
        """
        if self.kind not in KINDS or self.scale not in (None, "standard"):
            raise ValueError(f"unknown kind={self.kind!r} or scale={self.scale!r}")
        self.feature_names_in_ = np.asarray(features.columns, dtype=object)
        self.n_features_in_ = features.shape[1]
        blocks = [
            _fit_block(str(name), features[name], self.kind, self.scale == "standard")
            for name in features.columns
        ]
        self.blocks_ = blocks
        names = [name for block in blocks for name in block.names]
        flags = [
            block.levels > 0 and place == 0 for block in blocks for place in range(len(block.names))
        ]
        # Estimators need a column, also where no column of the frame tells anything.
        self.names_ = names or ["(nothing)"]
        self.categorical_features_ = np.asarray(flags or [False], dtype=bool)
        return self

    def transform(self, features: pd.DataFrame) -> Any:
        """The matrix, shape (n, len(get_feature_names_out())); a frame for native categories.

        Raises:
            InputError: Columns are missing.
        """
        lost = [name for name in self.feature_names_in_ if name not in features.columns]
        if lost:
            raise InputError(
                f"the columns {', '.join(map(repr, lost))} are missing from the frame.",
                "Give the columns that the model was trained on.",
            )
        dtype = "float64" if self.kind == "onehot" else "float32"
        matrix = np.zeros((len(features), len(self.names_)), dtype=dtype)
        end = 0
        for name, block in zip(self.feature_names_in_, self.blocks_, strict=True):
            start, end = end, end + len(block.names)
            if block.names:
                block.encode(features[name], matrix[:, start:end])
        as_frame = self.kind in ("native", "levels")
        return self._as_frame(matrix, features.index) if as_frame else matrix

    def _as_frame(self, matrix: Array, index: pd.Index) -> pd.DataFrame:
        """The matrix as a frame with category columns; plain names, as LightGBM refuses some."""
        levels = [
            block.levels if place == 0 else 0
            for block in self.blocks_
            for place in range(len(block.names))
        ]
        columns: dict[str, Any] = {f"x{place}": column for place, column in enumerate(matrix.T)}
        for name, count in zip(list(columns), levels, strict=False):
            if count:
                codes = np.nan_to_num(columns[name], nan=-1.0).astype("int32")
                columns[name] = pd.Categorical.from_codes(codes, categories=pd.RangeIndex(count))
        return pd.DataFrame(columns, index=index)

    def get_feature_names_out(self, input_features: Any = None) -> Array:  # noqa: ARG002
        """Names of the matrix's columns; object, shape (columns of the matrix,)."""
        return np.asarray(self.names_, dtype=object)


class _Block(Protocol):
    """What became of one column: some columns of the matrix."""

    names: list[str]
    levels: int
    """How many codes the first of them holds; 0 if it holds numbers."""

    def encode(self, column: pd.Series, out: Array) -> None:
        """Write the columns of the matrix, ``out`` of shape (n, len(names))."""


def _fit_block(name: str, column: pd.Series, kind: str, scaled: bool) -> _Block:
    role = column_role(column)
    if role == "category":
        if kind == "onehot":
            return _Onehot(name, column)
        return _AllCodes(name, column) if kind == "levels" else _Codes(name, column)
    reader: _Reader
    if role == "datetime":
        reader = _TimeParts(name, column)
    else:
        reader = _OneNumber(name, read_numbers if role == "number" else read_booleans)
        scaled = scaled and role == "number"
    return _Numbers(reader, column, filled=kind == "onehot", scaled=scaled)


class _Reader(Protocol):
    """From a raw column to float64 columns with NaN where missing."""

    names: list[str]

    def read(self, column: pd.Series) -> list[Array]: ...


class _OneNumber:
    def __init__(self, name: str, function: Any) -> None:
        self.names = [name]
        self.function = function

    def read(self, column: pd.Series) -> list[Array]:
        return [self.function(column)]


class _TimeParts:
    """A point in time as days since 1970, and its places in the year, the week and the day."""

    def __init__(self, name: str, column: pd.Series) -> None:
        self.names = [f"{name}: {part}" for part in ("days", "month", "day", "weekday", "hour")]
        self.zone = zone_of(column)

    def read(self, column: pd.Series) -> list[Array]:
        times = read_times(column, self.zone)
        # In milliseconds, years beyond the range of nanoseconds fit too.
        days = np.where(times.isna(), np.nan, _milliseconds(times) / 86_400_000)
        hours = times.hour + times.minute / 60
        parts = (days, times.month, times.day, times.day_of_week, hours)
        return [np.asarray(part, dtype="float64") for part in parts]


def _milliseconds(times: pd.DatetimeIndex) -> Array:
    return times.to_numpy().astype("datetime64[ms]").astype("int64")


class _Numbers:
    """Numbers: as they are with NaN, or filled with the median and an indicator of it."""

    levels = 0

    def __init__(self, reader: _Reader, column: pd.Series, *, filled: bool, scaled: bool) -> None:
        self.reader = reader
        self.filled = filled
        self.kept: list[tuple[int, float, float, float]] = []
        self.names: list[str] = []
        values = reader.read(column)
        missing = np.isnan(values[0])
        for place, (name, part) in enumerate(zip(reader.names, values, strict=True)):
            present = part[~np.isnan(part)]
            constant = len(present) == 0 or present.min() == present.max()
            # With NaN kept, a constant with gaps still tells where the gaps are.
            if constant and (filled or len(present) in (0, len(part)) or place > 0):
                continue
            mean, spread = (present.mean(), present.std()) if scaled else (0.0, 1.0)
            self.kept.append((place, float(np.median(present)), float(mean), float(spread) or 1.0))
            self.names.append(name)
        self.indicated = bool(filled and missing.any() and not missing.all())
        if self.indicated:
            self.names.append(f"{column.name} (missing)")

    def encode(self, column: pd.Series, out: Array) -> None:
        values = self.reader.read(column)
        for position, (place, median, mean, spread) in enumerate(self.kept):
            part = values[place]
            if self.filled:
                part = np.where(np.isnan(part), median, part)
            if (mean, spread) != (0.0, 1.0):
                part = np.clip((part - mean) / spread, -10.0, 10.0)
            out[:, position] = part
        if self.indicated:
            out[:, -1] = np.isnan(values[0])


class _Levels:
    """The levels of a category, most frequent first, and how often each came."""

    def __init__(self, column: pd.Series) -> None:
        codes, levels = read_levels(column)
        counts = np.bincount(codes[codes >= 0], minlength=len(levels))
        order = sorted(range(len(levels)), key=lambda code: (-counts[code], levels[code]))
        self.texts = [levels[code] for code in order]
        self.counts = [int(counts[code]) for code in order]
        self.present = int(counts.sum())
        self.has_missing = bool((codes < 0).any())

    @property
    def is_name(self) -> bool:
        """Whether nearly every row has a text of its own, as keys and free text do."""
        return len(self.texts) > 20 and len(self.texts) > 0.9 * self.present

    def frequent(self, limit: int, rows: int) -> list[str]:
        """The most frequent levels that come often enough to learn from."""
        least = min(self.counts[0], max(2, rows // 1000)) if self.counts else 0
        enough = [
            text for text, count in zip(self.texts, self.counts, strict=True) if count >= least
        ]
        return enough[:limit]

    def frequencies(self) -> dict[str, float]:
        """Logarithm of one plus the count of each level."""
        return dict(zip(self.texts, np.log1p(self.counts).tolist(), strict=True))


def _looked_up(column: pd.Series, table: dict[str, float], unseen: float, missing: float) -> Array:
    codes, levels = read_levels(column)
    return np.asarray([*(table.get(level, unseen) for level in levels), missing])[codes]


class _Onehot:
    """A column for each frequent level, one for the others, one for missing values."""

    levels = 0

    def __init__(self, name: str, column: pd.Series) -> None:
        levels = _Levels(column)
        kept = [] if levels.is_name else levels.frequent(MAX_ONEHOT_LEVELS, len(column))
        rest = 0 if levels.is_name else len(levels.texts) - len(kept)
        names = [f"{name} = {text}" for text in kept]
        self.positions = {text: float(place) for place, text in enumerate(kept)}
        self.unseen = self.missing = -1.0
        if rest:
            self.unseen = float(len(names))
            names.append(f"{name} (infrequent)")
        if levels.has_missing and levels.texts:
            self.missing = float(len(names))
            names.append(f"{name} (missing)")
        # One of the columns follows from the others: of two, one is enough.
        self.skipped = 1 if 1 <= len(names) <= 2 and not levels.is_name else 0
        self.frequencies = levels.frequencies() if rest > 1 else {}
        self.names = names[self.skipped :] + ([f"{name} (frequency)"] if self.frequencies else [])

    def encode(self, column: pd.Series, out: Array) -> None:
        position = _looked_up(column, self.positions, self.unseen, self.missing).astype("int64")
        position -= self.skipped
        rows = np.flatnonzero(position >= 0)
        out[rows, position[rows]] = 1.0
        if self.frequencies:
            out[:, -1] = _looked_up(column, self.frequencies, 0.0, 0.0)


class _Codes:
    """The rank of a level by frequency; the infrequent share one, with their frequency beside."""

    def __init__(self, name: str, column: pd.Series) -> None:
        levels = _Levels(column)
        kept = [] if levels.is_name else levels.frequent(MAX_ORDINAL_LEVELS, len(column))
        rest = 0 if levels.is_name else len(levels.texts) - len(kept)
        self.codes = {text: float(code) for code, text in enumerate(kept)}
        self.unseen = float(len(kept)) if rest else np.nan
        self.levels = len(kept) + bool(rest)
        self.frequencies = levels.frequencies() if rest > 1 else {}
        self.names = [name] if self.levels and self.levels + levels.has_missing > 1 else []
        if self.names and self.frequencies:
            self.names.append(f"{name} (frequency)")

    def encode(self, column: pd.Series, out: Array) -> None:
        out[:, 0] = _looked_up(column, self.codes, self.unseen, np.nan)
        if self.frequencies:
            out[:, 1] = _looked_up(column, self.frequencies, 0.0, np.nan)


class _AllCodes:
    """The rank of every level by frequency; unseen ones share the next code."""

    def __init__(self, name: str, column: pd.Series) -> None:
        levels = _Levels(column)
        kept = [] if levels.is_name else levels.texts[:ALL_LEVELS]
        self.codes = {text: float(code) for code, text in enumerate(kept)}
        self.names = [name] if len(kept) + levels.has_missing > 1 and kept else []
        self.levels = len(kept) + 1 if self.names else 0

    def encode(self, column: pd.Series, out: Array) -> None:
        out[:, 0] = _looked_up(column, self.codes, float(len(self.codes)), np.nan)
