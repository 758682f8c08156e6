"""The rows and columns of a dataset whose rows can be matched, put together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limelight.data import _cells, _columns
from limelight.data._cells import ABSENT, Bools, Places
from limelight.data._columns import Strand, Table
from limelight.data._conflicts import Ledger, key_texts
from limelight.data._matching import Snapshot
from limelight.data._renames import find_renames
from limelight.data._threeway import Sides, interleaved
from limelight.data.keys import content_keys
from limelight.data.schema import ROW_KEY, describe, encode

FinalNames = Sides[dict[str, str | None]]
"""For each side the name that a column has after the merge; None if it is dropped."""

Named = tuple[str, pd.Series]

_OTHER = {"ours": "theirs", "theirs": "ours"}


def by_row(
    sides: Sides[Snapshot],
    index: Sides[pd.Index],
    key_renames: Sides[dict[str, str]],
    ledger: Ledger,
) -> tuple[pd.DataFrame, FinalNames]:
    """The merged rows in the order of their key, and what became of the columns.

    Args:
        sides: The three versions, all there.
        index: Their keys, comparable; of a dataset without a key, made from what all have.
        key_renames: New names of the key's columns.
        ledger: Takes the conflicts.
    """
    rows = _cells.aligned(index)
    united = index.ours.append(index.theirs[rows.theirs[len(index.ours) :]])
    strands = _strands(sides, index, rows)
    key = _key_strands(sides, key_renames, len(united))
    contested = Sides(*(_contested(strands, rows, side) for side in ("base", "ours", "theirs")))
    kept, restored = _kept(strands, rows, united, contested, ledger)
    there = Sides(*(side[places] for side, places in zip(rows, contested, strict=True)))
    table = Table(_at(rows, kept), restored[kept], united[kept], there)
    if (kept >= len(index.ours)).any():
        order = _order([_columns.key_values(strand, table) for strand in key] or [united[kept]])
        kept = kept[order]
        table = Table(_at(rows, kept), restored[kept], united[kept], there)
    keys = [_columns.key_column(strand, table, ledger) for strand in key]
    found = [_columns.settled(strand.at(kept), table, ledger) for strand in strands]
    listed = [column for n in _column_order(sides, strands) if (column := found[n]) is not None]
    frame = pd.DataFrame({name: cells.array for name, cells in listed}, range(len(kept)))
    frame = _keyed(frame, keys) if keys else _by_content(frame)
    return frame, _final_names([*strands, *key], [*found, *keys])


def _at(rows: Sides[Places], places: Places) -> Sides[Places]:
    return rows.map(lambda side: side[places])


def _strands(sides: Sides[Snapshot], index: Sides[pd.Index], rows: Sides[Places]) -> list[Strand]:
    """The columns beside the key, with what each side did to them."""
    frames = Sides(*(s.frame.set_axis(i, axis=0) for s, i in zip(sides, index, strict=True)))
    renames = frames.map(lambda frame: find_renames(frames.base, frame))
    names = Sides[Sequence[str]](*([*frame.columns] for frame in frames))
    return [_strand(found, sides, rows) for found in _columns.paired(names, renames)]


def _strand(names: Sides[str | None], sides: Sides[Snapshot], rows: Sides[Places]) -> Strand:
    pairs = zip(names, sides, strict=True)
    columns = Sides(*(None if n is None else side.frame[n] for n, side in pairs))
    cells = zip(columns, rows, strict=True)
    edited = Sides(*(_cells.changed(columns.base, c, rows.base, now) for c, now in cells))
    role = zip(names, sides, edited, strict=True)
    new = names.base != sides.base.card.target
    used = Sides(*(bool(c.any()) or (new and n == s.card.target) for n, s, c in role))
    return Strand(names, columns, edited, used)


def _key_strands(sides: Sides[Snapshot], renames: Sides[dict[str, str]], rows: int) -> list[Strand]:
    """The columns of the key; a row's cells in them never change."""
    same, no = np.zeros(rows, dtype=bool), Sides(False, False, False)
    found = []
    for place, name in enumerate(sides.base.card.key):
        names = Sides[str | None](*(new.get(name, name) for new in renames))
        levels = (side.frame.index.get_level_values(place).array for side in sides)
        columns = Sides[pd.Series | None](*map(pd.Series, levels))
        found.append(Strand(names, columns, Sides(same, same, same), no))
    return found


