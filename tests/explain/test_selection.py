import numpy as np

from limelight.explain.selection import pick_rows
from limelight.search.task import Task

BINARY = Task("binary", "roc_auc", "y", ("good", "bad"))


def test_binary_rows_show_the_sure_the_wrong_and_the_borderline() -> None:
    p = np.array([0.01, 0.99, 0.02, 0.97, 0.51, 0.30])
    picked = pick_rows(np.column_stack([1 - p, p]), np.array([0, 1, 1, 0, 1, 0]), BINARY, n=5)
    reasons = dict(zip(picked["position"], picked["reason"], strict=True))
    assert reasons == {
        0: "right and sure: 'good'",
        1: "right and sure: 'bad'",
        3: "wrong and sure: says 'bad', is 'good'",
        2: "wrong and sure: says 'good', is 'bad'",
        4: "borderline between 'good' and 'bad'",
    }


def test_multiclass_reasons_name_the_classes_that_are_confused() -> None:
    task = Task("multiclass", "log_loss", "y", ("a", "b", "c"))
    rng = np.random.default_rng(0)
    target = rng.integers(0, 3, 90)
    odds = rng.dirichlet([1, 1, 1], 90)
    picked = pick_rows(odds, target, task)
    assert len(picked) == 6
    assert picked["position"].is_unique
    said = odds.argmax(axis=1)
    for at, reason in zip(picked["position"], picked["reason"], strict=True):
        if reason.startswith("right"):
            assert said[at] == target[at]
        if reason.startswith("wrong"):
            names = f"says '{task.classes[said[at]]}', is '{task.classes[target[at]]}'"
            assert reason.endswith(names)


def test_regression_rows_show_the_misses_and_the_ends() -> None:
    task = Task("regression", "rmse", "y")
    target = np.arange(20.0)
    prediction = target + 0.5
    prediction[3] += 9
    prediction[15] -= 9
    picked = pick_rows(prediction, target, task)
    reasons = dict(zip(picked["reason"], picked["position"], strict=True))
    assert reasons["largest miss, too high"] == 3
    assert reasons["largest miss, too low"] == 15
    assert reasons["highest prediction"] == 19
    assert reasons["lowest prediction"] == 0


def test_few_rows_are_enough_and_the_seed_settles_ties() -> None:
    odds = np.full((2, 2), 0.5)
    assert len(pick_rows(odds, np.array([0, 1]), BINARY)) == 2
    many = np.full((50, 2), 0.5)
    target = np.arange(50) % 2
    first = pick_rows(many, target, BINARY, seed=1)
    assert first.equals(pick_rows(many, target, BINARY, seed=1))
    assert not first.equals(pick_rows(many, target, BINARY, seed=2))
