"""Three-way merge of a dataset: what two sides made of one version, put together by key.

Rows and cells
    A row that one side added, removed or changed is so in the result. Both may change other cells
    of one row. Different values for one cell are a conflict, and so is a row that one side removed
    and the other changed (filling a new column does not count as a change of the row). Equal
    changes are no conflict.
Columns
    One that a side added is there, missing in rows that the other side added. One that a side
    dropped is gone for all rows, unless the other changed its values, type, name or role: a
    conflict. A column keeps its identity through a rename (see `find_renames`). The result has the
    type that holds both sides' values: numbers widen, categories come together; where there is none
    (text and numbers) and both sides touched the column, the column as a whole is a conflict.
Card
    Merged field by field; ``ignore`` name by name.
The dataset as a whole
    It is a conflict where one side dropped it and the other changed it, and where one side
    changed the key (or its type, or dropped it) and the other the rows: these cannot be matched
    any more.
No key
    Rows are matched by their content: a changed cell is a row removed and another one added.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

from limelight.data import _cells
from limelight.data._casting import differs
from limelight.data._conflicts import Decisions, Ledger, as_text, read_decisions, table
from limelight.data._matching import Snapshot, comparable, key_renames, old_names, rekeyed
from limelight.data._renames import find_renames
from limelight.data._rowwise import FinalNames, by_row
from limelight.data._threeway import Sides, agreed
from limelight.data.card import DatasetCard
from limelight.data.store import Side

__all__ = [
    "Snapshot",
    "Versions",
    "as_text",
    "find_renames",
    "merge_datasets",
    "read_decisions",
]

_OWN_RULE = ("name", "key", "target", "ignore")
"""Fields of a card that are not merged as plain values."""


@dataclass(frozen=True)
class Versions:
    """The three versions of a dataset that are merged; None where it does not exist.

    Args:
        dataset: Its name.
        base: What both sides started from.
        ours: The branch that is merged into.
        theirs: What is merged.
    """

    dataset: str
    base: Snapshot | None
    ours: Snapshot | None
    theirs: Snapshot | None


def merge_datasets(
    versions: Iterable[Versions],
    *,
    take: Side | None = None,
    decisions: pd.DataFrame | None = None,
) -> dict[str, Snapshot | None]:
    """Merge datasets, cell by cell, by key.

    Conflicts come in a table with the columns ``dataset``; ``kind`` (``cell``, ``row``,
    ``column``, ``card``, ``dataset``); ``key``, the row's key as a JSON list; ``column``, or the
    card's field; ``base``, ``ours`` and ``theirs``, what each side has (of a row, the cells that
    were changed; None: nothing there); and ``take``, empty. It can be written to a file
    (`as_text`) and read back (`read_decisions`).

    Args:
        versions: The datasets; each is asked for when it is its turn.
        take: The side that is right wherever there is a conflict.
        decisions: What is right in single conflicts: their table with ``take`` filled in
            (``ours``, ``theirs`` or ``base``); goes before ``take``.

    Returns:
        Each dataset's merged version, None where it is dropped. The rows are in the order of
        their key.

    Raises:
        ConflictError: Conflicts that nobody decided; carries them.
        InputError: A decision fits no conflict, or cannot be carried out.

    Example:
        >>> def loans(*amounts):
        ...     frame = pd.DataFrame({"amount": amounts}, pd.Index([1, 2], name="id"))
        ...     return Snapshot(frame, DatasetCard(name="loans", target="amount", key=("id",)))
        >>> sides = Versions("loans", loans(10, 20), loans(11, 20), loans(10, 22))
        >>> merge_datasets([sides])["loans"].frame["amount"].tolist()
        [11, 22]
    """
    chosen, found, conflicts = Decisions(take, decisions), {}, []
    for sides in versions:
        ledger = Ledger(sides.dataset, chosen)
        found[sides.dataset] = _merged(sides, ledger)
        conflicts.append(ledger.conflicts)
    chosen.check(table(conflicts))
    return found


def _merged(versions: Versions, ledger: Ledger) -> Snapshot | None:
    base, ours, theirs = versions.base, versions.ours, versions.theirs
    if ours is theirs or theirs is base:
        return ours
    if ours is base:
        return theirs
    if ours is None or theirs is None:
        return _one_is_gone(versions, ledger)
    if base is None:
        base = Snapshot(ours.frame.iloc[:0, :0], DatasetCard(ours.card.name, "", ours.card.key))
    return _both_there(Sides(base, ours, theirs), ledger)


def _one_is_gone(versions: Versions, ledger: Ledger) -> Snapshot | None:
    """Dropped on one side, or new on one side."""
    sides = Sides(versions.base, versions.ours, versions.theirs)
    there = versions.ours or versions.theirs
    if versions.base is None or there is None:
        return there
    return None if _same(versions.base, there) else _as_a_whole(sides, ledger)


def _as_a_whole(sides: Sides[Any], ledger: Ledger) -> Snapshot | None:
    """A dataset whose rows cannot be merged: one side's is taken."""
    (take,) = ledger.enter("dataset", "", [[_described(side)] for side in sides])
    found: Snapshot | None = sides.get(take or "ours")
    return found


