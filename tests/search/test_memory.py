"""What a fit needs is foreseen, and a fit that would not find it is not begun."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import ExtraTreesRegressor, RandomForestClassifier
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from limelight.search import memory
from limelight.search.attempt import score
from limelight.search.boosting import CatBoostTreesRegressor
from limelight.search.budget import Budget
from limelight.search.engine import SearchProblem
from limelight.search.evaluate import EncodedFolds
from limelight.search.features import FrameEncoder
from limelight.search.memory import TooLarge, bytes_of_fit, check_memory
from limelight.search.target import LogTarget
from limelight.search.task import Task


def test_a_forest_takes_what_was_foreseen_of_it() -> None:
    rng = np.random.default_rng(0)
    x, noise = rng.normal(size=(4_000, 5)), rng.normal(size=4_000)
    for leaf in (1, 4):
        forest = ExtraTreesRegressor(20, min_samples_leaf=leaf, n_jobs=1)
        tracemalloc.start()
        forest.fit(x, noise)
        taken = sum(tree.tree_.__sizeof__() + tree.tree_.node_count * 80 for tree in forest)
        tracemalloc.stop()
        assert 0.3 < taken / bytes_of_fit(forest, 4_000, 5, 1) < 2.0


def test_what_wraps_an_estimator_needs_what_that_needs() -> None:
    forest = RandomForestClassifier(100)
    plain = bytes_of_fit(forest, 50_000, 20, 10)
    assert bytes_of_fit(make_pipeline(StandardScaler(), forest), 50_000, 20, 10) == plain
    boosted = CatBoostTreesRegressor()
    assert bytes_of_fit(LogTarget(boosted), 50_000, 20, 1) == bytes_of_fit(boosted, 50_000, 20, 1)
    assert plain > 5 * bytes_of_fit(Ridge(), 50_000, 20, 10)


def test_a_fit_that_is_too_large_is_refused_with_the_amounts() -> None:
    matrix = np.zeros((1_000, 100))
    check_memory(Ridge(), matrix, 1, free=1e9)
    with pytest.raises(TooLarge, match=r"needs about 0\.0 GB .* 0\.0 GB are free"):
        check_memory(Ridge(), matrix, 1, free=1e5)


def test_a_search_goes_on_without_what_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.arange(300)
    problem = SearchProblem(
        pd.DataFrame({"x": rows / 30.0}),
        rows * 1.0,
        Task("regression", "rmse", "y"),
        [(rows[rows % 3 != k], rows[rows % 3 == k]) for k in range(3)],
    )
    encoded, clock = EncodedFolds(problem, FrameEncoder("ordinal")), Budget(trials=1).start()
    monkeypatch.setattr(memory, "free_bytes", lambda: 1e6)
    found = score(ExtraTreesRegressor(500), encoded, clock)
    assert (found.outcome, found.evaluation) == ("failed", None)
    assert "GB are free" in found.error
    assert score(Ridge(), EncodedFolds(problem, FrameEncoder()), clock).outcome == "ok"


def test_a_container_has_less_than_its_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("cgroup")
    (folder / "max").write_text("3000000000\n")
    (folder / "now").write_text("2999000000\n")
    (folder / "memory.stat").write_text("anon 5\ninactive_file 2000000\n")
    monkeypatch.setattr(memory, "_CGROUP", ((str(folder), "max", "now", "inactive_file"),))
    assert memory.free_bytes() == 3e6
    (folder / "max").write_text("max\n")
    assert memory.free_bytes() > 1e7