def _contested(strands: list[Strand], rows: Sides[Places], side: str) -> Places:
    """The rows that the other side removed, and that this side changed."""
    if side == "base":
        return np.array([], dtype=np.intp)
    removed = (rows.base != ABSENT) & (rows.get(_OTHER[side]) == ABSENT)
    edited = np.zeros(len(removed), dtype=bool)
    for strand in strands:
        edited |= strand.edited.get(side)
    return np.flatnonzero(removed & edited)


def _kept(
    strands: list[Strand],
    rows: Sides[Places],
    united: pd.Index,
    contested: Sides[Places],
    ledger: Ledger,
) -> tuple[Places, Bools]:
    """The rows that stay, and which of all are as they were in the base.

    A row that one side removed stays only if the other changed it, and that is right.
    """
    gone = (rows.ours == ABSENT) | (rows.theirs == ABSENT)
    stays = (rows.base == ABSENT) | ~gone
    restored = np.zeros(len(united), dtype=bool)
    for side, other in _OTHER.items():
        places = contested.get(side)
        if len(places):
            said = _changed_cells(strands, rows, places, side)
            takes = np.array(ledger.enter("row", "", said, key_texts(united[places])))
            stays[places[takes != other]] = True
            restored[places[takes == "base"]] = True
    return np.flatnonzero(stays), restored


def _changed_cells(
    strands: list[Strand], rows: Sides[Places], places: Places, side: str
) -> list[Sequence[dict[str, object] | None]]:
    """What base, ours and theirs have in the cells that a side changed; None for no row."""
    before: list[dict[str, object]] = [{} for _ in places]
    after: list[dict[str, object]] = [{} for _ in places]
    for strand in strands:
        name, old, new = strand.names.get(side), strand.columns.base, strand.columns.get(side)
        hits = np.flatnonzero(strand.edited.get(side)[places])
        if name is None or old is None or new is None:
            continue
        was = _cells.picked(old, rows.base[places[hits]]).tolist()
        now = _cells.picked(new, rows.get(side)[places[hits]]).tolist()
        for hit, one, other in zip(hits, was, now, strict=True):
            before[hit][name], after[hit][name] = one, other
    gone = [None] * len(places)
    return [before, after, gone] if side == "ours" else [before, gone, after]


def _order(key: Sequence[pd.Series | pd.Index]) -> NDArray[np.intp]:
    """The places of rows in the order of their key, as a store has it: that of its SQL values."""
    frame = pd.DataFrame({str(place): pd.Series(level.array) for place, level in enumerate(key)})
    values = [encode(frame[column.name], column) for column in describe(frame)]
    rows = values[0] if len(values) == 1 else list(zip(*values, strict=True))
    return np.array(sorted(range(len(rows)), key=rows.__getitem__), dtype=np.intp)


def _column_order(sides: Sides[Snapshot], strands: list[Strand]) -> list[int]:
    """The strands in the order in which their columns are to stand."""

    def order(side: str) -> list[int]:
        numbers = {strand.names.get(side): number for number, strand in enumerate(strands)}
        return [numbers[name] for name in sides.get(side).frame.columns]

    return interleaved(Sides(order("base"), order("ours"), order("theirs")))


def _keyed(frame: pd.DataFrame, keys: list[Named]) -> pd.DataFrame:
    names = [name for name, _ in keys]
    columns = [values.array for _, values in keys]
    if len(keys) == 1:
        return frame.set_axis(pd.Index(columns[0], name=names[0]), axis=0)
    return frame.set_axis(pd.MultiIndex.from_arrays(columns, names=names), axis=0)


def _by_content(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows under keys of their content, in the order of these."""
    keys = pd.Index(content_keys(frame, describe(frame)), name=ROW_KEY)
    return frame.set_axis(keys, axis=0).sort_index()


def _final_names(strands: list[Strand], found: Sequence[Named | None]) -> FinalNames:
    names: FinalNames = Sides({}, {}, {})
    for strand, column in zip(strands, found, strict=True):
        for side, name in zip(names, strand.names, strict=True):
            if name is not None:
                side[name] = None if column is None else column[0]
    return names
