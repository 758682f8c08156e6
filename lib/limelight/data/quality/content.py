"""Checks of what a table holds: repeated rows, constant columns, categories spelt twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from limelight.data.quality.chance import FEW, JUMP, unlikely
from limelight.data.quality.facts import ColumnFacts, TableFacts, repeats
from limelight.data.quality.issue import Issue, Rows, Severity


def of_content(
    rows: Rows, new: TableFacts, old: TableFacts | None, unused: Iterable[str]
) -> Iterator[Issue]:
    """All checks of a table's content; what the last version had already is not told again.

    Args:
        rows: The table.
        new: Its figures.
        old: Those of the last version, or None for the first.
        unused: Columns that are no features.
    """
    yield from _duplicates(rows, new, old)
    skipped = set(unused)
    for name, facts in new.columns.items():
        before = old.columns.get(name) if old else None
        yield from _constant(rows, facts, before)
        yield from _infinite(rows, facts, before)
        if before is None:
            yield from _spellings(rows, facts)
            if name not in skipped:
                yield from _free_text(rows, facts)


def _duplicates(rows: Rows, new: TableFacts, old: TableFacts | None) -> Iterator[Issue]:
    """Rows that come more than once."""
    if not new.repeated:
        return
    content = rows.frame[list(new.columns)]
    half = new.rows // 2
    # A few kinds of rows in turns are a pattern, and no copy.
    several = new.rows - new.repeated >= FEW
    if several and new.rows % 2 == 0 and _same(content.iloc[:half], content.iloc[half:]):
        text = f"the table holds its rows twice: the last {half:,} are the first {half:,} again"
        where = np.arange(half, new.rows)
        yield rows.issue("duplicates", "", "error", text, where)
        return
    if old is None and rows.key:
        return  # that things with another key are alike is no wonder
    if old is not None and (
        set(old.columns) - set(new.columns)  # with fewer columns, more rows are alike
        or not unlikely(old.repeated, old.rows, new.repeated, new.rows)
    ):
        return
    share, before = new.repeated / new.rows, old.repeated / old.rows if old else 0.0
    text = f"{new.repeated:,} rows ({share:.1%}) repeat a row before them"
    text += f"; in the last version it was {before:.1%}" if old else ""
    serious = old is not None and not rows.key and share - before > JUMP
    severity: Severity = "error" if serious else "warning"
    yield rows.issue("duplicates", "", severity, text, repeats(content))


def _same(first: pd.DataFrame, second: pd.DataFrame) -> bool:
    return first.reset_index(drop=True).equals(second.reset_index(drop=True))


def _constant(rows: Rows, facts: ColumnFacts, before: ColumnFacts | None) -> Iterator[Issue]:
    """Columns that say the same, or nothing, in every row."""
    name = facts.column.name
    if not facts.known and before is None:
        yield rows.issue("constant", name, "warning", f"column {name!r} is empty")
    if facts.distinct != 1 or facts.missing or facts.rows < FEW:
        return
    if before is not None and (before.distinct <= 1 or before.rows < FEW):
        return
    value = rows.frame[name].astype(object).iloc[0]
    text = f"column {name!r} has the one value {value!r} in all rows"
    if before is None:
        yield rows.issue("constant", name, "warning", text)
        return
    text += f", and had {before.distinct:,} different ones before"
    others = before.known - before.top
    serious = unlikely(before.top, before.known, facts.known, facts.known) and others > 0
    yield rows.issue("constant", name, "error" if serious else "warning", text)


def _infinite(rows: Rows, facts: ColumnFacts, before: ColumnFacts | None) -> Iterator[Issue]:
    """Infinite numbers; a column that was there before is checked for its range."""
    if facts.column.kind not in ("float", "wide_float") or before is not None:
        return
    where = np.isinf(rows.frame[facts.column.name].to_numpy("float64", na_value=np.nan))
    if where.any():
        text = f"column {facts.column.name!r} has infinite values"
        yield rows.issue("range", facts.column.name, "warning", text, where)


def _spellings(rows: Rows, facts: ColumnFacts) -> Iterator[Issue]:
    """Categories that differ only by capitals or by spaces around them."""
    if facts.levels is None or facts.column.kind == "bool":
        return
    spelt: dict[str, list[str]] = {}
    for level in sorted(facts.levels):
        spelt.setdefault(level.strip().casefold(), []).append(level)
    pairs = [levels for levels in spelt.values() if len(levels) > 1]
    if not pairs:
        return
    name = facts.column.name
    counts = rows.frame[name].astype(str).value_counts()
    rarer = {level for levels in pairs for level in sorted(levels, key=lambda v: -counts[v])[1:]}
    listed = ", ".join(" and ".join(map(repr, levels)) for levels in pairs[:5])
    text = f"column {name!r} has categories that differ by capitals or spaces alone: {listed}"
    where = rows.frame[name].astype(str).isin(rarer).to_numpy()
    yield rows.issue("categories", name, "warning", text, where)


def _free_text(rows: Rows, facts: ColumnFacts) -> Iterator[Issue]:
    """Text that is another in nearly every row: a name or a number, and no category."""
    if facts.column.kind != "text" or facts.known < 50 or facts.distinct <= 0.9 * facts.known:
        return
    name = facts.column.name
    text = (
        f"column {name!r} has another text in nearly every row ({facts.distinct:,} in"
        f" {facts.known:,}): a model can learn nothing from it"
    )
    yield rows.issue("categories", name, "warning", text)
