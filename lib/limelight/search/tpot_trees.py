"""The boosted trees and forests that TPOT's search tunes.

The ranges follow what was found to matter: Probst, Boulesteix and Bischl, *Tunability*, JMLR 2019;
Salinas and Erickson, *TabRepo*, AutoML 2024. How many rounds a booster grows is found, not tuned.

Where amounts are predicted (prices, counts, times), effects often multiply and the spread grows
with the mean: the losses of Poisson and Tweedie with their logarithmic link then fit much better
than squares do, and still aim at the mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from limelight.search.boosting import (
    CatBoostTreesClassifier,
    CatBoostTreesRegressor,
    StoppedClassifier,
    StoppedRegressor,
)
from limelight.search.configuration import class_weight
from limelight.search.engine import SearchProblem
from limelight.search.features import FrameEncoder
from limelight.search.forest import ForestWithPrior
from limelight.search.portfolio import least_leaf, share_of_columns
from limelight.search.roles import column_role
from limelight.search.target import LogTarget, are_amounts, in_spreads, is_skewed
from limelight.search.task import Task
from limelight.search.tpot_space import Node, OneOf, Range, Values

#: Trees of a forest: more of them cost more than they gain where much is to be tried.
TREES = 150
#: The rounds without gain after which a booster stops, times its step: small steps take longer.
_PATIENT_STEPS = 1.2
_MOST_ROUNDS = 3000
#: Shares nearer to each other than this make the same trees.
_GRAIN = 0.05
_MANY_COLUMNS = 30
SQUARED, POISSON, TWEEDIE = "squared", "poisson", "tweedie"
PLAIN, LOG = "plain", "log"


@dataclass(frozen=True)
class Trees:
    """Makes the nodes for a problem.

    Args:
        task: What is predicted; the losses and the weights of classes follow its metric.
        rows: Training rows: many call for larger steps.
        columns: Of the raw frame: of many, a tree looks at fewer.
        categories: Whether any column is a category.
        amounts: Whether values are predicted that are never negative, and spread.
        skewed: Whether their logarithm is less skewed than they are.
        seed: Seed of everything random.
    """

    task: Task
    rows: int
    columns: int
    categories: bool
    amounts: bool
    skewed: bool
    seed: int

    @classmethod
    def of(cls, problem: SearchProblem, seed: int) -> Trees:
        frame = problem.features
        categories = any(column_role(frame[name]) == "category" for name in frame)
        amounts = are_amounts(problem.task, problem.target)
        skewed = not problem.task.is_classification and is_skewed(problem.target)
        return cls(problem.task, len(frame), frame.shape[1], categories, amounts, skewed, seed)

    @property
    def step(self) -> float:
        """The learning rate to begin with: a fit should end in a small share of a minute."""
        trees = self.rows * (len(self.task.classes) if self.task.problem == "multiclass" else 1)
        return 0.06 if trees <= 10_000 else 0.1 if trees <= 40_000 else 0.15

    @property
    def few_columns(self) -> float:
        """A share of the columns that makes trees differ, where there are enough of them."""
        part = 0.6 if self.columns >= _MANY_COLUMNS else 1.0
        return round(share_of_columns(self.columns) * part, 2)

    def encoders(self, *kinds: Any) -> dict[str, FrameEncoder]:
        """Encoders by their kind; without categories they differ in nothing."""
        return {kind: FrameEncoder(kind) for kind in (kinds if self.categories else kinds[:1])}

    def lightgbm(self, encoders: dict[str, FrameEncoder]) -> Node:
        """LightGBM with early stopping."""
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
        names = {SQUARED: "regression", POISSON: "poisson", TWEEDIE: "tweedie"}
        tuned: dict[str, Range | OneOf] = {
            "learning_rate": self._steps(),
            "num_leaves": Range(4, 255, 16, log=True, whole=True),
            "min_child_samples": Range(2, 100, 20, log=True, whole=True),
            "colsample_bytree": self._shares(),
            "subsample": Range(0.5, 1.0, 0.8, grain=_GRAIN),
            "reg_lambda": Range(0.001, 30.0, 1.0, log=True),
            "extra_trees": OneOf((False, True), False),
            **self._losses(),
        }

        def make(loss: str = SQUARED, **values: Any) -> Any:
            if not self.task.is_classification:
                values["objective"] = "regression_l1" if self._absolute else names[loss]
            return _linked(self._stopped(method(**fixed, **values)), loss)

        return Node(
            "LightGBM",
            make,
            tuned,
            encoders,
            weight=3.0,
            cost=_cost_of_lightgbm,
        )

    def xgboost(self, encoders: dict[str, FrameEncoder]) -> Node:
        """XGBoost with early stopping."""
        import xgboost

        method = xgboost.XGBClassifier if self.task.is_classification else xgboost.XGBRegressor
        fixed: dict[str, Any] = {
            "tree_method": "hist",
            "enable_categorical": True,
            "verbosity": 0,
            "n_jobs": 1,
            "random_state": self.seed,
        }
        names = {SQUARED: "reg:squarederror", POISSON: "count:poisson", TWEEDIE: "reg:tweedie"}
        tuned: dict[str, Range | OneOf] = {
            "learning_rate": self._steps(),
            "max_depth": Range(2, 10, 4, whole=True),
            "min_child_weight": Range(0.5, 30.0, 2.0, log=True),
            "colsample_bytree": self._shares(),
            "subsample": Range(0.5, 1.0, 0.8, grain=_GRAIN),
            "reg_lambda": Range(0.01, 30.0, 1.0, log=True),
            **self._losses(),
        }

        def make(loss: str = SQUARED, **values: Any) -> Any:
            if not self.task.is_classification:
                values["objective"] = "reg:absoluteerror" if self._absolute else names[loss]
            return _linked(self._stopped(method(**fixed, **values)), loss)

        return Node(
            "XGBoost",
            make,
            tuned,
            encoders,
            weight=2.0,
            cost=_cost_of_xgboost,
        )

    def catboost(self) -> Node:
        """CatBoost, which chooses a step that fits its rows and iterations."""
        classes = self.task.is_classification
        method = CatBoostTreesClassifier if classes else CatBoostTreesRegressor
        fixed: dict[str, Any] = {"balanced": self._balanced, "seed": self.seed}
        names = {POISSON: "Poisson", TWEEDIE: "Tweedie:variance_power=1.5"}
        tuned: dict[str, Range | OneOf] = {
            "iterations": Range(150, 1500, 300, log=True, whole=True),
            "depth": Range(3, 9, 6, whole=True),
            "l2_leaf_reg": Range(0.5, 30.0, 3.0, log=True),
            "random_strength": Range(0.1, 10.0, 1.0, log=True),
            "rsm": Range(0.2, 1.0, round(share_of_columns(self.columns), 2), grain=_GRAIN),
            **self._losses(),
        }

        def make(loss: str = SQUARED, **values: Any) -> Any:
            other = "MAE" if self._absolute else names.get(loss)
            if other is not None:
                # CatBoost chooses a step of its own for the usual losses only.
                values |= {"loss_function": other, "learning_rate": 30 / values["iterations"]}
            return _linked(method(**fixed, **values), loss)

        return Node(
            "CatBoost",
            make,
            tuned,
            {"levels": FrameEncoder("levels")},
            weight=2.0,
            cost=_cost_of_catboost,
        )

    def forest(self, name: str, encoders: dict[str, FrameEncoder]) -> Node:
        """``"ExtraTrees"`` or ``"RandomForest"``, up to fully grown."""
        from sklearn import ensemble

        classes = self.task.is_classification
        method = getattr(ensemble, f"{name}{'Classifier' if classes else 'Regressor'}")
        fixed: dict[str, Any] = {"n_estimators": TREES, "n_jobs": 1, "random_state": self.seed}
        least = least_leaf(self.task, self.rows, TREES)
        tuned: dict[str, Range | OneOf] = {
            "max_features": Range(0.05, 1.0, 0.4 if classes else 0.8, grain=_GRAIN),
            "min_samples_leaf": Range(least, 20 * least, least, log=True, whole=True),
        }
        if classes:
            fixed["class_weight"] = class_weight(self.task)
            tuned["criterion"] = OneOf(("gini", "entropy"), "gini")
        if name == "ExtraTrees":
            tuned["bootstrap"] = OneOf((False, True), False)

        def make(target: str = PLAIN, **values: Any) -> Any:
            found = method(**fixed, **values)
            return ForestWithPrior(found) if classes else self.scaled(found, target)

        return Node(
            name,
            make,
            {**tuned, **self.targets()},
            encoders,
            cost=_cost_of_forest,
        )

    def targets(self) -> dict[str, Range | OneOf]:
        """The choice of the scale on which a target is fitted, where there is one."""
        return {"target": OneOf((PLAIN, LOG), PLAIN)} if self.skewed else {}

    def scaled(self, model: Any, target: str) -> Any:
        """A model that is fitted on a scale of the target."""
        return model if target == PLAIN else LogTarget(model, smear=not self._absolute)

    @property
    def _absolute(self) -> bool:
        return self.task.metric == "mae"

    @property
    def _balanced(self) -> bool:
        return class_weight(self.task) is not None

    def _steps(self) -> Range:
        return Range(self.step / 4, self.step * 2.5, self.step, log=True)

    def _shares(self) -> Range:
        """Of the columns, by how many there are."""
        start = round(share_of_columns(self.columns), 2)
        return Range(start / 3, 1.0, start, grain=max(_GRAIN, 1 / self.columns))

    def _losses(self) -> dict[str, Range | OneOf]:
        """The choice of a loss, where there is one."""
        return {"loss": OneOf((SQUARED, POISSON, TWEEDIE), SQUARED)} if self.amounts else {}

    def _stopped(self, booster: Any) -> Any:
        method = StoppedClassifier if self.task.is_classification else StoppedRegressor
        step = booster.get_params()["learning_rate"]
        patience = round(min(100, max(15, _PATIENT_STEPS / step)))
        return method(
            booster.set_params(n_estimators=_MOST_ROUNDS),
            patience=patience,
            balanced=self._balanced,
            seed=self.seed,
        )


def _linked(model: Any, loss: str) -> Any:
    """A regressor for a loss."""
    return model if loss == SQUARED else in_spreads(model)


def _cost_of_lightgbm(values: Values) -> float:
    step = (0.03 / values["learning_rate"]) ** 0.8 * _dearer(values)
    return float(3.0 * step * (values["num_leaves"] / 8) ** 0.3 * _part(values["colsample_bytree"]))


def _cost_of_xgboost(values: Values) -> float:
    step = (0.03 / values["learning_rate"]) ** 0.8 * _dearer(values)
    return float(6.0 * step * 1.25 ** (values["max_depth"] - 6) * _part(values["colsample_bytree"]))


def _cost_of_catboost(values: Values) -> float:
    return float(
        14.0 * values["iterations"] / 500 * 1.25 ** (values["depth"] - 6) * _part(values["rsm"])
    )


def _cost_of_forest(values: Values) -> float:
    return float(7.0 * (0.1 + values["max_features"]) / 0.6)


def _part(share: float) -> float:
    """What a share of the columns costs of what all of them do."""
    return 0.4 + 0.6 * share


def _dearer(values: Values) -> float:
    """What the logarithmic link costs: more rounds."""
    return 1.0 if values.get("loss", SQUARED) == SQUARED else 1.5
