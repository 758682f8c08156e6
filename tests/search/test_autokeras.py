"""What the AutoKeras engine does beyond the checks that every engine passes."""

from __future__ import annotations

import importlib
import json
import pickle
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from limelight.search.autokeras import AutoKerasEngine, _Search
from limelight.search.autokeras_backend import load_keras
from limelight.search.autokeras_space import Space, space
from limelight.search.autokeras_tuner import Finished, Training
from limelight.search.budget import Budget
from limelight.search.engine import SearchProblem
from limelight.search.ledger import Ledger
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
    assert time.monotonic() - begun < 8 + 3
    assert ledger.trials
    assert not [trial.error for trial in ledger.trials if trial.outcome == "failed"]


@pytest.mark.slow
def test_a_budget_shorter_than_a_trial_ends_without_an_error(
    binary: SearchProblem, tmp_path: Path
) -> None:
    ledger = search(binary, tmp_path, Budget(seconds=0.01))
    assert [trial.outcome for trial in ledger.trials] == ["timeout"]
    assert "before the first trial" in ledger.trials[0].error


@pytest.mark.slow
def test_a_killed_search_goes_on_with_what_it_had(binary: SearchProblem, tmp_path: Path) -> None:
    first = search(binary, tmp_path, Budget(trials=1), number=1)
    again = search(binary, tmp_path, Budget(trials=2), number=1)
    assert [trial.number for trial in again.trials] == [0, 1]
    assert again.trials[0] == first.trials[0]
    assert [trial.description for trial in again.trials] == [
        "network 256-128, batch norm, dropout 0.25",
        "network 256-256-128, dropout 0.5",
    ]
    parameters = first.trials[0].parameters
    assert json.loads(json.dumps(parameters)) == parameters
    assert (parameters["units_0"], parameters["units_1"]) == (256, 128)
    assert parameters["epochs"] >= 1
    assert "units_2" not in again.trials[0].parameters


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


def test_a_training_that_diverges_is_a_failed_trial(binary: SearchProblem, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, "autokeras", 0, binary.task.scorer)
    search = _Search(binary, Budget(trials=9).start(), ledger, seed=0)
    search.losses = [0.1, 0.2, 0.3]
    values = {"num_layers": 1, "units_0": 8}
    search.begin(values)
    diverged = Training(None, epochs=1, first_seconds=0.1, epoch_seconds=0.1, cut=False)
    search.finish(Finished(values, float("nan"), diverged, ""))
    (trial,) = ledger.trials
    assert (trial.outcome, trial.score) == ("failed", None)
    assert "nan" in trial.error
    assert search.losses == [0.1, 0.2, 0.3], "a loss that cannot be ranked is among the ranked"


@pytest.mark.slow
def test_a_space_with_nothing_new_is_followed_by_another(
    binary: SearchProblem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = Space((1,), (8,), (0.0,), ((((8,), 0.0, False, 1e-3)),))
    monkeypatch.setattr(
        "limelight.search.autokeras.space", lambda number: few if number == 0 else space(number)
    )
    monkeypatch.setattr("limelight.search.autokeras_space.LEARNING_RATES", [1e-3])
    monkeypatch.setattr("limelight.search.autokeras_space.OPTIMIZERS", ["adam"])
    monkeypatch.setattr("limelight.search.autokeras.MOST_EPOCHS", 2)
    ledger = search(binary, tmp_path, Budget(trials=5))
    assert [trial.number for trial in ledger.trials] == [0, 1, 2, 3, 4]
    assert "network 256-128, batch norm, dropout 0.25" in {t.description for t in ledger.trials}


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
