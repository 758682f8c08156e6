"""Trying a list of configurations: the time, the bar, the order, and what was done before."""

import time
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin

from limelight.search.budget import Budget
from limelight.search.configuration import Configuration
from limelight.search.engine import SearchProblem
from limelight.search.features import FrameEncoder
from limelight.search.ledger import Ledger
from limelight.search.race import Encodings, Race
from limelight.search.task import Task


class Guess(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Predicts one value after a while."""

    def __init__(self, value: float = 0.0, seconds: float = 0.0) -> None:
        self.value = value
        self.seconds = seconds

    def fit(self, x: Any, y: Any) -> Self:  # noqa: ARG002
        time.sleep(self.seconds)
        return self

    def predict(self, x: Any) -> Any:
        return np.full(len(x), self.value)


def _problem() -> SearchProblem:
    rows = np.arange(30)
    folds = [(rows[rows % 3 != k], rows[rows % 3 == k]) for k in range(3)]
    frame = pd.DataFrame({"x": rows / 30.0})
    return SearchProblem(frame, np.full(30, 10.0), Task("regression", "rmse", "y"), folds)


def _one(description: str, value: float, *, seconds: float = 0.0, cost: float = 0.0) -> Any:
    return Configuration(description, {}, FrameEncoder(), Guess(value, seconds), cost)


def _run(
    folder: Path, budget: Budget, first: list[Any], then: list[Any], cores: int = 1
) -> dict[str, str]:
    problem = _problem()
    ledger = Ledger(folder, "baseline", 0, problem.task.scorer)
    Race(problem, budget.start(), ledger, cores).run(first, then)
    return {trial.description: trial.outcome for trial in ledger.trials}


def test_who_is_far_behind_the_first_is_cut(tmp_path: Path) -> None:
    first = [_one("constant", 0.0), _one("good", 8.0)]
    then = [_one("near", 6.0), _one("far", 1.0), _one("ahead", 9.9)]
    expected = {"constant": "ok", "good": "ok", "near": "ok", "far": "pruned", "ahead": "ok"}
    assert _run(tmp_path / "a", Budget(trials=3), first, then) == expected
    assert _run(tmp_path / "b", Budget(seconds=60), first, then) == expected


def test_without_a_clock_the_bar_does_not_rise_on_the_way(tmp_path: Path) -> None:
    first = [_one("constant", 0.0), _one("fair", 5.0)]
    # With "best" the bar would be at 5: "late" must not depend on whether it was quicker.
    then = [_one("best", 10.0), _one("late", 4.0)]
    for cores in (1, 2):
        found = _run(tmp_path / str(cores), Budget(trials=2), first, then, cores)
        assert found["late"] == "ok"
    assert _run(tmp_path / "timed", Budget(seconds=60), first, then)["late"] == "pruned"


def test_what_is_foreseen_not_to_end_is_left_out_and_the_next_is_tried(tmp_path: Path) -> None:
    begun = time.monotonic()
    first = [_one("tree", 5.0, seconds=0.05, cost=1.0)]
    then = [
        _one("tree, huge", 9.0, seconds=5.0, cost=100.0),
        _one("other, huge", 9.0, seconds=5.0, cost=100.0),
        _one("other", 9.0, seconds=0.1, cost=2.0),
    ]
    found = _run(tmp_path, Budget(seconds=3.0), first, then)
    assert found == {"tree": "ok", "tree, huge": "timeout", "other, huge": "timeout", "other": "ok"}
    assert time.monotonic() - begun < 3.0


def test_who_would_take_more_than_a_share_waits_until_the_others_were_tried(tmp_path: Path) -> None:
    first = [_one("tree", 5.0, seconds=0.1, cost=1.0)]
    then = [
        _one("tree, long", 9.0, seconds=0.3, cost=10.0),
        _one("tree, short", 9.0, seconds=0.1, cost=1.0),
    ]
    found = _run(tmp_path, Budget(seconds=6.0), first, then)
    assert list(found) == ["tree", "tree, short", "tree, long"]
    assert set(found.values()) == {"ok"}


def test_of_several_long_ones_each_gets_its_turn(tmp_path: Path) -> None:
    first = [_one("tree", 5.0, seconds=0.1, cost=1.0)]
    then = [_one(f"tree, long {n}", 9.0, seconds=0.3, cost=8.0) for n in range(2)]
    found = _run(tmp_path, Budget(seconds=6.0), first, then)
    assert set(found.values()) == {"ok"}, "foreseen at 2.4 s, which is over a share of 1.8 s"


def test_with_a_count_a_race_that_was_cut_off_ends_as_one_that_was_not(tmp_path: Path) -> None:
    first = [_one("constant", 0.0), _one("fair", 5.0)]
    then = [_one("best", 10.0), _one("late", 4.0), _one("other", 9.0)]
    whole = _run(tmp_path / "whole", Budget(trials=3), first, then)
    _run(tmp_path / "cut", Budget(trials=3), first, then[:1])
    assert _run(tmp_path / "cut", Budget(trials=3), first, then) == whole
    numbers = [
        sorted((trial.number, trial.description, trial.outcome) for trial in ledger.trials)
        for ledger in (
            Ledger(tmp_path / name, "baseline", 0, _problem().task.scorer)
            for name in ("whole", "cut")
        )
    ]
    assert numbers[0] == numbers[1]


def test_who_takes_more_than_a_share_while_others_wait_is_stopped(tmp_path: Path) -> None:
    first = [_one("slow", 5.0, seconds=0.9), _one("quick", 5.0)]
    found = _run(tmp_path, Budget(seconds=4.0), first, [_one("other", 9.0)])
    assert found == {"slow": "timeout", "quick": "ok", "other": "ok"}


def test_with_time_left_it_goes_on_with_further_ones(tmp_path: Path) -> None:
    further = [_one(f"further {number}", 9.0, seconds=0.05, cost=1.0) for number in range(100)]
    problem = _problem()
    for folder, budget in (("timed", Budget(seconds=1.0)), ("counted", Budget(trials=1))):
        ledger = Ledger(tmp_path / folder, "baseline", 0, problem.task.scorer)
        race = Race(problem, budget.start(), ledger, 1)
        race.run([_one("tree", 5.0, seconds=0.05, cost=1.0)], [], iter(further))
        tried = [trial.outcome for trial in ledger.trials[1:]]
        if folder == "counted":
            assert tried == []
        else:
            assert 2 <= len(tried) < 20
            assert set(tried) <= {"ok", "timeout"}


def test_without_a_clock_nothing_is_left_out(tmp_path: Path) -> None:
    then = [_one("tree, huge", 9.0, cost=1e9)]
    found = _run(tmp_path, Budget(trials=1), [_one("tree", 5.0, seconds=0.02, cost=1.0)], then)
    assert found["tree, huge"] == "ok"


def test_a_race_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    first, then = [_one("constant", 0.0), _one("good", 8.0)], [_one("far", 1.0), _one("near", 7.0)]
    _run(tmp_path, Budget(trials=2), first, then[:1])
    found = _run(tmp_path, Budget(trials=2), first, [*then, _one("far too", 1.0)])
    assert list(found) == ["constant", "good", "far", "near", "far too"]
    assert found["far too"] == "pruned", "the bar is known from the ledger"
    assert len((tmp_path / "trials.jsonl").read_text().splitlines()) == 5


def test_encodings_are_made_once_and_kept_no_longer_than_needed() -> None:
    encodings = Encodings(_problem())
    both = [_one("a", 0.0), _one("b", 0.0)]
    encodings.announce(both)
    made = encodings.take(both[0].encoder)
    encodings.give_back(both[0].encoder)
    assert encodings.take(both[1].encoder) is made
    encodings.give_back(both[1].encoder)
    assert encodings.take(both[1].encoder) is not made
