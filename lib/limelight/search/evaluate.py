"""The one protocol by which every candidate of every engine is scored."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from limelight.search.budget import Clock
from limelight.search.engine import SearchProblem
from limelight.search.memory import check_memory
from limelight.search.task import Task

Array = NDArray[Any]


class OutOfTime(Exception):
    """The remaining folds would not end within the budget."""


class Hopeless(Exception):
    """The first fold's score is so far behind that the other folds are not worth their time."""


@dataclass(frozen=True)
class Evaluation:
    """The evidence for a candidate; fields as in `limelight.search.candidate.Candidate`."""

    out_of_fold: Array
    fold_scores: tuple[float, ...]
    score: float
    fit_seconds: float
    predict_seconds: float
    constant: bool = False


@dataclass(frozen=True)
class EncodedFold:
    """One fold, encoded by an encoder that was fitted on its training rows alone."""

    training: Array
    validation: Array
    x_training: Any
    x_validation: Any


class EncodedFolds:
    """The folds of a problem, encoded once for all candidates of a search.

    Args:
        problem: Its training rows and folds.
        encoder: An unfitted transformer of raw frames; a clone is fitted inside each fold.
    """

    def __init__(self, problem: SearchProblem, encoder: Any) -> None:
        self.problem = problem
        self.encoder = encoder
        self.folds: list[EncodedFold] = []
        for training, validation in problem.folds:
            fitted = clone(encoder)
            # Together, as in a pipeline: what an encoder learnt of a row's own target is not
            # shown for that row.
            x_training = fitted.fit_transform(
                problem.features.iloc[training], problem.target[training]
            )
            x_validation = fitted.transform(problem.features.iloc[validation])
            self.folds.append(EncodedFold(training, validation, x_training, x_validation))


def predict(estimator: Any, features: Any, task: Task) -> Array:
    """Predictions of a fitted estimator on the convention of `limelight.search.metrics`.

    A class that the estimator did not see gets probability zero.

    Returns:
        float64, shape (n,) for regression, (n, k) for classes.

    Raises:
        ValueError: A prediction is not finite.
    """
    if not task.is_classification:
        values = np.asarray(estimator.predict(features), dtype="float64").reshape(-1)
    else:
        given = np.asarray(estimator.predict_proba(features), dtype="float64")
        values = np.zeros((len(given), len(task.classes)))
        values[:, np.asarray(estimator.classes_, dtype="int64")] = given
    if not np.isfinite(values).all():
        raise ValueError("a prediction is not finite")
    return values


def fit(estimator: Any, features: Any, target: Array, weights: Array | None) -> Any:
    """Fit an estimator or pipeline, with sample weights where there are any."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if weights is None:
            return estimator.fit(features, target)
        if hasattr(estimator, "steps"):
            return estimator.fit(
                features, target, **{f"{estimator.steps[-1][0]}__sample_weight": weights}
            )
        return estimator.fit(features, target, sample_weight=weights)


def cross_validate(
    estimator: Any,
    encoded: EncodedFolds,
    clock: Clock,
    *,
    bar: float | None = None,
    expected: float = 0.0,
    cpu_clock: Callable[[], float] = time.process_time,
) -> Evaluation:
    """Score an estimator on encoded folds.

    A row that several folds validate gets the mean of their predictions. The clock is looked at
    between folds only: a fold starts if all that are left are foreseen to end within the budget,
    going by the slowest of those done.

    Args:
        estimator: Unfitted; takes the encoded matrices; cloned for each fold.
        encoded: The folds.
        clock: The running budget.
        bar: A gain (`Metric.gain`: greater is better) that the first fold must reach.
        expected: Seconds that a fold is expected to take, before the first is done.
        cpu_clock: CPU seconds of the fits: ``time.thread_time`` where others run beside them.

    Raises:
        TooLarge: A fit is foreseen to need more memory than there is.
        OutOfTime: The budget would end before all folds are done.
        Hopeless: The first fold did not reach the bar.
    """
    problem = encoded.problem
    task, scorer = problem.task, problem.task.scorer
    shape = (
        (len(problem.target), len(task.classes))
        if task.is_classification
        else (len(problem.target),)
    )
    total, times = np.zeros(shape, dtype="float32"), np.zeros(shape[:1], dtype="int64")
    constant = True
    fold_scores: list[float] = []
    fit_seconds = predict_seconds = slowest = 0.0
    for place, fold in enumerate(encoded.folds):
        foreseen = (slowest or expected) * (len(encoded.folds) - place)
        if clock.expired or clock.left < foreseen:
            raise OutOfTime
        check_memory(estimator, fold.x_training, max(1, len(task.classes)))
        weights = None if problem.weights is None else problem.weights[fold.training]
        begun, cpu = time.perf_counter(), cpu_clock()
        fitted = fit(clone(estimator), fold.x_training, problem.target[fold.training], weights)
        done = time.perf_counter()
        prediction = predict(fitted, fold.x_validation, task)
        # On one core: what several threads did side by side takes all their time together.
        fit_seconds += max(done - begun, cpu_clock() - cpu)
        predict_seconds += time.perf_counter() - done
        slowest = max(slowest, time.perf_counter() - begun)
        total[fold.validation] += prediction
        times[fold.validation] += 1
        constant = constant and bool((prediction == prediction[:1]).all())
        fold_scores.append(scorer(problem.target[fold.validation], prediction))
        if bar is not None and len(fold_scores) == 1 and scorer.sign * fold_scores[0] < bar:
            raise Hopeless
    with np.errstate(invalid="ignore"):  # rows without a prediction become NaN
        out_of_fold = (total.T / times).T.astype("float32")
    return Evaluation(
        out_of_fold=out_of_fold,
        fold_scores=tuple(fold_scores),
        score=score_out_of_fold(out_of_fold, problem.target, task),
        fit_seconds=_on_all_rows(fit_seconds, encoded),
        predict_seconds=predict_seconds * 1000 / sum(len(f.validation) for f in encoded.folds),
        constant=constant,
    )


def score_out_of_fold(out_of_fold: Array, target: Array, task: Task) -> float:
    """The metric on the rows that were predicted, in its own units."""
    covered = covered_rows(out_of_fold)
    return task.scorer(target[covered], out_of_fold[covered].astype("float64"))


def covered_rows(out_of_fold: Array) -> Array:
    """Which rows have an out-of-fold prediction; bool, shape (n,)."""
    finite = np.isfinite(out_of_fold)
    return finite if finite.ndim == 1 else np.asarray(finite.all(axis=1))


def _on_all_rows(seconds: float, encoded: EncodedFolds) -> float:
    """Seconds of one fit on all rows, from the seconds of all fold fits together."""
    rows = sum(len(fold.training) for fold in encoded.folds)
    return seconds * len(encoded.problem.target) / rows
