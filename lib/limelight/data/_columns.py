"""The columns of three versions, paired through renames, and each put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from limelight.data import _cells
from limelight.data._casting import plain, same_type
from limelight.data._cells import ABSENT, Bools, Places, Taken
from limelight.data._conflicts import Ledger, key_texts
from limelight.data._threeway import Sides, agreed

_SIDE = {"base": _cells.BASE, "ours": _cells.OURS, "theirs": _cells.THEIRS}


@dataclass(frozen=True)
class Strand:
    """One column through three versions.

    Args:
        names: What it is called on each side; None where it is not.
        columns: Its values on each side.
        edited: The rows whose cell ours and theirs changed.
        used: Whether ours and theirs changed a cell of it in any row, or gave it a new role.
    """

    names: Sides[str | None]
    columns: Sides[pd.Series | None]
    edited: Sides[Bools]
    used: Sides[bool]

    @property
    def label(self) -> str:
        """What it is called in a conflict about the column as a whole."""
        return next(name for name in self.names if name is not None)

    def at(self, places: Places) -> Strand:
        """The same column, for some of the rows."""
        edited = self.edited.map(lambda found: found[places])
        return Strand(self.names, self.columns, edited, self.used)


@dataclass(frozen=True)
class Table:
    """The rows that a merged dataset has.

    Args:
        rows: Where each is on each side.
        restored: Those that are taken from the base.
        index: Their key, for the names of conflicts.
        contested: Where on each side rows are that the other removed, and that were changed.
    """

    rows: Sides[Places]
    restored: Bools
    index: pd.Index
    contested: Sides[Places]


def paired(names: Sides[Sequence[str]], renames: Sides[dict[str, str]]) -> list[Sides[str | None]]:
    """The columns of three versions, as one list of what belongs together.

    A new name that the other side has for something else makes no rename: the column counts as
    dropped, and the other as added.

    Example:
        >>> paired(Sides(["a"], ["b"], ["a", "c"]), Sides({}, {"a": "b"}, {}))
        [Sides(base='a', ours='b', theirs='a'), Sides(base=None, ours=None, theirs='c')]
    """
    ours = _unclashing(renames.ours, renames.theirs, names.theirs)
    theirs = _unclashing(renames.theirs, renames.ours, names.ours)
    found = [
        Sides[str | None](name, _now(name, names.ours, ours), _now(name, names.theirs, theirs))
        for name in names.base
    ]
    known = {*names.base, *ours.values(), *theirs.values()}
    for name in dict.fromkeys([*names.ours, *names.theirs]):
        if name not in known:
            there = (name if name in side else None for side in (names.ours, names.theirs))
            found.append(Sides(None, *there))
    return found


def _unclashing(
    own: dict[str, str], other: dict[str, str], others_names: Sequence[str]
) -> dict[str, str]:
    return {
        old: new for old, new in own.items() if new not in others_names or other.get(old) == new
    }


def _now(name: str, names: Sequence[str], renames: dict[str, str]) -> str | None:
    return name if name in names else renames.get(name)


def settled(strand: Strand, table: Table, ledger: Ledger) -> tuple[str, pd.Series] | None:
    """Name and values of a column after the merge; None if it is dropped.

    Raises:
        InputError: A decision asks for a type that a value cannot have.
    """
    ours, theirs = strand.columns.ours, strand.columns.theirs
    if ours is None and theirs is None:
        return None
    if strand.columns.base is not None and (ours is None or theirs is None):
        return _dropped_by_one(strand, table, ledger)
    name, one_name = agreed(strand.names)
    if ours is None or theirs is None:
        return strand.label, _whole(strand, table, "ours")
    changer = _only_changer(strand, table)
    same = None if changer else _cells.on_one_type(strand.columns)
    if not one_name or (same is None and not changer):
        take = _ask(strand, ledger)
        if not take or strand.columns.get(take) is None:
            return None
        name = name if one_name else strand.names.get(take)
        changer = changer or take
    assert name is not None
    if same is None:
        return name, _whole(strand, table, changer)
    label = name if one_name else strand.label
    return name, _cell_by_cell(strand, same, table, ledger, label)


def _dropped_by_one(strand: Strand, table: Table, ledger: Ledger) -> tuple[str, pd.Series] | None:
    """A column that one side dropped: it stays only if the other changed it, and that is right.

    Values in rows that the other side added are no change of the column: it goes for all rows.
    """
    survivor = "ours" if strand.columns.theirs is None else "theirs"
    before, after = strand.columns.base, strand.columns.get(survivor)
    assert before is not None and after is not None
    contested = (
        strand.used.get(survivor)
        or _cells.is_retyped(before, after)
        or strand.names.get(survivor) != strand.names.base
    )
    if not contested:
        return None
    take = _ask(strand, ledger)
    name = strand.names.get(take) if take else None
    return None if name is None else (name, _whole(strand, table, take))


def _only_changer(strand: Strand, table: Table) -> str:
    """The side that has the column as it is to be, if only one did anything to it; else empty."""
    touched = [_touched(strand, table, side) for side in ("ours", "theirs")]
    return "" if all(touched) else "theirs" if touched[1] else "ours"


def _touched(strand: Strand, table: Table, side: str) -> bool:
    """Whether a side changed the column's type or a value, or has a row of its own with a value."""
    before, after = strand.columns.base, strand.columns.get(side)
    assert after is not None
    if before is None or not same_type(before.dtype, after.dtype):
        return True
    if _cells.is_retyped(before, after) or strand.used.get(side):
        return True
    rows = table.rows.get(side)
    added = rows[(rows != ABSENT) & (table.rows.base == ABSENT)]
    own = np.concatenate([added, table.contested.get(side)])
    return bool(after.iloc[own].notna().any())


