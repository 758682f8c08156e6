"""The one protocol by which candidates are scored: folds, clock, bar, and what is refused."""

import time
from itertools import count
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from limelight.search.attempt import Attempt
from limelight.search.budget import Budget
from limelight.search.engine import SearchProblem
from limelight.search.evaluate import EncodedFolds, Hopeless, OutOfTime, cross_validate
from limelight.search.features import FrameEncoder
from limelight.search.ledger import Ledger
from limelight.search.task import Task

fitted = []


class Slow(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Predicts even odds after a while, and counts how often it was fitted."""

    def __init__(self, seconds: float = 0.0, value: float = 0.5) -> None:
        self.seconds = seconds
        self.value = value

    def fit(self, x: Any, y: Any) -> Self:
        fitted.append(len(x))
        self.classes_ = np.unique(y)
        time.sleep(self.seconds)
        return self

    def predict_proba(self, x: Any) -> Any:
        return np.full((len(x), len(self.classes_)), self.value)


@pytest.fixture
def encoded() -> EncodedFolds:
    fitted.clear()
    rng = np.random.default_rng(0)
    x = rng.normal(size=90)
    target = (x > 0).astype("int64")
    rows = np.arange(90)
    folds = [(rows[rows % 3 != k], rows[rows % 3 == k]) for k in range(3)]
    task = Task("binary", "roc_auc", "y", ("no", "yes"))
    return EncodedFolds(SearchProblem(pd.DataFrame({"x": x}), target, task, folds), FrameEncoder())


def test_encoders_see_the_training_rows_alone() -> None:
    frame = pd.DataFrame({"c": ["a", "a", "b", "b", "z", "z"], "x": range(6)})
    folds = [(np.arange(4), np.arange(4, 6))]
    task = Task("binary", "roc_auc", "y", (0, 1))
    problem = SearchProblem(frame, np.array([0, 1, 0, 1, 0, 1]), task, folds)
    fold = EncodedFolds(problem, FrameEncoder()).folds[0]
    assert fold.x_training[:, 0].tolist() == [0, 0, 1, 1]
    assert not fold.x_validation[:, 0].any(), "z is no level of the training rows"


def test_every_row_is_predicted_by_a_model_that_did_not_see_it(encoded: EncodedFolds) -> None:
    found = cross_validate(LogisticRegression(), encoded, Budget(trials=1).start())
    target = encoded.problem.target
    for training, validation in encoded.problem.folds:
        x = encoded.problem.features.to_numpy()
        model = LogisticRegression().fit(x[training], target[training])
        expected = model.predict_proba(x[validation])
        np.testing.assert_allclose(found.out_of_fold[validation], expected, rtol=1e-5)
    assert found.score > 0.99


def test_what_threads_do_side_by_side_counts_in_full(encoded: EncodedFolds) -> None:
    # Each of three fits on 60 of 90 rows costs 4 CPU seconds in next to no time: 6 s on all rows.
    ticks = count(step=4)
    clock = Budget(trials=1).start()
    found = cross_validate(Slow(), encoded, clock, cpu_clock=lambda: float(next(ticks)))
    assert found.fit_seconds == pytest.approx(6.0)


def test_no_fold_starts_that_cannot_end_in_time(encoded: EncodedFolds) -> None:
    with pytest.raises(OutOfTime):
        cross_validate(Slow(0.2), encoded, Budget(seconds=0.5).start())
    assert len(fitted) == 1, "after one fold of 0.2 s, two more do not fit into 0.3 s"
    with pytest.raises(OutOfTime):
        cross_validate(Slow(), encoded, Budget(seconds=0.5).start(), expected=0.2)
    assert len(fitted) == 1


def test_who_is_far_behind_stops_after_the_first_fold(encoded: EncodedFolds) -> None:
    with pytest.raises(Hopeless):
        cross_validate(Slow(), encoded, Budget(trials=1).start(), bar=0.6)
    assert len(fitted) == 1
    assert cross_validate(Slow(), encoded, Budget(trials=1).start(), bar=0.4).score == 0.5


def test_a_class_that_a_fold_lacks_has_no_chance(encoded: EncodedFolds) -> None:
    rows = np.arange(90)
    negative, positive = rows[encoded.problem.target == 0], rows[encoded.problem.target == 1]
    lacking = [(negative[:20], np.r_[negative[20:], positive])]
    problem = SearchProblem(
        encoded.problem.features, encoded.problem.target, encoded.problem.task, lacking
    )
    found = cross_validate(
        DummyClassifier(), EncodedFolds(problem, FrameEncoder()), Budget(trials=1).start()
    )
    assert np.isnan(found.out_of_fold[negative[:20]]).all()
    assert set(map(tuple, found.out_of_fold[positive].tolist())) == {(1.0, 0.0)}


@pytest.mark.parametrize(
    ("estimator", "budget", "bar", "outcome", "reason"),
    [
        (Slow(), Budget(trials=1), None, "ok", ""),
        (Slow(), Budget(trials=1), 0.6, "pruned", "far behind"),
        (Slow(0.2), Budget(seconds=0.5), None, "timeout", "in time"),
        (Slow(value=np.nan), Budget(trials=1), None, "failed", "ValueError: a prediction is not"),
        (LogisticRegression(C=-1.0), Budget(trials=1), None, "failed", "InvalidParameterError"),
    ],
)
def test_an_attempt_enters_what_came_of_it(
    encoded: EncodedFolds,
    tmp_path: Path,
    estimator: Any,
    budget: Budget,
    bar: float | None,
    outcome: str,
    reason: str,
) -> None:
    ledger = Ledger(tmp_path, "tpot", 0, encoded.problem.task.scorer)
    attempt = Attempt(ledger.next_number(), "it", {"p": 1}, estimator)
    trial, candidate = attempt.run(encoded, budget.start(), ledger, bar=bar)
    assert ledger.trials == [trial]
    assert trial.outcome == outcome
    assert reason in trial.error
    assert (candidate is not None) == (trial.score is not None) == (outcome == "ok")
    ledger.close()
    assert len(ledger.trials) == 1
