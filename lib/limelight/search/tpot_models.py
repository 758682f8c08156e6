"""The estimators and steps that TPOT's search spaces are made of."""

from __future__ import annotations

from typing import Any

from sklearn import ensemble, linear_model, neighbors
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectPercentile, f_classif, f_regression
from sklearn.kernel_approximation import Nystroem
from sklearn.preprocessing import QuantileTransformer, StandardScaler

from limelight.search.configuration import class_weight
from limelight.search.engine import SearchProblem
from limelight.search.task import Task
from limelight.search.tpot_space import Node, OneOf, Range, Space, pipelines_space, trees_space

# Nearest neighbours look at every row for every prediction.
_MOST_ROWS_FOR_NEIGHBOURS = 20_000


def build_space(problem: SearchProblem, seed: int, number: int) -> Space:
    """The space of a search: an even number tunes trees, an odd one whole pipelines."""
    task = problem.task
    boosted = [_lightgbm(task, seed), _histogram(task, seed), _xgboost(task, seed)]
    forests = [_extra_trees(task, seed), _random_forest(task, seed)]
    if number % 2 == 0:
        return trees_space([*boosted, *forests])
    smooth = _linear(task, seed)
    if problem.weights is None and len(problem.target) <= _MOST_ROWS_FOR_NEIGHBOURS:
        smooth.append(_neighbours(task))
    scalers = [
        Node(StandardScaler),
        Node(
            QuantileTransformer,
            {"output_distribution": "normal", "random_state": seed},
            {"n_quantiles": Range(20, 500, 200, log=True, whole=True)},
        ),
    ]
    trees = [boosted[0], boosted[2], forests[0]]
    return pipelines_space(scalers, _selectors(task, seed), smooth, trees)


def _lightgbm(task: Task, seed: int) -> Node:
    import lightgbm

    fixed: dict[str, Any] = {
        "subsample_freq": 1,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
        "n_jobs": 1,
        "random_state": seed,
        **_loss(task, "objective", "regression_l1", "regression"),
    }
    tuned: dict[str, Range | OneOf] = {
        "n_estimators": Range(50, 500, 150, log=True, whole=True),
        "learning_rate": Range(0.01, 0.3, 0.07, log=True),
        "num_leaves": Range(7, 127, 31, log=True, whole=True),
        "min_child_samples": Range(3, 80, 20, log=True, whole=True),
        "colsample_bytree": Range(0.3, 1.0, 0.8),
        "subsample": Range(0.5, 1.0, 0.9),
        "reg_lambda": Range(0.001, 30.0, 0.1, log=True),
    }
    method = lightgbm.LGBMClassifier if task.is_classification else lightgbm.LGBMRegressor
    return Node(method, fixed, tuned)


def _xgboost(task: Task, seed: int) -> Node:
    import xgboost

    fixed: dict[str, Any] = {
        "tree_method": "hist",
        "verbosity": 0,
        "n_jobs": 1,
        "random_state": seed,
    }
    if not task.is_classification:
        absolute = task.metric == "mae"
        fixed["objective"] = "reg:absoluteerror" if absolute else "reg:squarederror"
    tuned: dict[str, Range | OneOf] = {
        "n_estimators": Range(50, 500, 150, log=True, whole=True),
        "learning_rate": Range(0.01, 0.3, 0.07, log=True),
        "max_depth": Range(2, 9, 5, whole=True),
        "min_child_weight": Range(0.5, 20.0, 2.0, log=True),
        "colsample_bytree": Range(0.3, 1.0, 0.8),
        "subsample": Range(0.5, 1.0, 0.9),
        "reg_lambda": Range(0.001, 30.0, 1.0, log=True),
    }
    method = xgboost.XGBClassifier if task.is_classification else xgboost.XGBRegressor
    return Node(method, fixed, tuned)


