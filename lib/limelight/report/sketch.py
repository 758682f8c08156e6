"""The distribution of a column in a few bars, before and after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limelight.explain.text import value_text
from limelight.search.roles import column_role

BINS = 24
"""Most bars of a number or a time."""

LEVELS = 8
"""Most categories that have a bar of their own."""

_FAR = 2.5
"""A range so many times as long as its middle 98% is cut there: the rest is in the last bars."""


@dataclass(frozen=True)
class Sketch:
    """Bars with their labels.

    Args:
        labels: What each bar holds: a range, or a category.
        after: Rows in each bar.
        before: Rows in each bar of the version before; empty where there is none.
        ordered: Whether the bars are parts of a range, and not single values.
        ends: The smallest and the largest value; the last bars hold all that lies far out.
    """

    labels: tuple[str, ...]
    after: tuple[int, ...]
    before: tuple[int, ...] = ()
    ordered: bool = False
    ends: tuple[str, str] = ("", "")


def sketch(after: pd.Series, before: pd.Series | None = None) -> Sketch:
    """The bars of a column, the same ones for both versions.

    Args:
        after: The values.
        before: Those of the version before, of whatever type.

    Example:
        >>> sketch(pd.Series(["a", "b", "a"]), pd.Series(["b", "c", None]))
        Sketch(labels=('a', 'b', 'c'), after=(2, 1, 0), before=(0, 1, 1), ...)
    """
    sides = [after.dropna()] + ([] if before is None else [before.dropna()])
    numbers = [_numbers(side) for side in sides]
    if all(values is not None for values in numbers) and any(len(side) for side in sides):
        return _ranges([values for values in numbers if values is not None], sides[0])
    return _categories(sides)


def _numbers(present: pd.Series) -> NDArray[np.float64] | None:
    """Values as finite numbers, times as seconds; None for what has no order."""
    role = column_role(present)
    if role == "datetime":
        times = pd.to_datetime(present, utc=True).dt.as_unit("us")
        return _finite(times.to_numpy("datetime64[us]").astype("int64") / 1e6)
    if role != "number" or isinstance(present.dtype, pd.PeriodDtype):
        return None
    if pd.api.types.is_timedelta64_dtype(present):
        return _finite(present.dt.total_seconds())
    return _finite(present.astype("float64"))


def _finite(values: Any) -> NDArray[np.float64]:
    known: NDArray[np.float64] = np.asarray(values, dtype="float64")
    # The length of a range must be a double as well.
    kept: NDArray[np.float64] = np.clip(known[np.isfinite(known)], -1e300, 1e300)
    return kept


def _ranges(sides: Sequence[NDArray[np.float64]], present: pd.Series) -> Sketch:
    everything = np.concatenate(sides)
    whole = bool((np.mod(everything, 1) == 0).all()) and column_role(present) == "number"
    edges = _edges(everything, whole=whole)
    # What lies beyond the ends is counted in the last bars.
    counts = [np.histogram(np.clip(side, edges[0], edges[-1]), edges)[0] for side in sides]
    write = _writer(present)
    tallies = (_counts(counts[0]), _counts(*counts[1:]))
    if whole and abs(edges[0]) < 1e9 and edges[1] - edges[0] == 1 and len(edges) <= LEVELS + 1:
        return Sketch(tuple(write(edge + 0.5) for edge in edges[:-1].tolist()), *tallies)
    labels = [f"{write(low)} to {write(high)}" for low, high in pairwise(edges.tolist())]
    return Sketch(tuple(labels), *tallies, ordered=True, ends=_ends(everything, write))


def _ends(values: NDArray[np.float64], write: Callable[[float], str]) -> tuple[str, str]:
    return (write(float(values.min())), write(float(values.max()))) if len(values) else ("", "")


def _edges(values: NDArray[np.float64], *, whole: bool) -> NDArray[np.float64]:
    if not len(values):
        return np.array([0.0, 1.0])
    low, high = float(values.min()), float(values.max())
    first, last = np.quantile(values, [0.01, 0.99]).tolist()
    if last > first and high - low > _FAR * (last - first):
        low, high = max(low, first - (last - first) / 2), min(high, last + (last - first) / 2)
    if high <= low:
        half = max(0.5, 1e-9 * abs(low))
        return np.array([low - half, low + half])
    if whole and high - low < BINS:
        return np.arange(np.floor(low) - 0.5, np.ceil(high) + 1.0)
    return np.linspace(low, high, min(BINS, max(6, int(np.sqrt(len(values))))) + 1)


def _writer(present: pd.Series) -> Callable[[float], str]:
    """How an edge is written."""
    if column_role(present) == "datetime":
        return lambda seconds: value_text(pd.Timestamp(seconds, unit="s").floor("s"))
    if pd.api.types.is_timedelta64_dtype(present):
        return lambda seconds: str(pd.Timedelta(seconds=seconds).round("s"))
    return lambda value: value_text(float(f"{value:.4g}"))


def _categories(sides: Sequence[pd.Series]) -> Sketch:
    counted = [_tallied(side) for side in sides]
    total = counted[0]
    for other in counted[1:]:
        total = total.add(other, fill_value=0)
    # The most frequent first, in the order of the alphabet where they are even.
    order = sorted(total.index, key=lambda level: (-total[level], level))
    shown = order if len(order) <= LEVELS else order[: LEVELS - 1]
    rest = len(order) - len(shown)
    counts = []
    for levels in counted:
        known = levels.reindex(shown, fill_value=0).to_numpy("int64")
        more = [int(levels.sum() - known.sum())] if rest else []
        counts.append(np.array([*known, *more]))
    labels = [*shown, *([f"{rest:,} others"] if rest else [])]
    return Sketch(tuple(labels), _counts(counts[0]), _counts(*counts[1:]))


def _tallied(present: pd.Series) -> pd.Series:
    """How often each value comes, by its text."""
    found = present.value_counts()
    return found[found > 0].groupby(found[found > 0].index.map(value_text)).sum()


def _counts(*counts: NDArray[Any]) -> tuple[int, ...]:
    return tuple(int(count) for count in counts[0]) if counts else ()
