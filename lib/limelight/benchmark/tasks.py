"""Tasks with a test split: folders with ``train.csv.gz``, ``test.csv.gz``, ``task.json``."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limelight.data.bundled import load_bundled
from limelight.data.hashing import stable_hash
from limelight.errors import InputError
from limelight.search.metrics import METRICS, Metric, default_metric
from limelight.search.task import PROBLEMS, Problem, Task, infer_task
from limelight.training.load import keyed

Array = NDArray[Any]

FILES = ("task.json", "train.csv.gz", "test.csv.gz")
#: Share of a bundled dataset's rows that become its test split.
TEST_SHARE = 0.2


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

    @property
    def constant(self) -> Array:
        """The constant predictor's answer for the test rows: (n, k), or (n,)."""
        return np.broadcast_to(self.floor, (len(self.truth), *self.floor.shape)).astype("float64")

    def training_rows(self) -> pd.DataFrame:
        """The rows to learn from, with their target."""
        return self._table("train.csv.gz")

    def test_rows(self) -> pd.DataFrame:
        """The test rows without their target."""
        return self._table("test.csv.gz").drop(columns=[self.task.target])

    def _table(self, name: str) -> pd.DataFrame:
        label = self.task.target if self.task.is_classification else None
        return read_table(self.folder / name, self.numeric, self.categorical, label)


def read_table(
    path: Path,
    numeric: Sequence[str] = (),
    categorical: Sequence[str] = (),
    label: str | None = None,
) -> pd.DataFrame:
    """Rows of a CSV file: categories and the label as text objects, only an empty cell missing."""
    texts = dict.fromkeys([*categorical, *([label] if label else [])], object)
    table = pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=texts, low_memory=False)
    for column in set(numeric) & set(table.columns):
        table[column] = pd.to_numeric(table[column])
    return table


def find_tasks(folder: Path, names: Sequence[str] = ()) -> list[Path]:
    """The tasks' folders below a folder, by name.

    Raises:
        InputError: There is none, or one of the names is not there.
    """
    every = {path.parent.name: path.parent for path in sorted(folder.glob("*/task.json"))}
    check_known(names, every, f"in {folder}", "folders with a task.json")
    return [every[name] for name in names or every]


def check_known(names: Sequence[str], known: Mapping[str, Any], where: str, what: str) -> None:
    """Refuse names of tasks that are not there, or that there are no tasks.

    Raises:
        InputError: It is so.
    """
    missing = sorted(set(names) - set(known))
    if not known or missing:
        raise InputError(
            f"no task {', '.join(missing) or 'at all'} {where}.",
            f"There are {', '.join(known) or f'no {what}'}.",
        )


def load_task(folder: Path) -> BenchmarkTask:
    """Read a task: its description, and its rows as far as scores need them.

    Raises:
        InputError: The description lacks something, train and test differ in their columns, or a
            target is missing.
    """
    about = _description(folder / "task.json")
    target, problem = about["target"], cast(Problem, about["problem_type"])
    kinds = tuple(about.get("numeric", ())), tuple(about.get("categorical", ()))
    label = None if problem == "regression" else target
    train, test = (
        read_table(folder / name, *kinds, label) for name in ("train.csv.gz", "test.csv.gz")
    )
    if list(train.columns) != list(test.columns) or target not in train:
        raise InputError(f"{folder}: train and test need the same columns, {target!r} among them.")
    if train[target].isna().any() or test[target].isna().any():
        raise InputError(f"{folder}: rows without a target ({target!r}) are of no use here.")
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


def task_files(folder: Path) -> dict[str, bytes]:
    """The files of a task, by name, so that they can travel to another machine.

    Raises:
        InputError: One is missing.
    """
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise InputError(f"the task {folder} has no {' and no '.join(missing)}.", "Add it.")
    return {name: (folder / name).read_bytes() for name in FILES}


def bundled_files(name: str, folder: Path) -> dict[str, bytes]:
    """A bundled dataset as the files of a task.

    Whether a row is for the test follows from a hash of its key, but not the one that decides on
    the holdout of a training run: the rows that are left here are divided once more there.

    Args:
        name: Of the dataset.
        folder: Where the bundled datasets are.
    """
    frame, card = load_bundled(name, folder)
    index = keyed(frame, card.key).index
    # Rows that are the same have a number behind their key; they stay on one side.
    keys = pd.Index("test " + index.to_frame().astype(str).agg(" ".join, axis=1)).str.replace(
        r"-\d+$", "", regex=True
    )
    for_test = stable_hash(keys) / 2.0**64 < TEST_SHARE
    task = infer_task(frame[card.target], card.problem or None, None, card.positive or None)
    about = {"name": name, "target": card.target, "problem_type": task.problem}
    about |= {"metric": task.metric, "source": card.source, "licence": card.licence}
    if task.problem == "binary":
        about["positive"] = str(task.positive)
    return {
        "task.json": json.dumps(about).encode(),
        "train.csv.gz": _csv(frame[~for_test]),
        "test.csv.gz": _csv(frame[for_test]),
    }


def write_files(files: Mapping[str, bytes], folder: Path) -> Path:
    """Write the files of a task; returns the folder."""
    folder.mkdir(parents=True)
    for name in FILES:
        (folder / name).write_bytes(files[name])
    return folder


def _csv(frame: pd.DataFrame) -> bytes:
    # Without the time: the same rows are the same bytes.
    return gzip.compress(frame.to_csv(index=False).encode(), mtime=0)


def _description(path: Path) -> dict[str, Any]:
    about: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    missing = [name for name in ("target", "problem_type") if name not in about]
    if missing:
        raise InputError(f"{path} does not say {' and '.join(missing)}.", "Add it.")
    if about["problem_type"] not in PROBLEMS:
        raise InputError(
            f"{path} has the problem_type {about['problem_type']!r}.",
            f"It is one of {', '.join(PROBLEMS)}.",
        )
    if about.get("metric", "rmse") not in METRICS:
        raise InputError(
            f"{path} has the metric {about['metric']!r}.", f"It is one of {', '.join(METRICS)}."
        )
    return about


def _classes(train: pd.Series, test: pd.Series, positive: str | None) -> tuple[str, ...]:
    """All labels, sorted; of two, the positive one last (else the rarer)."""
    labels = sorted(set(train) | set(test))
    if len(labels) == 2:
        last = positive or train.value_counts().idxmin()
        labels.sort(key=lambda label: label == str(last))
    return tuple(labels)
