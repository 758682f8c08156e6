"""Labels are decided as is best for the metric, on rows that had no part in the decision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from limelight.model.decision import MOST_PROBABLE, OF_LABELS, Decision, cross_fitted, fit
from limelight.search.metrics import METRICS

Array = NDArray[Any]


def _drawn(rows: int, shares: tuple[float, ...], seed: int = 0) -> tuple[Array, Array]:
    """Classes of given shares, and their right probabilities."""
    rng = np.random.default_rng(seed)
    target = rng.choice(len(shares), rows, p=shares)
    evidence = rng.normal(size=(rows, len(shares)))
    evidence[np.arange(rows), target] += 1.5
    probability = np.exp(1.5 * evidence) * np.asarray(shares)
    return target, probability / probability.sum(axis=1, keepdims=True)


def _folds(rows: int) -> list[tuple[Array, Array]]:
    return [(np.zeros(0, dtype=int), part) for part in np.array_split(np.arange(rows), 5)]


@pytest.mark.parametrize(
    ("name", "shares"),
    [
        ("balanced_accuracy", (0.92, 0.08)),
        ("balanced_accuracy", (0.7, 0.22, 0.08)),
        ("f1", (0.92, 0.08)),
    ],
)
def test_rare_classes_are_named_earlier_and_the_score_of_new_rows_gains(
    name: str, shares: tuple[float, ...]
) -> None:
    metric = METRICS[name]
    target, probability = _drawn(1500, shares)
    decision = fit(metric, target, probability)
    assert decision.weights[-1] > decision.weights[0]
    fresh, said = _drawn(3000, shares, seed=1)
    assert metric(fresh, decision.weighed(said)) > metric(fresh, said) + 0.01
    # What is said of it out of fold is about what new rows say.
    promised = metric(target, cross_fitted(metric, target, probability, _folds(1500)))
    assert promised == pytest.approx(metric(fresh, decision.weighed(said)), abs=0.1)


def test_the_accuracy_of_right_probabilities_needs_no_decision() -> None:
    changed = [
        fit(METRICS["accuracy"], *_drawn(400, (0.6, 0.4), seed=seed)) != MOST_PROBABLE
        for seed in range(20)
    ]
    assert sum(changed) <= 3


def test_the_accuracy_of_wrong_probabilities_gains_by_one() -> None:
    target, probability = _drawn(1000, (0.7, 0.3))
    shifted = probability * [1.0, 8.0]
    shifted /= shifted.sum(axis=1, keepdims=True)
    decision = fit(METRICS["accuracy"], target, shifted)
    assert decision.threshold is not None
    assert decision.threshold > 0.7


def test_other_metrics_are_none_of_its_business() -> None:
    target, probability = _drawn(300, (0.9, 0.1))
    for metric in METRICS.values():
        if metric.name not in OF_LABELS and "binary" in metric.problems:
            assert fit(metric, target, probability) == MOST_PROBABLE
            assert cross_fitted(metric, target, probability, _folds(300)) is probability


def test_a_fold_is_decided_by_the_others() -> None:
    target, probability = _drawn(500, (0.85, 0.15))
    metric = METRICS["f1"]
    before = cross_fitted(metric, target, probability, _folds(500))
    turned = target.copy()
    turned[:100] = 1 - turned[:100]
    after = cross_fitted(metric, turned, probability, _folds(500))
    assert np.array_equal(before[:100], after[:100])


def test_a_threshold_is_what_it_says() -> None:
    positive = np.array([0.19, 0.21, 0.5, 0.9])
    careful = Decision.at(0.2)
    assert careful.threshold == 0.2
    assert careful.labels(np.stack([1 - positive, positive], axis=1)).tolist() == [0, 1, 1, 1]
    weighed = careful.weighed(np.stack([1 - positive, positive], axis=1))
    np.testing.assert_allclose(weighed.sum(axis=1), 1)
    assert Decision((0.2, 0.3, 0.5)).threshold is None


def test_the_same_seed_gives_the_same_decision() -> None:
    target, probability = _drawn(9000, (0.9, 0.1))
    metric = METRICS["f1"]
    assert fit(metric, target, probability, seed=3) == fit(metric, target, probability, seed=3)
