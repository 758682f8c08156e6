"""What the AutoKeras engine does beyond the checks that every engine passes."""

from __future__ import annotations

import importlib
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from limelight.search.autokeras import LEAST_FOR_BAR, AutoKerasEngine, _Search
from limelight.search.autokeras_backend import load_keras
from limelight.search.autokeras_effort import LEAST_EPOCHS, MEMBERS, MOST_EPOCHS, Pace
from limelight.search.autokeras_space import Space
from limelight.search.autokeras_training import Trained
from limelight.search.autokeras_tuner import SearchOver
from limelight.search.budget import Budget
from limelight.search.candidate import Trial
from limelight.search.engine import SearchProblem
from limelight.search.ledger import Ledger
from limelight.search.network import training_until
from limelight.search.processes import child_environment
from limelight.search.task import infer_task

ROWS = 90


def make_problem(labels: object) -> SearchProblem:
    """Numbers and a category; two folds."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"a": rng.normal(size=ROWS), "b": rng.choice(["u", "v"], ROWS)})
    task = infer_task(pd.Series(labels, name="y"))
    rows = np.arange(ROWS)
    folds = [(rows[rows % 2 != k], rows[rows % 2 == k]) for k in range(2)]
    return SearchProblem(frame, task.encode(pd.Series(labels, name="y")), task, folds)


def search(problem: SearchProblem, folder: Path, budget: Budget, number: int = 0) -> Ledger:
    ledger = Ledger(folder / "ledger", "autokeras", number, problem.task.scorer)
    AutoKerasEngine().search(
        problem, budget, ledger, seed=2, number=number, cores=1, workdir=folder
    )
    return ledger


@pytest.fixture(scope="module")
def binary() -> SearchProblem:
    return make_problem(np.where(np.random.default_rng(0).random(ROWS) < 0.4, "yes", "no"))


@pytest.mark.slow
def test_seconds_are_kept(binary: SearchProblem, tmp_path: Path) -> None:
    load_keras()
    importlib.import_module("autokeras")
    begun = time.monotonic()
    ledger = search(binary, tmp_path, Budget(seconds=8))
    # The child that it runs in leaves at once; what is being compiled here ends first.
    assert time.monotonic() - begun < 8 + 30
    assert ledger.trials
    assert not [trial.error for trial in ledger.trials if trial.outcome == "failed"]


@pytest.mark.slow
def test_a_budget_shorter_than_a_trial_ends_without_an_error(
    binary: SearchProblem, tmp_path: Path
) -> None:
    ledger = search(binary, tmp_path, Budget(seconds=0.01))
    assert [trial.outcome for trial in ledger.trials] == ["timeout"]
    assert "before the first trial" in ledger.trials[0].error


#: Networks that are compiled in no time; what differs in rates alone is compiled once.
SMALL = Space(
    {"embedding": ["plain"], "hidden": ["8"], "activation": ["relu"]},
    ({}, {"learning_rate": 1e-3}),
)
KILLED = """
import os, pickle, sys
from pathlib import Path
import limelight.search.autokeras as engine
from limelight.search.budget import Budget
from limelight.search.ledger import Ledger
problem = pickle.loads(Path(sys.argv[1]).read_bytes())
folder, small = Path(sys.argv[2]), pickle.loads(bytes.fromhex(sys.argv[3]))
engine.space = lambda number: small
fit = engine.KerasClassifier.fit
fits = []
def dies(self, *args, **given):
    fits.append(1)
    if len(fits) > 3:  # within the second of two folds of the second trial
        os.kill(os.getpid(), 9)
    return fit(self, *args, **given)
