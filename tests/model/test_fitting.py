"""Fits side by side: what each gets of the machine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.dummy import DummyRegressor
from sklearn.utils._openmp_helpers import _openmp_effective_n_threads as threads_of_a_fit
from threadpoolctl import threadpool_limits

from limelight.model.fitting import Fitter, Rows
from limelight.search.candidate import Candidate
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
        found = fitter.fit_all([_candidate("a"), _candidate("b")], [], rows, frame)
        assert {one.model.threads_ for one in found.values()} == {1}
        assert threads_of_a_fit() == before
    assert not said
