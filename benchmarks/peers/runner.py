"""What every ``run_<tool>.py`` does around the tool: read the rows, time it, write the answer.

This runs in the tool's own environment, so it needs pandas and numpy only. The test rows come
without their target; scores are computed by who asked, the same way for all tools.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[Any]

#: Rows by which prediction is timed, so that times compare between tasks.
TIMED_ROWS = 1000


@dataclass(frozen=True)
class Request:
    """What a tool is asked, and where the answer goes.

    Args:
        task: Name of the task.
        train: A CSV file with the target; ``rows`` one without it, to be predicted.
        target: The column to predict.
        problem: ``binary``, ``multiclass`` or ``regression``.
        metric: ``roc_auc``, ``log_loss`` or ``rmse``.
        classes: Labels as text, the positive one last where there are two; empty for regression.
        numeric, categorical: The features by kind; a feature in neither is left to pandas.
        seconds: The budget; ``cores`` and ``seed`` as they say.
        started: Epoch seconds at which the tool's process was started.
        folder: Where the tool may leave files, and the answer is left.
        options: The tool's own.
    """

    task: str
    train: str
    rows: str
    target: str
    problem: str
    metric: str
    classes: tuple[str, ...]
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    seconds: float
    cores: int
    seed: int
    started: float
    folder: str
    options: dict[str, Any]

    @property
    def is_classification(self) -> bool:
        return self.problem != "regression"

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Request:
        fields = json.loads(path.read_text(encoding="utf-8"))
        for name in ("classes", "numeric", "categorical"):
            fields[name] = tuple(fields[name])
        return cls(**fields)


class Model(Protocol):
    """What a tool found."""

    #: What it is, in a line.
    about: str

    def predict(self, rows: pd.DataFrame) -> Array:
        """Values (n,), or probabilities (n, k) in the order of the request's classes."""


Fit = Callable[[Request, pd.DataFrame], Model]


def read_table(
    path: str | Path,
    numeric: Sequence[str] = (),
    categorical: Sequence[str] = (),
    label: str | None = None,
) -> pd.DataFrame:
    """Rows of a CSV file: categories and the label as text objects, only an empty cell missing."""
    texts = dict.fromkeys([*categorical, *([label] if label else [])], object)
    table = pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=texts)
    for column in set(numeric) & set(table.columns):
        table[column] = pd.to_numeric(table[column])
    return table


def aligned(probability: Any, labels: Iterable[Any], classes: Sequence[str]) -> Array:
    """Probabilities (n, k) in the order of ``classes``; 0 for one not in ``labels``."""
    values = np.asarray(probability, dtype="float64")
    names = [str(label) for label in labels]
    columns = [values[:, names.index(c)] if c in names else np.zeros(len(values)) for c in classes]
    return np.stack(columns, axis=1)


def certain(labels: Any, classes: Sequence[str]) -> Array:
    """Labels (n,) as probabilities of 0 and 1, for a model that has no others."""
    given = np.array([str(label) for label in np.asarray(labels).ravel()], dtype=object)
    return np.stack([given == label for label in classes], axis=1).astype("float64")


def main(
    fit: Fit,
    packages: Sequence[str] = (),
    prepare: Callable[[Request], None] | None = None,
) -> None:
    """Answer the request that the command line names, and end the process.

    Args:
        fit: Makes a model of the training rows within the request's budget.
        packages: Distributions whose versions are worth noting.
        prepare: What has to be up before the tool's own clock starts (H2O's server).
    """
    request = Request.read(Path(sys.argv[1]))
    try:
        _answer(request, fit, packages, prepare)
    except BaseException as error:
        traceback.print_exc()
        _note(request, "error", {"error": f"{type(error).__name__}: {error}"[:600]})
        _leave(1)
    _leave(0)


def _answer(
    request: Request,
    fit: Fit,
    packages: Sequence[str],
    prepare: Callable[[Request], None] | None,
) -> None:
    os.chdir(request.folder)
    label = request.target if request.is_classification else None
    train = read_table(request.train, request.numeric, request.categorical, label)
    rows = read_table(request.rows, request.numeric, request.categorical)
    if prepare:
        prepare(request)
    begun = time.time()
    model = fit(request, train)
    now = time.time()
    times = {"start_seconds": begun - request.started, "fit_seconds": now - begun}
    _note(request, "fitted", times | {"waited_seconds": now - request.started})
    begun = time.perf_counter()
    prediction = model.predict(rows)
    predict_seconds = time.perf_counter() - begun
    names = list(request.classes) if request.is_classification else ["prediction"]
    frame = pd.DataFrame(np.asarray(prediction).reshape(len(rows), -1), columns=pd.Index(names))
    frame.to_csv(Path(request.folder) / "predictions.csv", index=False)
    found = {"predict_seconds": predict_seconds, "about": model.about[:400]}
    found["seconds_per_1000"] = _seconds_per_1000(model, rows)
    found["versions"] = {"python": sys.version.split()[0]} | _versions(packages)
    _note(request, "answer", found)


def _seconds_per_1000(model: Model, rows: pd.DataFrame) -> float:
    """Seconds that 1,000 rows take, once the model has been used before."""
    many = rows.iloc[np.arange(TIMED_ROWS) % len(rows)].reset_index(drop=True)
    begun = time.perf_counter()
    model.predict(many)
    return time.perf_counter() - begun


def _versions(packages: Sequence[str]) -> dict[str, str]:
    known = {}
    for package in ("numpy", "pandas", "scikit-learn", *packages):
        try:
            known[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            # Not every environment has every booster; what is not there has no version.
            continue
    return known


def _note(request: Request, name: str, facts: dict[str, Any]) -> None:
    """Write JSON that is there whole or not at all."""
    path = Path(request.folder) / f"{name}.json"
    part = path.with_suffix(".part")
    part.write_text(json.dumps(facts), encoding="utf-8")
    part.replace(path)


def _leave(code: int) -> None:
    """End at once: some tools leave threads or servers that never end by themselves."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
