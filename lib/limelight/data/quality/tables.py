"""Checks of a table as a whole: its key, and how many rows it has."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from limelight.data.quality.chance import FEW
from limelight.data.quality.facts import TableFacts
from limelight.data.quality.issue import Issue, Rows

SHRUNK, FEWER = 0.4, 0.8
"""Shares of the last version's rows below which a table has lost rows: an error, a warning."""

MORE, EXPLODED = 2.0, 10.0
"""How many times the last version's rows are more than expected: a warning, an error."""


def of_table(
    rows: Rows, new: TableFacts, old: TableFacts | None, *, whole: bool
) -> Iterator[Issue]:
    """All checks of a table as a whole.

    Args:
        rows: The table.
        new: Its figures.
        old: Those of the last version, or None for the first.
        whole: Whether the table replaces the last version, and is no part that is added.
    """
    found = list(of_key(rows))
    yield from found
    if old is None or found or not whole:
        return
    yield from _row_count(rows, new, old)
    yield from _gaps(rows, new, old)


def of_key(rows: Rows) -> Iterator[Issue]:
    """The key is there, complete and unique; without that nothing can be committed."""
    frame, name = rows.frame, ", ".join(rows.key)
    absent = [part for part in rows.key if part not in frame.columns]
    for part in absent:
        yield Issue("key", part, "error", f"the key column {part!r} is not in the table")
    if absent or not rows.key:
        return
    numbered = Rows(frame, ())
    missing = frame[list(rows.key)].isna().any(axis=1).to_numpy()
    if missing.any():
        yield numbered.issue("key", name, "error", f"the key {name!r} is missing", missing)
    repeated = frame.duplicated(list(rows.key)).to_numpy() & ~missing
    if repeated.any():
        text = f"the key {name!r} is not unique: {repeated.sum():,} rows have one that came before"
        yield rows.issue("key", name, "error", text, repeated)


def _row_count(rows: Rows, new: TableFacts, old: TableFacts) -> Iterator[Issue]:
    """Many rows less than before, or many times as many."""
    if old.rows < FEW:
        return
    ratio = new.rows / old.rows
    if FEWER <= ratio <= MORE:
        return
    text = f"the table has {new.rows:,} rows, and had {old.rows:,} before"
    serious = ratio < SHRUNK or ratio > EXPLODED
    yield rows.issue("rows", "", "error" if serious else "warning", text)


def _gaps(rows: Rows, new: TableFacts, old: TableFacts) -> Iterator[Issue]:
    """A key that counted in even steps, and does so no more."""
    if new.key is None or old.key is None or isinstance(new.key, pd.MultiIndex):
        return
    step = _step(old.key)
    if step is None or old.rows < FEW or not _countable(new.key):
        return
    values = np.sort(new.key.to_numpy())
    before = np.flatnonzero(np.diff(values) > step)
    if not len(before):
        return
    name = rows.key[0]
    holes = [f"between {_text(values[p])} and {_text(values[p + 1])}" for p in before[:5]]
    more = ", ..." if len(before) > 5 else ""
    text = (
        f"the key {name!r} counted without a gap before, and has {len(before):,} now:"
        f" {', '.join(holes)}{more}"
    )
    yield rows.issue("gaps", name, "warning", text)


def _countable(key: pd.Index) -> bool:
    return bool(key.dtype.kind in "iuM") and not key.hasnans


def _step(key: pd.Index) -> object | None:
    """The one distance between neighbours of a key, or None where there are several."""
    if not _countable(key) or len(key) < 2:
        return None
    steps = np.unique(np.diff(np.sort(key.to_numpy())))
    return steps[0] if len(steps) == 1 else None


def _text(value: object) -> str:
    return str(value).removesuffix("T00:00:00.000000")
