"""What is kept in mind of a table, so that the next version can be held against it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limelight.data.schema import Column, describe

Array = NDArray[Any]

MEASURED = (
    *("int", "wide_int", "float", "wide_float", "decimal"),
    *("timedelta", "datetime", "date"),
)
"""Kinds of columns whose values have an order and a distance."""

NAMED = ("text", "bool", "category")
"""Kinds of columns whose values are names."""

MOST_LEVELS = 1_000
"""A column with more values than this has no known categories."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class ColumnFacts:
    """One column, in figures.

    Args:
        column: Its name and type.
        rows: Number of rows of the table.
        missing: How many of them have no value here.
        distinct: Number of different values.
        top: How often the most frequent value comes.
        low, q01, median, q99, high: Of finite values as `measures` has them; NaN where there is
            nothing to measure.
        levels: The values as text, of a column that holds categories; else None.
    """

    column: Column
    rows: int
    missing: int
    distinct: int
    top: int
    low: float = np.nan
    q01: float = np.nan
    median: float = np.nan
    q99: float = np.nan
    high: float = np.nan
    levels: frozenset[str] | None = None

    @property
    def known(self) -> int:
        return self.rows - self.missing

    @property
    def missing_share(self) -> float:
        return self.missing / self.rows if self.rows else 0.0


@dataclass(frozen=True)
class TableFacts:
    """A table, in figures.

    Args:
        rows: Their number.
        dtypes: By column, those of the key too.
        columns: By name, without those of the key.
        repeated: Rows that came before in the table, the key left aside.
        key: The values of the key, in no order; None where it is made from the content.
    """

    rows: int
    dtypes: dict[str, Any]
    columns: dict[str, ColumnFacts]
    repeated: int
    key: pd.Index | None = None


def facts_of(frame: pd.DataFrame, key: tuple[str, ...]) -> TableFacts:
    """The figures of a table.

    Args:
        frame: The rows, with the key as columns.
        key: The key's columns.

    Raises:
        InputError: A type cannot be kept.

    Example:
        >>> facts = facts_of(pd.DataFrame({"id": [1, 2, 3], "age": [30, None, 41]}), ("id",))
        >>> facts.columns["age"].missing, facts.columns["age"].high
        (1, 41.0)
    """
    content = frame[[name for name in frame.columns if name not in key]]
    columns = {
        column.name: _column_facts(content[column.name], column) for column in describe(content)
    }
    index = pd.MultiIndex.from_frame(frame[list(key)]) if len(key) > 1 else None
    if len(key) == 1:
        index = pd.Index(frame[key[0]])
    dtypes = {str(name): dtype for name, dtype in frame.dtypes.items()}
    return TableFacts(len(frame), dtypes, columns, int(repeats(content).sum()), index)


def repeats(content: pd.DataFrame) -> Array:
    """Which rows came before in the table, shape (n,)."""
    if not content.shape[1]:
        return np.zeros(len(content), dtype=bool)
    return content.duplicated().to_numpy()


def _column_facts(series: pd.Series, column: Column) -> ColumnFacts:
    counts = series.value_counts()  # without missing values
    counts = counts[counts > 0]  # a category may have none
    facts = ColumnFacts(
        column,
        rows=len(series),
        missing=int(series.isna().sum()),
        distinct=len(counts),
        top=int(counts.iloc[0]) if len(counts) else 0,
    )
    if column.kind in NAMED:
        return replace(facts, levels=_levels(counts))
    if column.kind not in MEASURED:
        return facts
    values = measures(series, column)
    values = values[np.isfinite(values)]
    if not len(values):
        return facts
    q01, median, q99 = np.quantile(values, [0.01, 0.5, 0.99]).tolist()
    low, high = float(values.min()), float(values.max())
    return replace(facts, low=low, q01=q01, median=median, q99=q99, high=high)


def _levels(counts: pd.Series) -> frozenset[str] | None:
    """The values of a column of categories: few, or each of them met often."""
    known = int(counts.sum())
    if not 0 < len(counts) <= MOST_LEVELS or len(counts) > max(20, known / 2):
        return None
    return frozenset(map(str, counts.index))


def measures(series: pd.Series, column: Column) -> Array:
    """The values as numbers: times as seconds since 1970, spans as seconds, NaN for none.

    Args:
        series: The values, shape (n,).
        column: Its type, of a kind in `MEASURED`.

    Returns:
        float64, shape (n,).
    """
    if column.kind in ("datetime", "date"):
        times = pd.to_datetime(series, utc=True).dt.as_unit("us")
        seconds = times.to_numpy("datetime64[us]").astype("int64") / 1e6
        seconds[times.isna().to_numpy()] = np.nan
        return seconds
    if column.kind == "timedelta":
        return pd.to_timedelta(series).dt.total_seconds().to_numpy("float64")
    if column.kind == "decimal":
        series = series.astype("float64")
    return series.to_numpy(dtype="float64", na_value=np.nan)


def shown(value: float, kind: str) -> str:
    """A measure as a reader knows it.

    Example:
        >>> shown(41.0, "int"), shown(0.5, "float"), shown(86400.0, "datetime")
        ('41', '0.5', '1970-01-02')
    """
    if kind == "timedelta":
        return str(pd.Timedelta(seconds=value))
    if kind in ("datetime", "date"):
        time = pd.Timestamp(_EPOCH) + pd.Timedelta(seconds=value)
        return time.strftime("%Y-%m-%d" if value % 86_400 == 0 else "%Y-%m-%d %H:%M:%S")
    whole = float(value).is_integer() and abs(value) < 1e15
    return str(int(value)) if whole else f"{value:.6g}"
