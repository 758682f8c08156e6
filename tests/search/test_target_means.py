"""Mean targets of levels: worth much where levels are many, and no way for a target to leak."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.tree import DecisionTreeRegressor
from threadpoolctl import threadpool_limits

from limelight.search.columns import FrameReader, Texts
from limelight.search.engine import SearchProblem
from limelight.search.evaluate import EncodedFolds
from limelight.search.features import FrameEncoder
from limelight.search.target_means import TargetMeans, outputs_of
from limelight.search.task import Task

ROWS = 2000
RNG = np.random.default_rng(0)
#: Letters alone: a number in a name would be read as one.
TOWNS = np.array([f"{a}{b}x{c}" for a in "abcdefgh" for b in "klmnopqr" for c in "stuvwxyz"])
FOLDS = [(np.flatnonzero(np.arange(ROWS) % 4 != k), np.flatnonzero(np.arange(ROWS) % 4 == k))
         for k in range(4)]  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """As in a search: threads of BLAS take longer to start than these small products."""
    with threadpool_limits(1):
        yield


def encoded(town: np.ndarray, target: np.ndarray, kind: str = "ordinal") -> EncodedFolds:
    task = Task("binary", "roc_auc", "y", (0, 1))
    problem = SearchProblem(pd.DataFrame({"town": town}), target, task, FOLDS)
    return EncodedFolds(problem, FrameEncoder(kind, "standard" if kind == "onehot" else None))


def out_of_fold_auc(folds: EncodedFolds) -> float:
    target = folds.problem.target
    score = np.zeros(len(target))
    for fold in folds.folds:
        tree = DecisionTreeRegressor(min_samples_leaf=20).fit(
            fold.x_training, target[fold.training]
        )
        score[fold.validation] = tree.predict(fold.x_validation)
    return float(roc_auc_score(target, score))


def test_many_levels_tell_through_their_means() -> None:
    town = RNG.integers(0, len(TOWNS), ROWS)
    chance = RNG.choice([0.05, 0.95], len(TOWNS))
    target = (RNG.random(ROWS) < chance[town]).astype("int64")
    folds = encoded(TOWNS[town], target)
    assert (
        "town (mean target)"
        in FrameEncoder("ordinal").fit(folds.problem.features, target).get_feature_names_out()
    )
    assert out_of_fold_auc(folds) > 0.75


@pytest.mark.parametrize("rows_a_level", [2, 10])
def test_a_random_target_stays_at_chance(
    rows_a_level: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Shown in any case: else they would be left out here, and prove nothing.
    monkeypatch.setattr("limelight.search.column_plan.LEAST_EXPLAINED", -1.0)
    town = TOWNS[RNG.integers(0, min(len(TOWNS), ROWS // rows_a_level), ROWS)]
    target = RNG.integers(0, 2, ROWS)
    folds = encoded(town, target)
    assert folds.folds[0].x_training.shape[1] == 3
    assert abs(out_of_fold_auc(folds) - 0.5) < 0.05
    # Nor do the training rows see their own target.
    for fold in folds.folds:
        means, known = fold.x_training[:, 2], target[fold.training]
        assert abs(np.corrcoef(means, known)[0, 1]) < 0.15


def test_means_that_tell_nothing_are_left_out() -> None:
    town = TOWNS[RNG.integers(0, len(TOWNS), ROWS)]
    folds = encoded(town, RNG.integers(0, 2, ROWS))
    assert folds.folds[0].x_training.shape[1] == 2


def test_rare_and_new_levels_are_near_the_mean_of_all() -> None:
    town = np.repeat(["often", "once"], [99, 1])
    values = np.repeat([1.0, 0.0], [99, 1])
    outputs = outputs_of(values)
    assert outputs is not None
    frame = FrameReader(pd.DataFrame({"town": town}))
    means = TargetMeans(Texts("town"), frame, outputs)
    (found,) = means.read(FrameReader(pd.DataFrame({"town": ["often", "once", "new", None]})))
    assert found[:3] == pytest.approx([0.999, 0.9, 0.99], abs=1e-3)
    assert np.isnan(found[3])


def test_every_class_has_its_mean_and_too_many_have_none() -> None:
    town = RNG.integers(0, 300, ROWS)
    frame = pd.DataFrame({"town": TOWNS[town]})
    encoder = FrameEncoder("onehot", "standard")
    matrix = encoder.fit_transform(frame, town % 3)
    found = [name for name in encoder.get_feature_names_out() if "mean of class" in name]
    assert len(found) == 3
    model = LogisticRegression(max_iter=500).fit(matrix, town % 3)
    assert model.score(matrix, town % 3) > 0.8
    many = FrameEncoder("onehot").fit(frame, town % 100)
    assert not any("mean of class" in name for name in many.get_feature_names_out())
