"""TPOT's search: who lives on, what is cut, and what a killed search leaves to the next one."""

import json
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import psutil
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from test_engines import make_problem

from limelight.search.budget import Budget
from limelight.search.child import run_search
from limelight.search.engine import SearchProblem
from limelight.search.features import FrameEncoder
from limelight.search.ledger import Ledger
from limelight.search.scoring import Here, Shelf, size_of
from limelight.search.tpot import TpotEngine, _Generations
from limelight.search.tpot_evolution import Evolution, choose_parents, survivors
from limelight.search.tpot_space import Node, Part, Range, Recipe, Space


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
    """Its first fold is 10 all over, and a constant guesses 0 there."""
    problem = make_problem("regression", rows=60)
    target = np.where(np.isin(np.arange(60), problem.folds[0][1]), 10.0, 0.0)
    return replace(problem, target=target)


GUESS = Node(
    "Guess",
    Guess,
    {"value": Range(0, 20, 5), "seconds": Range(0, 9, 0)},
    {"onehot": FrameEncoder()},
    cost=lambda values: values["seconds"] or 0.01,
)


def _guesses(*given: tuple[float, float]) -> list[Recipe]:
    space = Space((GUESS,), ())
    values = [{"value": value, "seconds": seconds} for value, seconds in given]
    return [Recipe(space, Part(GUESS, dict(one)), []) for one in values]


def _evaluate(folder: Path, budget: Budget, *broods: list[Recipe], cores: int = 1) -> Any:
    problem = _problem()
    ledger = Ledger(folder, "tpot", 0, problem.task.scorer)
    with ThreadPoolExecutor(cores) as threads, Here(problem, cores) as place:
        generations = _Generations(problem, place, budget.start(), ledger, threads)
        return [generations.evaluate(brood) for brood in broods], ledger, generations


def test_who_gains_too_little_of_what_the_best_gains_is_cut(tmp_path: Path) -> None:
    # On the first fold a guess of v is 10 - v off, and the constant 10.
    first, then = _guesses((9.0, 0)), _guesses((5.0, 0), (7.0, 0), (9.5, 0))
    for name, budget in (("a", Budget(trials=9)), ("b", Budget(seconds=60))):
        gains, ledger, _ = _evaluate(tmp_path / name, budget, first, then)
        assert [gain is None for gain in gains[1]] == [True, False, False]
        assert [trial.outcome for trial in ledger.trials] == ["ok", "pruned", "ok", "ok"]


def test_without_a_clock_the_bar_does_not_rise_within_a_generation(tmp_path: Path) -> None:
    brood = _guesses((9.9, 0), (5.0, 0))
    for cores in (1, 2):
        folder = tmp_path / str(cores)
        gains, _, _ = _evaluate(folder, Budget(trials=9), brood, cores=cores)
        assert None not in gains[0]
    gains, _, _ = _evaluate(tmp_path / "timed", Budget(seconds=60), brood)
    assert gains[0][1] is None


def test_who_is_foreseen_to_end_too_late_is_not_tried(tmp_path: Path) -> None:
    brood = _guesses((9.0, 0.05), (9.1, 9.0), (9.2, 0.06))
    begun = time.monotonic()
    gains, ledger, generations = _evaluate(tmp_path, Budget(seconds=3.0), brood, brood[1:2])
    assert [gain is None for gain in gains[0]] == [False, True, False]
    assert [trial.number for trial in ledger.trials] == [0, 1]
    assert generations.fruitless == 1
    assert time.monotonic() - begun < 3.0


def test_the_best_of_each_kind_live_on_and_the_best_are_parents_most_often() -> None:
    kinds = ["boosted"] * 9 + ["forest", "line", "forest"]
    gains = [0.9 - place / 100 for place in range(9)] + [0.2, 0.1, 0.3]
    assert survivors(gains, kinds) == [0, 1, 2, 3, 4, 5, 11, 10]
    chosen = choose_parents(np.array([[0.1], [0.9], [0.5]]), 3000, 2, np.random.default_rng(0))
    assert chosen.shape == (3000, 2)
    counts = np.bincount(chosen.ravel())
    assert counts[1] > counts[2] > counts[0] > 1000


