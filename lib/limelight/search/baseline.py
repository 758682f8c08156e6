"""The baselines: models that every search has to beat, and that often win."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge

from limelight.search.attempt import Attempt
from limelight.search.budget import Budget
from limelight.search.engine import SearchProblem
from limelight.search.evaluate import EncodedFolds
from limelight.search.features import FrameEncoder
from limelight.search.ledger import Ledger
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


class BaselineEngine:
    """A fixed list of models with sensible settings: dummy, linear, boosted trees; cheap first.

    A budget of trials does not shorten the list: the baselines are what everything is compared
    with. A budget of seconds does: what is foreseen not to end in time is left out.

    Example:
        >>> [description for description, _, _ in baselines(Task("binary", "roc_auc", "y", (0, 1)))]
        ['constant', 'LogisticRegression', 'HistGradientBoosting', 'LightGBM']
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
        """Try every baseline that the ledger has not; see `limelight.search.engine.Engine`."""
        clock = budget.start()
        done = {trial.description for trial in ledger.trials if trial.outcome == "ok"}
        encodings: dict[str, EncodedFolds] = {}
        for description, encoder, estimator in baselines(problem.task, seed, cores):
            if description in done:
                continue
            key = repr(encoder)
            if key not in encodings:
                encodings[key] = EncodedFolds(problem, encoder)
            attempt = Attempt(ledger.next_number(), description, {}, estimator)
            attempt.run(encodings[key], clock, ledger)


def baselines(task: Task, seed: int = 0, cores: int = 1) -> list[tuple[str, FrameEncoder, Any]]:
    """Description, encoder and unfitted estimator of each baseline, cheap first."""
    linear, native = FrameEncoder("onehot", "standard"), FrameEncoder("native")
    models = (
        _classifiers(task, seed, cores)
        if task.is_classification
        else _regressors(task, seed, cores)
    )
    constant, straight, histogram, lightgbm = models
    return [
        ("constant", native, constant),
        (type(straight).__name__, linear, straight),
        ("HistGradientBoosting", native, histogram),
        ("LightGBM", FrameEncoder("onehot"), lightgbm),
    ]


def class_weight(task: Task) -> str | None:
    """Weights that fit the metric: classes count the same where it counts them so.

    Example:
        >>> class_weight(Task("binary", "balanced_accuracy", "y", (0, 1)))
        'balanced'
    """
    return "balanced" if task.metric in ("balanced_accuracy", "f1") else None


def _classifiers(task: Task, seed: int, cores: int) -> tuple[Any, ...]:
    from lightgbm import LGBMClassifier

    weight = class_weight(task)
    return (
        DummyClassifier(strategy="prior"),
        LogisticRegression(C=0.5, max_iter=500, class_weight=weight),
        HistGradientBoostingClassifier(**HISTOGRAM, class_weight=weight, random_state=seed),
        LGBMClassifier(**LIGHTGBM, class_weight=weight, n_jobs=cores, random_state=seed),
    )


def _regressors(task: Task, seed: int, cores: int) -> tuple[Any, ...]:
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
            n_jobs=cores,
            random_state=seed,
        ),
    )
