"""A fixed list of strong configurations, tried in this order before anything is searched.

Most of what a search can win in a minute is won by trying a few good and different models first
(Feurer et al., *Auto-sklearn 2.0*, JMLR 2022; Salinas and Erickson, *TabRepo*, AutoML 2024).
"""

from __future__ import annotations

from typing import Any

from limelight.search.boosting import (
    CatBoostTreesClassifier,
    CatBoostTreesRegressor,
    StoppedClassifier,
    StoppedRegressor,
)
from limelight.search.configuration import Configuration, class_weight
from limelight.search.features import FrameEncoder
from limelight.search.task import Task

#: Nodes of a forest, in bytes: a published model has to be kept, sent and loaded.
MOST_FOREST_BYTES = 150e6
_NODE_BYTES = 72
#: Small steps pay where trees are quick to grow.
_QUICK_ROWS = 10_000


def portfolio(task: Task, rows: int, columns: int, seed: int = 0) -> list[Configuration]:
    """The configurations for a task, cheap and different ones first.

    Args:
        task: What is predicted; the losses and the weights of classes follow its metric.
        rows: Training rows: many call for larger steps and for smaller trees in forests.
        columns: Of the raw frame: of many, a tree looks at fewer.
        seed: Seed of everything random.

    Example:
        >>> task = Task("binary", "roc_auc", "y", (0, 1))
        >>> [one.description for one in portfolio(task, rows=1000, columns=20)][:3]
        ['LightGBM, small leaves', 'LightGBM, extra trees', 'CatBoost']
    """
    made = _Maker(task, rows, seed)
    native, ordinal = FrameEncoder("native"), FrameEncoder("ordinal")
    return [
        made.lightgbm(
            "small leaves",
            3,
            native,
            num_leaves=8,
            min_child_samples=10,
            colsample_bytree=share_of_columns(columns),
            subsample=0.8,
            reg_lambda=1.0,
        ),
        made.lightgbm("extra trees", 5, native, extra_trees=True, num_leaves=31, reg_lambda=1.0),
        made.catboost("", 14, iterations=500, depth=6),
        made.xgboost(
            "",
            6,
            native,
            max_depth=6,
            min_child_weight=2.0,
            colsample_bytree=0.8,
            subsample=0.9,
        ),
        made.forest("ExtraTrees", "", 7, leaf=1, share=0.5),
        made.forest("RandomForest", "", 8, leaf=2, share=0.4),
        # Native categories and small leaves together overfit.
        made.lightgbm(
            "large leaves",
            6,
            ordinal,
            num_leaves=96,
            min_child_samples=4,
            colsample_bytree=0.7,
            subsample=0.9,
        ),
        made.forest("ExtraTrees", "smooth", 6, leaf=5, share=0.8),
        made.catboost("slow", 40, iterations=1500, depth=5, l2_leaf_reg=2.0),
    ]


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
        booster = method(n_estimators=2000, **fixed, **tuned)
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
        self, name: str, kind: str, cost: float, *, leaf: int, share: float
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
        return Configuration(_named(name, kind), tuned, FrameEncoder("ordinal"), estimator, cost)


def _named(name: str, kind: str) -> str:
    return f"{name}, {kind}" if kind else name