def test_the_rest_of_what_is_known_to_be_good_joins_the_later_generations() -> None:
    recipes = _guesses(*((float(value), 0.0) for value in range(1, 8)))
    seen: list[list[float]] = []

    def evaluate(brood: list[Recipe]) -> list[float | None]:
        seen.append([recipe.model.values["value"] for recipe in brood])
        return [value if value > 2 else None for value in seen[-1]]

    evolution = Evolution(iter(recipes), evaluate, 2, 4, np.random.default_rng(0))
    evolution.next_generation()
    assert seen == [[1.0, 2.0]]
    assert not evolution.is_alive
    evolution.next_generation()
    assert seen[1:] == [[3.0]]
    assert evolution.is_alive
    evolution.next_generation()
    assert 4.0 in seen[2]
    assert len(seen[2]) == 5


def test_the_shelf_keeps_the_latest_encodings_that_there_is_room_for() -> None:
    problem = make_problem("binary", rows=60)
    encoders = [FrameEncoder("onehot"), FrameEncoder("ordinal"), FrameEncoder("native")]
    shelf = Shelf(problem)
    onehot, ordinal, native = (shelf.take(encoder) for encoder in encoders)
    assert shelf.take(encoders[0]) is onehot
    assert size_of(onehot) > size_of(ordinal) > 0
    tight = Shelf(problem, size_of(ordinal) + size_of(native))
    first = [tight.take(encoder) for encoder in encoders]
    assert tight.take(encoders[1]) is first[1]
    assert tight.take(encoders[2]) is first[2]
    assert tight.take(encoders[0]) is not first[0], "it had to go"


def _essence(ledger: Ledger) -> tuple[list[Any], list[Any]]:
    trials = sorted(ledger.trials, key=lambda trial: trial.number)
    return (
        [(t.number, t.description, t.parameters, t.outcome, t.score) for t in trials],
        [(one.id, one.fold_scores, one.out_of_fold.tobytes()) for one in ledger.candidates()],
    )


def _search(folder: Path, trials: int, cores: int = 1) -> Ledger:
    problem = make_problem("regression", rows=60)
    ledger = Ledger(folder / "ledger", "tpot", 1, problem.task.scorer)
    TpotEngine().search(
        problem, Budget(trials=trials), ledger, seed=4, number=1, cores=cores, workdir=folder
    )
    return ledger


def test_a_search_that_was_cut_off_anywhere_ends_as_one_that_was_not(tmp_path: Path) -> None:
    whole = _essence(_search(tmp_path / "whole", 14))
    assert [number for number, *_ in whole[0]] == list(range(14))
    cut = _search(tmp_path / "cut", 12, cores=2)
    # Killed while two threads were at it: later ones are in the ledger, earlier ones are not.
    file = cut.folder / "trials.jsonl"
    lines = [line for line in file.read_text().splitlines() if json.loads(line)["number"] != 5]
    lines = [line for line in lines if json.loads(line)["number"] not in (9, 11)]
    file.write_text("\n".join(lines) + "\n" + '{"half a li')
    for number in (5, 11):
        (cut.folder / f"candidate-{number:05d}.pkl").unlink(missing_ok=True)
    assert _essence(_search(tmp_path / "cut", 14, cores=2)) == whole


@pytest.mark.slow
def test_a_child_killed_halfway_and_started_again_ends_as_one_that_was_not(
    tmp_path: Path,
) -> None:
    problem = make_problem("regression", rows=60)

    def run(folder: Path, cores: int) -> Any:
        return run_search(
            "tpot", problem, Budget(trials=14), seed=4, number=1, cores=cores, workdir=folder
        )

    def kill_halfway() -> None:
        file = tmp_path / "cut" / "ledger" / "trials.jsonl"
        while not file.exists() or len(file.read_text().splitlines()) < 4:
            time.sleep(0.01)
        children = psutil.Process().children(recursive=True)
        next(c for c in children if "limelight.search.child" in c.cmdline()).kill()

    killer = threading.Thread(target=kill_halfway)
    killer.start()
    first = run(tmp_path / "cut", 2)
    killer.join()
    assert signal.Signals.SIGKILL.name in first.failed
    assert 4 <= len(first.trials) < 14
    again = run(tmp_path / "cut", 2)
    assert again.failed == ""
    ledger = Ledger(tmp_path / "cut" / "ledger", "tpot", 1, problem.task.scorer)
    assert _essence(ledger) == _essence(_search(tmp_path / "whole", 14))
