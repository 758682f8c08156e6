"""Boosted trees that find their number of rounds themselves, and CatBoost as an estimator.

LightGBM and XGBoost need to be told how many trees to grow, which is most of their tuning. The
estimators here hold some of the rows that they are fitted on out, stop when those are predicted
no better, and start again on all rows. Rows of a validation fold never come near them.
"""

from __future__ import annotations

import math
import statistics
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.utils.class_weight import compute_sample_weight

Array = NDArray[Any]

#: One row in so many is held out.
HELD_OUT = 8
#: More rows need more trees, by about as much.
MORE_ROUNDS = 1.1
#: Up to so many rows a single draw of the held-out ones says little: the median of some counts.
FEW_ROWS = 1500
SPLITS = 3
FEW_ROUNDS = 50
#: Above so many rows an eighth more is not worth growing all trees again.
MOST_ROWS_TO_REFIT = 20_000

#: With more category columns than these CatBoost looks at each alone: with 43 (ames) pairs took 2.7
#: times as long and were no better, with 2 (one of 1,200 levels) they made the difference.
MOST_COMBINED = 6


def split_inside(features: Any, target: Array, seed: int) -> tuple[Array, Array]:
    """Row positions (kept, held out): about an eighth is held out, evenly over the target.

    Rows with equal features stay together, as a copy of a held-out row would tell of it.

    Args:
        features: Matrix or frame of numbers and categories, shape (n, d).
        target: Codes or values, shape (n,).
        seed: Seed of the draw.

    Example:
        >>> kept, held = split_inside(np.arange(16.0).reshape(16, 1), np.repeat([0, 1], 8), 0)
        >>> len(kept), np.repeat([0, 1], 8)[held].tolist()
        (14, [0, 1])
    """
    hashed = pd.util.hash_pandas_object(pd.DataFrame(features), index=False).to_numpy()
    _, first, group = np.unique(hashed, return_index=True, return_inverse=True)
    rng = np.random.default_rng(seed)
    # Every eighth of the distinct rows in the order of the target: no class and no range is missed.
    order = np.lexsort((rng.random(len(first)), target[first]))
    chosen = np.zeros(len(first), dtype=bool)
    chosen[order[int(rng.integers(HELD_OUT)) :: HELD_OUT]] = True
    held = chosen[group]
    return np.flatnonzero(~held), np.flatnonzero(held)


class _Stopped(BaseEstimator):  # type: ignore[misc]
    """What the classifier and the regressor have in common."""

    def __init__(
        self,
        booster: Any = None,
        patience: int = 40,
        balanced: bool = False,
        seed: int = 0,
    ) -> None:
        self.booster = booster
        self.patience = patience
        self.balanced = balanced
        self.seed = seed

    def _grow(self, features: Any, target: Array, weights: Array | None) -> None:
        weights = _balanced(target, weights) if self.balanced else weights
        found = []
        for again in range(SPLITS if len(target) <= FEW_ROWS else 1):
            kept, held = split_inside(features, target, self.seed + again)
            if hasattr(self, "classes_"):
                kept, held = _with_all_classes(kept, held, target)
            if len(held):
                self.model_ = self._stopped(features, target, weights, kept, held)
                found.append(_rounds(self.model_))
        if found and len(target) > MOST_ROWS_TO_REFIT:
            self.rounds_ = found[0]
            return
        # Where no row could be held out there are so few that few rounds will do.
        self.rounds_ = math.ceil(MORE_ROUNDS * statistics.median(found or [FEW_ROUNDS]))
        self.model_ = clone(self.booster).set_params(n_estimators=self.rounds_)
        self.model_.fit(features, target, sample_weight=weights)

    def _stopped(
        self, features: Any, target: Array, weights: Array | None, kept: Array, held: Array
    ) -> Any:
        booster = clone(self.booster)
        shown = (_rows(features, held), target[held])
        given = (_rows(features, kept), target[kept])
        weight = None if weights is None else weights[kept]
        shown_weights = None if weights is None else [weights[held]]
        if type(booster).__module__.startswith("lightgbm"):
            import lightgbm

            return booster.fit(
                *given,
                sample_weight=weight,
                eval_X=shown[0],
                eval_y=shown[1],
                eval_sample_weight=shown_weights,
                callbacks=[lightgbm.early_stopping(self.patience, verbose=False)],
            )
        booster.set_params(early_stopping_rounds=self.patience)
        return booster.fit(
            *given,
            sample_weight=weight,
            eval_set=[shown],
            sample_weight_eval_set=shown_weights,
            verbose=False,
        )


class StoppedClassifier(ClassifierMixin, _Stopped):  # type: ignore[misc]
    """A LightGBM or XGBoost classifier with early stopping inside its own training rows.

    Args:
        booster: Unfitted; its ``n_estimators`` is the most that it may grow.
        patience: Rounds without a better loss on the held-out rows after which it stops.
        balanced: Whether every class weighs the same.
        seed: Seed of the draw of the held-out rows.

    Attributes:
        rounds_: How many rounds the model has.
        model_: The fitted booster.

    Example:
        >>> from lightgbm import LGBMClassifier
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=(400, 3))
        >>> model = StoppedClassifier(LGBMClassifier(n_estimators=500, verbosity=-1))
        >>> model.fit(x, (x[:, 0] > 0).astype(int)).rounds_ < 500
        True
    """

    def fit(self, features: Any, target: Any, sample_weight: Any = None) -> Self:
        # Codes without gaps: XGBoost refuses classes that are not 0..k-1.
        self.classes_, codes = np.unique(np.asarray(target), return_inverse=True)
        self._grow(features, codes, _floats(sample_weight))
        return self

    def predict_proba(self, features: Any) -> Array:
        """Probabilities in the order of ``classes_``, shape (n, k)."""
        return np.asarray(self.model_.predict_proba(features), dtype="float64")

    def predict(self, features: Any) -> Array:
        return np.asarray(self.classes_[self.predict_proba(features).argmax(axis=1)])


