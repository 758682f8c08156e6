"""The baselines: models that every search has to beat, and the strong ones tried after them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sklearn.base import clone
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge

from limelight.search.budget import Budget
from limelight.search.configuration import Configuration, class_weight
from limelight.search.engine import SearchProblem
from limelight.search.features import FrameEncoder
from limelight.search.ledger import Ledger
from limelight.search.portfolio import further, portfolio, share_of_columns
from limelight.search.race import Race
from limelight.search.target import are_amounts, is_skewed
from limelight.search.task import Task

HISTOGRAM: dict[str, Any] = {"max_iter": 150, "learning_rate": 0.07, "early_stopping": False}
LIGHTGBM: dict[str, Any] = {
    "n_estimators": 200,
    "learning_rate": 0.05,
    "colsample_bytree": 0.8,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
#: Something better than a line that also ends in seconds where there are hundreds of columns.
QUICK: dict[str, Any] = {"n_estimators": 100, "learning_rate": 0.1, "num_leaves": 15}


class BaselineEngine:
    """First the baselines, cheap first, then the portfolio, then others drawn around it.

    A budget of trials does not shorten the baselines, as they are what everything is compared
    with: it counts the configurations of the portfolio. A budget of seconds leaves out what is
    foreseen not to end in time, and goes on with drawn ones while there is some left.

    Example:
        >>> [one.description for one in baselines(Task("binary", "roc_auc", "y", (0, 1)))]
        ['constant', 'LightGBM, quick', 'LogisticRegression', 'HistGradientBoosting', 'LightGBM']
    """

    name = "baseline"

    def search(
        self,
        problem: SearchProblem,
        budget: Budget,
        ledger: Ledger,
        *,
        seed: int,
        number: int,  # noqa: ARG002
        cores: int,
        workdir: Path,  # noqa: ARG002
    ) -> None:
        """Try what the ledger has not; see `limelight.search.engine.Engine`."""
        clock = budget.start()
        rows, columns = problem.features.shape
        plain = baselines(problem.task, columns, seed)
        skewed = not problem.task.is_classification and is_skewed(problem.target)
        amounts = are_amounts(problem.task, problem.target)
        strong = portfolio(problem.task, rows, columns, seed, skewed=skewed, amounts=amounts)[
            : budget.trials
        ]
        more = further(problem.task, rows, seed)
        Race(problem, clock, ledger, cores).run(plain, strong, more)


def baselines(task: Task, columns: int = 20, seed: int = 0) -> list[Configuration]:
    """The baselines, cheap first.

    Args:
        task: What is predicted.
        columns: Of the raw frame.
        seed: Seed of everything random.
    """
    linear, native = FrameEncoder("onehot", "standard"), FrameEncoder("native")
    models = _classifiers(task, seed) if task.is_classification else _regressors(task, seed)
    constant, straight, histogram, lightgbm = models
    quick = clone(lightgbm).set_params(
        **QUICK, colsample_bytree=share_of_columns(columns), random_state=seed
    )
    return [
        Configuration("constant", {}, native, constant, 0.0),
        # The quick one tells what to foresee of the others.
        Configuration("LightGBM, quick", {}, native, quick, 1.0),
        Configuration(type(straight).__name__, {}, linear, straight, 1.0),
        Configuration("HistGradientBoosting", {}, native, histogram, 5.0),
        Configuration("LightGBM", {}, FrameEncoder("onehot"), lightgbm, 2.0),
    ]


def _classifiers(task: Task, seed: int) -> tuple[Any, ...]:
    from lightgbm import LGBMClassifier

    weight = class_weight(task)
    return (
        DummyClassifier(strategy="prior"),
        LogisticRegression(C=0.5, max_iter=500, class_weight=weight),
        HistGradientBoostingClassifier(**HISTOGRAM, class_weight=weight, random_state=seed),
        LGBMClassifier(**LIGHTGBM, class_weight=weight, n_jobs=1, random_state=seed),
    )


def _regressors(task: Task, seed: int) -> tuple[Any, ...]:
    from lightgbm import LGBMRegressor

    absolute = task.metric == "mae"
    return (
        DummyRegressor(strategy="median" if absolute else "mean"),
        Ridge(alpha=10.0),
        HistGradientBoostingRegressor(
            **HISTOGRAM,
            loss="absolute_error" if absolute else "squared_error",
            random_state=seed,
        ),
        LGBMRegressor(
            **LIGHTGBM,
            objective="regression_l1" if absolute else "regression",
            n_jobs=1,
            random_state=seed,
        ),
    )
