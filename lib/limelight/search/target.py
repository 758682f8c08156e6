"""Targets that are skewed, or amounts: the scales they are fitted on, and the way back."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin, clone

from limelight.search.task import Task

Array = NDArray[Any]

#: A target is skewed from here on; the exponential distribution has 2, the normal one 0.
SKEWED = 1.0
#: Values spread by less than this part of their mean do not multiply.
_LEAST_SPREAD = 0.25
#: Quantiles that stand for all residuals on the way back.
_QUANTILES = 50


def is_skewed(target: Any) -> bool:
    """Whether a target is positive (zeros may be) and skewed to the right, and its log less so.

    Args:
        target: Values of a regression, shape (n,).

    Example:
        >>> rng = np.random.default_rng(0)
        >>> is_skewed(np.exp(rng.normal(size=500))), is_skewed(rng.normal(9, 1, size=500))
        (True, False)
    """
    from scipy.stats import skew

    values = np.asarray(target, dtype="float64")
    if len(values) < 10 or values.min() < 0 or np.ptp(values) == 0:
        return False
    before, after = skew(values), skew(_LogScale(values).forward(values))
    return bool(before > SKEWED and abs(after) < before / 2)


def are_amounts(task: Task, target: Array) -> bool:
    """Whether a target is never negative, and spread, and its mean is what counts.

    Prices, counts and times are: effects multiply there, and a loss with a logarithmic link fits.

    Example:
        >>> task = Task("regression", "rmse", "price")
        >>> [are_amounts(task, np.array(some)) for some in ([0.0, 9.0, 200.0], [-1.0, 1.0])]
        [True, False]
    """
    if task.is_classification or task.metric == "mae" or target.min() < 0:
        return False
    return bool(target.std() > _LEAST_SPREAD * target.mean())


def in_spreads(estimator: Any) -> Any:
    """A regressor that gets its target in units of its spread, for losses with a logarithmic link.

    Its other parameters then mean what they do with squares, and its rounds are no more.
    """
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.preprocessing import StandardScaler

    return TransformedTargetRegressor(estimator, transformer=StandardScaler(with_mean=False))


class LogTarget(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A regressor that is fitted on the logarithm of its target.

    The target's log is ``log(y)`` where all are positive, else ``sign(y) log(1 + |y| / s)`` with a
    small ``s``. The mean of ``exp(z)`` is more than ``exp`` of the mean: what is predicted is the
    mean over the residuals (Duan, *Smearing estimate: a nonparametric retransformation method*,
    JASA 1983), or the median for an absolute error. Predictions stay near the values there were.

    Args:
        estimator: Unfitted regressor; gets ``sample_weight`` if there is one.
        smear: Whether to predict the mean, for ``rmse``; else the median, for ``mae``.

    Attributes:
        estimator_: The fitted regressor, on the log scale.

    Example:
        >>> from sklearn.linear_model import LinearRegression
        >>> x = np.linspace(0, 4, 50)[:, None]
        >>> model = LogTarget(LinearRegression()).fit(x, np.exp(2 * x[:, 0]))
        >>> model.predict([[3.0]]).round(3).tolist()
        [403.429]
    """

    def __init__(self, estimator: Any = None, smear: bool = True) -> None:
        self.estimator = estimator
        self.smear = smear

    def fit(self, features: Any, target: Any, sample_weight: Any = None) -> Self:
        """Fit on features (n, d) and values (n,)."""
        values = np.asarray(target, dtype="float64")
        self.scale_ = _LogScale(values)
        logs = self.scale_.forward(values)
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        self.estimator_ = clone(self.estimator).fit(features, logs, **weights)
        spare = 0.1 * float(np.ptp(logs))
        self.range_ = (float(logs.min()) - spare, float(logs.max()) + spare)
        residuals = logs - self._logs(features)
        self.residuals_ = np.quantile(residuals, (np.arange(_QUANTILES) + 0.5) / _QUANTILES)
        self.n_features_in_ = features.shape[1]
        return self

    def predict(self, features: Any) -> Array:
        """Values; float64, shape (n,)."""
        logs = self._logs(features)
        if not self.smear:
            return self.scale_.back(logs)
        # One residual after the other: memory stays that of one prediction.
        total = np.zeros(len(logs))
        for residual in self.residuals_:
            total += self.scale_.back(logs + residual)
        return np.asarray(total / len(self.residuals_))

    def _logs(self, features: Any) -> Array:
        """What the estimator predicts, on the log scale; shape (n,)."""
        logs = np.asarray(self.estimator_.predict(features), dtype="float64").reshape(-1)
        return np.asarray(np.clip(logs, *self.range_))


class _LogScale:
    """To the log scale of a target, and back."""

    def __init__(self, values: Array) -> None:
        sizes = np.abs(values[values != 0])
        #: 0 for the plain logarithm.
        self.unit = 0.0 if values.min() > 0 else float(np.quantile(sizes, 0.1)) if len(sizes) else 1

    def forward(self, values: Array) -> Array:
        if not self.unit:
            return np.asarray(np.log(values))
        return np.asarray(np.sign(values) * np.log1p(np.abs(values) / self.unit))

    def back(self, logs: Array) -> Array:
        if not self.unit:
            return np.asarray(np.exp(logs))
        return np.asarray(np.sign(logs) * np.expm1(np.abs(logs)) * self.unit)
