"""Keras' backends against each other: how many networks AutoKeras tries a minute with each.

    python benchmarks/backends.py FOLDER [--seconds 30] [--backends jax tensorflow] [--rows 8000]

FOLDER holds a folder for each task, with ``train.csv.gz`` and a ``task.json`` that names the
``target``. Each search runs in a process of its own on one core, as in a training run; the time
to import Keras and AutoKeras is part of its seconds. Install one backend at a time: AutoKeras
imports every one that it finds.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
from sklearn.model_selection import KFold, StratifiedKFold

from limelight.search.budget import Budget
from limelight.search.candidate import SearchResult
from limelight.search.child import run_search
from limelight.search.engine import SearchProblem
from limelight.search.task import infer_task

_FOLDS = 3


def problem_of(folder: Path, rows: int) -> SearchProblem:
    """A task's training rows, at most so many, with shuffled folds."""
    target_name = json.loads((folder / "task.json").read_text(encoding="utf-8"))["target"]
    frame = pd.read_csv(folder / "train.csv.gz")
    frame = frame.sample(min(rows, len(frame)), random_state=0).reset_index(drop=True)
    target = frame.pop(target_name)
    task = infer_task(target)
    codes = task.encode(target)
    splitter = StratifiedKFold if task.is_classification else KFold
    folds = splitter(_FOLDS, shuffle=True, random_state=0).split(frame, codes)
    return SearchProblem(frame, codes, task, list(folds))


def import_seconds(backend: str) -> float:
    """Seconds to import Keras and AutoKeras in a fresh process."""
    program = (
        "import time; begun = time.perf_counter(); import keras, autokeras;"
        " print(time.perf_counter() - begun)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.split()[-1])


def search(problem: SearchProblem, backend: str, seconds: float) -> SearchResult:
    """An AutoKeras search with a backend, without its progress lines."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        return run_search(
            "autokeras",
            problem,
            Budget(seconds=seconds),
            seed=1,
            number=0,
            cores=1,
            workdir=Path(folder),
            environment={"KERAS_BACKEND": backend},
        )


def row(name: str, backend: str, imported: float, result: SearchResult) -> str:
    """A line of the table."""
    finished = [trial for trial in result.trials if trial.outcome in ("ok", "pruned")]
    a_minute = 60 * len(finished) / result.wall_seconds
    best = f"{result.candidates[0].score:.5g}" if result.candidates else "none"
    return f"{name:24} {backend:12} {imported:8.1f} {a_minute:11.1f} {best:>10}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rows", type=int, default=8000)
    parser.add_argument("--backends", nargs="+", default=["jax", "tensorflow"])
    given = parser.parse_args()
    print(f"{'task':24} {'backend':12} {'import s':>8} {'trials/min':>11} {'best':>10}", flush=True)
    for backend in given.backends:
        imported = import_seconds(backend)
        for folder in sorted(path.parent for path in given.folder.glob("*/task.json")):
            problem = problem_of(folder, given.rows)
            result = search(problem, backend, given.seconds)
            print(row(folder.name, backend, imported, result), flush=True)


if __name__ == "__main__":
    main()
