"""Probabilities that mean what they say, fitted on predictions of rows that no model had seen.

Temperature scaling (Guo, Pleiss, Sun and Weinberger, *On Calibration of Modern Neural Networks*,
ICML 2017), with a bias for each class where that helps (Alexandari, Kundaje and Shrikumar,
*Maximum Likelihood with Bias-Corrected Calibration*, ICML 2020); of two classes the latter is Platt
scaling. The slope is positive: of two classes the ranking, and with it the AUC, stays as it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limelight.search.engine import Folds
from limelight.search.evaluate import covered_rows

Array = NDArray[Any]

#: Slopes beyond these say that there is nothing to fit.
LEAST_SLOPE, MOST_SLOPE = 0.1, 10.0
#: A bias of so much is as likely as one of none in a thousand rows: keeps rare classes in bounds.
_BIAS_SPREAD = 2.0
#: No logarithm is taken of less.
_LEAST = 1e-9


@dataclass(frozen=True)
class Calibration:
    """What probabilities are changed by: each class's logarithm times a slope, plus its bias.

    Args:
        slope: Above 1 sharpens, below 1 flattens.
        bias: Of each class, or empty for none.
        prior: Share of each class in the training rows; empty to mix nothing in.
        share: How much of the prior is mixed in first: no class is ever impossible.

    Example:
        >>> unsure = Calibration(0.5, (), (0.5, 0.5), 0.0)
        >>> unsure.apply(np.array([[0.9, 0.1], [0.5, 0.5]])).round(2).tolist()
        [[0.75, 0.25], [0.5, 0.5]]
    """

    slope: float = 1.0
    bias: tuple[float, ...] = ()
    prior: tuple[float, ...] = ()
    share: float = 0.0

    def apply(self, probability: Array) -> Array:
        """The calibrated probabilities, float64, shape (n, k); rows sum to 1."""
        mixed = np.asarray(probability, dtype="float64")
        if self.prior:
            mixed = (1 - self.share) * mixed + self.share * np.asarray(self.prior)
        if self.slope == 1.0 and not self.bias:
            return mixed
        scores = self.slope * np.log(np.maximum(mixed, _LEAST))
        return _softmax(scores + np.asarray(self.bias or 0.0))

    def __str__(self) -> str:
        towards = "flattened" if self.slope < 1 else "sharpened"
        with_bias = " with a bias for each class" if self.bias else ""
        return f"{towards} (slope {self.slope:.3g}){with_bias}"


AS_IT_IS = Calibration()


@dataclass(frozen=True)
class Calibrated:
    """A calibration, and the evidence for it.

    Args:
        calibration: Fitted on all rows.
        out_of_fold: Each fold's probabilities calibrated by the other folds.
        gain: Mean over the rows of the log-loss before less that after, on those.
        error: Its standard error.
    """

    calibration: Calibration
    out_of_fold: Array
    gain: float
    error: float


def floor(target: Array, classes: int) -> Calibration:
    """No scaling, and a trace of the prior in every prediction.

    A forest soon gives a rare class probability 0, and one such row costs a log-loss of 34.5. A
    tenth of a row more, which looks as all of them together, is mixed in; the ranking stays.

    Args:
        target: Codes, shape (n,).
        classes: How many classes there are.
    """
    counts = np.bincount(target, minlength=classes) + 1.0 / classes
    return Calibration(1.0, (), tuple((counts / counts.sum()).tolist()), 0.1 / (len(target) + 1))


def calibrate(
    target: Array, probability: Array, folds: Folds, groups: Array | None = None
) -> Calibrated | None:
    """The calibration that pays on rows it was not fitted on; None where none does.

    Args:
        target: Codes, shape (n,).
        probability: Out of fold, shape (n, k); rows with NaN are left out.
        folds: Each is calibrated by the others.
        groups: Codes of rows that belong together, for the standard error; or None.
    """
    known, classes = covered_rows(probability), probability.shape[1]
    best: Calibrated | None = None
    for with_bias in (False, True):
        done, plain = np.full(probability.shape, np.nan), np.full(probability.shape, np.nan)
        for _, validation in folds:
            inside = np.zeros(len(target), dtype=bool)
            inside[validation] = True
            outside, inside = known & ~inside, known & inside
            if not outside.any() or not inside.any():
                continue
            base = floor(target[outside], classes)
            fitted = fit(target[outside], probability[outside], base, with_bias=with_bias)
            done[inside] = fitted.apply(probability[inside])
            plain[inside] = base.apply(probability[inside])
        rows = covered_rows(done)
        gains = _losses(target[rows], plain[rows]) - _losses(target[rows], done[rows])
        gain, error = mean_and_error(gains, None if groups is None else groups[rows])
        if gain > error and (best is None or gain > best.gain):
            base = floor(target[known], classes)
            whole = fit(target[known], probability[known], base, with_bias=with_bias)
            best = Calibrated(whole, done, gain, error)
    return best


def fit(target: Array, probability: Array, base: Calibration, *, with_bias: bool) -> Calibration:
    """The slope, and the bias of each class, of the least log-loss.

    Args:
        target: Codes, shape (n,).
        probability: Shape (n, k).
        base: Whose prior is mixed in first.
        with_bias: Whether classes have a bias.
    """
    from scipy.optimize import minimize

    logs = np.log(np.maximum(base.apply(probability), _LEAST))
    rows, classes = logs.shape
    hot = np.zeros_like(logs)
    hot[np.arange(rows), target] = 1.0

    def loss(parameters: Array) -> tuple[float, Array]:
        slope, bias = parameters[0], parameters[1:] if with_bias else np.zeros(classes)
        after = _softmax(slope * logs + bias)
        value = -np.log(np.maximum(after[np.arange(rows), target], _LEAST)).mean()
        value += (bias @ bias) / (2 * _BIAS_SPREAD**2 * rows)
        rest = (after - hot) / rows
        slopes = np.array([(rest * logs).sum()])
        if not with_bias:
            return value, slopes
        return value, np.concatenate([slopes, rest.sum(axis=0) + bias / (_BIAS_SPREAD**2 * rows)])

    start = np.concatenate([[1.0], np.zeros(classes if with_bias else 0)])
    bounds = [(LEAST_SLOPE, MOST_SLOPE)] + [(-10.0, 10.0)] * (len(start) - 1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    bias = tuple((found[1:] - found[1:].mean()).tolist()) if with_bias else ()
    return Calibration(float(found[0]), bias, base.prior, base.share)


def mean_and_error(values: Array, groups: Array | None = None) -> tuple[float, float]:
    """The mean of values and its standard error; rows of a group count as one draw.

    Example:
        >>> mean_and_error(np.array([1.0, 3.0, 1.0, 3.0, 2.0]))
        (2.0, 0.4472135954999579)
        >>> mean_and_error(np.array([1.0, 3.0, 1.0, 3.0]), np.array([0, 1, 0, 1]))
        (2.0, 1.0)
    """
    if groups is not None:
        _, place = np.unique(groups, return_inverse=True)
        sums = np.bincount(place, values - values.mean())
        many = len(sums)
        spread = float(np.sqrt((sums**2).sum() * many / max(1, many - 1)))
        return float(values.mean()), spread / len(values) if many > 1 else float("inf")
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("inf")
    return float(values.mean()), error


def _losses(target: Array, probability: Array) -> Array:
    chosen = probability[np.arange(len(target)), target]
    return np.asarray(-np.log(np.maximum(chosen, 1e-15)))


def _softmax(scores: Array) -> Array:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