class StoppedRegressor(RegressorMixin, _Stopped):  # type: ignore[misc]
    """A LightGBM or XGBoost regressor; as `StoppedClassifier`, where ``balanced`` has no say."""

    def fit(self, features: Any, target: Any, sample_weight: Any = None) -> Self:
        self._grow(features, np.asarray(target, dtype="float64"), _floats(sample_weight))
        return self

    def predict(self, features: Any) -> Array:
        return np.asarray(self.model_.predict(features), dtype="float64")


class _CatBoost(BaseEstimator):  # type: ignore[misc]
    """What the classifier and the regressor of CatBoost have in common."""

    def __init__(
        self,
        iterations: int = 500,
        depth: int = 6,
        learning_rate: float | None = None,
        l2_leaf_reg: float = 3.0,
        random_strength: float = 1.0,
        rsm: float = 1.0,
        loss_function: str | None = None,
        balanced: bool = False,
        seed: int = 0,
    ) -> None:
        self.iterations = iterations
        self.depth = depth
        self.learning_rate = learning_rate
        self.l2_leaf_reg = l2_leaf_reg
        self.random_strength = random_strength
        self.rsm = rsm
        self.loss_function = loss_function
        self.balanced = balanced
        self.seed = seed

    def _grow(self, kind: str, features: Any, target: Array, weights: Array | None) -> None:
        import catboost

        tuned = self.get_params()
        seed, balanced = tuned.pop("seed"), tuned.pop("balanced")
        weights = _balanced(target, weights) if balanced else weights
        frame, categories = _for_catboost(features)
        self.model_ = getattr(catboost, kind)(
            **{name: value for name, value in tuned.items() if value is not None},
            # Levels in combination cost a pass for each pair of columns.
            max_ctr_complexity=2 if len(categories) <= MOST_COMBINED else 1,
            thread_count=1,
            random_seed=seed,
            allow_writing_files=False,
            verbose=False,
        )
        self.model_.fit(frame, target, cat_features=categories, sample_weight=weights)


class CatBoostTreesClassifier(ClassifierMixin, _CatBoost):  # type: ignore[misc]
    """CatBoost on a frame as `limelight.search.features.FrameEncoder` makes it, categories as such.

    One thread, no files, no output; ``sklearn.base.clone`` works, which CatBoost's own does not
    always. Prokhorenkova et al., *CatBoost: unbiased boosting with categorical features*, 2018.

    Args:
        iterations, depth, learning_rate, l2_leaf_reg, random_strength, rsm,
            loss_function: CatBoost's own. Without a learning rate it chooses one that fits
            the rows and iterations.
        balanced: Whether every class weighs the same.
        seed: Seed of everything random.
    """

    def fit(self, features: Any, target: Any, sample_weight: Any = None) -> Self:
        self.classes_, codes = np.unique(np.asarray(target), return_inverse=True)
        self._grow("CatBoostClassifier", features, codes, _floats(sample_weight))
        return self

    def predict_proba(self, features: Any) -> Array:
        """Probabilities in the order of ``classes_``, shape (n, k)."""
        frame, _ = _for_catboost(features)
        return np.asarray(self.model_.predict_proba(frame, thread_count=1), dtype="float64")

    def predict(self, features: Any) -> Array:
        return np.asarray(self.classes_[self.predict_proba(features).argmax(axis=1)])


class CatBoostTreesRegressor(RegressorMixin, _CatBoost):  # type: ignore[misc]
    """As `CatBoostTreesClassifier`, for values."""

    def fit(self, features: Any, target: Any, sample_weight: Any = None) -> Self:
        values = np.asarray(target, dtype="float64")
        self._grow("CatBoostRegressor", features, values, _floats(sample_weight))
        return self

    def predict(self, features: Any) -> Array:
        frame, _ = _for_catboost(features)
        return np.asarray(self.model_.predict(frame, thread_count=1), dtype="float64")


def _for_catboost(features: Any) -> tuple[pd.DataFrame, list[Any]]:
    """The frame with categories as whole numbers, -1 where missing, and their names."""
    frame = pd.DataFrame(features).copy(deep=False)
    categories = [name for name in frame if isinstance(frame[name].dtype, pd.CategoricalDtype)]
    for name in categories:
        frame[name] = frame[name].cat.codes.astype("int32")
    return frame, categories


def _rounds(booster: Any) -> int:
    """How many rounds the stopped booster found best; LightGBM counts from 1, XGBoost from 0."""
    if hasattr(booster, "best_iteration_"):
        return max(1, int(booster.best_iteration_))
    return int(booster.best_iteration) + 1


def _with_all_classes(kept: Array, held: Array, codes: Array) -> tuple[Array, Array]:
    """Give the held-out rows of a class back that has none among the kept."""
    known = np.isin(codes[held], codes[kept])
    return np.sort(np.concatenate([kept, held[~known]])), held[known]


def _balanced(target: Array, weights: Array | None) -> Array:
    """Weights under which all classes weigh the same, times those that were given."""
    even = np.asarray(compute_sample_weight("balanced", target))
    return even if weights is None else even * weights


def _floats(weights: Any) -> Array | None:
    return None if weights is None else np.asarray(weights, dtype="float64")


def _rows(features: Any, positions: Array) -> Any:
    return features.iloc[positions] if hasattr(features, "iloc") else features[positions]