def _described(side: Snapshot | None) -> str | None:
    if side is None:
        return None
    key = ", ".join(map(repr, side.card.key)) or "made from the content"
    return f"{len(side.frame):,} rows, key {key}"


def _both_there(sides: Sides[Snapshot], ledger: Ledger) -> Snapshot | None:
    renames = sides.map(lambda side: key_renames(sides.base, side))
    if _collide(sides, renames):
        renames = Sides({}, {}, {})
    keys = Sides(*(old_names(s.card.key, r) for s, r in zip(sides, renames, strict=True)))
    if keys.ours == keys.theirs != keys.base:
        again = rekeyed(sides.base, sides.ours.card.key)
        if again is None:
            return _as_a_whole(sides, ledger)
        return _both_there(Sides(again, sides.ours, sides.theirs), ledger)
    index = comparable(sides) if keys.ours == keys.theirs else None
    if index is None:
        return _one_side_alone(sides, ledger)
    frame, names = by_row(sides, index, renames, ledger)
    return Snapshot(frame, _card(sides, names, ledger))


def _collide(sides: Sides[Snapshot], renames: Sides[dict[str, str]]) -> bool:
    """Whether a new name in the key is that of another column of the other side."""
    ours, theirs = sides.ours.frame.columns, sides.theirs.frame.columns
    return any(n in theirs for n in renames.ours.values()) or any(
        n in ours for n in renames.theirs.values()
    )


def _one_side_alone(sides: Sides[Snapshot], ledger: Ledger) -> Snapshot | None:
    """Rows that cannot be matched: fine as long as one side did nothing to them."""
    for side, other in ((sides.ours, sides.theirs), (sides.theirs, sides.ours)):
        if _same_rows(sides.base, other):
            names: FinalNames = sides.map(lambda s: {name: name for name in s.frame.columns})
            return Snapshot(side.frame, _card(sides, names, ledger, side.card.key))
    return _as_a_whole(sides, ledger)


def _same(left: Snapshot, right: Snapshot) -> bool:
    return left.card == right.card and _same_rows(left, right)


def _same_rows(left: Snapshot, right: Snapshot) -> bool:
    """Whether two versions have the same columns, types and rows."""
    a, b = left.frame, right.frame
    if list(a.columns) != list(b.columns) or list(a.index.names) != list(b.index.names):
        return False
    return a.index.equals(b.index) and not any(
        _cells.is_retyped(a[name], b[name]) or differs(a[name], b[name]).any() for name in a
    )


def _card(
    sides: Sides[Snapshot], names: FinalNames, ledger: Ledger, key: tuple[str, ...] | None = None
) -> DatasetCard:
    """The card after both changes, field by field, with the names that columns have now."""
    cards = sides.map(lambda side: side.card)
    if key is None:
        key = tuple(str(names.ours.get(name, name)) for name in cards.ours.key)
    found: dict[str, Any] = {"name": cards.ours.name, "key": key, "ignore": _ignored(cards, names)}
    targets = zip(cards, names, strict=True)
    found["target"] = _field("target", Sides(*(_now(c.target, n) for c, n in targets)), ledger)
    for field in fields(DatasetCard):
        if field.name not in _OWN_RULE:
            values = Sides(*(getattr(card, field.name) for card in cards))
            found[field.name] = _field(field.name, values, ledger)
    return DatasetCard(**found)


def _field(name: str, values: Sides[Any], ledger: Ledger) -> Any:
    found, one = agreed(values)
    if one:
        return found
    (take,) = ledger.enter("card", name, [[value] for value in values])
    return values.get(take or "ours")


def _now(name: str, names: dict[str, str | None]) -> str:
    """What a column is called after the merge; one that is dropped keeps its name."""
    return names.get(name) or name


def _ignored(cards: Sides[DatasetCard], names: FinalNames) -> tuple[str, ...]:
    """Names that both ignore, or that one side alone added; without dropped columns."""
    before, ours, theirs = (
        [names_of.get(name, name) for name in card.ignore]
        for card, names_of in zip(cards, names, strict=True)
    )
    kept = [name for name in ours if name in theirs or name not in before]
    kept += [name for name in theirs if name not in before and name not in ours]
    return tuple(name for name in kept if name is not None)
