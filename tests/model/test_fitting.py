"""Fits side by side: what each gets of the machine."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
from lightgbm import LGBMRegressor
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils._openmp_helpers import _openmp_effective_n_threads as threads_of_a_fit
from threadpoolctl import threadpool_limits

from limelight.model.fitting import Fitter, Job, Rows, reseeded
from limelight.search.boosting import StoppedRegressor
from limelight.search.candidate import Candidate
from limelight.search.features import FrameEncoder
from limelight.search.task import Task


class Counting(DummyRegressor):
    """Notes how many threads a fit may use."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Counting:
        self.threads_ = threads_of_a_fit()
        return super().fit(X, y, sample_weight)


def _candidate(name: str) -> Candidate:
    return Candidate(name, "tpot", 0, 0, name, {}, Counting(), np.zeros(4), (0.0,), 0.0, 0.01, 0.01)


def test_each_fit_has_one_core_and_the_caller_keeps_its_own() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0]})
    said: list[str] = []
    fitter = Fitter(Task("regression", "rmse", "y"), 2, None, said, said.append)
    with threadpool_limits(4):
        before = threads_of_a_fit()
        rows = Rows(frame, np.arange(4.0))
        found = fitter.run([Job(_candidate(name), rows, frame) for name in "ab"])
        assert [one.model.threads_ for one in found if one] == [1, 1]
        assert threads_of_a_fit() == before
    assert not said


def test_a_fit_that_would_end_too_late_is_not_begun_unless_it_is_required() -> None:
    frame, target = pd.DataFrame({"x": [1.0, 2.0]}), np.arange(2.0)
    said: list[str] = []
    fitter = Fitter(Task("regression", "rmse", "y"), 1, 5.0, said, said.append)
    slow = dataclasses.replace(_candidate("slow"), fit_seconds=60.0)
    rows = Rows(frame, target)
    late = Job(slow, rows, frame)
    assert fitter.run([late]) == [None]
    [done] = fitter.run([dataclasses.replace(late, required=True)])
    assert done is not None
    # What it took is known now, and is foreseen for the next.
    assert fitter.foresee([(slow, 2.0)]) < 1.0
    assert fitter.run([late]) != [None]


def test_who_failed_once_is_not_tried_again() -> None:
    frame = pd.DataFrame({"x": ["a", "b"]})
    said: list[str] = []
    fitter = Fitter(Task("regression", "rmse", "y"), 1, None, [], said.append)
    broken = dataclasses.replace(_candidate("broken"), pipeline=LinearRegression())
    job = Job(broken, Rows(frame, np.arange(2.0)), frame)
    assert fitter.run([job, job]) == [None, None]
    assert len(said) == 1
    assert "failed on 2 rows: ValueError" in said[0]


def test_another_seed_reaches_every_step_and_the_original_keeps_its_own() -> None:
    booster = StoppedRegressor(LGBMRegressor(random_state=7), seed=3)
    pipeline = make_pipeline(FrameEncoder(), booster)
    again = reseeded(pipeline, 2)[-1]
    assert (again.seed, again.booster.random_state) == (2003, 2007)
    assert (booster.seed, booster.booster.random_state) == (3, 7)
    assert repr(reseeded(pipeline, 0)) == repr(pipeline)
