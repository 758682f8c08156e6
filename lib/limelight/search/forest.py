"""A forest that is never certain."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone

Array = NDArray[Any]


class ForestWithPrior(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A forest of fully grown trees with one tree more, which knows the shares of the classes.

    A class that no tree votes for else has probability zero, and one such row an endless loss.
    The order of the rows by their probability of one of two classes stays the same.

    Args:
        forest: An unfitted forest for classification.

    Example:
        >>> from sklearn.ensemble import ExtraTreesClassifier
        >>> x, y = np.arange(8.0)[:, None], np.repeat([0, 1], 4)
        >>> model = ForestWithPrior(ExtraTreesClassifier(9, random_state=0)).fit(x, y)
        >>> model.predict_proba(x[:1]).round(3).tolist()
        [[0.95, 0.05]]
    """

    def __init__(self, forest: Any = None) -> None:
        self.forest = forest

    def fit(self, features: Any, target: Any, sample_weight: Any = None) -> Self:
        self.forest_ = clone(self.forest).fit(features, target, sample_weight=sample_weight)
        self.classes_ = self.forest_.classes_
        weights = np.ones(len(target)) if sample_weight is None else np.asarray(sample_weight)
        places = np.searchsorted(self.classes_, np.asarray(target))
        self.shares_ = np.bincount(places, weights=weights, minlength=len(self.classes_))
        self.shares_ = self.shares_ / self.shares_.sum()
        return self

    def predict_proba(self, features: Any) -> Array:
        """Probabilities in the order of ``classes_``, shape (n, k)."""
        trees = len(self.forest_.estimators_)
        votes = np.asarray(self.forest_.predict_proba(features), dtype="float64")
        return (trees * votes + self.shares_) / (trees + 1)

    def predict(self, features: Any) -> Array:
        return np.asarray(self.classes_[self.predict_proba(features).argmax(axis=1)])
