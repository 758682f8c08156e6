"""A search in a child process: its budget, its death, and what is left of it."""

import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

from limelight.search.budget import Budget
from limelight.search.child import _Order, _settle_in, run_search
from limelight.search.engine import SearchProblem
from limelight.search.packing import unpack_result
from limelight.search.processes import child_environment
from limelight.search.task import Task


@pytest.fixture
def problem() -> SearchProblem:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 3))
    target = (x[:, 0] + rng.normal(size=120) > 0).astype("int64")
    rows = np.arange(120)
    folds = [(rows[rows % 3 != fold], rows[rows % 3 == fold]) for fold in range(3)]
    frame = pd.DataFrame(x, columns=["a", "b", "c"])
    return SearchProblem(frame, target, Task("binary", "roc_auc", "y", ("no", "yes")), folds)


def _children() -> list[psutil.Process]:
    found = psutil.Process().children(recursive=True)
    return [child for child in found if "limelight.search.child" in child.cmdline()]


def _until(condition, seconds: float = 30.0):  # type: ignore[no-untyped-def]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen")


@pytest.mark.slow
def test_a_killed_child_leaves_what_it_found_and_is_continued(
    problem: SearchProblem, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def kill_after_three_trials() -> None:
        file = tmp_path / "ledger" / "trials.jsonl"
        _until(lambda: file.exists() and len(file.read_text().splitlines()) >= 3)
        _children()[0].send_signal(signal.SIGKILL)

    killer = threading.Thread(target=kill_after_three_trials)
    killer.start()
    order = {"seed": 3, "number": 0, "cores": 1, "workdir": tmp_path}
    first = run_search("tpot", problem, Budget(trials=500), **order)
    killer.join()
    assert "SIGKILL" in first.failed
    assert len(first.candidates) >= 2
    assert first.peak_memory_mb > 50
    assert "tpot 0 |" in capfd.readouterr().out

    again = run_search("tpot", problem, Budget(trials=len(first.trials) + 2), **order)
    assert again.failed == ""
    assert [trial.number for trial in again.trials] == list(range(len(first.trials) + 2))
    kept = {candidate.id: candidate.score for candidate in again.candidates}
    assert all(kept[candidate.id] == candidate.score for candidate in first.candidates[:20])


def test_a_folder_is_continued_by_its_own_search_alone(tmp_path: Path) -> None:
    order = _Order("tpot", 1, 0, 1, None, 3, 0.0, 1)
    trials = tmp_path / "search" / "ledger" / "trials.jsonl"

    def kept(problem: bytes, order: _Order) -> bool:
        trials.parent.mkdir(parents=True, exist_ok=True)
        trials.touch()
        _settle_in(tmp_path / "search", order, problem)
        return trials.exists()

    assert not kept(b"rows", order), "it is not known whose scores these are"
    assert kept(b"rows", order)
    assert kept(b"rows", replace(order, started=5.0, parent=2, cores=2))
    assert not kept(b"other rows", order)
    assert not kept(b"other rows", replace(order, seed=2))
    (tmp_path / "search" / "order.json").write_text("{")
    assert not kept(b"other rows", replace(order, seed=2))


@pytest.mark.slow
def test_a_budget_of_seconds_is_kept(problem: SearchProblem, tmp_path: Path) -> None:
    began = time.monotonic()
    result = run_search(
        "tpot", problem, Budget(seconds=20), seed=0, number=1, cores=1, workdir=tmp_path
    )
    assert time.monotonic() - began < 24
    assert result.failed == ""
    assert result.candidates
    assert max(trial.started + trial.wall_seconds for trial in result.trials) < 20.5
    gains = [candidate.score for candidate in result.candidates]
    assert gains == sorted(gains, reverse=True)
    assert _children() == []


@pytest.mark.slow
def test_a_budget_that_ends_before_a_candidate_says_so(
    problem: SearchProblem, tmp_path: Path
) -> None:
    result = run_search(
        "baseline", problem, Budget(seconds=0.5), seed=0, number=0, cores=1, workdir=tmp_path
    )
    assert result.candidates == []
    assert "before a candidate was finished" in result.failed or "killed" in result.failed
    assert result.wall_seconds < 8


@pytest.mark.slow
def test_an_error_of_the_engine_is_the_reason(problem: SearchProblem, tmp_path: Path) -> None:
    result = run_search(
        "tpto", problem, Budget(trials=1), seed=0, number=0, cores=1, workdir=tmp_path
    )
    assert "engine 'tpto' is unknown" in result.failed
    assert "Traceback" in (tmp_path / "chatter.log").read_text()


@pytest.mark.slow
def test_the_child_dies_with_its_parent(problem: SearchProblem, tmp_path: Path) -> None:
    import pickle

    (tmp_path / "given.pkl").write_bytes(pickle.dumps(problem))
    script = (
        "import pickle, sys; from pathlib import Path\n"
        "from limelight.search.child import _Order, _settle_in, run_search\n"
        "from limelight.search.budget import Budget\n"
        "folder = Path(sys.argv[1])\n"
        "problem = pickle.loads((folder / 'given.pkl').read_bytes())\n"
        "run_search('tpot', problem, Budget(trials=10**6), seed=0, number=0, cores=1,"
        " workdir=folder / 'work')\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], env=child_environment(1)
    )
    ledger = tmp_path / "work" / "ledger"
    try:
        _until(ledger.exists)
        child = _children()[0]
    finally:
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    _until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 5.0)
    assert json.loads((tmp_path / "work" / "order.json").read_text())["parent"] == parent.pid


@pytest.mark.slow
def test_who_hands_a_search_on_needs_none_of_its_libraries(
    problem: SearchProblem, tmp_path: Path
) -> None:
    (tmp_path / "problem").write_bytes(pickle.dumps(problem))
    script = """
import pickle, sys
from pathlib import Path
import limelight.runs
from limelight.search.budget import Budget
from limelight.search.child import run_search
from limelight.search.packing import pack_result
folder = Path(sys.argv[1])
problem = pickle.loads((folder / "problem").read_bytes())
result = run_search("baseline", problem, Budget(trials=1), seed=0, number=0, cores=1,
                    workdir=folder / "work")
(folder / "result").write_bytes(pack_result(result))
heavy = {"pandas", "pyarrow", "scipy", "sklearn", "lightgbm"} & set(sys.modules)
sys.exit(f"imported {heavy}" if heavy else 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = unpack_result((tmp_path / "result").read_bytes())
    assert {one.id for one in found.candidates} >= {"baseline-0/0", "baseline-0/1"}
