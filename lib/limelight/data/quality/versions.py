"""Checks of a table against the version before: columns, ranges, missing values, categories."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pandas as pd

from limelight.data.quality.chance import JUMP, unlikely
from limelight.data.quality.expectations import NOTABLE, expectations, failures, measured
from limelight.data.quality.facts import ColumnFacts, TableFacts, shown
from limelight.data.quality.issue import Issue, Rows, Severity
from limelight.data.quality.types import comparable, fits, widened, words
from limelight.data.schema import Column, describe

ENOUGH = 30
"""From so many rows on their middle says something."""

_VALUES = 5
_STRICTNESS: tuple[tuple[Severity, str], ...] = (("error", "far"), ("warning", "notable"))


def against_last(
    rows: Rows,
    new: TableFacts,
    old: TableFacts,
    target: str,
    *,
    partial: bool = False,
    now: datetime | None = None,
) -> Iterator[Issue]:
    """All checks of a table's columns against those of its last version.

    Args:
        rows: The table.
        new, old: Its figures, and those of the last version.
        target: The column to predict, or empty.
        partial: Whether columns that are not there keep the values that they have.
        now: Times up to now are expected.
    """
    both = {name: facts for name, facts in old.columns.items() if name in new.columns}
    shared = {name: facts for name, facts in both.items() if _one_kind(facts, new.columns[name])}
    found = failures(expectations(old, shared, now), rows.frame)
    yield from _schema(rows, new, old, found, partial)
    for name, before in both.items():
        cases, after = found[found["column"] == name], new.columns[name]
        yield from _missing(rows, before, after, cases, target)
        if name in shared:
            yield from _range(rows, before, after, cases, now)
            yield from _categories(rows, before, after, cases, target)


def _one_kind(old: ColumnFacts, new: ColumnFacts) -> bool:
    """Whether there are values on both sides that can be held against each other."""
    return bool(old.known and new.known) and comparable(old.column, new.column)


def _schema(
    rows: Rows, new: TableFacts, old: TableFacts, found: pd.DataFrame, partial: bool
) -> Iterator[Issue]:
    """Columns that are gone, new, or of another type."""
    added = [name for name in new.columns if name not in old.columns]
    are = "is" if len(added) == 1 else "are"
    for name in found["column"][found["check"] == "column_in_dataframe"]:
        hint = f", and {_listed(added)} {are} new: renamed?" if added else ""
        text = f"column {name!r} of the last version is not there{hint}"
        yield rows.issue("schema", name, "warning" if partial else "error", text)
    for name in added:
        yield rows.issue("schema", name, "warning", f"column {name!r} is new")
    for was, now in _typed_twice(old, new):
        name = was.name
        what = f"column {name!r} was {words(was)} and is {words(now)}"
        if widened(was, now):
            yield rows.issue("schema", name, "warning", f"{what}; no value is lost")
        elif not comparable(was, now):
            misfits = ~fits(rows.frame[name], was)
            values = _listed(rows.frame[name][misfits].astype(object).unique())
            text = f"{what}: {values}" if values else what
            yield rows.issue("schema", name, "error", text, misfits)


def _typed_twice(old: TableFacts, new: TableFacts) -> Iterator[tuple[Column, Column]]:
    """The columns of both versions that have values in both, those of the key first."""
    before, after = (
        {column.name: column for column in describe(facts.key.to_frame(index=False))}
        if facts.key is not None
        else {}
        for facts in (old, new)
    )
    yield from ((before[name], after[name]) for name in before if name in after)
    for name in [name for name in old.columns if name in new.columns]:
        if old.columns[name].known and new.columns[name].known:
            yield old.columns[name].column, new.columns[name].column


def _range(
    rows: Rows,
    old: ColumnFacts,
    new: ColumnFacts,
    cases: pd.DataFrame,
    now: datetime | None,
) -> Iterator[Issue]:
    """Values far from those that were seen, and a column that moved as a whole."""
    name, kind = old.column.name, new.column.kind
    usual = f"before, they were {shown(old.low, kind)} to {shown(old.high, kind)}"
    severity: Severity
    for severity, check in _STRICTNESS:
        where = cases["row"][cases["check"] == check].to_numpy("int64")
        if len(where):
            values = _listed(rows.frame[name].iloc[where].astype(object).unique())
            text = f"column {name!r} has values far from those that were seen: {values}; {usual}"
            yield rows.issue("range", name, severity, text, where)
            return
    span = measured(old, NOTABLE, now)
    enough = new.known >= ENOUGH and old.known >= ENOUGH
    if not enough or span is None or old.q01 <= new.median <= old.q99:
        return
    severity = "warning" if span[0] <= new.median <= span[1] else "error"
    text = (
        f"column {name!r} moved as a whole: its median is {shown(new.median, kind)}, and was"
        f" {shown(old.median, kind)}; {usual}"
    )
    yield rows.issue("range", name, severity, text)


def _missing(
    rows: Rows, old: ColumnFacts, new: ColumnFacts, cases: pd.DataFrame, target: str
) -> Iterator[Issue]:
    """More missing values than before, or the first ones."""
    name = old.column.name
    if not old.known or not new.missing:
        return
    jumped = unlikely(old.missing, old.rows, new.missing, new.rows)
    first = bool((cases["check"] == "not_nullable").any())
    if not (first or jumped):
        return
    share = f"{new.missing_share:.1%} of the rows" if new.known else "all rows"
    before = "in none" if first else f"in {old.missing_share:.1%}"
    text = f"column {name!r} is missing in {share}, and was {before} before"
    serious = jumped and new.missing_share - old.missing_share > JUMP
    severity: Severity = "error" if serious or (first and name == target) else "warning"
    yield rows.issue("missing", name, severity, text, rows.frame[name].isna().to_numpy())


def _categories(
    rows: Rows, old: ColumnFacts, new: ColumnFacts, cases: pd.DataFrame, target: str
) -> Iterator[Issue]:
    """Categories that were not known."""
    name = old.column.name
    where = cases["row"][cases["check"] == "categories"].to_numpy("int64")
    if not len(where) or old.levels is None:
        return
    found = rows.frame[name].iloc[where].astype(str)
    levels = found.value_counts().index.tolist()
    spelt = {level.strip().casefold(): level for level in sorted(old.levels)}
    near = [
        f"{level!r} (known: {spelt[key]!r})" if (key := level.strip().casefold()) in spelt else ""
        for level in levels[:_VALUES]
    ]
    listed = ", ".join(hint or repr(level) for hint, level in zip(near, levels, strict=False))
    more = ", ..." if len(levels) > _VALUES else ""
    text = (
        f"column {name!r} has {len(levels):,} categor{'y' if len(levels) == 1 else 'ies'} that"
        f" the last version had not ({listed}{more}), beside {len(old.levels):,} known"
    )
    exploded = new.levels is None or len(levels) > 10 * len(old.levels)
    swapped = len(where) > JUMP * new.known
    sudden = unlikely(0, old.known, len(where), new.known)
    other_task = name == target and (len(old.levels) == 2 or any(near))
    serious = other_task or ((exploded or swapped) and sudden)
    yield rows.issue("categories", name, "error" if serious else "warning", text, where)


def _listed(values: object) -> str:
    """The first values, each as a reader would write it."""
    given = list(values)  # type: ignore[call-overload]
    first = ", ".join(repr(v) if isinstance(v, str) else str(v) for v in given[:_VALUES])
    return first + (", ..." if len(given) > _VALUES else "")
