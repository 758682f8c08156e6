"""From an encoded frame to what a network takes: numbers on one scale, levels as columns or rows.

Numbers are scaled by their quartiles and bent off smoothly where they are far out; few levels
become a column each, more become rows of a table that the network learns (Holzmueller, Grinsztajn
and Steinwart, *Better by Default: Strong Pre-Tuned MLPs and Boosted Trees on Tabular Data*,
NeurIPS 2024).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

Array = NDArray[Any]

#: More levels than these are looked up in a table.
FEW_LEVELS = 12
#: Numbers come near this many quartile distances, and never reach it.
FARTHEST = 3.0
# Encoders find some columns more or fewer in each fold. A backend compiles for each shape anew,
# which takes longer than training: so shapes are made the same.
_NUMBERS, _FLAGS, _ROWS = 4, 16, 64


@dataclass(frozen=True)
class Layout:
    """What stands where in the matrix: numbers, then flags (0 or 1), then rows of the table.

    Args:
        numbers, flags: Columns of each, with columns of zeros at the end of both.
        codes: Columns that hold rows of the table.
        rows: Of the table.
    """

    numbers: int
    flags: int
    codes: int
    rows: int

    @property
    def columns(self) -> int:
        """Columns of the matrix."""
        return self.numbers + self.flags + self.codes


class NetworkInput(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Encodes a frame of numbers (NaN where missing) and categories as a matrix for a network.

    A category must have the codes 0..k-1 as its categories, as
    `limelight.search.features.FrameEncoder` makes them under ``"native"``. A matrix counts as a
    frame of numbers. What is missing is the median, and told by a flag of its own.

    Attributes:
        layout_: Of the matrix.

    Example:
        >>> frame = pd.DataFrame({"a": [1.0, 2.0, np.nan, 3.0]})
        >>> encoder = NetworkInput().fit(frame)
        >>> encoder.layout_
        Layout(numbers=4, flags=16, codes=0, rows=64)
        >>> encoder.transform(frame)[:, [0, 4]].astype("float64").round(2).tolist()
        [[-0.95, 0.0], [0.0, 0.0], [0.0, 1.0], [0.95, 0.0]]
    """

    def fit(self, features: Any, target: Any = None) -> Self:  # noqa: ARG002
        """Learn scales and levels of a frame or matrix, shape (n, d)."""
        frame = pd.DataFrame(features)
        counts = [_levels(kind) for kind in frame.dtypes]
        self.n_features_in_ = frame.shape[1]
        self.numbers_ = [place for place, count in enumerate(counts) if count == 0]
        self.few_ = [(i, count) for i, count in enumerate(counts) if 0 < count <= FEW_LEVELS]
        self.many_ = [(i, count) for i, count in enumerate(counts) if count > FEW_LEVELS]
        values = _values(frame, self.numbers_)
        self.medians_, self.factors_ = _scales(values)
        self.gaps_ = np.isnan(values).any(axis=0)
        flags = int(self.gaps_.sum()) + sum(count + 1 for _, count in self.few_)
        rows = sum(count + 1 for _, count in self.many_)
        self.layout_ = Layout(
            numbers=_whole(len(self.numbers_), _NUMBERS),
            flags=_whole(flags, _FLAGS),
            codes=len(self.many_),
            rows=_whole(rows, _ROWS),
        )
        return self

    def transform(self, features: Any) -> Array:
        """The matrix; float32, shape (n, ``layout_.columns``)."""
        frame = pd.DataFrame(features)
        matrix = np.zeros((len(frame), self.layout_.columns), dtype="float32")
        values = _values(frame, self.numbers_)
        missing = np.isnan(values)
        scaled = (np.where(missing, self.medians_, values) - self.medians_) * self.factors_
        matrix[:, : len(self.numbers_)] = scaled / np.sqrt(1.0 + (scaled / FARTHEST) ** 2)
        place = self.layout_.numbers
        gaps = missing[:, self.gaps_]
        matrix[:, place : place + gaps.shape[1]] = gaps
        place += gaps.shape[1]
        for position, count in self.few_:
            matrix[np.arange(len(frame)), place + _codes(frame, position, count)] = 1.0
            place += count + 1
        start = 0
        for column, (position, count) in enumerate(self.many_, len(matrix.T) - len(self.many_)):
            # Whole numbers are exact in float32 up to 16 million.
            matrix[:, column] = start + _codes(frame, position, count)
            start += count + 1
        return matrix


def pieces(values: Array, count: int) -> tuple[Array, Array]:
    """Where each number's range is cut into pieces that hold as many rows each.

    Args:
        values: Shape (n, d), without NaN.
        count: Most pieces: fewer where values are alike.

    Returns:
        Lower ends and reciprocal widths of the pieces, float32, shape (d, count); a width of
        zero stands for no piece.

    Example:
        >>> lower, factor = pieces(np.array([[0.0], [1.0], [2.0], [10.0]]), 3)
        >>> lower.tolist(), factor.tolist()
        ([[0.0, 1.0, 2.0]], [[1.0, 1.0, 0.125]])
    """
    lower, factor = (np.zeros((values.shape[1], count), dtype="float32") for _ in range(2))
    edges = np.quantile(values, np.linspace(0, 1, count + 1), axis=0)
    for column, ends in enumerate(edges.T):
        distinct = np.unique(ends)
        # Two that are nearly one would make a piece so steep that it overflows.
        far = distinct[np.concatenate([[True], np.diff(distinct) > 1e-6])]
        lower[column, : len(far) - 1] = far[:-1]
        factor[column, : len(far) - 1] = 1.0 / np.diff(far)
    return lower, factor


def _levels(kind: Any) -> int:
    return len(kind.categories) if isinstance(kind, pd.CategoricalDtype) else 0


def _values(frame: pd.DataFrame, places: list[int]) -> Array:
    return frame.iloc[:, places].to_numpy(dtype="float64", na_value=np.nan)


def _codes(frame: pd.DataFrame, position: int, count: int) -> Array:
    """Codes 0..count-1, and count where missing."""
    codes = frame.iloc[:, position].cat.codes.to_numpy(dtype="int64")
    return np.where((codes < 0) | (codes >= count), count, codes)


def _scales(values: Array) -> tuple[Array, Array]:
    """Median, and one over the distance of the quartiles (half the range where that is 0)."""
    medians, factors = (np.zeros(values.shape[1]) for _ in range(2))
    for column, given in enumerate(values.T):
        known = given[~np.isnan(given)]
        if len(known) == 0:
            continue
        least, low, medians[column], high, most = np.quantile(known, [0, 0.25, 0.5, 0.75, 1])
        spread = high - low if high > low else (most - least) / 2
        factors[column] = 1.0 / spread if spread > 0 else 0.0
    return medians, factors


def _whole(count: int, size: int) -> int:
    """The next multiple of a size, at least one of it."""
    return max(1, -(-count // size)) * size
