"""How much a model relies on each column."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limelight.search.task import Task

Array = NDArray[Any]

_BATCH_ROWS = 40_000
_FEWEST_ROWS = 200


@dataclass(frozen=True)
class _Sample:
    features: pd.DataFrame
    target: Array
    score: float


def permutation_importance(
    predict: Callable[[pd.DataFrame], Array],
    features: pd.DataFrame,
    target: Array,
    task: Task,
    *,
    seed: int = 0,
    repeats: int = 3,
    max_rows: int = 2000,
    seconds: float | None = None,
) -> pd.DataFrame:
    """The loss of score when a column's values are shuffled among the rows.

    Breiman, "Random Forests", 2001; Fisher, Rudin, Dominici, "All Models are Wrong, but Many are
    Useful", JMLR 2019. To be measured on rows that the model did not see. A column that another
    one stands in for shows less than it carries.

    Args:
        predict: Raw frame (m, d) to probabilities (m, k), or values (m,) for regression.
        features: Raw rows (m, d).
        target: Their codes or values, shape (m,).
        task: The task; its metric is the score.
        seed: Seed of the shuffles and of the choice of rows.
        repeats: Shuffles a column.
        max_rows: Most rows to use, chosen at random.
        seconds: Time to keep to, roughly; with less time come fewer repeats, then fewer rows.

    Returns:
        Columns feature, importance (the mean drop, in the units of the metric, positive where the
        column helps), std (over the repeats), rank (from 1); most important first.
        ``.attrs["measured"]`` says what was done: rows, repeats, seconds.
    """
    started = time.monotonic()
    sample = _sampled(predict, features, target, task, max_rows, seed)
    if seconds is not None:
        # The first call may have loaded a library: the second one tells the pace.
        begun = time.monotonic()
        predict(sample.features)
        pace = (time.monotonic() - begun) / len(sample.target)
        affordable = (seconds - (time.monotonic() - started)) / max(pace * features.shape[1], 1e-9)
        repeats = int(np.clip(affordable / len(sample.target), 1, repeats))
        if affordable < len(sample.target):
            fewest = min(_FEWEST_ROWS, len(sample.target))
            kept = int(np.clip(affordable, fewest, len(sample.target)))
            sample = _sampled(predict, features, target, task, kept, seed)
    drops = _drops(predict, sample, task, repeats, seed)
    table = pd.DataFrame(
        {
            "feature": [str(name) for name in features.columns],
            "importance": drops.mean(axis=1),
            "std": drops.std(axis=1),
        }
    ).sort_values("importance", ascending=False, kind="stable", ignore_index=True)
    table["rank"] = np.arange(1, len(table) + 1)
    table.attrs["measured"] = {
        "rows": len(sample.target),
        "repeats": repeats,
        "seconds": round(time.monotonic() - started, 3),
    }
    return table


def _sampled(
    predict: Callable[[pd.DataFrame], Array],
    features: pd.DataFrame,
    target: Array,
    task: Task,
    rows: int,
    seed: int,
) -> _Sample:
    chosen = np.sort(np.random.default_rng(seed).permutation(len(target))[:rows])
    part = features.iloc[chosen]
    return _Sample(part, target[chosen], task.scorer.gain(target[chosen], predict(part)))


def _drops(
    predict: Callable[[pd.DataFrame], Array], sample: _Sample, task: Task, repeats: int, seed: int
) -> Array:
    """Drop of the score, shape (columns, repeats)."""
    rows, width = sample.features.shape
    jobs = [(column, repeat) for column in range(width) for repeat in range(repeats)]
    drops = np.empty((width, repeats))
    size = max(1, _BATCH_ROWS // rows)
    for start in range(0, len(jobs), size):
        batch = jobs[start : start + size]
        output = predict(_shuffled(sample.features, batch, seed))
        for job, part in zip(batch, np.split(output, len(batch)), strict=True):
            drops[job] = sample.score - task.scorer.gain(sample.target, part)
    return drops


def _shuffled(features: pd.DataFrame, jobs: list[tuple[int, int]], seed: int) -> pd.DataFrame:
    """One copy of the rows for each job (column, repeat), with that column shuffled."""
    rows = len(features)
    plain = np.tile(np.arange(rows), len(jobs))
    parts = {}
    for at, name in enumerate(features.columns):
        order = plain
        for place, (column, repeat) in enumerate(jobs):
            if column == at:
                order = order.copy() if order is plain else order
                shuffle = np.random.default_rng([seed, column, repeat]).permutation(rows)
                order[place * rows : (place + 1) * rows] = shuffle
        parts[name] = features[name].array.take(order)
    return pd.DataFrame(parts, columns=features.columns)
