from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limelight.data.hashing import stable_hash
from limelight.data.split import Split, make_split
from limelight.errors import InputError


def is_whole(split: Split, rows: int) -> None:
    """Both sides together are all rows; the validation rows of a fold are not its training rows."""
    assert sorted([*split.training, *split.holdout]) == list(range(rows))
    for train, valid in split.folds:
        assert len(train) and len(valid)
        assert not set(train) & set(valid)
        assert {array.dtype for array in (train, valid, split.training)} == {np.dtype("int64")}


@settings(max_examples=25, deadline=None)
@given(st.integers(20, 300), st.integers(2, 6), st.integers(0, 2**32))
def test_folds_hold_every_training_row_once(rows: int, classes: int, seed: int) -> None:
    target = np.random.default_rng(seed).integers(0, classes, rows)
    try:
        split = make_split(pd.RangeIndex(seed, seed + rows), target, stratify=True)
    except InputError:
        return  # a class too rare, or an empty holdout, which has a test of its own
    is_whole(split, rows)
    validated = np.concatenate([valid for _, valid in split.folds])
    assert sorted(validated) == list(range(len(split.training)))
    present = set(target[split.training])
    for train, valid in split.folds:
        assert set(target[split.training][train]) == present
        assert abs(len(valid) - len(split.training) / len(split.folds)) < 1


def test_classes_have_their_share_in_every_fold() -> None:
    target = np.repeat([0, 1, 2], [700, 250, 50])
    split = make_split(pd.RangeIndex(1000), target, stratify=True)
    counts = np.array([np.bincount(target[split.training][v]) for _, v in split.folds])
    assert (counts.max(axis=0) - counts.min(axis=0) <= 1).all()


def test_numbers_are_alike_in_every_fold() -> None:
    target = np.random.default_rng(0).lognormal(size=1000)
    split = make_split(pd.RangeIndex(1000), target, stratify=False)
    is_whole(split, 1000)
    medians = [np.median(target[split.training][valid]) for _, valid in split.folds]
    assert max(medians) / min(medians) < 1.05


def test_a_row_never_changes_sides() -> None:
    keys = pd.Index([f"row {n}" for n in range(3000)])
    target = np.arange(3000) % 2
    small = make_split(keys[:1000], target[:1000], stratify=True)
    order = np.random.default_rng(0).permutation(3000)
    large = make_split(keys[order], target[order], stratify=True)
    held = set(keys[order][large.holdout])
    assert set(keys[small.holdout]) == held & set(keys[:1000])
    lower = make_split(keys, target, holdout=0.1, stratify=True)
    assert set(keys[lower.holdout]) < held


def test_the_share_of_the_holdout_is_met() -> None:
    for holdout in (0.1, 0.2, 0.5):
        split = make_split(pd.RangeIndex(20_000), np.zeros(20_000), holdout=holdout, stratify=False)
        assert abs(len(split.holdout) / 20_000 - holdout) < 0.01


def test_hashes_are_fixed_for_ever() -> None:
    # A change of these values would move rows between the sides of every dataset.
    assert stable_hash(pd.Index(["a", "b"])).tolist() == [
        17987540124909546744,
        17523253720661469290,
    ]
    assert stable_hash(pd.MultiIndex.from_tuples([("a", 1)])).tolist() == [7196113418148965988]


def test_hashes_tell_values_apart_and_not_their_types() -> None:
    numbers = [pd.Index([1, 2]), pd.Index([1.0, 2.0]), pd.Index([1, 2], dtype="UInt8")]
    assert len({tuple(stable_hash(index)) for index in numbers}) == 1
    pairs = pd.MultiIndex.from_tuples([("a", "bc"), ("ab", "c"), ("abc", ""), ("", "abc")])
    assert len(set(stable_hash(pairs))) == 4
    categories = pd.Series(["a", "b"], dtype="category")
    assert stable_hash(categories).tolist() == stable_hash(pd.Index(["a", "b"])).tolist()


