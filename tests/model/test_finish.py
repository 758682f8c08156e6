"""What is fitted on predictions out of fold: told, cross-fitted, and only where it is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from limelight.model.finish import finish, judged
from limelight.search.candidate import Candidate
from limelight.search.engine import SearchProblem
from limelight.search.task import Task

Array = NDArray[Any]
ROWS = 1200


def _case(metric: str) -> tuple[SearchProblem, Array]:
    """A tenth of the rows is positive, and the probabilities are right."""
    rng = np.random.default_rng(0)
    logit = rng.normal(-3.0, 1.8, ROWS)
    positive = 1 / (1 + np.exp(-logit))
    target = (rng.random(ROWS) < positive).astype("int64")
    every = np.arange(ROWS)
    folds = [(np.setdiff1d(every, part), part) for part in np.array_split(every, 5)]
    task = Task("binary", metric, "y", ("no", "yes"))
    problem = SearchProblem(pd.DataFrame({"x": logit}), target, task, folds)
    return problem, np.stack([1 - positive, positive], axis=1).astype("float32")


def test_a_threshold_is_taken_told_and_seen_by_the_metric() -> None:
    problem, probability = _case("f1")
    found = finish(problem, probability, problem.folds)
    threshold = found.decision.threshold
    assert threshold is not None
    assert 0.15 < threshold < 0.45
    assert any(f"from a probability of {threshold:.3g} on" in note for note in found.notes)
    metric = problem.task.scorer
    plain = metric(problem.target, probability)
    assert metric(problem.target, found.out_of_fold) > plain + 0.05
    assert np.array_equal(
        found.shown(metric, probability).argmax(axis=1), probability[:, 1] > threshold
    )


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss"])
def test_a_metric_of_probabilities_asks_for_no_decision(metric: str) -> None:
    problem, probability = _case(metric)
    found = finish(problem, probability, problem.folds)
    assert found.decision.weights == ()
    assert found.shown(problem.task.scorer, probability) is probability


def test_candidates_are_judged_by_the_labels_that_they_could_give() -> None:
    problem, probability = _case("f1")
    wild = np.random.default_rng(1).dirichlet((9, 1), ROWS).astype("float32")
    pool = [
        Candidate(name, "tpot", 0, 0, name, {}, None, one, (0.0,), 0.0, 1.0, 0.1)
        for name, one in (("wild", wild), ("right", probability))
    ]
    scored, decisions, seen = judged(pool, problem, problem.folds)
    assert scored[1].score > scored[0].score + 0.1
    assert decisions["right"].threshold is not None
    assert problem.task.scorer(problem.target, seen["right"]) == scored[1].score
    # An ensemble is made of the probabilities as they are.
    assert scored[1].out_of_fold is probability


def test_a_regression_is_finished_as_it_is() -> None:
    problem = SearchProblem(
        pd.DataFrame({"x": [1.0]}), np.array([2.0]), Task("regression", "rmse", "y"), []
    )
    found = finish(problem, np.array([3.0]), [])
    assert found.out_of_fold.tolist() == [3.0]
    assert found.notes == ()
