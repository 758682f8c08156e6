"""A fixed list of strong configurations, tried in this order before anything is searched.

Most of what a search can win in a minute is won by trying a few good and different models first
(Feurer et al., *Auto-sklearn 2.0*, JMLR 2022; Salinas and Erickson, *TabRepo*, AutoML 2024).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from limelight.search.boosting import (
    CatBoostTreesClassifier,
    CatBoostTreesRegressor,
    StoppedClassifier,
    StoppedRegressor,
)
from limelight.search.configuration import Configuration, class_weight
from limelight.search.features import FrameEncoder
from limelight.search.forest import ForestWithPrior
from limelight.search.target import LogTarget, in_spreads
from limelight.search.task import Task

#: Nodes of a forest, in bytes: a published model has to be kept, sent and loaded.
MOST_FOREST_BYTES = 150e6
_NODE_BYTES = 72
#: Small steps pay where trees are quick to grow.
_QUICK_ROWS = 10_000
#: A support vector machine looks at pairs of rows.
MOST_ROWS_FOR_PAIRS = 5_000


def portfolio(
    task: Task,
    rows: int,
    columns: int,
    seed: int = 0,
    *,
    skewed: bool = False,
    amounts: bool = False,
) -> list[Configuration]:
    """The configurations for a task: who adds most to those before it, for its time, comes first.

    The order is that of a greedy choice over cross-validated and test scores of the ensemble on
    seventeen small tasks.

    Args:
        task: What is predicted; the losses and the weights of classes follow its metric.
        rows: Training rows: many call for larger steps and for smaller trees in forests.
        columns: Of the raw frame: of many, a tree looks at fewer.
        seed: Seed of everything random.
        skewed: Whether the target of a regression is (`limelight.search.target.is_skewed`): some
            then come on its logarithm, too.
        amounts: Whether it is one of amounts (`limelight.search.target.are_amounts`): boosted
            trees then come with the loss of Poisson, too, whose link is a logarithm.

    Example:
        >>> task = Task("binary", "roc_auc", "y", (0, 1))
        >>> [one.description for one in portfolio(task, rows=1000, columns=20)][:3]
        ['ExtraTrees', 'LightGBM, extra trees', 'CatBoost']
    """
    made = _Maker(task, rows, seed)
    native, ordinal = FrameEncoder("native"), FrameEncoder("ordinal")
    some = share_of_columns(columns)
    extra = made.lightgbm("extra trees", 5, native, extra_trees=True, num_leaves=31, reg_lambda=1.0)
    catboost = made.catboost("", 16, iterations=600, depth=6, rsm=0.4, random_strength=2.0)
    smooth = made.kernel(2)
    shallow = made.xgboost(
        "",
        7,
        native,
        max_depth=4,
        min_child_weight=1.0,
        colsample_bytree=some,
        subsample=0.8,
        reg_lambda=3.0,
    )
    slow = made.catboost("slow", 59, iterations=1500, depth=5, l2_leaf_reg=2.0)
    return [
        made.forest("ExtraTrees", "", 8, leaf=1, share="sqrt"),
        extra,
        *made.poisson(amounts, some),
        catboost,
        *made.on_log(skewed, extra),
        shallow,
        smooth,
        made.forest("ExtraTrees", "all columns", 13, leaf=1, share=1.0),
        # Native categories and small leaves together overfit.
        made.lightgbm(
            "large leaves",
            7,
            ordinal,
            num_leaves=96,
            min_child_samples=4,
            colsample_bytree=0.7,
            subsample=0.9,
        ),
        *made.pairs(4),
        slow,
        *made.on_log(skewed, smooth, shallow, slow),
        made.lightgbm(
            "smooth",
            7,
            ordinal,
            num_leaves=24,
            min_child_samples=40,
            colsample_bytree=min(0.4, some),
            subsample=0.6,
            reg_lambda=20.0,
        ),
        made.xgboost(
            "deep",
            15,
            native,
            max_depth=10,
            min_child_weight=0.6,
            colsample_bytree=some,
            subsample=0.9,
        ),
        made.forest("RandomForest", "", 8, leaf=1, share="sqrt"),
        made.lightgbm(
            "small leaves", 4, native, num_leaves=4, min_child_samples=5, colsample_bytree=0.4
        ),
        made.catboost("deep", 62, iterations=600, depth=8, learning_rate=0.05),
        made.forest("ExtraTrees", "smooth", 8, leaf=5, share=0.8),
    ]


def further(task: Task, rows: int, seed: int = 0) -> Iterator[Configuration]:
    """Configurations without end, drawn around those of the portfolio.

    Args:
        task, rows, seed: As of `portfolio`.

    Example:
        >>> task = Task("binary", "roc_auc", "y", (0, 1))
        >>> [one.description for one in itertools.islice(further(task, 1000), 3)]
        ['LightGBM, drawn 0', 'CatBoost, drawn 1', 'XGBoost, drawn 2']
    """
    rng = np.random.default_rng([seed, 1])

    def between(low: float, high: float) -> float:
        """Evenly by the logarithm; three digits are enough for any parameter."""
        return float(f"{np.exp(rng.uniform(np.log(low), np.log(high))):.3g}")

    for number in itertools.count():
        made = _Maker(task, rows, seed + 1 + number)
        kind = f"drawn {number}"
        some = {"colsample_bytree": between(0.3, 1.0), "subsample": between(0.6, 1.0)}
        turn = number % 4
        if turn == 0:
            leaves = round(between(4, 160))
            yield made.lightgbm(
                kind,
                4 + leaves / 16,
                FrameEncoder("native" if rng.uniform() < 0.7 else "ordinal"),
                extra_trees=bool(rng.uniform() < 0.4),
                num_leaves=leaves,
                min_child_samples=round(between(3, 60)),
                learning_rate=float(f"{made.step * between(0.5, 1.5):.3g}"),
                reg_lambda=between(0.1, 20.0),
                **some,
            )
        elif turn == 1:
            depth = int(rng.integers(4, 9))
            yield made.catboost(
                kind,
                2.0**depth / 4,
                iterations=round(between(500, 1000)),
                depth=depth,
                l2_leaf_reg=between(1.0, 10.0),
                rsm=between(0.4, 1.0),
                random_strength=between(0.5, 3.0),
            )
        elif turn == 2:
            depth = int(rng.integers(3, 11))
            yield made.xgboost(
                kind,
                4 + depth,
                FrameEncoder("native"),
                max_depth=depth,
                min_child_weight=between(0.5, 10.0),
                reg_lambda=between(0.5, 10.0),
                learning_rate=float(f"{made.step * between(0.5, 1.5):.3g}"),
                **some,
            )
        else:
            name = "ExtraTrees" if rng.uniform() < 0.6 else "RandomForest"
            leaf, share = int(rng.integers(1, 4)), between(0.1, 1.0)
            yield made.forest(name, kind, 4 + 9 * share, leaf=leaf, share=share)


def share_of_columns(columns: int) -> float:
    """The share of the columns that a tree of quick boosting looks at.

    Example:
        >>> share_of_columns(20), share_of_columns(100), share_of_columns(1000)
        (0.7, 0.5, 0.2)
    """
    return min(0.7, max(0.2, 50 / columns))


def least_leaf(task: Task, rows: int, trees: int) -> int:
    """Rows in a leaf without which a forest would be too large to keep.

    Example:
        >>> task = Task("regression", "rmse", "y")
        >>> least_leaf(task, rows=1_000, trees=200), least_leaf(task, rows=40_000, trees=200)
        (1, 5)
    """
    node = _NODE_BYTES + 8 * len(task.classes)
    return max(1, round(2 * rows * trees * node / MOST_FOREST_BYTES / 1.5))


class _Maker:
    """Makes configurations that fit a task."""

    def __init__(self, task: Task, rows: int, seed: int) -> None:
        self.task = task
        self.rows = rows
        self.seed = seed
        self.step = 0.03 if rows <= _QUICK_ROWS else 0.06
        self.absolute = task.metric == "mae"
        self.balanced = class_weight(task) is not None

    def lightgbm(
        self, kind: str, cost: float, encoder: FrameEncoder, **tuned: Any
    ) -> Configuration:
        import lightgbm

        method = lightgbm.LGBMClassifier if self.task.is_classification else lightgbm.LGBMRegressor
        fixed: dict[str, Any] = {
            "subsample_freq": 1,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
            "n_jobs": 1,
            "random_state": self.seed,
        }
        if not self.task.is_classification:
            fixed["objective"] = "regression_l1" if self.absolute else "regression"
        tuned = {"learning_rate": self.step, **tuned}
        booster = method(n_estimators=2000, **{**fixed, **tuned})
        return self._stopped("LightGBM", kind, cost, encoder, tuned, booster)

    def xgboost(self, kind: str, cost: float, encoder: FrameEncoder, **tuned: Any) -> Configuration:
        import xgboost

        method = xgboost.XGBClassifier if self.task.is_classification else xgboost.XGBRegressor
        fixed: dict[str, Any] = {
            "tree_method": "hist",
            "enable_categorical": True,
            "verbosity": 0,
            "n_jobs": 1,
            "random_state": self.seed,
        }
        if not self.task.is_classification:
            fixed["objective"] = "reg:absoluteerror" if self.absolute else "reg:squarederror"
        tuned = {"learning_rate": self.step, **tuned}
        booster = method(n_estimators=2000, **fixed, **tuned)
        return self._stopped("XGBoost", kind, cost, encoder, tuned, booster)

    def _stopped(
        self,
        name: str,
        kind: str,
        cost: float,
        encoder: FrameEncoder,
        tuned: dict[str, Any],
        booster: Any,
    ) -> Configuration:
        method = StoppedClassifier if self.task.is_classification else StoppedRegressor
        estimator = method(booster, balanced=self.balanced, seed=self.seed)
        return Configuration(_named(name, kind), tuned, encoder, estimator, cost)

    def catboost(self, kind: str, cost: float, **tuned: Any) -> Configuration:
        if self.absolute:
            # CatBoost chooses a step of its own for other losses only.
            tuned |= {"loss_function": "MAE", "learning_rate": 0.06}
        method = CatBoostTreesClassifier if self.task.is_classification else CatBoostTreesRegressor
        estimator = method(**tuned, balanced=self.balanced, seed=self.seed)
        return Configuration(
            _named("CatBoost", kind), tuned, FrameEncoder("levels"), estimator, cost
        )

    def forest(
        self, name: str, kind: str, cost: float, *, leaf: int, share: float | str
    ) -> Configuration:
        from sklearn import ensemble

        trees = 200
        tuned = {
            "n_estimators": trees,
            "min_samples_leaf": max(leaf, least_leaf(self.task, self.rows, trees)),
            "max_features": share,
        }
        fixed: dict[str, Any] = {"n_jobs": 1, "random_state": self.seed}
        if self.task.is_classification:
            fixed["class_weight"] = class_weight(self.task)
        method = getattr(
            ensemble, f"{name}{'Classifier' if self.task.is_classification else 'Regressor'}"
        )
        estimator = method(**fixed, **tuned)
        if self.task.is_classification:
            estimator = ForestWithPrior(estimator)
        return Configuration(_named(name, kind), tuned, FrameEncoder("ordinal"), estimator, cost)

    def kernel(self, cost: float) -> Configuration:
        """A linear model of similarities to some of the rows (Williams and Seeger, 2001)."""
        from sklearn.kernel_approximation import Nystroem
        from sklearn.linear_model import LogisticRegression, Ridge
        from sklearn.pipeline import make_pipeline

        tuned: dict[str, Any] = {"n_components": min(300, max(10, self.rows // 2))}
        linear = (
            LogisticRegression(C=3.0, max_iter=300, class_weight=class_weight(self.task))
            if self.task.is_classification
            else Ridge(alpha=0.3)
        )
        estimator = make_pipeline(Nystroem(random_state=self.seed, **tuned), linear)
        return Configuration("Nystroem", tuned, FrameEncoder("onehot", "standard"), estimator, cost)

    def pairs(self, cost: float) -> list[Configuration]:
        """A support vector machine, where there are not too many pairs of rows."""
        if self.rows > MOST_ROWS_FOR_PAIRS:
            return []
        from sklearn.calibration import CalibratedClassifierCV
        from sklearn.compose import TransformedTargetRegressor
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import SVC, SVR

        if self.task.is_classification:
            machine = SVC(C=2.0, class_weight=class_weight(self.task), random_state=self.seed)
            estimator = CalibratedClassifierCV(machine, ensemble=False, cv=3)
        else:
            estimator = TransformedTargetRegressor(SVR(C=2.0), transformer=StandardScaler())
        return [
            Configuration("SVM", {"C": 2.0}, FrameEncoder("onehot", "standard"), estimator, cost)
        ]

    def poisson(self, amounts: bool, some: float) -> list[Configuration]:
        """Boosted trees with a loss whose link is a logarithm; nothing where no amounts are."""
        if not amounts:
            return []
        native = FrameEncoder("native")
        tuned: dict[str, Any] = {"num_leaves": 24, "colsample_bytree": some, "subsample": 0.8}
        found = [
            self.lightgbm("Poisson", 6, native, objective="poisson", **tuned),
            self.catboost(
                "Poisson", 16, iterations=600, rsm=some, loss_function="Poisson", learning_rate=0.05
            ),
        ]
        return [replace(one, estimator=in_spreads(one.estimator)) for one in found]

    def on_log(self, skewed: bool, *configurations: Configuration) -> list[Configuration]:
        """The same on the logarithm of a skewed target; nothing for another target."""
        if not skewed:
            return []
        return [
            replace(
                one,
                description=f"{one.description}{'' if ',' in one.description else ','} on the log",
                estimator=LogTarget(one.estimator, smear=not self.absolute),
            )
            for one in configurations
        ]


def _named(name: str, kind: str) -> str:
    return f"{name}, {kind}" if kind else name
