"""Which rows are worth explaining to a person."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limelight.explain.text import value_text
from limelight.search.metrics import normalised
from limelight.search.task import Task

Array = NDArray[Any]
_Bucket = tuple[str, Array]


def pick_rows(
    prediction: Array, target: Array, task: Task, n: int = 6, seed: int = 0
) -> pd.DataFrame:
    """Choose rows that show a model at its surest, at its worst and in doubt.

    Args:
        prediction: On the holdout: probabilities (m, k), or values (m,) for regression.
        target: Codes or values of the holdout, shape (m,).
        task: The task.
        n: Most rows to choose.
        seed: Decides between rows that are equal.

    Returns:
        Columns position (int64, into the holdout) and reason; at most n lines, no row twice.

    Example:
        >>> task = Task("binary", "roc_auc", "class", ("good", "bad"))
        >>> odds = np.array([[0.9, 0.1], [0.2, 0.8], [0.1, 0.9], [0.48, 0.52]])
        >>> picked = pick_rows(odds, np.array([0, 1, 0, 1]), task, n=3)
        >>> picked["position"].tolist()
        [0, 1, 2]
        >>> picked["reason"].tolist()[-1]
        "wrong and sure: says 'bad', is 'good'"
    """
    # Equal rows keep this order in the stable sorts below.
    shuffled = np.random.default_rng(seed).permutation(len(target))
    if task.is_classification:
        buckets = _class_buckets(normalised(np.asarray(prediction)), target, task, shuffled)
    else:
        buckets = _value_buckets(np.asarray(prediction), target, shuffled)
    return pd.DataFrame(_deal(buckets, n), columns=["position", "reason"]).astype(
        {"position": "int64"}
    )


def _sorted(positions: Array, value: Array) -> Array:
    """The positions from the least value to the greatest."""
    return np.asarray(positions[np.argsort(value[positions], kind="stable")])


def _class_buckets(probability: Array, target: Array, task: Task, shuffled: Array) -> list[_Bucket]:
    """Rows in the order they are wanted, one list for each reason."""
    said = probability.argmax(axis=1)
    ranked = np.sort(probability, axis=1)
    doubt = ranked[:, -1] - ranked[:, -2]
    sure = -ranked[:, -1]
    names = [value_text(label) for label in task.classes]
    # Frequent classes first; with few rows to show they say more.
    order = np.argsort(-np.bincount(target, minlength=len(names)), kind="stable")
    hit = said == target

    def those(mask: Array, by: Array) -> Array:
        return _sorted(shuffled[mask[shuffled]], by)

    right = [
        (f"right and sure: '{names[code]}'", those(hit & (target == code), sure))
        for code in order[:2]
    ]
    wrong: list[_Bucket] = []
    for code in order[:2]:
        miss = those(~hit & (target == code), sure)
        if len(miss):
            says = names[said[miss[0]]]
            same = miss[said[miss] == said[miss[0]]]
            wrong.append((f"wrong and sure: says '{says}', is '{names[code]}'", same))
    both = "between " + " and ".join(f"'{name}'" for name in names) if len(names) == 2 else ""
    borderline = [(f"borderline {both}".strip(), those(np.ones(len(target), bool), doubt))]
    return [*right, *wrong, *borderline]


def _value_buckets(prediction: Array, target: Array, shuffled: Array) -> list[_Bucket]:
    error = prediction - target
    size = np.abs(error)
    return [
        ("typical: an error of middling size", _sorted(shuffled, np.abs(size - np.median(size)))),
        ("largest miss, too high", _sorted(shuffled[error[shuffled] > 0], -error)),
        ("largest miss, too low", _sorted(shuffled[error[shuffled] < 0], error)),
        ("highest prediction", _sorted(shuffled, -prediction)),
        ("lowest prediction", _sorted(shuffled, prediction)),
        ("spot on", _sorted(shuffled, size)),
    ]


def _deal(buckets: list[_Bucket], n: int) -> list[tuple[int, str]]:
    """Take from the buckets in turn until there are n rows or nothing is left."""
    taken: dict[int, str] = {}
    queues = [(reason, iter(positions.tolist())) for reason, positions in buckets]
    while queues and len(taken) < n:
        left = []
        for reason, queue in queues:
            fresh = next((at for at in queue if at not in taken), None)
            if fresh is None or len(taken) >= n:
                continue
            taken[fresh] = reason
            left.append((reason, queue))
        queues = left
    return list(taken.items())
