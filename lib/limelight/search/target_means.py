"""The mean target of each level of a category, without showing a row its own target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold

from limelight.search.columns import FrameReader, Texts
from limelight.search.number_block import Reader

Array = NDArray[Any]

#: With more classes than these their columns would outweigh all others.
MOST_CLASSES = 8
#: A level that comes as often counts half its own mean and half that of all rows.
SMOOTHING = 10.0
#: Means that explain less of the target than this made trees worse where levels have codes too.
LEAST_EXPLAINED = 0.05
_SPLITS = 5


class TargetMeans(Reader):
    """The mean target of each level, drawn towards that of all rows where the level is rare.

    Rows that it is fitted on get the means of the other four fifths of the rows: a model would
    else trust a level's mean that is its row's own target (Micci-Barreca, *A preprocessing scheme
    for high-cardinality categorical attributes*, 2001). All are drawn towards one and the same
    mean: scikit-learn's ``TargetEncoder`` takes that of the other four fifths, which is the lower
    the higher the rows' own targets are, and trees find that out.

    Args:
        texts: The column.
        frame: What the encoder is fitted on.
        outputs: Its target as of `outputs_of`, shape (n, k).
    """

    def __init__(self, texts: Texts, frame: FrameReader, outputs: Array) -> None:
        self.texts = texts
        codes, different = frame.levels(texts)
        self.mean = outputs.mean(axis=0)
        means = self.mean + _differences(codes, outputs - self.mean, len(different))
        self.means = dict(zip(different, means, strict=True))
        several = outputs.shape[1] > 1
        self.names = [
            f"{texts.name} (mean of class {place})" if several else f"{texts.name} (mean target)"
            for place in range(outputs.shape[1])
        ]

    def read(self, frame: FrameReader) -> Sequence[Array]:
        return list(frame.looked_up(self.texts, self, self._of_texts).T)

    def read_training(self, frame: FrameReader, target: Array | None) -> Sequence[Array]:
        outputs = outputs_of(target)
        assert outputs is not None, "it was fitted on a target that has outputs"
        return list(self._cross_fitted(frame, outputs).T)

    def _cross_fitted(self, frame: FrameReader, outputs: Array) -> Array:
        codes, different = frame.levels(self.texts)
        means = np.empty(outputs.shape)
        for others, rows in KFold(_SPLITS, shuffle=True, random_state=0).split(codes):
            differences = outputs[others] - self.mean
            table = _differences(codes[others], differences, len(different))
            means[rows] = self.mean + table[codes[rows]]
        means[codes < 0] = np.nan
        return means

    def explained(self, frame: FrameReader, outputs: Array) -> float:
        """The largest squared correlation of a mean with its output, on the training rows."""
        known = frame.levels(self.texts).codes >= 0
        means = self._cross_fitted(frame, outputs)[known]
        pairs = zip(means.T, outputs[known].T, strict=True)
        return max(_squared_correlation(mean, output) for mean, output in pairs)

    def _of_texts(self, texts: list[str]) -> Array:
        found = [self.means.get(text, self.mean) for text in texts]
        return np.asarray(found, dtype="float64").reshape(len(texts), len(self.mean))


def _differences(codes: Array, outputs: Array, levels: int) -> Array:
    """The sum of each level's outputs by its smoothed count, shape (levels, k)."""
    known = codes >= 0
    counts = np.bincount(codes[known], minlength=levels) + SMOOTHING
    sums = [np.bincount(codes[known], output[known], minlength=levels) for output in outputs.T]
    return np.column_stack(sums) / counts[:, None]


def _squared_correlation(a: Array, b: Array) -> float:
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1] ** 2)


def outputs_of(target: Any) -> Array | None:
    """The target as columns whose mean says something; float64, shape (n, k).

    A value is one column; of classes there is one for each, of two classes for the second.
    None where there is no target, or too many classes or too few rows.

    Example:
        >>> outputs_of(np.array([0, 1, 1, 0, 1])).tolist()
        [[0.0], [1.0], [1.0], [0.0], [1.0]]
    """
    if target is None or len(target) < _SPLITS:
        return None
    values = np.asarray(target)
    if np.issubdtype(values.dtype, np.floating):
        return values[:, None].astype("float64")
    classes, codes = np.unique(values, return_inverse=True)
    if not 2 <= len(classes) <= MOST_CLASSES:
        return None
    shares = np.eye(len(classes))[codes]
    return shares[:, 1:] if len(classes) == 2 else shares
