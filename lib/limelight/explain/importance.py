"""How much a model relies on each column."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limelight.explain.pace import seconds_a_row
from limelight.search.task import Task

Array = NDArray[Any]

_BATCH_ROWS = 40_000
# Fewer tell nothing; a slow model of many columns gets no more where time is short.
_FEWEST_ROWS = 50


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
        seconds: Time to keep to, roughly; with less time come fewer rows for the first repeat, then
            fewer repeats.

    Returns:
        Columns feature, importance (the mean drop, in the units of the metric, positive where the
        column helps), std (over the repeats, NaN for
        one), rank (from 1); most important first.
        ``.attrs["measured"]`` says what was done: rows, repeats, seconds.
    """
    started = time.monotonic()
    if not len(target):
        return pd.DataFrame(columns=["feature", "importance", "std", "rank"])
    if seconds is not None:
        max_rows = min(max_rows, _affordable_rows(predict, features, seconds))
    sample = _sampled(predict, features, target, task, max_rows, seed)
    drops = [_drops(predict, sample, task, 0, seed)]
    each = time.monotonic() - started
    while len(drops) < repeats:
        if seconds is not None and time.monotonic() - started + each > seconds:
            break
        begun = time.monotonic()
        drops.append(_drops(predict, sample, task, len(drops), seed))
        each = time.monotonic() - begun
    table = pd.DataFrame(
        {
            "feature": [str(name) for name in features.columns],
            "importance": np.mean(drops, axis=0),
            "std": np.std(drops, axis=0) if len(drops) > 1 else np.nan,
        }
    ).sort_values("importance", ascending=False, kind="stable", ignore_index=True)
    table["rank"] = np.arange(1, len(table) + 1)
    table.attrs["measured"] = {
        "rows": len(sample.target),
        "repeats": len(drops),
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


def _affordable_rows(
    predict: Callable[[pd.DataFrame], Array], features: pd.DataFrame, seconds: float
) -> int:
    """As many rows as one repeat can take in the time."""
    pace = seconds_a_row(predict, features)
    return max(_FEWEST_ROWS, int(0.6 * seconds / (pace * features.shape[1] + 1e-9)))


def _drops(
    predict: Callable[[pd.DataFrame], Array], sample: _Sample, task: Task, repeat: int, seed: int
) -> Array:
    """Drop of the score by shuffling each column once, shape (columns,)."""
    rows, width = sample.features.shape
    drops = np.empty(width)
    size = max(1, _BATCH_ROWS // rows)
    for start in range(0, width, size):
        batch = range(start, min(start + size, width))
        output = predict(_shuffled(sample.features, batch, repeat, seed))
        for column, part in zip(batch, np.split(output, len(batch)), strict=True):
            drops[column] = sample.score - task.scorer.gain(sample.target, part)
    return drops


def _shuffled(features: pd.DataFrame, batch: range, repeat: int, seed: int) -> pd.DataFrame:
    """A copy of the rows for each column of the batch, with that column shuffled."""
    rows = len(features)
    plain = np.tile(np.arange(rows), len(batch))
    parts = {}
    for at, name in enumerate(features.columns):
        order = plain
        if at in batch:
            order = plain.copy()
            place = (at - batch.start) * rows
            shuffle = np.random.default_rng([seed, at, repeat]).permutation(rows)
            order[place : place + rows] = shuffle
        parts[name] = features[name].array.take(order)
    return pd.DataFrame(parts, columns=features.columns)
