"""What the last version leads to expect of the next, as a pandera schema."""

from __future__ import annotations

from collections.abc import Container
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from limelight.data.quality.chance import FEW
from limelight.data.quality.facts import MEASURED, ColumnFacts, TableFacts
from limelight.data.schema import Column

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema

NOTABLE, FAR = 1.0, 5.0
"""Lengths of the range seen so far by which a value may leave it: for a warning, for an error."""

MANY = 100
"""From so many values on it means something that none of them was below zero."""

_FIRST, _LAST = datetime(1, 1, 2), datetime(9999, 12, 30)
"""Times that every type of a time can hold."""


def expectations(
    known: TableFacts, alike: Container[str] | None = None, now: datetime | None = None
) -> DataFrameSchema:
    """A schema that the next version should meet.

    Every column is there; one that was never missing is not missing; values are in
    `bounds`; categories are known ones. The ``check`` of a failure case is pandera's
    ``column_in_dataframe`` and ``not_nullable``, or ``far``, ``notable`` or ``categories``.

    Args:
        known: The last version.
        alike: Columns whose values can be held against those that are known; all if left out.
        now: Times up to now are expected; in UTC.

    Example:
        >>> from limelight.data.quality.facts import facts_of
        >>> schema = expectations(facts_of(pd.DataFrame({"age": [30, 41] * 50}), ()))
        >>> schema.columns["age"].nullable
        False
    """
    from pandera.pandas import Check, DataFrameSchema
    from pandera.pandas import Column as Expected

    columns = {}
    for name, facts in known.columns.items():
        columns[name] = Expected(None, nullable=facts.missing > 0, required=True)
        if alike is not None and name not in alike:
            continue
        checks = []
        for strictness, factor in (("far", FAR), ("notable", NOTABLE)):
            if (span := bounds(facts, factor, now)) is not None:
                checks.append(Check.in_range(*span, error=strictness))
        if facts.levels is not None and holds_text(facts.column):
            checks.append(Check.isin(sorted(facts.levels), error="categories"))
        columns[name].checks = checks
    return DataFrameSchema(columns)


def failures(schema: DataFrameSchema, frame: pd.DataFrame) -> pd.DataFrame:
    """Where a frame does not meet a schema.

    Args:
        schema: Of `expectations`.
        frame: The rows; its index counts from 0.

    Returns:
        Columns column, check, value, row: a line for each cell (row -1: for the column).
    """
    from pandera.errors import SchemaErrors

    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as found:
        cases = found.failure_cases
        missing = cases["check"] == "column_in_dataframe"
        return pd.DataFrame(
            {
                "column": cases["column"].where(~missing, cases["failure_case"]),
                "check": cases["check"],
                "value": cases["failure_case"],
                "row": cases["index"].where(~missing, -1).astype("int64"),
            }
        ).sort_values(["column", "check", "row"], ignore_index=True)
    return pd.DataFrame({"column": [], "check": [], "value": [], "row": []})


def holds_text(column: Column) -> bool:
    """Whether the values are text, as they are or as categories."""
    return "text" in (column.kind, column.detail.get("values", {}).get("kind"))


def bounds(facts: ColumnFacts, factor: float, now: datetime | None = None) -> Any:
    """The lowest and highest value that are no surprise, in the column's own type, or None.

    The range seen so far and ``factor`` times its length on both sides; more where few values
    were seen. Where many values were seen and none was below zero, zero is the lowest.

    Example:
        >>> from limelight.data.quality.facts import facts_of
        >>> ages = facts_of(pd.DataFrame({"age": range(20, 80)}), ()).columns["age"]
        >>> [round(bound) for bound in bounds(ages, 1)]
        [-59, 158]
    """
    span = measured(facts, factor, now)
    return span and (_value(span[0], facts.column), _value(span[1], facts.column))


def measured(
    facts: ColumnFacts, factor: float, now: datetime | None = None
) -> tuple[float, float] | None:
    """The `bounds` as measures: numbers, and seconds."""
    if facts.column.kind not in MEASURED or not np.isfinite(facts.low):
        return None
    low, high = facts.low, facts.high
    if low == high and factor > NOTABLE:
        return None  # how far it may go was never seen
    length = high - low or abs(high) or 1.0
    # Where nearly all values are the same one, the range is what the few others say.
    telling = max(facts.known - facts.top, 1)
    # Of few values little is known: behind so many the next may leave their range twice as far.
    room = factor * length * (1 + FEW / telling) * _tail(facts)
    if facts.column.kind in ("datetime", "date"):
        return low - room, max(high + room, (now or datetime.now(UTC)).timestamp() + 86_400)
    never_below_zero = low >= 0 and facts.known >= MANY
    return max(0.0, low - room) if never_below_zero else low - room, high + room


def _tail(facts: ColumnFacts) -> float:
    """How many times as long as the middle 98% its longer tail is, at least 1: so are the next."""
    middle = facts.q99 - facts.q01
    return max(1.0, max(facts.high - facts.q99, facts.q01 - facts.low) / middle) if middle else 1.0


def _value(measure: float, column: Column) -> Any:
    """The inverse of `measures`, within what the column's type can hold."""
    if column.kind == "decimal":
        return Decimal(repr(measure))
    if column.kind == "timedelta":
        most = 9e9  # seconds, below the limit of nanoseconds in 64 bits
        return pd.Timedelta(seconds=min(max(measure, -most), most))
    if column.kind not in ("datetime", "date"):
        return measure
    earliest, latest = (time.replace(tzinfo=UTC).timestamp() for time in (_FIRST, _LAST))
    time = datetime.fromtimestamp(min(max(measure, earliest), latest), UTC)
    if column.kind == "date":
        return date(time.year, time.month, time.day)
    stamp = pd.Timestamp(time)
    return stamp if "zone" in column.detail else stamp.tz_localize(None)
