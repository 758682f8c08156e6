"""How long predictions take, and ensembles that keep to a bound of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from limelight.model.fitting import normalised_weights
from limelight.search.candidate import Candidate
from limelight.search.engine import SearchProblem
from limelight.search.evaluate import predict
from limelight.search.task import Task

Array = NDArray[Any]

#: Rows that times are given for; a model is asked for so many at once.
ROWS = 1_000
_REPEATS = 2


def seconds_of(model: Any, frame: pd.DataFrame, task: Task) -> float:
    """Seconds of a fitted model for 1,000 raw rows at once, on one core: the better of two.

    Args:
        model: Takes raw frames.
        frame: Raw rows; as many as needed are taken, some of them twice where they are too few.
        task: What is predicted.
    """
    rows = frame.iloc[np.arange(ROWS) % len(frame)]
    times = []
    with threadpool_limits(1):
        for _ in range(_REPEATS):
            begun = time.perf_counter()
            predict(model, rows, task)
            times.append(time.perf_counter() - begun)
    return min(times)


def foreseen_seconds(
    candidates: Sequence[Candidate], frame: pd.DataFrame, target: Array
) -> dict[str, float]:
    """Seconds of each candidate for 1,000 raw rows: its own, and those of its encoder.

    Args:
        candidates: Their ``predict_seconds`` are of rows that are encoded already.
        frame, target: Raw rows to fit the encoders on and to time them with, and their target.
    """
    places = np.arange(ROWS) % len(frame)
    rows = frame.iloc[places]
    known: dict[str, float] = {}
    found = {}
    for candidate in candidates:
        encoder = candidate.pipeline[0] if hasattr(candidate.pipeline, "steps") else None
        key = repr(encoder)
        if encoder is not None and key not in known:
            fitted = clone(encoder).fit(rows, target[places])
            begun = time.perf_counter()
            fitted.transform(rows)
            known[key] = time.perf_counter() - begun
        found[candidate.id] = candidate.predict_seconds + known.get(key, 0.0)
    return found


def within(
    weights: Mapping[str, float], seconds: Mapping[str, float], bound: float
) -> dict[str, float]:
    """The ensemble without the members that cost most for their weight, until it keeps the bound.

    One member is left, whatever it takes.

    Example:
        >>> within({"a": 0.5, "b": 0.3, "c": 0.2}, {"a": 0.02, "b": 0.5, "c": 0.01}, 0.1)
        {'a': 0.7142857142857143, 'c': 0.28571428571428575}
    """
    kept = dict(weights)
    while len(kept) > 1 and sum(seconds[name] for name in kept) > bound:
        dear = max(kept, key=lambda name: (seconds[name] / kept[name], name))
        kept = normalised_weights(kept, kept.keys() - {dear})
    return kept


def quick_enough(
    pool: Sequence[Candidate],
    problem: SearchProblem,
    infer_seconds: float | None,
    notes: list[str],
) -> list[Candidate]:
    """The candidates that predict fast enough by what the search has measured; never none."""
    if infer_seconds is None:
        return list(pool)
    seconds = foreseen_seconds(pool, problem.features, problem.target)
    quick = [candidate for candidate in pool if seconds[candidate.id] <= infer_seconds]
    if any(not candidate.constant for candidate in quick) or not pool:
        return quick
    telling = [candidate for candidate in pool if not candidate.constant] or list(pool)
    fastest = min(telling, key=lambda candidate: seconds[candidate.id])
    notes.append(
        f"no candidate is foreseen to predict 1,000 rows in {1000 * infer_seconds:g} ms; the"
        f" fastest, {fastest.id}, is taken."
    )
    return [fastest]


def within_bound(
    weights: dict[str, float],
    pool: Sequence[Candidate],
    problem: SearchProblem,
    infer_seconds: float,
    notes: list[str],
) -> dict[str, float]:
    """The ensemble without what makes it too slow, by what is foreseen."""
    members = [candidate for candidate in pool if candidate.id in weights]
    seconds = foreseen_seconds(members, problem.features, problem.target)
    kept = within(weights, seconds, infer_seconds)
    notes.extend(
        f"{name} left the ensemble: with it, 1,000 rows would take more than"
        f" {1000 * infer_seconds:g} ms."
        for name in weights.keys() - kept.keys()
    )
    return kept


def said_of_speed(spent: float, infer_seconds: float | None) -> list[str]:
    if infer_seconds is None:
        return []
    verdict = "within" if spent <= infer_seconds else "over"
    return [
        f"the published model predicts 1,000 rows in {1000 * spent:.3g} ms on one core, {verdict}"
        f" the bound of {1000 * infer_seconds:g} ms."
    ]
