"""A folder of tasks: ``<name>/train.csv.gz``, ``<name>/test.csv.gz`` and ``<name>/task.json``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.peers.runner import read_table
from limelight.search.metrics import METRICS, Metric, default_metric
from limelight.search.task import Problem, Task

Array = NDArray[Any]


@dataclass(frozen=True)
class BenchmarkTask:
    """One table with its split.

    Args:
        name: The folder's name.
        folder: Where its files are.
        task: Problem, metric, target and classes (as text; the positive one last).
        numeric, categorical: Features by kind; none where ``task.json`` does not say.
        truth: The test rows' codes or values, shape (n,).
        floor: What the constant predictor says of a row: frequencies (k,) or the mean ().
        train_rows: How many rows there are to learn from.
    """

    name: str
    folder: Path
    task: Task
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    truth: Array = field(repr=False)
    floor: Array = field(repr=False)
    train_rows: int

    @property
    def metric(self) -> Metric:
        return METRICS[self.task.metric]

    @property
    def train(self) -> Path:
        return self.folder / "train.csv.gz"

    def write_rows(self, path: Path) -> None:
        """Write the test rows without their target."""
        frame = self._table("test.csv.gz").drop(columns=[self.task.target])
        frame.to_csv(path, index=False)

    def _table(self, name: str) -> pd.DataFrame:
        label = self.task.target if self.task.is_classification else None
        return read_table(self.folder / name, self.numeric, self.categorical, label)


def find_tasks(folder: Path, names: Sequence[str] = ()) -> list[Path]:
    """The tasks' folders below a folder, by name.

    Raises:
        ValueError: There is none, or one of the names is not there.
    """
    every = {path.parent.name: path.parent for path in sorted(folder.glob("*/task.json"))}
    missing = sorted(set(names) - set(every))
    if not every or missing:
        raise ValueError(
            f"no task {', '.join(missing) or 'at all'} in {folder}: there are"
            f" {', '.join(every) or 'no folders with a task.json'}."
        )
    return [every[name] for name in names or every]


def load_task(folder: Path) -> BenchmarkTask:
    """Read a task: its description, and its rows as far as scores need them.

    Raises:
        ValueError: Train and test differ in their columns, or a target is missing.
    """
    about = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    target, problem = about["target"], cast(Problem, about["problem_type"])
    kinds = tuple(about.get("numeric", ())), tuple(about.get("categorical", ()))
    label = None if problem == "regression" else target
    train, test = (
        read_table(folder / name, *kinds, label) for name in ("train.csv.gz", "test.csv.gz")
    )
    if list(train.columns) != list(test.columns) or target not in train:
        raise ValueError(f"{folder}: train and test need the same columns, {target!r} among them.")
    if train[target].isna().any() or test[target].isna().any():
        raise ValueError(f"{folder}: rows without a target ({target!r}) are of no use here.")
    metric = about.get("metric") or default_metric(problem).name
    labels = () if label is None else _classes(train[target], test[target], about.get("positive"))
    task = Task(problem, metric, target, labels)
    if labels:
        truth = task.encode(test[target])
        floor = np.array([(train[target] == name).mean() for name in labels])
    else:
        truth = test[target].to_numpy(dtype="float64")
        floor = np.array(train[target].mean())
    return BenchmarkTask(folder.name, folder, task, *kinds, truth, floor, len(train))


def _classes(train: pd.Series, test: pd.Series, positive: str | None) -> tuple[str, ...]:
    """All labels, sorted; of two, the positive one last (else the rarer)."""
    labels = sorted(set(train) | set(test))
    if len(labels) == 2:
        last = positive or train.value_counts().idxmin()
        labels.sort(key=lambda label: label == str(last))
    return tuple(labels)
