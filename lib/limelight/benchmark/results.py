"""Results as they are kept: a line of JSON each, and the predictions beside them as Parquet."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limelight.errors import InputError

Array = NDArray[Any]


class Key(NamedTuple):
    """What is run once: a tool on a task, with a seed, minutes and cores.

    Minutes are 0 where the budget is a number of trials.
    """

    tool: str
    task: str
    seed: int
    minutes: float
    cores: int


@dataclass(frozen=True)
class Result:
    """One run of one tool.

    Args:
        tool, task, seed, minutes, cores: What was run; see `Key`.
        status: ``ok``, ``failed``, ``killed`` for its time, or ``absent`` where it could not be
            installed.
        metric: ``roc_auc`` (greater is better), ``log_loss`` or ``rmse`` (less is).
        score, low, high: On the test rows, with the 95% interval of a bootstrap over them; None
            where there are no predictions.
        floor: The score of the constant predictor on the same rows.
        train_rows, test_rows: How many rows there are.
        fit_seconds: What the tool took of its budget: the call that was given the budget, or for
            a command the time to the prompt.
        overrun_seconds: That less the budget; for one that was killed, its whole time less it.
        waited_seconds: From the process's start, with imports and servers, to the fitted model.
        predict_seconds: The first prediction of the test rows; ``seconds_per_1000`` of 1,000 rows
            after that.
        peak_mb: Resident memory of all its processes together; ``cpu_seconds`` of them all.
        load_before, load_after: The machine's load average over a minute.
        about: What was found; ``versions`` of its packages.
        reason: Why it failed; ``tail`` is the end of what it printed.
        started: When, in ISO 8601, UTC.
        predictions: File of its predictions, relative to the results' own folder.
    """

    tool: str
    task: str
    seed: int
    minutes: float
    cores: int
    status: str
    metric: str
    floor: float
    train_rows: int
    test_rows: int
    score: float | None = None
    low: float | None = None
    high: float | None = None
    fit_seconds: float | None = None
    overrun_seconds: float | None = None
    waited_seconds: float | None = None
    predict_seconds: float | None = None
    seconds_per_1000: float | None = None
    peak_mb: float = 0.0
    cpu_seconds: float | None = None
    load_before: float = 0.0
    load_after: float = 0.0
    about: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    reason: str = ""
    tail: str = ""
    started: str = ""
    predictions: str = ""

    @property
    def key(self) -> Key:
        return Key(self.tool, self.task, self.seed, self.minutes, self.cores)

    @property
    def is_ok(self) -> bool:
        return self.status == "ok"

    def __str__(self) -> str:
        budget = f" {self.minutes:g} min" if self.minutes else ""
        what = f"{self.task}{budget} seed {self.seed}: {self.tool} {self.status}"
        if self.score is None:
            return f"{what}, {self.reason}"
        told = [f"{self.metric} {self.score:.5g} [{self.low:.4g}, {self.high:.4g}]"]
        if self.overrun_seconds is not None:
            told.append(f"overrun {self.overrun_seconds:.1f} s")
        if self.peak_mb:
            told.append(f"peak {self.peak_mb:.0f} MB")
        if self.load_after:
            told.append(f"load {self.load_before:.1f} to {self.load_after:.1f}")
        return ", ".join([what, *told])


class Results:
    """A file of results that only grows; the last line for a key is the one that counts.

    Args:
        path: The JSON lines file, there or not.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def all(self) -> list[Result]:
        """The results that count, in the order of their first run.

        Raises:
            InputError: A line is no result; says which. A last line cut off by a crash is one.
        """
        found: dict[Key, Result] = {}
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        for number, line in enumerate(lines, 1):
            try:
                result = Result(**json.loads(line))
            except (ValueError, TypeError) as error:
                raise InputError(
                    f"{self.path}, line {number} is no result ({error}).", "Take it out."
                ) from None
            found[result.key] = result
        return list(found.values())

    def done(self) -> set[Key]:
        """What need not be run again: all but the tools that could not be installed."""
        return {result.key for result in self.all() if result.status != "absent"}

    def append(self, result: Result) -> None:
        """Add a result at the end of the file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as out:
            out.write(json.dumps(dataclasses.asdict(result)) + "\n")

    def keep(self, key: Key, truth: Array, prediction: Array) -> str:
        """Keep predictions with the truth; the file's name, relative to the results' folder."""
        name = f"{key.tool}-{key.seed}-{key.minutes:g}-{key.cores}.parquet"
        path = self.path.with_suffix("") / key.task / name
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = prediction.reshape(len(truth), -1)
        frame = pd.DataFrame(columns, columns=[f"p{i}" for i in range(columns.shape[1])])
        frame.insert(0, "truth", truth)
        frame.to_parquet(path, index=False)
        return path.relative_to(self.path.parent).as_posix()

    def predictions(self, result: Result) -> tuple[Array, Array]:
        """Truth (n,) and prediction, (n,) for a regression and (n, k) else."""
        frame = pd.read_parquet(self.path.parent / result.predictions)
        truth = frame.pop("truth").to_numpy()
        found = frame.to_numpy(dtype="float64")
        return truth, found[:, 0] if np.issubdtype(truth.dtype, np.floating) else found


def group_by_budget(results: Iterable[Result]) -> dict[tuple[float, int], list[Result]]:
    """Results by (minutes, cores): only those of one budget are compared."""
    groups: dict[tuple[float, int], list[Result]] = {}
    for result in results:
        groups.setdefault((result.minutes, result.cores), []).append(result)
    return dict(sorted(groups.items()))
