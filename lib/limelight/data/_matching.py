"""Which rows of three versions of a dataset are the same row: by key, or by what they hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from limelight.data import _cells
from limelight.data._casting import cast, common_type, plain
from limelight.data._cells import Places
from limelight.data._threeway import Sides
from limelight.data.card import DatasetCard
from limelight.data.keys import content_keys
from limelight.data.schema import describe


@dataclass(frozen=True)
class Snapshot:
    """A dataset in one version.

    Args:
        frame: Its rows as `Store.read` gives them: indexed by the key, with their dtypes.
        card: Its card.
    """

    frame: pd.DataFrame
    card: DatasetCard


def key_renames(base: Snapshot, side: Snapshot) -> dict[str, str]:
    """Columns of the key that have another name now.

    Names that are gone and names that are new, at the same places of the key, if at least half of
    the rows (of the version with fewer) are in both versions.
    """
    old, new = base.card.key, side.card.key
    pairs = {a: b for a, b in zip(old, new, strict=False) if a != b}
    known = {*base.card.key, *base.frame.columns}
    now = {*side.card.key, *side.frame.columns}
    if len(old) != len(new) or not pairs or pairs.keys() & now or known & {*pairs.values()}:
        return {}
    index = comparable(Sides(base, side, side))
    if index is None or 2 * index.base.isin(index.ours).sum() < min(map(len, index)):
        return {}
    return pairs


def old_names(names: Iterable[str], renames: dict[str, str]) -> tuple[str, ...]:
    old = {new: name for name, new in renames.items()}
    return tuple(old.get(name, name) for name in names)


def rekeyed(side: Snapshot, key: tuple[str, ...]) -> Snapshot | None:
    """The same rows by another key; None where that is none in this version."""
    frame = side.frame.reset_index(drop=not side.card.key)
    if not {*key} <= {*frame.columns}:
        return None
    card = replace(side.card, key=key)
    if not key:
        return Snapshot(frame.set_axis(pd.Index(content_keys(frame, describe(frame)))), card)
    if frame[[*key]].isna().any(axis=None) or frame.duplicated([*key]).any():
        return None
    return Snapshot(frame.set_index([*key]), card)


def comparable(sides: Sides[Snapshot]) -> Sides[pd.Index] | None:
    """The keys of the three versions on one type; None where there is none."""
    if not sides.ours.card.key:
        return _content(sides)
    index = sides.map(lambda side: side.frame.index)
    if _one_type([_types(one) for one in index]):
        return index
    levels = [_levels(one) for one in index]
    if len({len(columns) for columns in levels}) > 1:
        return None
    found = [_on_one_type(columns) for columns in zip(*levels, strict=True)]
    if any(columns is None for columns in found):
        return None
    return Sides(*(_index(columns) for columns in zip(*found, strict=True)))


def _types(index: pd.Index) -> list[Any]:
    return list(index.dtypes) if isinstance(index, pd.MultiIndex) else [index.dtype]


def _one_type(types: list[list[Any]]) -> bool:
    """Whether all keys have the same types, none of which are categories."""
    first = types[0]
    return all(one == first for one in types) and not any(
        isinstance(dtype, pd.CategoricalDtype) for dtype in first
    )


def _levels(index: pd.Index) -> list[pd.Series]:
    places = range(index.nlevels)
    return [plain(pd.Series(index.get_level_values(place).array)) for place in places]


def _on_one_type(columns: Sequence[pd.Series]) -> list[pd.Series] | None:
    """Columns of the key with a type that holds them all, or None."""
    wide = columns[0]
    for column in columns[1:]:
        dtype = common_type(wide, column)
        widened = None if dtype is None else cast(wide, dtype)
        if widened is None:
            return None
        wide = widened
    found = [cast(column, wide.dtype) for column in columns]
    kept = [column for column in found if column is not None]
    return kept if len(kept) == len(found) else None


def _index(columns: Sequence[pd.Series]) -> pd.Index:
    if len(columns) == 1:
        found: pd.Index = pd.Index(columns[0].array)
        return found
    return pd.MultiIndex.from_arrays([column.array for column in columns])


def _content(sides: Sides[Snapshot]) -> Sides[pd.Index]:
    """Names for rows that have no key: that of the row of the base that holds the same.

    Where the columns changed, those that both versions have are compared. A row that is not in
    the base is named by what it holds in the columns of both sides.
    """
    frames = sides.map(lambda side: side.frame)
    if all(_same_columns(frames.ours, f) for f in frames if len(f.columns)):
        return frames.map(lambda frame: frame.index)
    base = frames.base.index
    ours, theirs = (_found(frames.base, side) for side in (frames.ours, frames.theirs))
    shared = _shared(frames.ours, frames.theirs)
    return Sides(
        base,
        _names(base, ours, frames.ours, shared, "ours"),
        _names(base, theirs, frames.theirs, shared, "theirs"),
    )


def _same_columns(left: pd.DataFrame, right: pd.DataFrame) -> bool:
    return {*left} == {*right} == {*_shared(left, right)}


def _shared(left: pd.DataFrame, right: pd.DataFrame) -> list[str]:
    """The columns of one name and type."""
    both = [name for name in left.columns if name in right.columns]
    return [name for name in both if not _cells.is_retyped(left[name], right[name])]


def _found(base: pd.DataFrame, side: pd.DataFrame) -> Places:
    """For each row its place in the base, or -1."""
    if not (shared := _shared(base, side)):
        return np.full(len(side), -1)
    known, wanted = (content_keys(f[shared], describe(f[shared])) for f in (base, side))
    found: Places = pd.Index(known).get_indexer(pd.Index(wanted))
    return found


def _names(
    base: pd.Index, places: Places, frame: pd.DataFrame, shared: list[str], side: str
) -> pd.Index:
    """The base's names of rows where they are in it, else some that no other row has."""
    new = places < 0
    names = np.empty(len(frame), dtype=object)
    names[~new] = base.to_numpy()[places[~new]]
    if shared:
        added = frame.loc[new, shared]
        names[new] = "+" + content_keys(added, describe(added)).to_numpy()
    else:
        names[new] = [f"{side} {row}" for row in range(int(new.sum()))]
    return pd.Index(names, dtype="str")
