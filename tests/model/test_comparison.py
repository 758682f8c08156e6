"""Intervals and comparisons: the forms equal the metrics, and the bootstrap covers and orders."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from limelight.model import comparison
from limelight.model.comparison import bootstrap_interval, bootstrap_scores, compare
from limelight.model.forms import form_of
from limelight.search.metrics import METRICS, Metric

Array = NDArray[Any]


def _case(metric: Metric, classes: int, rows: int = 200, noise: float = 1.0) -> tuple[Array, Array]:
    rng = np.random.default_rng(classes)
    if "regression" in metric.problems:
        target = rng.normal(50, 5, rows)
        return target, target + noise * rng.normal(0, 3, rows)
    codes = rng.integers(0, classes, rows)
    scores = np.eye(classes)[codes] + noise * rng.normal(size=(rows, classes))
    probability = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    # Rounded, so that there are ties, as trees make them.
    return codes, probability.round(1)


CASES = [
    (metric, classes)
    for metric in METRICS.values()
    for classes in (2, 4)
    if classes == 2 or "multiclass" in metric.problems
]


@pytest.mark.parametrize(("metric", "classes"), CASES, ids=lambda one: getattr(one, "name", one))
def test_a_form_equals_its_metric_on_the_drawn_rows(metric: Metric, classes: int) -> None:
    target, prediction = _case(metric, classes)
    form = form_of(metric)
    counts = np.random.default_rng(1).poisson(1.0, size=(8, len(target))).astype("float64")
    counts[0] = 1.0
    scores = form.score(target, form.essence(target, prediction), counts)
    for drawn, score in zip(counts, scores, strict=True):
        rows = np.repeat(np.arange(len(target)), drawn.astype(int))
        assert score == pytest.approx(metric(target[rows], prediction[rows]), rel=1e-6)


@pytest.mark.parametrize(("metric", "classes"), CASES, ids=lambda one: getattr(one, "name", one))
def test_the_essence_of_a_mean_is_the_mean_of_the_essences(metric: Metric, classes: int) -> None:
    target, one = _case(metric, classes)
    _, other = _case(metric, classes, noise=2.0)
    if one.ndim == 2:
        one, other = (p / p.sum(axis=1, keepdims=True) for p in (one + 0.01, other + 0.01))
    essence = form_of(metric).essence
    mixed = essence(target, 0.25 * one + 0.75 * other)
    np.testing.assert_allclose(mixed, 0.25 * essence(target, one) + 0.75 * essence(target, other))


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    # The error is normal with deviation 1, so the true rmse is 1.
    covered = 0
    for seed in range(200):
        target = rng.normal(size=150)
        found = bootstrap_interval(METRICS["rmse"], target, np.zeros(150), seed=seed)
        assert found.low < found.score < found.high
        covered += found.low <= 1.0 <= found.high
    assert 0.89 <= covered / 200 <= 0.99


def test_more_rows_make_a_narrower_interval() -> None:
    few = bootstrap_interval(METRICS["roc_auc"], *_case(METRICS["roc_auc"], 2, rows=100))
    many = bootstrap_interval(METRICS["roc_auc"], *_case(METRICS["roc_auc"], 2, rows=1600))
    assert 3 < (few.high - few.low) / (many.high - many.low) < 6


def test_every_class_is_in_every_sample() -> None:
    # Drawn from all rows alike, one in three samples would miss the rare class: no area at all.
    target = np.array([0] * 99 + [1])
    probability = np.stack([1 - target * 0.9, target * 0.9], axis=1)
    scores = bootstrap_scores(METRICS["roc_auc"], target, [probability])
    assert np.isfinite(scores).all()


def test_the_same_seed_gives_the_same_samples() -> None:
    case = _case(METRICS["log_loss"], 4)
    one, same, other = (
        bootstrap_interval(METRICS["log_loss"], *case, seed=seed) for seed in (3, 3, 4)
    )
    assert one == same != other


@pytest.mark.parametrize("name", ["rmse", "r2", "log_loss", "roc_auc"])
def test_the_better_model_is_ahead_whichever_way_the_metric_points(name: str) -> None:
    metric = METRICS[name]
    target, good = _case(metric, 2, rows=500, noise=0.5)
    _, bad = _case(metric, 2, rows=500, noise=2.0)
    found = compare(metric, target, ("good", good), ("bad", bad), rows="holdout")
    assert 0 < found.low < found.difference < found.high
    assert found.probability > 0.99
    assert "good is" in str(found)
    assert "better than bad on the holdout rows" in str(found)
    turned = compare(metric, target, ("bad", bad), ("good", good), rows="holdout")
    assert turned.difference == -found.difference
    assert turned.probability == pytest.approx(1 - found.probability)


def test_the_paired_interval_is_narrower_than_two_single_ones() -> None:
    metric = METRICS["rmse"]
    target, one = _case(metric, 2, rows=300)
    other = one + 0.1
    found = compare(metric, target, ("one", one), ("other", other), rows="out-of-fold")
    alone = bootstrap_interval(metric, target, one)
    assert found.high - found.low < (alone.high - alone.low) / 5


def test_a_model_is_not_better_than_itself() -> None:
    target, one = _case(METRICS["accuracy"], 4)
    found = compare(METRICS["accuracy"], target, ("a", one), ("b", one), rows="holdout")
    assert (found.difference, found.low, found.high, found.probability) == (0, 0, 0, 0.5)


def test_rows_without_a_prediction_are_left_out() -> None:
    metric = METRICS["rmse"]
    target, prediction = _case(metric, 2)
    partial = prediction.copy()
    partial[100:] = np.nan
    target_wild = target.copy()
    target_wild[100:] = 1e9
    found = bootstrap_interval(metric, target_wild, partial)
    assert found.score == metric(target[:100], prediction[:100])
    assert found.high < 10
    nothing = bootstrap_interval(metric, target, np.full(200, np.nan))
    assert np.isnan([nothing.score, nothing.low, nothing.high]).all()


def test_rows_of_a_group_are_drawn_together() -> None:
    # Ten rows of each of 40 groups err alike: there are 40 errors, and not 400.
    groups = np.repeat(np.arange(40), 10)
    covered = {True: 0, False: 0}
    for seed in range(100):
        rng = np.random.default_rng(seed)
        target = np.repeat(rng.normal(size=40), 10)
        for grouped in covered:
            found = bootstrap_interval(
                METRICS["rmse"], target, np.zeros(400), groups=groups if grouped else None
            )
            covered[grouped] += found.low <= 1.0 <= found.high
    assert covered[True] >= 85
    assert covered[False] <= 65


def test_one_group_says_nothing_of_others() -> None:
    target, prediction = _case(METRICS["rmse"], 2)
    alone = np.zeros(len(target), dtype="int64")
    found = bootstrap_interval(METRICS["rmse"], target, prediction, groups=alone)
    assert np.isfinite(found.score)
    assert np.isnan([found.low, found.high]).all()
    pair = compare(
        METRICS["rmse"],
        target,
        ("a", prediction),
        ("b", prediction + 1),
        rows="holdout",
        groups=alone,
    )
    assert np.isfinite(pair.difference)
    assert np.isnan(pair.probability)
    assert "nan" not in str(pair)


def test_samples_without_a_class_have_no_part_in_the_probability() -> None:
    # The positives are in three of ten groups: some samples have none, and no area.
    groups = np.repeat(np.arange(10), 20)
    target = (groups < 3).astype("int64")
    better = np.stack([1 - target, target], axis=1).astype("float64")
    worse = np.full((200, 2), 0.5)
    pair = compare(
        METRICS["roc_auc"], target, ("a", better), ("b", worse), rows="holdout", groups=groups
    )
    assert pair.probability == 1


@pytest.mark.parametrize("name", ["rmse", "log_loss", "roc_auc", "balanced_accuracy"])
def test_a_part_of_many_rows_tells_what_all_of_them_would(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    metric = METRICS[name]
    target, one = _case(metric, 2, rows=20_000)
    _, two = _case(metric, 2, rows=20_000, noise=1.5)
    pair = ("one", one), ("two", two)
    whole = bootstrap_interval(metric, target, one), compare(metric, target, *pair, rows="x")
    monkeypatch.setattr(comparison, "ENOUGH_ROWS", 4_000)
    part = bootstrap_interval(metric, target, one), compare(metric, target, *pair, rows="x")
    assert part[0].score == whole[0].score
    assert part[1].difference == whole[1].difference
    for some, all_of_them in zip(part, whole, strict=True):
        assert some.high - some.low == pytest.approx(all_of_them.high - all_of_them.low, rel=0.15)
        middle = (all_of_them.high + all_of_them.low) / 2
        assert (some.high + some.low) / 2 == pytest.approx(
            middle, abs=0.15 * (all_of_them.high - all_of_them.low)
        )


def test_a_rare_class_is_not_thinned_out(monkeypatch: pytest.MonkeyPatch) -> None:
    metric = METRICS["roc_auc"]
    rng = np.random.default_rng(0)
    target = (np.arange(20_000) < 100).astype("int64")
    chance = 1 / (1 + np.exp(-(target + rng.normal(size=len(target)))))
    probability = np.stack([1 - chance, chance], axis=1)
    whole = bootstrap_interval(metric, target, probability)
    monkeypatch.setattr(comparison, "ENOUGH_ROWS", 2_000)
    assert bootstrap_interval(metric, target, probability) == whole


def test_of_many_groups_a_part_is_drawn_from(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(1000), 10)
    target = np.repeat(rng.normal(size=1000), 10)
    whole = bootstrap_interval(METRICS["rmse"], target, np.zeros(10_000), groups=groups)
    monkeypatch.setattr(comparison, "ENOUGH_ROWS", 4_000)
    part = bootstrap_interval(METRICS["rmse"], target, np.zeros(10_000), groups=groups)
    assert part.high - part.low == pytest.approx(whole.high - whole.low, rel=0.2)
    alone = bootstrap_interval(METRICS["rmse"], target, np.zeros(10_000))
    assert part.high - part.low > 2 * (alone.high - alone.low)
