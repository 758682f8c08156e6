"""Greedy weights find what helps, and the decision for an ensemble is not flattered."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from limelight.model.ensemble import (
    MOST_MEMBERS,
    Blend,
    WeightedModel,
    blend,
    comparable,
    greedy_weights,
    weighted_mean,
)
from limelight.search.candidate import Candidate
from limelight.search.metrics import METRICS, Metric
from limelight.search.task import Task

Array = NDArray[Any]
ROWS = 400
RMSE = METRICS["rmse"]
FOLDS = [(np.setdiff1d(np.arange(ROWS), part), part) for part in np.array_split(np.arange(ROWS), 5)]


def _candidate(
    name: str, out_of_fold: Array, target: Array, metric: Metric = RMSE, constant: bool = False
) -> Candidate:
    covered = np.isfinite(out_of_fold.reshape(len(target), -1)).all(axis=1)
    score = metric(target[covered], out_of_fold[covered])
    scores = (score,) * 5
    return Candidate(
        name, "tpot", 0, 0, name, {}, None, out_of_fold, scores, score, 1.0, 0.1, constant
    )


def _independent(errors: list[float], seed: int = 0) -> tuple[list[Candidate], Array]:
    rng = np.random.default_rng(seed)
    target = rng.normal(size=ROWS)
    made = [
        _candidate(f"c{i}", target + rng.normal(0, error, ROWS), target)
        for i, error in enumerate(errors)
    ]
    return sorted(made, key=lambda candidate: candidate.score), target


def _blend(pool: list[Candidate], target: Array, metric: Metric = RMSE) -> Blend:
    found = blend(pool, target, metric, FOLDS)
    assert found is not None
    return found


def test_an_ensemble_of_independent_errors_beats_its_members() -> None:
    pool, target = _independent([1.0, 1.0, 1.1])
    found = _blend(pool, target)
    assert found.holds
    assert found.gain > 0.2
    assert RMSE(target, found.out_of_fold) < min(candidate.score for candidate in pool) - 0.2
    assert sum(found.weights.values()) == pytest.approx(1)
    assert list(found.weights.values()) == sorted(found.weights.values(), reverse=True)


def test_a_bad_model_gets_no_weight() -> None:
    pool, target = _independent([0.1, 5.0, 6.0])
    found = _blend(pool, target)
    assert found.weights == {"c0": 1.0}
    assert not found.holds


def test_an_ensemble_that_is_clearly_behind_is_not_taken() -> None:
    # On the rows that weights are chosen on, noise always "helps"; on other rows it harms.
    for gain, error, holds in ((-0.5, 0.2, False), (-0.1, 0.2, True), (0.1, 0.2, True)):
        assert Blend({"a": 0.5, "b": 0.5}, np.zeros(0), gain, error).holds is holds
    assert not Blend({"a": 1.0}, np.zeros(0), 0.5, 0.1).holds
    assert not Blend({"a": 0.5, "b": 0.5}, np.zeros(0), float("nan"), float("inf")).holds


def test_noise_that_happens_to_help_costs_little() -> None:
    # One good model and many that add noise alone: chosen on the same rows, some always "help".
    losses = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        target = rng.normal(size=ROWS)
        good = target + rng.normal(0, 0.5, ROWS)
        pool = [_candidate("good", good, target)] + [
            _candidate(f"c{i}", good + rng.normal(0, 0.3, ROWS), target) for i in range(10)
        ]
        found = _blend(pool, target)
        assert next(iter(found.weights)) == "good"
        losses.append(found.gain if found.holds else 0.0)
    assert np.mean(losses) > -0.001


def test_for_ranks_weights_are_those_of_the_log_loss_and_the_evidence_is_of_ranks() -> None:
    rng = np.random.default_rng(5)
    target = rng.integers(0, 2, ROWS)
    pool = []
    for slope in (0.2, 1.0, 5.0):
        positive = 1 / (1 + np.exp(-slope * (2 * target - 1 + rng.normal(0, 1.4, ROWS))))
        both = np.stack([1 - positive, positive], axis=1).astype("float32")
        pool.append(_candidate(f"{slope}", both, target, METRICS["roc_auc"]))
    ranks, losses = (_blend(pool, target, METRICS[name]) for name in ("roc_auc", "log_loss"))
    assert ranks.weights == losses.weights
    assert ranks.gain != losses.gain


def test_labels_are_chosen_by_the_decision_that_will_be_made() -> None:
    # Of a rare class every probability is below one half: by the most probable class all are equal.
    rng = np.random.default_rng(2)
    target = (rng.random(ROWS) < 0.1).astype("int64")
    metric = METRICS["f1"]
    pool = []
    for name, noise in (("noise", 3.0), ("good", 0.7)):
        positive = 0.4 / (1 + np.exp(-(3 * target - 2 + rng.normal(0, noise, ROWS))))
        both = np.stack([1 - positive, positive], axis=1).astype("float32")
        pool.append(_candidate(name, both, target, metric))
    weights = _blend(pool, target, metric).weights
    assert weights.get("good", 0.0) > 0.6


def test_the_evidence_of_a_fold_does_not_come_from_that_fold() -> None:
    pool, target = _independent([1.0, 1.0, 1.1])
    before = _blend(pool, target).out_of_fold
    changed = target.copy()
    inside = FOLDS[2][1]
    changed[inside] = changed[inside][::-1] * 7
    after = _blend(pool, changed).out_of_fold
    assert np.array_equal(before[inside], after[inside])
    assert not np.array_equal(before, after)


def test_of_two_that_are_the_same_only_one_is_taken() -> None:
    pool, target = _independent([1.0, 1.0])
    twin = _candidate("twin", pool[0].out_of_fold + 1e-6, target)
    assert _blend([pool[0], twin, pool[1]], target).weights.keys() == {"c0", "c1"}
    assert blend([pool[0], twin], target, RMSE, FOLDS) is None


def test_a_constant_is_no_member_though_it_differs_between_folds() -> None:
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, ROWS)
    metric = METRICS["roc_auc"]
    constant = np.empty((ROWS, 2), dtype="float32")
    for number, (_, rows) in enumerate(FOLDS):
        constant[rows] = [0.5 + number / 100, 0.5 - number / 100]
    positive = np.clip(target * 0.3 + rng.random(ROWS) * 0.7, 0, 1)
    good = np.stack([1 - positive, positive], axis=1).astype("float32")
    flat = _candidate("flat", constant, target, metric, constant=True)
    pool = [_candidate("good", good, target, metric), flat]
    assert blend(pool, target, metric, FOLDS) is None


def test_an_ensemble_has_to_beat_a_constant_too() -> None:
    pool, target = _independent([2.0, 2.0, 2.0])
    constant = _candidate("constant", np.full(ROWS, target.mean()), target, constant=True)
    assert _blend(pool, target).holds
    assert constant.score < RMSE(target, _blend(pool, target).out_of_fold)
    found = _blend([constant, *pool], target)
    assert "constant" not in found.weights
    assert found.gain < 0
    assert not found.holds


def test_there_are_few_members_and_none_of_little_weight() -> None:
    pool, target = _independent([1.0] * 12)
    weights = _blend(pool, target).weights
    assert 2 <= len(weights) <= MOST_MEMBERS
    assert min(weights.values()) >= 0.05


def test_of_equal_ensembles_the_one_with_fewer_members_is_taken() -> None:
    perfect = np.array([1.0, 0.0, 1.0, 0.0])
    essences = np.stack([perfect, perfect, perfect])
    weights = greedy_weights(lambda one: -float(np.abs(one - perfect).sum()), essences)
    assert weights.tolist() == [1.0, 0.0, 0.0]


def test_probabilities_are_blended_for_a_ranking_metric() -> None:
    rng = np.random.default_rng(1)
    target = rng.integers(0, 2, ROWS)
    metric = METRICS["roc_auc"]
    pool = []
    for i in range(3):
        positive = 1 / (1 + np.exp(-(2 * target - 1 + rng.normal(0, 1.5, ROWS))))
        both = np.stack([1 - positive, positive], axis=1).astype("float32")
        pool.append(_candidate(f"c{i}", both, target, metric))
    pool.sort(key=lambda candidate: -candidate.score)
    found = _blend(pool, target, metric)
    assert found.holds
    np.testing.assert_allclose(found.out_of_fold.sum(axis=1), 1, rtol=1e-5)
    assert metric(target, found.out_of_fold) > pool[0].score + 0.02


def test_who_was_scored_on_fewer_rows_is_not_compared() -> None:
    pool, target = _independent([1.0, 1.0])
    partial = pool[0].out_of_fold.copy()
    partial[:100] = np.nan
    lucky = _candidate("lucky", partial, target)
    assert [candidate.id for candidate in comparable([lucky, *pool])] == [c.id for c in pool]
    assert comparable([lucky]) == [lucky]


def test_a_weighted_model_is_the_weighted_mean_of_its_members() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 2)), columns=["a", "b"])
    codes = (frame["a"] + 0.3 * rng.normal(size=60) > 0).astype(int)
    members = (
        LogisticRegression().fit(frame, codes),
        DecisionTreeClassifier(max_depth=2).fit(frame, codes),
    )
    model = WeightedModel(members, (0.3, 0.7), Task("binary", "roc_auc", "y", ("no", "yes")))
    expected = weighted_mean([member.predict_proba(frame) for member in members], (0.3, 0.7))
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict_proba(frame), expected)
    assert np.array_equal(again.predict(frame), expected.argmax(axis=1))
    assert again.classes_.tolist() == [0, 1]


def test_a_member_that_never_saw_a_class_gives_it_nothing() -> None:
    frame = pd.DataFrame({"a": [0.0, 1.0, 2.0]})
    both = DecisionTreeClassifier().fit(frame.iloc[:2], [0, 2])
    every = DecisionTreeClassifier().fit(frame, [0, 1, 2])
    model = WeightedModel((both, every), (0.5, 0.5), Task("multiclass", "log_loss", "y", (*"xyz",)))
    np.testing.assert_allclose(model.predict_proba(frame.iloc[[1]]), [[0.0, 0.5, 0.5]])


def test_a_regression_has_no_probabilities() -> None:
    frame = pd.DataFrame({"a": [0.0, 1.0]})
    model = WeightedModel(
        (LinearRegression().fit(frame, [0.0, 1.0]),), (1.0,), Task("regression", "rmse", "y")
    )
    assert model.predict(frame) == pytest.approx([0.0, 1.0])
    with pytest.raises(AttributeError):
        model.predict_proba(frame)
