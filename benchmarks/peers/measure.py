"""One run of one tool on one task: started, watched, scored; whatever happens is a result."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.peers.environments import InstallError
from benchmarks.peers.runner import Request
from benchmarks.peers.tools import Tool
from limelight.benchmark import processes
from limelight.benchmark.results import Key, Result, Results
from limelight.benchmark.tasks import BenchmarkTask
from limelight.model.comparison import bootstrap_interval

Array = NDArray[Any]

ROOT = Path(__file__).resolve().parents[2]
#: A tool that has no model after so many times its budget is killed; predictions get as much.
LIMIT = 3.0
_TAIL_LINES = 40


def measure(tool: Tool, task: BenchmarkTask, key: Key, results: Results, cache: Path) -> Result:
    """Run a tool on a task, score it, and add the result.

    Returns:
        The result: ``ok``, ``failed``, ``killed``, or ``absent`` where the tool could not be
        installed or lacks a program.
    """
    result = Result(
        **key._asdict(),
        status="absent",
        metric=task.task.metric,
        floor=task.metric(task.truth, task.constant),
        train_rows=task.train_rows,
        test_rows=len(task.truth),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    try:
        python = tool.python(cache)
    except InstallError as error:
        result = replace(result, reason=error.problem, tail=error.said)
    else:
        # A server that is being killed may still write there when the folder goes.
        with tempfile.TemporaryDirectory(prefix="peer", ignore_cleanup_errors=True) as folder:
            result = _run(tool, task, python, Path(folder), result, results)
    results.append(result)
    return result


def _run(
    tool: Tool, task: BenchmarkTask, python: Path, folder: Path, result: Result, results: Results
) -> Result:
    """Run the tool in a folder of its own, and score what it leaves there."""
    result = replace(result, load_before=os.getloadavg()[0])
    request = _request(tool, task, result, folder)
    request.write(folder / "request.json")
    ended = processes.run(
        [str(python), *tool.words, str(folder / "request.json")],
        environment=_environment(tool, folder, result.cores),
        log=folder / "log",
        cores=result.cores,
        overdue=_overdue(folder, request.seconds),
    )
    facts: dict[str, Any] = {"peak_mb": ended.peak_mb, "load_after": os.getloadavg()[0]}
    facts["cpu_seconds"] = ended.cpu_seconds
    result = replace(result, **facts, **_times(folder, ended, request.seconds))
    answer = _noted(folder, "answer")
    try:
        if not answer:
            raise ValueError(_ending(folder, ended, request.seconds))
        prediction = _prediction(folder, task)
    except ValueError as problem:
        status = "killed" if ended.code is None else "failed"
        return replace(result, status=status, reason=str(problem), tail=_tail(folder))
    interval = bootstrap_interval(task.metric, task.truth, prediction)
    return replace(
        result,
        status="ok",
        score=interval.score,
        low=interval.low,
        high=interval.high,
        predictions=results.keep(result.key, task.truth, prediction),
        **answer,
    )


def _times(folder: Path, ended: processes.Ended, seconds: float) -> dict[str, Any]:
    """What the fit took; for a tool that was killed before its end, the time until then."""
    fitted = _noted(folder, "fitted")
    if fitted:
        took = fitted["fit_seconds"]
        waited = fitted["waited_seconds"]
        return {"fit_seconds": took, "overrun_seconds": took - seconds, "waited_seconds": waited}
    over = {"overrun_seconds": ended.seconds - seconds} if ended.code is None else {}
    return {"waited_seconds": ended.seconds, **over}


def _request(tool: Tool, task: BenchmarkTask, result: Result, folder: Path) -> Request:
    rows = folder / "rows.csv"
    task.test_rows().to_csv(rows, index=False)
    return Request(
        task=task.name,
        train=str(task.train.resolve()),
        rows=str(rows),
        target=task.task.target,
        problem=task.task.problem,
        metric=task.task.metric,
        classes=task.task.classes,
        numeric=task.numeric,
        categorical=task.categorical,
        seconds=60 * result.minutes,
        cores=result.cores,
        seed=result.seed,
        started=time.time(),
        folder=str(folder),
        options=dict(tool.options),
    )


def _environment(tool: Tool, folder: Path, cores: int) -> dict[str, str]:
    scratch = folder / "tmp"
    scratch.mkdir()
    ours = {"PYTHONPATH": str(ROOT), "TMPDIR": str(scratch), "PYTHONWARNINGS": "ignore"}
    return {**os.environ, **processes.limits(cores), **ours, **tool.environment}


def _overdue(folder: Path, seconds: float) -> Callable[[float], bool]:
    """Whether a tool is to be killed: the limit for the fit, and as much again for the rest."""

    def overdue(passed: float) -> bool:
        fitted = _noted(folder, "fitted")
        since_fit = passed - float(fitted.get("waited_seconds", 0.0))
        return since_fit > LIMIT * seconds

    return overdue


def _noted(folder: Path, name: str) -> dict[str, Any]:
    """What the tool's runner has noted under this name; nothing where it has not."""
    path = folder / f"{name}.json"
    noted: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return noted


def _prediction(folder: Path, task: BenchmarkTask) -> Array:
    """The predictions as metrics take them.

    Raises:
        ValueError: They do not fit the task, or are no numbers.
    """
    frame = pd.read_csv(folder / "predictions.csv")
    wanted = list(task.task.classes) or ["prediction"]
    if list(frame.columns) != wanted or len(frame) != len(task.truth):
        raise ValueError(
            f"{len(frame)} predictions of {list(frame.columns)}, where {len(task.truth)} of"
            f" {wanted} were asked for"
        )
    found = frame.to_numpy(dtype="float64")
    if not np.isfinite(found).all():
        raise ValueError(f"{int((~np.isfinite(found)).any(axis=1).sum())} rows have no prediction")
    return found if task.task.is_classification else found[:, 0]


def _ending(folder: Path, ended: processes.Ended, seconds: float) -> str:
    """Why there is no answer, in a line."""
    error = _noted(folder, "error")
    if error:
        return str(error["error"])
    if ended.code is None:
        what = "predictions" if _noted(folder, "fitted") else "model"
        return f"no {what} after {ended.seconds:.0f} s, with a budget of {seconds:g} s"
    said = [line for line in _log(folder).splitlines() if line.strip()]
    return f"ended with status {ended.code}: {said[-1] if said else 'it said nothing'}"


def _log(folder: Path) -> str:
    return (folder / "log").read_text("utf-8", errors="replace")


def _tail(folder: Path) -> str:
    return "\n".join(_log(folder).splitlines()[-_TAIL_LINES:])