engine.KerasClassifier.fit = dies
ledger = Ledger(folder / "ledger", "autokeras", 1, problem.task.scorer)
engine.AutoKerasEngine().search(
    problem, Budget(trials=3), ledger, seed=2, number=1, cores=1, workdir=folder
)
"""


@pytest.mark.slow
def test_a_killed_search_goes_on_as_if_it_had_not_been_killed(
    binary: SearchProblem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("limelight.search.autokeras.space", lambda _: SMALL)
    given, folder = tmp_path / "problem.pkl", tmp_path / "killed"
    folder.mkdir()
    given.write_bytes(pickle.dumps(binary))
    words = [sys.executable, "-c", KILLED, str(given), str(folder), pickle.dumps(SMALL).hex()]
    assert subprocess.run(words, capture_output=True).returncode == -signal.SIGKILL
    left = Ledger(folder / "ledger", "autokeras", 1, binary.task.scorer).trials
    assert [trial.number for trial in left] == [0]
    again = search(binary, folder, Budget(trials=3), number=1)
    whole = search(binary, tmp_path / "whole", Budget(trials=3), number=1)
    assert again.trials[0] == left[0]
    assert [_essence(trial) for trial in again.trials] == [_essence(t) for t in whole.trials]
    assert [trial.number for trial in again.trials] == [0, 1, 2]
    for one, other in zip(again.candidates(), whole.candidates(), strict=True):
        np.testing.assert_array_equal(one.out_of_fold, other.out_of_fold)
    parameters = left[0].parameters
    assert json.loads(json.dumps(parameters)) == parameters
    assert parameters["hidden"] == "8"
    assert parameters["members"] >= 2


def _essence(trial: Trial) -> list[object]:
    return [trial.number, trial.description, trial.parameters, trial.outcome, trial.score]


@pytest.mark.slow
def test_a_class_that_no_validation_row_or_no_training_row_has(tmp_path: Path) -> None:
    labels = np.tile(["a", "b", "c"], ROWS // 3)
    labels[::2] = np.where(labels[::2] == "c", "a", labels[::2])
    ledger = search(make_problem(labels), tmp_path, Budget(trials=1))
    (candidate,) = ledger.candidates()
    assert candidate.out_of_fold.shape == (ROWS, 3)
    assert np.isfinite(candidate.score)


@pytest.mark.slow
def test_weights_reach_search_and_folds(binary: SearchProblem, tmp_path: Path) -> None:
    weights = np.where(binary.target == 1, 30.0, 1.0)
    weighted = replace(binary, weights=weights)
    (candidate,) = search(weighted, tmp_path, Budget(trials=1)).candidates()
    assert (binary.target == 1).mean() < 0.5
    assert candidate.out_of_fold[:, 1].mean() > 0.7


@pytest.mark.slow
def test_a_training_that_diverges_is_a_failed_trial(
    binary: SearchProblem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steep = Space(SMALL.choices, ({"learning_rate": 1e30},))
    monkeypatch.setattr("limelight.search.autokeras.space", lambda _: steep)
    (trial,) = search(binary, tmp_path, Budget(trials=1)).trials
    assert (trial.outcome, trial.score) == ("failed", None)
    assert "loss is" in trial.error


@pytest.mark.slow
def test_a_space_with_nothing_new_is_followed_by_another(
    binary: SearchProblem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = Space(SMALL.choices, ({},))
    other = Space({**SMALL.choices, "hidden": ["16"]}, ({}, {}))
    monkeypatch.setattr(
        "limelight.search.autokeras.space", lambda number: few if number == 0 else other
    )
    rates = {"learning_rate": [1e-2], "weight_decay": [0.0], "dropout": [0.0]}
    monkeypatch.setattr("limelight.search.autokeras_space.RATES", rates)
    ledger = search(binary, tmp_path, Budget(trials=2))
    assert [trial.number for trial in ledger.trials] == [0, 1]
    assert [trial.parameters["hidden"] for trial in ledger.trials] == ["8", "16"]


@pytest.mark.slow
def test_a_network_far_behind_on_the_first_fold_is_pruned(
    binary: SearchProblem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("limelight.search.autokeras.space", lambda _: SMALL)
    ledger = Ledger(tmp_path, "autokeras", 0, binary.task.scorer)
    with training_until(Budget(trials=2).start()) as watch:
        engine = _Search(binary, watch, ledger, seed=0)
        engine.first_gains = [1.0] * LEAST_FOR_BAR
        with pytest.raises(SearchOver):
            while True:
                engine.run(0, tmp_path / "space")
    assert {trial.outcome for trial in ledger.trials} == {"pruned"}
    assert not ledger.candidates()


def test_effort_follows_from_the_rows_alone_unless_there_is_a_clock() -> None:
    free = Pace(800, 5, Budget(trials=1).start())
    assert free.effort(40_000) == Pace(800, 5, Budget(trials=99).start()).effort(9)
    assert free.effort(1).members == MEMBERS
    assert Pace(80, 5, Budget(trials=1).start()).effort(1).epochs == MOST_EPOCHS
    assert Pace(10**6, 5, Budget(trials=1).start()).effort(1).epochs == LEAST_EPOCHS


def test_with_a_clock_each_network_takes_a_share_of_the_time() -> None:
    pace = Pace(30_000, 5, Budget(seconds=60).start())
    slow = [Trained(None, {}, 1, first_seconds=3.0, round_seconds=0.5, rounds=2)]
    pace.learn(pace.effort(50_000), 50_000, slow)
    effort = pace.effort(50_000)
    assert effort.seconds <= 0.25 * 60 + 5 * 1.5
    assert effort.epochs < LEAST_EPOCHS
    wide = pace.effort(500_000)
    assert wide.seconds > pace.clock.left, "it is foreseen that it cannot end"
    assert wide.members == effort.members, "what is compiled for a number serves that number"


def test_nothing_hides_a_gpu_from_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("CUDA_VISIBLE_DEVICES", "JAX_PLATFORMS", "JAX_PLATFORM_NAME", "XLA_FLAGS")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    assert not set(names) & set(child_environment(2))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert child_environment(2)["CUDA_VISIBLE_DEVICES"] == "1"
    load_keras(1)
    assert not {"JAX_PLATFORMS", "JAX_PLATFORM_NAME"} & set(os.environ)


FRESH = """
import pickle, sys
from pathlib import Path
from sklearn.base import clone
problem, candidate = pickle.loads(Path(sys.argv[1]).read_bytes())
fitted = clone(candidate.pipeline).fit(problem.features, problem.target)
assert "autokeras" not in sys.modules, "fitting imports AutoKeras"
Path(sys.argv[2]).write_bytes(pickle.dumps((problem, fitted)))
"""
FRESHER = """
import pickle, sys
from pathlib import Path
problem, fitted = pickle.loads(Path(sys.argv[1]).read_bytes())
assert fitted.predict_proba(problem.features).shape == (len(problem.target), 2)
assert "keras" not in sys.modules, "predicting imports Keras"
"""


@pytest.mark.slow
def test_a_found_network_needs_no_autokeras_to_be_fitted_and_no_keras_to_predict(
    binary: SearchProblem, tmp_path: Path
) -> None:
    (candidate,) = search(binary, tmp_path, Budget(trials=1)).candidates()
    given, made = tmp_path / "given.pkl", tmp_path / "made.pkl"
    given.write_bytes(pickle.dumps((binary, candidate)))
    for code, files in ((FRESH, (given, made)), (FRESHER, (made,))):
        words = [sys.executable, "-c", code, *map(str, files)]
        ran = subprocess.run(words, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
