"""Calibration mends what is wrong, leaves what is right, and never makes a class impossible."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from limelight.model.calibration import AS_IT_IS, calibrate, floor, mean_and_error
from limelight.search.metrics import METRICS

Array = NDArray[Any]
LOG_LOSS = METRICS["log_loss"]


def _drawn(rows: int, slope: float = 1.0, bias: float = 0.0, seed: int = 0) -> tuple[Array, Array]:
    """Classes, and their probabilities with the logits times a slope, plus a bias."""
    rng = np.random.default_rng(seed)
    logit = rng.normal(0, 1.5, rows)
    target = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype("int64")
    positive = 1 / (1 + np.exp(-(slope * logit + bias)))
    return target, np.stack([1 - positive, positive], axis=1)


def _folds(rows: int) -> list[tuple[Array, Array]]:
    every = np.arange(rows)
    return [(np.setdiff1d(every, part), part) for part in np.array_split(every, 5)]


def test_what_is_too_sure_is_flattened_and_better_on_new_rows() -> None:
    target, probability = _drawn(2000, slope=3.0)
    found = calibrate(target, probability, _folds(2000))
    assert found is not None
    assert found.gain > 5 * found.error
    assert 0.25 < found.calibration.slope < 0.45
    fresh, said = _drawn(2000, slope=3.0, seed=1)
    better = found.calibration.apply(said)
    assert LOG_LOSS(fresh, better) < LOG_LOSS(fresh, said) - 0.1
    np.testing.assert_allclose(better.sum(axis=1), 1)
    auc = METRICS["roc_auc"]
    assert auc(fresh, better) == auc(fresh, said), "the ranking stays"


def test_a_shift_is_mended_by_a_bias() -> None:
    target, probability = _drawn(2000, bias=2.0)
    found = calibrate(target, probability, _folds(2000))
    assert found is not None
    assert np.diff(found.calibration.bias).item() < -1.5
    fresh, said = _drawn(2000, bias=2.0, seed=1)
    right = _drawn(2000, seed=1)[1]
    assert abs(LOG_LOSS(fresh, found.calibration.apply(said)) - LOG_LOSS(fresh, right)) < 0.01


def test_what_is_right_is_mostly_left_alone() -> None:
    changed = [calibrate(*_drawn(600, seed=seed), _folds(600)) is not None for seed in range(20)]
    assert sum(changed) <= 5


def test_a_fold_is_calibrated_by_the_others() -> None:
    target, probability = _drawn(500, slope=3.0)
    before = calibrate(target, probability, _folds(500))
    turned = target.copy()
    turned[:5] = 1 - turned[:5]
    after = calibrate(turned, probability, _folds(500))
    assert before is not None
    assert after is not None
    assert np.array_equal(before.out_of_fold[:100], after.out_of_fold[:100])
    assert not np.array_equal(before.out_of_fold[100:], after.out_of_fold[100:])


def test_no_class_is_impossible_and_no_rank_changes() -> None:
    target = np.repeat([0, 1, 2], [900, 90, 10])
    certain = np.eye(3)[np.zeros(50, dtype=int)]
    possible = floor(target, 3).apply(certain)
    assert (possible > 0).all()
    assert possible[0, 0] > 0.9998
    assert LOG_LOSS(np.full(50, 2), possible) < 17 < LOG_LOSS(np.full(50, 2), certain)
    _, graded = _drawn(200)
    assert np.array_equal(
        np.argsort(graded[:, 1]), np.argsort(floor(target[:200] % 2, 2).apply(graded)[:, 1])
    )


def test_rows_without_a_prediction_stay_without() -> None:
    target, probability = _drawn(400, slope=3.0)
    probability[:80] = np.nan
    found = calibrate(target, probability, _folds(400)[1:])
    assert found is not None
    assert np.isnan(found.out_of_fold[:80]).all()
    assert np.isfinite(found.out_of_fold[80:]).all()


def test_rows_of_a_group_are_one_piece_of_evidence() -> None:
    rng = np.random.default_rng(0)
    values = np.repeat(rng.normal(size=30), 20)
    alone, grouped = mean_and_error(values), mean_and_error(values, np.repeat(np.arange(30), 20))
    assert grouped[0] == alone[0]
    assert 4 < grouped[1] / alone[1] < 5
    assert mean_and_error(values, np.zeros(600))[1] == float("inf")


def test_nothing_is_done_by_default() -> None:
    _, probability = _drawn(10)
    assert np.array_equal(AS_IT_IS.apply(probability), probability)
