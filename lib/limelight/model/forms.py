"""The metrics on resampled rows: every score of many bootstrap samples at once.

A bootstrap sample is a row of counts: how often each row of the data was drawn. Each metric of
`limelight.search.metrics` has a form here that takes such counts, so that a thousand samples cost
some matrix products instead of a thousand calls. On counts of one it equals the metric.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limelight.search.metrics import Metric, normalised

Array = NDArray[Any]


@dataclass(frozen=True)
class Form:
    """A metric in two stages.

    Args:
        essence: ``(target, prediction) -> array`` of shape (n,) or (n, k): what the metric looks
            at. It is linear in the prediction, so the essence of a weighted mean of predictions
            is the weighted mean of their essences.
        score: ``(target, essence, counts (b, n)) -> scores (b,)``, in the metric's own units.
    """

    essence: Callable[[Array, Array], Array]
    score: Callable[[Array, Array, Array], Array]


def form_of(metric: Metric) -> Form:
    """The form of a metric.

    Example:
        >>> from limelight.search.metrics import METRICS
        >>> form = form_of(METRICS["mae"])
        >>> target, prediction = np.array([1.0, 2.0, 4.0]), np.array([1.0, 3.0, 6.0])
        >>> essence = form.essence(target, prediction)
        >>> form.score(target, essence, np.array([[1.0, 1.0, 1.0], [3.0, 0.0, 0.0]])).tolist()
        [1.0, 0.0]
    """
    return _FORMS[metric.name]


def _whole(target: Array, prediction: Array) -> Array:  # noqa: ARG001
    return prediction


def _positive(target: Array, prediction: Array) -> Array:  # noqa: ARG001
    return np.asarray(prediction[:, 1])


def _of_true_class(target: Array, prediction: Array) -> Array:
    return np.asarray(normalised(prediction)[np.arange(len(target)), target])


def _mean(counts: Array, values: Array) -> Array:
    return np.asarray(counts @ values / counts.sum(axis=1))


def _log_loss(target: Array, chosen: Array, counts: Array) -> Array:  # noqa: ARG001
    return _mean(counts, -np.log(chosen))


def _mae(target: Array, prediction: Array, counts: Array) -> Array:
    return _mean(counts, np.abs(target - prediction))


def _rmse(target: Array, prediction: Array, counts: Array) -> Array:
    return np.asarray(np.sqrt(_mean(counts, (target - prediction) ** 2)))


def _r2(target: Array, prediction: Array, counts: Array) -> Array:
    # Centred first: the spread is a difference of large numbers otherwise.
    centred = target - target.mean()
    spread = _mean(counts, centred**2) - _mean(counts, centred) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = _mean(counts, (target - prediction) ** 2) / spread
        return np.asarray(np.where(spread > 0, 1.0 - ratio, np.nan))


def _accuracy(target: Array, probability: Array, counts: Array) -> Array:
    return _mean(counts, (probability.argmax(axis=1) == target).astype("float64"))


def _balanced_accuracy(target: Array, probability: Array, counts: Array) -> Array:
    actual, _, hits = _class_sums(target, probability, counts)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nanmean(hits / actual, axis=1))


def _f1(target: Array, probability: Array, counts: Array) -> Array:
    actual, named, hits = _class_sums(target, probability, counts)
    both = actual + named
    f1 = 2 * hits / np.where(both > 0, both, 1.0)
    if probability.shape[1] == 2:
        return np.asarray(f1[:, 1])
    # A class that is neither there nor predicted has no part in the mean.
    return np.asarray(f1.sum(axis=1) / (both > 0).sum(axis=1))


def _class_sums(target: Array, probability: Array, counts: Array) -> tuple[Array, Array, Array]:
    """Rows of each class, rows predicted as it, and both; each (b, k)."""
    codes = np.arange(probability.shape[1])
    actual = (target[:, None] == codes).astype("float64")
    named = (probability.argmax(axis=1)[:, None] == codes).astype("float64")
    return counts @ actual, counts @ named, counts @ (actual * named)


def _roc_auc(target: Array, probability: Array, counts: Array) -> Array:
    positives, negatives = _at_thresholds(target, probability, counts)
    above = positives.cumsum(axis=1) - positives
    pairs = positives.sum(axis=1, dtype="float64") * negatives.sum(axis=1, dtype="float64")
    # A negative is below all positives of higher thresholds, and half below those of its own.
    ordered = np.einsum("bt,bt->b", negatives, above + positives / 2, dtype="float64")
    with np.errstate(invalid="ignore"):
        return np.asarray(ordered / pairs)


def _average_precision(target: Array, probability: Array, counts: Array) -> Array:
    positives, negatives = _at_thresholds(target, probability, counts)
    found = positives.cumsum(axis=1)
    taken = found + negatives.cumsum(axis=1)
    precision = found / np.where(taken > 0, taken, 1.0)
    total = positives.sum(axis=1)
    area = np.einsum("bt,bt->b", positives, precision, dtype="float64")
    with np.errstate(invalid="ignore"):
        return np.asarray(area / total)


def _at_thresholds(target: Array, probability: Array, counts: Array) -> tuple[Array, Array]:
    """Counts of positives and negatives at each distinct probability, the highest first."""
    order = np.argsort(-probability)
    ranked = probability[order]
    starts = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
    # Whole numbers below 2**24 are exact in float32, and ten times as fast to move.
    drawn = counts.astype("float32")[:, order]
    positive = drawn * (target[order] == 1)
    if len(starts) == len(order):
        return positive, drawn - positive
    positives = np.add.reduceat(positive, starts, axis=1)
    return positives, np.add.reduceat(drawn, starts, axis=1) - positives


_FORMS = {
    "roc_auc": Form(_positive, _roc_auc),
    "average_precision": Form(_positive, _average_precision),
    "log_loss": Form(_of_true_class, _log_loss),
    "accuracy": Form(_whole, _accuracy),
    "balanced_accuracy": Form(_whole, _balanced_accuracy),
    "f1": Form(_whole, _f1),
    "rmse": Form(_whole, _rmse),
    "mae": Form(_whole, _mae),
    "r2": Form(_whole, _r2),
}
