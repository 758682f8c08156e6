"""One task, one seed: the training flow run as a user would, watched, scored, and beside it the
references. Whatever happens is a result."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import limelight
from limelight.benchmark import processes
from limelight.benchmark.read_back import TIMED_ROWS, aligned
from limelight.benchmark.references import REFERENCES
from limelight.benchmark.results import Result
from limelight.benchmark.tasks import BenchmarkTask, load_task, write_files
from limelight.errors import InputError
from limelight.lineage import package_versions
from limelight.model.comparison import bootstrap_interval

Array = NDArray[Any]

US = "limelight"
#: A run that has not ended after so many times its minutes is killed.
LIMIT = 3.0
_TAIL_LINES = 40


@dataclass(frozen=True)
class Wish:
    """What every task is run with.

    Args:
        minutes, trials: The budget: one of them.
        engines: As of `flows/train.py`.
        searches: Searches of each engine.
        cores: Cores that a run may use.
    """

    minutes: float | None
    trials: int | None
    engines: str
    searches: int
    cores: int

    def options(self) -> list[str]:
        """The budget and the engines as words of a command."""
        words = ["--engines", self.engines, "--searches", str(self.searches)]
        if self.minutes is None:
            return [*words, "--trials", str(self.trials)]
        return [*words, "--minutes", str(self.minutes)]


@dataclass(frozen=True)
class Measured:
    """What is known of a task and seed after the runs on it.

    Args:
        results: Ours first, then the references'.
        truth: The test rows' codes or values, shape (n,).
        predictions: Of the test rows, by tool; (n,) or (n, k).
        report: The page of our training run, or "".
        notes: What the training run noted.
    """

    results: list[Result]
    truth: Array
    predictions: dict[str, Array]
    report: str = ""
    notes: list[str] = field(default_factory=list)


def measure(name: str, files: Mapping[str, bytes], wish: Wish, seed: int, flow: Path) -> Measured:
    """Run a task.

    Args:
        name: Of the task.
        files: Of the task; see `limelight.benchmark.tasks.task_files`.
        wish: What to run it with.
        seed: Seed of everything random.
        flow: The file of the training flow.
    """
    # What is being killed may still write there when the folder goes.
    with tempfile.TemporaryDirectory(prefix="bench", ignore_cleanup_errors=True) as folder:
        task = load_task(write_files(files, Path(folder, name)))
        result = _blank(task, wish, seed)
        ours, answer = _ours(task, wish, result, flow, Path(folder))
        measured = Measured(
            [ours],
            task.truth,
            {US: answer["prediction"]} if answer else {},
            answer.get("report", ""),
            answer.get("notes", []),
        )
        for tool in REFERENCES:
            found, prediction = _reference(tool, task, result)
            measured.results.append(found)
            if prediction is not None:
                measured.predictions[tool] = prediction
    return measured


def lost(name: str, files: Mapping[str, bytes], wish: Wish, seed: int, reason: str) -> Measured:
    """What is known of a task whose branch ended without an answer."""
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        task = load_task(write_files(files, Path(folder, name)))
    result = replace(_blank(task, wish, seed), status="failed", reason=reason)
    return Measured([result], task.truth, {})


def _blank(task: BenchmarkTask, wish: Wish, seed: int) -> Result:
    return Result(
        tool=US,
        task=task.name,
        seed=seed,
        minutes=wish.minutes or 0.0,
        cores=wish.cores,
        status="absent",
        metric=task.task.metric,
        floor=task.metric(task.truth, task.constant),
        train_rows=task.train_rows,
        test_rows=len(task.truth),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=package_versions(),
        load_before=os.getloadavg()[0],
    )


def _ours(
    task: BenchmarkTask, wish: Wish, result: Result, flow: Path, folder: Path
) -> tuple[Result, dict[str, Any]]:
    """Our own run and what was read back from it; that is empty where there is no answer."""
    work = folder / "work"
    work.mkdir()
    environment = _environment(wish.cores, work)
    limit = float("inf") if wish.minutes is None else LIMIT * 60 * wish.minutes
    ended = processes.run(
        [*command(task, flow, result.seed), *wish.options()],
        environment=environment,
        log=work / "log",
        cores=wish.cores,
        overdue=lambda passed: passed > limit,
        folder=work,
    )
    over = None if wish.minutes is None else ended.seconds - 60 * wish.minutes
    result = replace(
        result,
        overrun_seconds=over,
        waited_seconds=ended.seconds,
        peak_mb=ended.peak_mb,
        cpu_seconds=ended.cpu_seconds,
        load_after=os.getloadavg()[0],
    )
    try:
        if ended.code != 0:
            raise InputError(_ending(ended, work))
        answer = _answer(task, work, environment)
    except InputError as problem:
        status = "killed" if ended.code is None else "failed"
        return replace(result, status=status, reason=str(problem), tail=_tail(work)), {}
    times = {name: answer[name] for name in ("predict_seconds", "seconds_per_1000", "about")}
    scored = _scored(replace(result, fit_seconds=ended.seconds, **times), task, answer)
    return scored, answer


def command(task: BenchmarkTask, flow: Path, seed: int) -> list[str]:
    """What a user would type for a task, without a budget."""
    words = [sys.executable, str(flow), "run", "--run-id-file", "run"]
    words += ["--source", str(task.train.resolve()), "--dataset", "task", "--seed", str(seed)]
    words += ["--target", task.task.target, "--task", task.task.problem]
    words += ["--metric", task.task.metric]
    positive = ["--positive", task.task.classes[1]] if task.task.problem == "binary" else []
    return words + positive


def _environment(cores: int, work: Path) -> dict[str, str]:
    """Ours, without what the run around us has set; what is kept is kept in the folder."""
    kept = {name: text for name, text in os.environ.items() if "METAFLOW" not in name}
    root = str(Path(limelight.__file__).parents[1])
    paths = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    return {
        **kept,
        **processes.limits(cores),
        "PYTHONPATH": paths,
        "METAFLOW_USER": "benchmark",
        "METAFLOW_DEFAULT_DATASTORE": "local",
        "METAFLOW_DEFAULT_METADATA": "local",
        "LIMELIGHT_STORE": "store.db",
        # Rows that an earlier run has read would come faster than a user's do.
        "LIMELIGHT_CACHE": str(work / "cache"),
    }


def _answer(task: BenchmarkTask, work: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    task.test_rows().to_pickle(work / "rows.pkl")
    words = [sys.executable, "-P", "-m", "limelight.benchmark.read_back"]
    ran = subprocess.run(words, cwd=work, env=environment, capture_output=True, text=True)
    if ran.returncode:
        said = ran.stderr.strip().splitlines() or ["it said nothing"]
        raise InputError(f"the run cannot be read back: {said[-1]}")
    answer: dict[str, Any] = pickle.loads((work / "answer.pkl").read_bytes())
    if task.task.is_classification:
        answer["prediction"] = aligned(answer["prediction"], answer["labels"], task.task.classes)
    return answer


def _reference(name: str, task: BenchmarkTask, blank: Result) -> tuple[Result, Array | None]:
    """A reference, fitted and scored here; a failure is a result too."""
    result = replace(blank, tool=name)
    rows = task.test_rows()
    try:
        begun = time.perf_counter()
        model = REFERENCES[name](task, blank.seed)
        fitted = time.perf_counter()
        prediction = model.predict(rows)
        predicted = time.perf_counter()
        model.predict(rows.iloc[np.arange(TIMED_ROWS) % len(rows)])
    except Exception as error:  # the table says so, and goes on
        reason = f"{type(error).__name__}: {error}"[:600]
        return replace(result, status="failed", reason=reason), None
    result = replace(
        result,
        fit_seconds=fitted - begun,
        predict_seconds=predicted - fitted,
        seconds_per_1000=time.perf_counter() - predicted,
        about=model.about,
    )
    return _scored(result, task, {"prediction": prediction}), prediction


def _scored(result: Result, task: BenchmarkTask, answer: Mapping[str, Any]) -> Result:
    interval = bootstrap_interval(task.metric, task.truth, answer["prediction"])
    facts: dict[str, Any] = {"score": interval.score, "low": interval.low, "high": interval.high}
    # Where they are found: by the name of the tool, in `Measured.predictions`.
    return replace(result, status="ok", predictions=result.tool, **facts)


def _ending(ended: processes.Ended, work: Path) -> str:
    if ended.code is None:
        return f"no model after {ended.seconds:.0f} s, {LIMIT:g} times the budget"
    said = [line.strip() for line in _log(work).splitlines() if line.strip()]
    # Metaflow's last lines are its own; what ours says stands behind the headline.
    named = [place for place, line in enumerate(said) if line.endswith("Limelight cannot go on:")]
    last = said[named[-1] + 1] if named and named[-1] + 1 < len(said) else said[-1] if said else ""
    return f"the run ended with status {ended.code}: {last or 'it said nothing'}"


def _log(work: Path) -> str:
    return (work / "log").read_text("utf-8", errors="replace")


def _tail(work: Path) -> str:
    return "\n".join(_log(work).splitlines()[-_TAIL_LINES:])
