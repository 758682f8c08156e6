"""How many folds a table gets, and how repeated and partial ones are used."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from limelight.data.split import make_split
from limelight.search.budget import Budget
from limelight.search.engine import SearchProblem
from limelight.search.evaluate import EncodedFolds, covered_rows, cross_validate
from limelight.search.features import FrameEncoder
from limelight.search.protocol import Protocol, disjoint_folds, protocol_for
from limelight.search.task import Task

TASK = Task("regression", "rmse", "y")


def made(rows: int, repeats: int = 1) -> SearchProblem:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 3))
    target = x[:, 0] + rng.normal(size=rows)
    split = make_split(pd.RangeIndex(rows), target, holdout=0.01, repeats=repeats, stratify=False)
    features = pd.DataFrame(x, columns=list("abc")).iloc[split.training]
    return SearchProblem(features, target[split.training], TASK, split.folds)


def test_without_a_clock_the_protocol_is_five_folds_whatever_the_table() -> None:
    assert protocol_for(100, 5, 1, None) == protocol_for(10**6, 50, 10, None) == Protocol(1, 5)


@pytest.mark.parametrize("seconds", [20, 100, 300, 1000])
def test_more_rows_never_get_more_folds_and_more_time_never_fewer(seconds: float) -> None:
    rows = [100, 300, 1000, 3000, 10_000, 30_000, 100_000, 1_000_000]
    found = [protocol_for(count, 20, 1, seconds) for count in rows]
    totals = [one.repeats * one.folds for one in found]
    assert totals == sorted(totals, reverse=True)
    longer = [protocol_for(count, 20, 1, 4 * seconds) for count in rows]
    assert all(
        a.repeats * a.folds >= b.repeats * b.folds for a, b in zip(longer, found, strict=True)
    )


def test_only_a_large_table_is_scored_on_a_single_fold() -> None:
    assert protocol_for(1_000_000, 20, 1, 30).folds == 1
    assert protocol_for(20_000, 500, 10, 30).folds == 2


def test_of_a_very_large_table_models_are_compared_on_some_of_the_rows() -> None:
    protocol = protocol_for(1_000_000, 50, 1, 60)
    assert protocol.folds == 1
    assert protocol.sample is not None and 50_000 <= protocol.sample < 500_000
    rows = np.arange(10_000)
    folds = [(rows[rows % 5 != k], rows[rows % 5 == k]) for k in range(5)]
    ((train, held),) = Protocol(1, 1, sample=1_000).chosen(folds)
    assert (len(train), len(held)) == (1_000, 500)
    assert set(train) <= set(folds[0][0]) and set(held) <= set(folds[0][1])
    again = Protocol(1, 1, sample=1_000).chosen(folds)[0]
    assert np.array_equal(train, again[0]) and np.array_equal(held, again[1])


def test_a_sample_keeps_all_rows_of_rare_classes() -> None:
    rows = np.arange(20_000)
    codes = np.where(rows % 1_000 == 7, 1, 0)
    folds = [(rows[rows % 5 != k], rows[rows % 5 == k]) for k in range(5)]
    ((train, held),) = Protocol(1, 1, sample=500).chosen(folds, codes=codes)
    for some, whole in ((train, folds[0][0]), (held, folds[0][1])):
        assert codes[some].sum() == codes[whole].sum()
        assert len(some) <= 520


def test_rows_of_a_group_stay_in_one_part_of_what_is_cross_fitted() -> None:
    every = np.arange(120)
    groups = every // 4
    found = disjoint_folds([(every[60:], every[:60])], groups)
    assert len(found) == 5
    for others, part in found:
        assert not set(groups[others]) & set(groups[part])


def test_repeated_folds_deal_the_rows_anew_and_keep_equal_rows_together() -> None:
    same = pd.Index(np.repeat(np.arange(100), 2))
    split = make_split(same, np.zeros(200), holdout=0.05, repeats=3, stratify=False)
    assert len(split.folds) == 15
    rows = np.arange(len(split.training))
    for deal in range(3):
        folds = split.folds[5 * deal : 5 * deal + 5]
        assert sorted(np.concatenate([validation for _, validation in folds])) == rows.tolist()
    first, other = split.folds[0][1], split.folds[5][1]
    assert set(first) != set(other)
    group = np.asarray(same)[split.training]
    for train, validation in split.folds:
        assert not set(group[train]) & set(group[validation])


def test_a_row_of_repeated_folds_gets_the_mean_of_its_predictions() -> None:
    whole = made(120, repeats=2)
    clock = Budget(trials=1).start()
    encoder = FrameEncoder("onehot")

    def out_of_fold(folds: slice) -> np.ndarray:
        part = SearchProblem(whole.features, whole.target, TASK, whole.folds[folds])
        return cross_validate(Ridge(), EncodedFolds(part, encoder), clock).out_of_fold

    first, second, both = (out_of_fold(s) for s in (slice(5), slice(5, 10), slice(10)))
    assert np.abs(first - second).max() > 1e-3
    np.testing.assert_allclose(both, (first + second) / 2, rtol=1e-5)


def test_rows_of_folds_that_are_not_validated_have_no_prediction() -> None:
    whole = made(200)
    part = SearchProblem(whole.features, whole.target, TASK, Protocol(1, 2).chosen(whole.folds))
    found = cross_validate(
        Ridge(), EncodedFolds(part, FrameEncoder("onehot")), Budget(trials=1).start()
    )
    known = np.flatnonzero(covered_rows(found.out_of_fold))
    assert known.tolist() == sorted(np.concatenate([v for _, v in whole.folds[:2]]))


def test_in_time_the_last_folds_are_validated() -> None:
    days = pd.Series(pd.date_range("2026-01-01", periods=120))
    split = make_split(pd.RangeIndex(120), np.zeros(120), stratify=False, time=days, repeats=3)
    chosen = Protocol(1, 2).chosen(split.folds, in_time=True)
    assert len(split.folds) == 5
    assert max(v.max() for _, v in chosen) == max(v.max() for _, v in split.folds)


@pytest.mark.parametrize(("repeats", "used", "parts"), [(2, 5, 5), (1, 4, 4), (1, 2, 5), (1, 1, 5)])
def test_predictions_are_cross_fitted_on_rows_without_overlap(
    repeats: int, used: int, parts: int
) -> None:
    folds = Protocol(repeats, used).chosen(made(300, repeats).folds)
    found = disjoint_folds(folds)
    assert len(found) == parts
    together = np.concatenate([part for _, part in found])
    assert len(set(together)) == len(together)
    assert set(together) == set(np.concatenate([validation for _, validation in folds]))
    for others, part in found:
        assert set(others) == set(together) - set(part)