def test_hashes_are_the_same_in_another_process() -> None:
    script = (
        "import pandas as pd; from limelight.data.hashing import stable_hash;"
        "print(stable_hash(pd.Index(['a', 'b'])).tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(stable_hash(pd.Index(["a", "b"])).tolist())


def test_equal_rows_stay_on_one_side() -> None:
    base = [f"{n:020x}" for n in range(500)]
    keys = pd.Index([*base, *[f"{key}-2" for key in base]], name="row_key")
    split = make_split(keys, np.arange(1000) % 2, stratify=True)
    assert {n % 500 for n in split.holdout}.isdisjoint(n % 500 for n in split.training)


@pytest.mark.parametrize("stratify", [True, False])
def test_equal_rows_stay_in_one_fold(stratify: bool) -> None:
    base = [f"{n:020x}" for n in range(400)]
    keys = pd.Index([*base, *[f"{key}-2" for key in base], *[f"{key}-3" for key in base[:50]]])
    target = np.tile(np.arange(400) % 2, 3)[:850]
    split = make_split(keys.rename("row_key"), target, stratify=stratify)
    same = split.training % 400
    is_whole(split, 850)
    for train, valid in split.folds:
        assert set(same[train]).isdisjoint(same[valid]), "validated on rows it was trained on"
        assert 0.1 < len(valid) / len(split.training) < 0.3


def test_a_class_that_is_one_row_many_times_is_in_every_folds_training_rows() -> None:
    keys = pd.Index([*[f"{n:020x}" for n in range(100)], *[f"{'f' * 20}-{n}" for n in range(2, 9)]])
    target = np.array([0] * 100 + [1] * 7)
    split = make_split(keys.rename("row_key"), target, stratify=True)
    assert all(set(target[split.training][train]) == {0, 1} for train, _ in split.folds)


def test_groups_stay_together() -> None:
    groups = pd.Series(np.arange(1000) // 7, name="customer")
    target = np.random.default_rng(0).integers(0, 3, 1000)
    split = make_split(pd.RangeIndex(1000), target, stratify=True, groups=groups)
    is_whole(split, 1000)
    assert split.kind == "group"
    assert set(groups[split.holdout]).isdisjoint(groups[split.training])
    inner = groups.to_numpy()[split.training]
    for train, valid in split.folds:
        assert set(inner[train]).isdisjoint(inner[valid])
        counts = np.bincount(target[split.training][valid]) / np.bincount(target[split.training])
        assert abs(counts - 0.2).max() < 0.05
    shuffled = make_split(pd.Index(range(5000, 6000)), target, stratify=True, groups=groups)
    assert shuffled.holdout.tolist() == split.holdout.tolist()


def test_few_groups_make_few_folds() -> None:
    groups = pd.Series(np.arange(100) % 4, name="site")
    split = make_split(
        pd.RangeIndex(100), np.zeros(100), holdout=0.3, stratify=False, groups=groups
    )
    assert len(split.folds) == groups[split.training].nunique() <= 3


def test_the_last_rows_are_the_holdout_in_time() -> None:
    days = pd.Series(pd.date_range("2020", periods=1000), name="day").sample(frac=1, random_state=0)
    days = days.reset_index(drop=True)
    split = make_split(pd.RangeIndex(1000), np.arange(1000) % 2, stratify=True, time=days)
    is_whole(split, 1000)
    assert len(split.holdout) == 200
    assert days[split.training].max() < days[split.holdout].min()
    inner = days.to_numpy()[split.training]
    assert len(split.folds) == 5
    for train, valid in split.folds:
        assert inner[train].max() < inner[valid].min()


def test_rows_of_the_same_time_stay_together() -> None:
    month = pd.Series(np.arange(120) // 10, name="month")
    split = make_split(pd.RangeIndex(120), np.zeros(120), holdout=0.25, stratify=False, time=month)
    is_whole(split, 120)
    assert set(month[split.holdout]) == {9, 10, 11}
    inner = month.to_numpy()[split.training]
    for train, valid in split.folds:
        assert inner[train].max() < inner[valid].min()


def test_dates_as_objects_are_times() -> None:
    days = pd.Series(pd.date_range("2020", periods=50).date, name="day")
    split = make_split(pd.RangeIndex(50), np.zeros(50), stratify=False, time=days)
    assert split.holdout.tolist() == list(range(40, 50))


def test_a_small_table_gets_sensible_folds() -> None:
    target = np.array([0] * 14 + [1] * 6)
    split = make_split(pd.RangeIndex(20), target, stratify=True, class_names=("good", "bad"))
    is_whole(split, 20)
    rarest = split.summary()["classes"]["bad"]["training"]
    assert len(split.folds) == max(2, min(5, rarest))


def test_the_summary_counts() -> None:
    target = np.arange(100) % 2
    split = make_split(pd.RangeIndex(100), target, stratify=True, class_names=("no", "yes"))
    summary = split.summary()
    held = len(split.holdout)
    assert (summary["training"], summary["holdout"], summary["kind"]) == (100 - held, held, "key")
    assert summary["holdout_fraction"] == held / 100
    assert summary["classes"]["yes"] == {
        "training": int(target[split.training].sum()),
        "holdout": int(target[split.holdout].sum()),
    }


EVEN = np.arange(100) % 2
RARE = np.array([1] + [0] * 99)
GROUPS = pd.Series(np.arange(100) // 5, name="g")
TIMES = pd.Series(np.arange(100), name="t")


@pytest.mark.parametrize(
    ("target", "arguments", "message"),
    [
        (RARE, {}, "class 'bad' has 1 of 100 rows, of which [01] outside the holdout.*Merge"),
        (EVEN, {"groups": GROUPS, "time": TIMES}, "--group g and --time t are both given"),
        (EVEN, {"groups": GROUPS.where(GROUPS > 0)}, "--group column 'g' is missing in 5 of 100"),
        (EVEN, {"time": TIMES.where(TIMES > 0)}, "--time column 't' is missing in 1 of 100"),
        (EVEN, {"groups": GROUPS * 0}, "all rows have the same group"),
        (EVEN, {"time": TIMES * 0}, "'t' has one value in all 100 rows"),
        (EVEN, {"time": TIMES.astype(str)}, "'t' holds str .*dates or numbers"),
        (EVEN, {"time": TIMES // 50}, "too few different values"),
        (
            TIMES.to_numpy() // 60,
            {"time": TIMES, "holdout": 0.1},
            "class 'bad' is missing from the",
        ),
        (EVEN, {"holdout": 0.0}, "holdout is 0.0"),
        (EVEN, {"holdout": 1.0}, "holdout is 1.0"),
        (EVEN, {"n_folds": 1}, "1 folds are given"),
        ((TIMES < 3).to_numpy() * 1, {"groups": GROUPS // 1}, "class 'bad' is in too few groups"),
    ],
)
def test_what_cannot_be_split_is_named(
    target: np.ndarray, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        make_split(
            pd.RangeIndex(100), target, stratify=True, class_names=("good", "bad"), **arguments
        )
    assert caught.value.way_out


def test_an_empty_holdout_names_one_that_is_not() -> None:
    groups = pd.Series([1, 2] * 50, name="g")
    with pytest.raises(InputError, match=r"none fall into a holdout of 0\.05") as caught:
        make_split(pd.RangeIndex(100), np.zeros(100), holdout=0.05, stratify=False, groups=groups)
    share = float(caught.value.way_out.split()[2].rstrip(","))
    groups = pd.Series([1, 2, 3, 4] * 25, name="g")
    split = make_split(
        pd.RangeIndex(100), np.zeros(100), holdout=share, stratify=False, groups=groups
    )
    assert len(split.holdout) >= 25


@pytest.mark.slow
def test_many_rows_take_a_moment() -> None:
    keys = pd.Index([f"{n:020x}" for n in range(100_000)])
    started = time.process_time()
    make_split(keys, np.arange(100_000) % 3, stratify=True)
    assert time.process_time() - started < 3


def test_a_class_of_two_or_three_rows_is_trained_on_in_every_fold_wherever_its_hashes_fall() -> (
    None
):
    for rare in (2, 3):
        for start in range(0, 3000, 300):
            target = np.array([2] * rare + [0, 1] * 149)
            keys = pd.RangeIndex(start, start + len(target))
            split = make_split(keys, target, stratify=True)
            inner = target[split.training]
            assert len(split.folds) == 5
            assert all(2 in inner[train] for train, _ in split.folds)
