"""Checks for columns that give the target away: copies of it, and what nearly is one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limelight.data.quality.chance import FEW
from limelight.data.quality.facts import MEASURED, ColumnFacts, TableFacts, measures
from limelight.data.quality.issue import Issue, Rows

MIN_CLASS = 5
"""So many rows of every other class than the most frequent one are needed to tell."""

MOST_CLASSES = 50
NEARLY = 0.98
"""The share of the uncertainty about the target that no honest column takes away."""

EXACTLY = 1 - 1e-9
_SAMPLE = 20_000


def of_target(
    rows: Rows, facts: TableFacts, target: str, ignore: tuple[str, ...]
) -> Iterator[Issue]:
    """A line for each feature that gives the target away.

    Args:
        rows: The table.
        facts: Its figures.
        target: The column to predict; nothing is checked where it is not there.
        ignore: Columns that are no features.
    """
    if target not in facts.columns or facts.columns[target].known < FEW:
        return
    known = rows.frame[rows.frame[target].notna()]
    sample = known.iloc[:: max(1, len(known) // _SAMPLE)]
    of = facts.columns[target]
    for name, feature in facts.columns.items():
        if name == target or name in ignore or feature.distinct < 2:
            continue
        found = (
            _of_classes(sample[name], feature, sample[target])
            if _has_classes(of)
            else _of_number(sample[name], feature, sample[target], of)
        )
        if found == "copy":
            text = f"column {name!r} is the target {target!r} in other words: it gives it away"
            yield Issue("leakage", name, "error", text, (), facts.rows)
        elif found == "near":
            text = f"column {name!r} says nearly all about the target {target!r}: is it known then?"
            yield Issue("leakage", name, "warning", text, (), facts.rows)


def _has_classes(target: ColumnFacts) -> bool:
    return target.column.kind not in MEASURED or target.distinct <= 20


def _of_classes(feature: pd.Series, facts: ColumnFacts, target: pd.Series) -> str:
    classes = pd.factorize(target)[0]
    counts = np.bincount(classes)
    if not 2 <= len(counts) <= MOST_CLASSES or len(classes) - counts.max() < MIN_CLASS:
        return ""
    levels, _ = pd.factorize(feature, use_na_sentinel=False)
    if levels.max() < max(len(counts), len(levels) // 10):
        table = np.zeros((levels.max() + 1, len(counts)), dtype="int64")
        np.add.at(table, (levels, classes), 1)
        if len(table) == len(counts) and (table > 0).sum() == len(counts):
            return "copy"
        return _nearly(int(table.max(axis=1).sum()), counts)
    if facts.column.kind not in MEASURED:
        return ""
    values = measures(feature, facts.column)
    if not _tells_one_apart(values, classes, counts):
        return ""
    return _nearly(_hits_of_a_tree(values, classes), counts)


def _nearly(hits: int, counts: NDArray[np.int64]) -> str:
    """Whether nearly all is known of what is not known without the column."""
    unknown = counts.sum() - counts.max()
    return "near" if counts.sum() - hits <= (1 - NEARLY) * unknown else ""


def _tells_one_apart(
    values: NDArray[np.float64], classes: NDArray[np.int64], counts: NDArray[np.int64]
) -> bool:
    """Whether one class at least has other values than the rest: without that, no tree is grown.

    It is so where the area under the ROC curve of a class against the rest is far from a half.
    """
    ranks = pd.Series(values).rank(na_option="top").to_numpy()
    sums = np.bincount(classes, weights=ranks)
    others = len(classes) - counts
    area = (sums - counts * (counts + 1) / 2) / np.maximum(counts * others, 1)
    return bool((np.abs(area - 0.5) > 0.45).any())


def _hits_of_a_tree(values: NDArray[np.float64], classes: NDArray[np.int64]) -> int:
    """How many classes a tree with a leaf for each, on one column, has right."""
    from sklearn.tree import DecisionTreeClassifier

    leaves = int(classes.max()) + 1
    tree = DecisionTreeClassifier(max_leaf_nodes=leaves, min_samples_leaf=MIN_CLASS, random_state=0)
    # Infinity is as good as very far; a missing value goes its own way.
    table = np.clip(values, -1e30, 1e30).astype("float32").reshape(-1, 1)
    return int((tree.fit(table, classes).predict(table) == classes).sum())


def _of_number(feature: pd.Series, facts: ColumnFacts, target: pd.Series, of: ColumnFacts) -> str:
    """How well a column orders, or tells, the numbers of a target."""
    numbers = measures(target, of.column)
    if facts.column.kind not in MEASURED:
        return _of_groups(feature, numbers)
    values = measures(feature, facts.column)
    both = np.isfinite(values) & np.isfinite(numbers)
    if both.sum() < max(FEW, 0.5 * len(both)):
        return ""
    ranks = pd.Series(values[both]).rank(), pd.Series(numbers[both]).rank()
    alike = abs(float(ranks[0].corr(ranks[1])))
    straight = abs(float(np.corrcoef(values[both], numbers[both])[0, 1]))
    # What grows all the time follows a calendar or a counter without being made of it.
    if max(straight, 0.0 if _goes_on(values[both], facts) else alike) >= EXACTLY:
        return "copy"
    return "near" if max(alike, straight) >= 0.9999 else ""


def _goes_on(values: NDArray[np.float64], facts: ColumnFacts) -> bool:
    """Whether a column is a time, or counts in even steps."""
    steps = np.unique(np.diff(np.unique(values)))
    return facts.column.kind in ("datetime", "date") or len(steps) == 1


def _of_groups(feature: pd.Series, numbers: NDArray[np.float64]) -> str:
    """Whether a target that is a number hardly varies among the rows of one category."""
    groups, _ = pd.factorize(feature, use_na_sentinel=False)
    finite = np.isfinite(numbers)
    groups, numbers = groups[finite], numbers[finite]
    if not len(groups) or len(np.unique(groups)) > len(groups) // 20 or not numbers.var():
        return ""
    within = pd.Series(numbers).groupby(groups).transform("mean").to_numpy()
    return "near" if 1 - ((numbers - within) ** 2).mean() / numbers.var() >= 0.9999 else ""