def _ask(strand: Strand, ledger: Ledger) -> str:
    """The side that is right about a column as a whole; empty where nobody said."""
    said = [
        [None if column is None else f"{name} ({_cells.type_name(column)})"]
        for name, column in zip(strand.names, strand.columns, strict=True)
    ]
    return ledger.enter("column", strand.label, said)[0]


def _whole(strand: Strand, table: Table, take: str) -> pd.Series:
    """The column as one side has it; where it has no such row, as the other has it."""
    taken = _cells.start(strand.columns, table.rows, _SIDE[take])
    like = strand.columns.get(take)
    if like is None:
        like = next(column for column in strand.columns if column is not None)
    return _values(strand, strand.columns, table, taken, like)


def _cell_by_cell(
    strand: Strand, columns: Sides[pd.Series | None], table: Table, ledger: Ledger, label: str
) -> pd.Series:
    taken, clashes = _cells.merged(columns, table.rows, strand.edited)
    if len(clashes):
        there = table.rows.map(lambda places: places[clashes])
        said = [
            [None] * len(clashes) if column is None else _cells.picked(column, places).tolist()
            for column, places in zip(columns, there, strict=True)
        ]
        takes = ledger.enter("cell", label, said, key_texts(table.index[clashes]))
        taken[clashes] = [_SIDE[take or "ours"] for take in takes]
    like = columns.ours
    assert like is not None
    return _values(strand, columns, table, taken, like)


def _values(
    strand: Strand,
    columns: Sides[pd.Series | None],
    table: Table,
    taken: Taken,
    like: pd.Series,
) -> pd.Series:
    taken = np.where(table.restored, np.int8(_cells.BASE), taken)
    found = _cells.values(columns, table.rows, taken, like)
    return _cells.without_dropped_categories(found, strand.columns)


def key_column(strand: Strand, table: Table, ledger: Ledger) -> tuple[str, pd.Series]:
    """Name and values of a column of the key."""
    name, one_name = agreed(strand.names)
    if not one_name:
        name = strand.names.get(_ask(strand, ledger) or "ours")
    assert name is not None
    return name, key_values(strand, table)


def key_values(strand: Strand, table: Table) -> pd.Series:
    """A column of the key: each row's value from a side that has the row."""
    columns = _cells.on_one_type(strand.columns) or _plain(strand.columns)
    like = columns.ours
    assert like is not None
    return _cells.values(columns, table.rows, _cells.start(columns, table.rows), like)


def _plain(columns: Sides[pd.Series | None]) -> Sides[pd.Series | None]:
    """Columns whose categories cannot come together, as their values."""
    found = _cells.on_one_type(columns.map(lambda c: None if c is None else plain(c)))
    assert found is not None
    return found