def _histogram(task: Task, seed: int) -> Node:
    fixed: dict[str, Any] = {
        "early_stopping": False,
        "random_state": seed,
        **_loss(task, "loss", "absolute_error", "squared_error"),
    }
    tuned: dict[str, Range | OneOf] = {
        "max_iter": Range(50, 400, 120, log=True, whole=True),
        "learning_rate": Range(0.02, 0.3, 0.08, log=True),
        "max_leaf_nodes": Range(7, 63, 31, log=True, whole=True),
        "min_samples_leaf": Range(3, 60, 20, log=True, whole=True),
        "l2_regularization": Range(0.001, 10.0, 0.1, log=True),
        "max_features": Range(0.3, 1.0, 0.8),
    }
    method = (
        ensemble.HistGradientBoostingClassifier
        if task.is_classification
        else ensemble.HistGradientBoostingRegressor
    )
    return Node(method, fixed, tuned)


def _extra_trees(task: Task, seed: int) -> Node:
    kind = "ExtraTreesClassifier" if task.is_classification else "ExtraTreesRegressor"
    return _forest(kind, task, seed)


def _random_forest(task: Task, seed: int) -> Node:
    kind = "RandomForestClassifier" if task.is_classification else "RandomForestRegressor"
    return _forest(kind, task, seed)


def _forest(kind: str, task: Task, seed: int) -> Node:
    fixed: dict[str, Any] = {"n_estimators": 150, "n_jobs": 1, "random_state": seed}
    if task.is_classification:
        fixed["class_weight"] = class_weight(task)
    tuned: dict[str, Range | OneOf] = {
        "max_features": Range(0.1, 1.0, 0.4),
        "min_samples_leaf": Range(1, 20, 2, log=True, whole=True),
    }
    return Node(getattr(ensemble, kind), fixed, tuned)


def _linear(task: Task, seed: int) -> list[Node]:
    if task.is_classification:
        fixed = {"max_iter": 300, "class_weight": class_weight(task)}
        strength = {"C": Range(0.001, 100.0, 0.3, log=True)}
        return [Node(linear_model.LogisticRegression, fixed, {**strength})]
    mixed = {
        "alpha": Range(0.0001, 10.0, 0.01, log=True),
        "l1_ratio": Range(0.0, 1.0, 0.5),
    }
    return [
        Node(linear_model.Ridge, {}, {"alpha": Range(0.01, 1000.0, 10.0, log=True)}),
        Node(linear_model.ElasticNet, {"max_iter": 500, "random_state": seed}, {**mixed}),
    ]


def _neighbours(task: Task) -> Node:
    tuned: dict[str, Range | OneOf] = {
        "n_neighbors": Range(3, 100, 25, log=True, whole=True),
        "weights": OneOf(("uniform", "distance"), "distance"),
        "p": OneOf((1, 2), 1),
    }
    method = (
        neighbors.KNeighborsClassifier if task.is_classification else neighbors.KNeighborsRegressor
    )
    return Node(method, {"n_jobs": 1}, tuned)


def _selectors(task: Task, seed: int) -> list[Node]:
    relation = f_classif if task.is_classification else f_regression
    return [
        Node(
            SelectPercentile,
            {"score_func": relation},
            {"percentile": Range(10, 95, 60, whole=True)},
        ),
        Node(
            PCA,
            {"svd_solver": "full", "random_state": seed},
            {"n_components": Range(0.5, 0.99, 0.95)},
        ),
        Node(
            Nystroem,
            {"random_state": seed},
            {
                "n_components": Range(20, 200, 100, log=True, whole=True),
                "gamma": Range(0.001, 1.0, 0.03, log=True),
            },
        ),
    ]


def _loss(task: Task, name: str, absolute: str, squared: str) -> dict[str, Any]:
    """The loss of a regressor that fits the metric, the weights of classes that do."""
    if task.is_classification:
        return {"class_weight": class_weight(task)}
    return {name: absolute if task.metric == "mae" else squared}
