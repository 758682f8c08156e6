"""The metrics a model can be chosen by, on one convention for predictions.

A prediction is a float64 array: values of shape (n,) for regression, probabilities of shape
(n, k) for classification, binary included, with columns in the order of `Task.classes`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limelight.errors import InputError, did_you_mean

Array = NDArray[Any]


@dataclass(frozen=True)
class Metric:
    """A named score of predictions.

    Args:
        name: The name used on the command line and in the leaderboard.
        problems: The problem types it is for.
        greater_is_better: Whether a greater value is a better one.
        function: ``(target codes or values (n,), prediction) -> float``.
    """

    name: str
    problems: tuple[str, ...]
    greater_is_better: bool
    function: Callable[[Array, Array], float]

    def __call__(self, target: Array, prediction: Array) -> float:
        """The score, in the metric's own units."""
        return float(self.function(target, prediction))

    def gain(self, target: Array, prediction: Array) -> float:
        """The score with its sign set so that greater is better."""
        return self.sign * self(target, prediction)

    @property
    def sign(self) -> float:
        return 1.0 if self.greater_is_better else -1.0


def normalised(probability: Array) -> Array:
    """Probabilities clipped to [1e-15, 1] whose rows sum to one; shape (n, k)."""
    clipped = np.clip(probability, 1e-15, None)
    return np.asarray(np.clip(clipped / clipped.sum(axis=1, keepdims=True), 1e-15, 1.0))


def _log_loss(target: Array, probability: Array) -> float:
    chosen = normalised(probability)[np.arange(len(target)), target]
    return float(-np.log(chosen).mean())


def _roc_auc(target: Array, probability: Array) -> float:
    # The rank form of the area (Mann-Whitney U): ties count one half.
    from scipy.stats import rankdata

    positive = target == 1
    n_positive = int(positive.sum())
    n_negative = len(target) - n_positive
    if n_positive == 0 or n_negative == 0:
        return float("nan")
    ranks = rankdata(probability[:, 1])
    u = ranks[positive].sum() - n_positive * (n_positive + 1) / 2
    return float(u / (n_positive * n_negative))


def _average_precision(target: Array, probability: Array) -> float:
    from sklearn.metrics import average_precision_score

    if not (target == 1).any():
        return float("nan")
    return float(average_precision_score(target == 1, probability[:, 1]))


def _accuracy(target: Array, probability: Array) -> float:
    return float((probability.argmax(axis=1) == target).mean())


def _balanced_accuracy(target: Array, probability: Array) -> float:
    hit = probability.argmax(axis=1) == target
    return float(np.mean([hit[target == code].mean() for code in np.unique(target)]))


def _f1(target: Array, probability: Array) -> float:
    from sklearn.metrics import f1_score

    average = "binary" if probability.shape[1] == 2 else "macro"
    return float(f1_score(target, probability.argmax(axis=1), average=average, zero_division=0))


def _rmse(target: Array, prediction: Array) -> float:
    return float(np.sqrt(np.mean((target - prediction) ** 2)))


def _mae(target: Array, prediction: Array) -> float:
    return float(np.mean(np.abs(target - prediction)))


def _r2(target: Array, prediction: Array) -> float:
    spread = float(np.sum((target - target.mean()) ** 2))
    return 1.0 - float(np.sum((target - prediction) ** 2)) / spread if spread else float("nan")


_CLASSES = ("binary", "multiclass")

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("roc_auc", ("binary",), True, _roc_auc),
        Metric("average_precision", ("binary",), True, _average_precision),
        Metric("log_loss", _CLASSES, False, _log_loss),
        Metric("accuracy", _CLASSES, True, _accuracy),
        Metric("balanced_accuracy", _CLASSES, True, _balanced_accuracy),
        Metric("f1", _CLASSES, True, _f1),
        Metric("rmse", ("regression",), False, _rmse),
        Metric("mae", ("regression",), False, _mae),
        Metric("r2", ("regression",), True, _r2),
    )
}

_DEFAULTS = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}


def default_metric(problem: str) -> Metric:
    """The AutoML Benchmark's metric for a problem type."""
    return METRICS[_DEFAULTS[problem]]


def find_metric(name: str, problem: str) -> Metric:
    """The metric of that name, checked against the problem type.

    Raises:
        InputError: No such metric, or it is not for this problem type.
    """
    fitting = [metric.name for metric in METRICS.values() if problem in metric.problems]
    if name not in METRICS:
        raise InputError(f"metric {name!r} is unknown.", did_you_mean(name, fitting))
    if name not in fitting:
        raise InputError(
            f"metric {name!r} is for {' and '.join(METRICS[name].problems)} tasks, and this one is"
            f" {problem}.",
            did_you_mean(name, fitting),
        )
    return METRICS[name]
