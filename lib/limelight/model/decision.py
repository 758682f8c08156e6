"""Which label probabilities become: a threshold, or a weight for each class.

The most probable class is the best answer for none but the accuracy, and for that only where the
probabilities are right. What suits a metric of labels is fitted on predictions out of fold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limelight.model.forms import form_of
from limelight.search.engine import Folds
from limelight.search.evaluate import covered_rows
from limelight.search.metrics import Metric

Array = NDArray[Any]

#: The metrics that look at labels: for the others the label is the most probable class.
OF_LABELS = ("accuracy", "balanced_accuracy", "f1")
#: Thresholds that are tried, at most; rows that they are fitted on; bootstrap samples of those.
THRESHOLDS = 60
ROWS = 3_000
SAMPLES = 20
#: Factors by which the weight of a class is tried to be changed.
_FACTORS = np.exp(np.linspace(-1.0, 1.0, 9))
_PASSES = 3
#: Standard errors that a decision must gain. For the accuracy the most probable class is the right
#: answer wherever the probabilities are right, and the F1 of many classes has weights enough to fit
#: to accidents: it takes more to change these.
_CLEAR, _VERY_CLEAR = 1.0, 2.0
#: Of more classes each has too few rows to tell its weight.
MOST_CLASSES = 30
_TIE = 1e-9


@dataclass(frozen=True)
class Decision:
    """The label is the class with the largest product of probability and weight.

    Args:
        weights: Of each class, summing to 1; empty where they are all the same.

    Example:
        >>> careful = Decision.at(0.2)
        >>> careful.labels(np.array([[0.75, 0.25], [0.85, 0.15]])).tolist()
        [1, 0]
    """

    weights: tuple[float, ...] = ()

    @classmethod
    def at(cls, threshold: float) -> Decision:
        """The positive of two classes from a probability of ``threshold`` on."""
        return cls((threshold, 1.0 - threshold))

    @property
    def threshold(self) -> float | None:
        """The probability from which on the label is the positive one; None unless binary."""
        return self.weights[0] if len(self.weights) == 2 else None

    def weighed(self, probability: Array) -> Array:
        """The probabilities times the weights, (n, k), rows summing to 1: for metrics of labels."""
        if not self.weights:
            return probability
        raised = np.asarray(probability, dtype="float64") * np.asarray(self.weights)
        total = raised.sum(axis=1, keepdims=True)
        return np.asarray(raised / np.where(total > 0, total, 1.0))

    def labels(self, probability: Array) -> Array:
        """The codes of the labels, int64, shape (n,)."""
        return np.asarray(self.weighed(probability).argmax(axis=1))


MOST_PROBABLE = Decision()


def fit(metric: Metric, target: Array, probability: Array, *, seed: int = 0) -> Decision:
    """The weights under which a metric of labels is best; none where that is not clear.

    Of two classes, the threshold is the median of those that are best on bootstrap samples: the
    one that is best on all rows is drawn to accidents. It counts where the gain over the most
    probable class is clear on the samples, in standard errors.

    Args:
        metric: One of `OF_LABELS`; for others there is nothing to decide.
        target: Codes, shape (n,).
        probability: Shape (n, k).
        seed: Seed of the samples.

    Example:
        >>> from limelight.search.metrics import METRICS
        >>> rare = np.repeat([0, 1], [90, 10])
        >>> low = np.where(rare == 1, 0.4, np.linspace(0.0, 0.35, 100))
        >>> fit(METRICS["f1"], rare, np.stack([1 - low, low], axis=1)).threshold > 0.3
        True
    """
    if metric.name not in OF_LABELS or len(target) < 2:
        return MOST_PROBABLE
    rng = np.random.default_rng(seed)
    if len(target) > ROWS:
        drawn = np.sort(rng.choice(len(target), ROWS, replace=False))
        target, probability = target[drawn], probability[drawn]
    drawn = rng.integers(len(target), size=(SAMPLES, len(target)))
    samples = np.stack([np.bincount(one, minlength=len(target)) for one in drawn]).astype("float32")
    if probability.shape[1] == 2:
        return _threshold(metric, target, probability[:, 1], samples)
    return _class_weights(metric, target, probability, samples)


def cross_fitted(
    metric: Metric, target: Array, probability: Array, folds: Folds, *, seed: int = 0
) -> Array:
    """Probabilities out of fold, each fold weighed by what was fitted on the others.

    What a metric of labels says of them is what it may say of rows never seen.

    Args:
        metric: For one that is none of `OF_LABELS` the probabilities come back as they are.
        target: Codes, shape (n,).
        probability: Shape (n, k), NaN where there is no prediction.
        folds: The shared folds.
        seed: Seed of the samples.
    """
    if metric.name not in OF_LABELS:
        return probability
    known = covered_rows(probability)
    done = np.full(probability.shape, np.nan, dtype="float32")
    for _, validation in folds:
        inside = np.zeros(len(target), dtype=bool)
        inside[validation] = True
        others = known & ~inside
        decision = fit(metric, target[others], probability[others], seed=seed)
        done[known & inside] = decision.weighed(probability[known & inside])
    return done


def _threshold(metric: Metric, target: Array, positive: Array, samples: Array) -> Decision:
    places = np.linspace(0, 1, THRESHOLDS)
    cuts = np.unique(np.append(np.quantile(positive, places), 0.5))
    # Between the values: a cut on one of them would hang on its last digit.
    tried = np.unique(np.append((cuts[1:] + cuts[:-1]) / 2, 0.5))
    said = (positive[:, None] > tried).astype("float32")
    is_one = (target == 1).astype("float32")
    hits = samples @ (said * is_one[:, None])
    named = samples @ said
    ones = (samples @ is_one)[:, None]
    gains = _binary_score(metric, hits, named, ones, samples.sum(axis=1, keepdims=True))
    chosen = int(np.argmin(np.abs(tried - np.median(tried[gains.argmax(axis=1)]))))
    ahead = gains[:, chosen] - gains[:, np.searchsorted(tried, 0.5)]
    needed = _VERY_CLEAR if metric.name == "accuracy" else _CLEAR
    return Decision.at(float(tried[chosen])) if _is_clear(ahead, needed) else MOST_PROBABLE


def _binary_score(metric: Metric, hits: Array, named: Array, ones: Array, rows: Array) -> Array:
    """The score where ``named`` rows are called positive, and ``hits`` of them are."""
    zeros = rows - ones
    rejected = zeros - (named - hits)
    if metric.name == "accuracy":
        return np.asarray((hits + rejected) / rows)
    if metric.name == "f1":
        return np.asarray(2 * hits / np.maximum(named + ones, 1.0))
    return np.asarray((hits / np.maximum(ones, 1.0) + rejected / np.maximum(zeros, 1.0)) / 2)


def _class_weights(metric: Metric, target: Array, probability: Array, samples: Array) -> Decision:
    """One weight after the other is changed, as long as the metric gains by it."""
    classes = probability.shape[1]
    if classes > MOST_CLASSES:
        return MOST_PROBABLE
    weights = np.ones(classes)
    best = _score_of(metric, target, probability.argmax(axis=1), classes)
    for _ in range(_PASSES):
        before = best
        for code in range(classes):
            others = probability * weights
            own = others[:, code].copy()
            others[:, code] = -1.0
            rival, height = others.argmax(axis=1), others.max(axis=1)
            gains = [
                _score_of(metric, target, np.where(own * factor > height, code, rival), classes)
                for factor in _FACTORS
            ]
            place = int(np.argmax(gains))
            if gains[place] > best + _TIE:
                best = gains[place]
                weights[code] *= _FACTORS[place]
        if best <= before + _TIE:
            break
    decision = Decision(tuple((weights / weights.sum()).tolist()))
    form = form_of(metric)
    scores = [
        form.score(target, form.essence(target, one), samples)
        for one in (decision.weighed(probability), probability)
    ]
    needed = _CLEAR if metric.name == "balanced_accuracy" else _VERY_CLEAR
    return decision if _is_clear(scores[0] - scores[1], needed) else MOST_PROBABLE


def _score_of(metric: Metric, target: Array, labels: Array, classes: int) -> float:
    """The score of some labels of many classes, from how often each was said of each."""
    table = np.bincount(target * classes + labels, minlength=classes**2).reshape(classes, classes)
    hits, actual, named = table.diagonal(), table.sum(axis=1), table.sum(axis=0)
    if metric.name == "accuracy":
        return float(hits.sum() / len(target))
    if metric.name == "balanced_accuracy":
        return float((hits[actual > 0] / actual[actual > 0]).mean())
    both = actual + named
    return float((2 * hits[both > 0] / both[both > 0]).mean())


def _is_clear(ahead: Array, errors: float) -> bool:
    return bool(ahead.mean() > max(errors * ahead.std(), _TIE))
