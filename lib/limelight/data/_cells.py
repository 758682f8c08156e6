"""The rows of three versions side by side, and their cells put together column by column."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_object_dtype

from limelight.data._casting import (
    cast,
    common_type,
    converted,
    differs,
    family,
    merged_categories,
    nullable,
    plain,
)
from limelight.data._threeway import Sides
from limelight.errors import InputError

Places = NDArray[np.intp]
Bools = NDArray[np.bool_]

ABSENT = -1
"""In `Places`: the side has no such row."""

Taken = NDArray[np.int8]
"""For each row the side that its cell comes from."""

BASE, OURS, THEIRS, NOWHERE = 0, 1, 2, -1


def aligned(index: Sides[pd.Index]) -> Sides[Places]:
    """Where each row is on each side, -1 where it is not.

    The rows are those of ours, in their order, and behind them those that theirs alone has; what
    neither has was removed by both.
    """
    ours, theirs = np.arange(len(index.ours)), _positions(index.ours, index.theirs)
    extra = np.flatnonzero(theirs == ABSENT)
    in_theirs = np.full(len(ours) + len(extra), ABSENT, dtype=np.intp)
    in_theirs[theirs[theirs != ABSENT]] = np.flatnonzero(theirs != ABSENT)
    in_theirs[len(ours) :] = extra
    in_ours = np.concatenate([ours, np.full(len(extra), ABSENT)])
    in_base = [_positions(index.base, index.ours), _positions(index.base, index.theirs[extra])]
    return Sides(np.concatenate(in_base), in_ours, in_theirs)


def changed(before: pd.Series | None, after: pd.Series | None, was: Places, now: Places) -> Bools:
    """The rows that both have, with another value in this column; where both have the column."""
    found = np.zeros(len(was), dtype=bool)
    if before is None or after is None or before is after:
        return found
    both = (was != ABSENT) & (now != ABSENT)
    found[both] = differs(picked(before, was[both]), picked(after, now[both]))
    return found


def is_retyped(before: pd.Series, after: pd.Series) -> bool:
    """Whether a column has another type; knowing more categories does not count."""
    if isinstance(before.dtype, pd.CategoricalDtype) and before.dtype.name == after.dtype.name:
        same = plain(before[:0]).dtype == plain(after[:0]).dtype
        return not (same and before.cat.ordered == after.cat.ordered)
    if is_object_dtype(before.dtype) and is_object_dtype(after.dtype):
        kinds = {family(before), family(after)} - {"nothing"}
        return len(kinds) > 1
    return bool(before.dtype != after.dtype)


def type_name(column: pd.Series) -> str:
    """What a person calls the column's type."""
    return family(column) if is_object_dtype(column.dtype) else str(column.dtype)


def on_one_type(columns: Sides[pd.Series | None]) -> Sides[pd.Series | None] | None:
    """The columns of ours and theirs with one type that holds the values of both, or None.

    It is the type that one side changed to, if it holds the other's values as well; else the
    narrowest that does. The base has it too, as far as its values fit.
    """
    base, ours, theirs = columns
    if ours is None or theirs is None:
        return columns
    for dtype in _candidates(base, ours, theirs):
        pair = cast(ours, dtype), cast(theirs, dtype)
        if pair[0] is not None and pair[1] is not None:
            return Sides(base, *pair)
    return None


def start(columns: Sides[pd.Series | None], rows: Sides[Places], first: int = OURS) -> Taken:
    """Each row's cell from one side where it has it, else from the branch that has it."""
    found = np.full(len(rows.ours), NOWHERE, dtype=np.int8)
    for side in (THEIRS, OURS, first):
        column = list(columns)[side]
        if column is not None:
            found[list(rows)[side] != ABSENT] = side
    return found


def merged(
    columns: Sides[pd.Series | None], rows: Sides[Places], edited: Sides[Bools]
) -> tuple[Taken, Places]:
    """Where each row's cell comes from, and the rows whose cell both changed to different values.

    Args:
        columns: On one type; None where a side has no such column.
        rows: Where the rows are on each side.
        edited: The rows in which ours and theirs changed the cell; that of base is not used.
    """
    found = start(columns, rows)
    if columns.ours is None or columns.theirs is None:
        return found, np.array([], dtype=np.intp)
    both = (rows.ours != ABSENT) & (rows.theirs != ABSENT)
    known = (rows.base != ABSENT) & (columns.base is not None)
    found[both & edited.theirs] = THEIRS  # where ours changed it as well, the caller decides
    doubtful = np.flatnonzero(both & (~known | (edited.ours & edited.theirs)))
    ours = picked(columns.ours, rows.ours[doubtful])
    theirs = picked(columns.theirs, rows.theirs[doubtful])
    clashes = doubtful[differs(ours, theirs)]
    found[clashes] = OURS
    return found, clashes


def values(
    columns: Sides[pd.Series | None], rows: Sides[Places], taken: Taken, like: pd.Series
) -> pd.Series:
    """The cells, each from the side that was chosen; missing where that side has none.

    Args:
        columns, rows: Of the three sides.
        taken: The side for each row.
        like: A column of the type that the result is to have, or a wider one if need be.

    Raises:
        InputError: A value of a side that somebody decided on cannot be had in this type.
    """
    known = [c for c in columns if c is not None and is_object_dtype(c.dtype)]
    if is_object_dtype(like.dtype) and family(like) == "nothing":
        like = next((c for c in reversed(known) if family(c) != "nothing"), like)
    parts, places, length = [], np.full(len(taken), ABSENT, dtype=np.intp), 0
    for side, (column, where) in enumerate(zip(columns, rows, strict=True)):
        chosen = (taken == side) & (where != ABSENT)
        if column is None or not chosen.any():
            continue
        parts.append(converted(picked(column, where[chosen]), like))
        places[chosen] = np.arange(length, length + len(parts[-1]))
        length += len(parts[-1])
    return _with_none(picked(_stacked(parts or [like[:0]]), places))


def without_dropped_categories(merged: pd.Series, columns: Sides[pd.Series | None]) -> pd.Series:
    """The column without the categories that one side removed and that no value has."""
    known = [c for c in columns if c is not None and isinstance(c.dtype, pd.CategoricalDtype)]
    if len(known) < 3 or not isinstance(merged.dtype, pd.CategoricalDtype):
        return merged
    before, ours, theirs = (set(column.cat.categories) for column in known)
    if not (gone := before - (ours & theirs)):
        return merged
    gone -= set(merged.cat.categories[np.unique(merged.cat.codes[merged.notna()])])
    # Not remove_categories: it sorts those that stay.
    return merged.cat.set_categories([c for c in merged.cat.categories if c not in gone])


def picked(column: pd.Series, places: Places) -> pd.Series:
    """The values at places, missing at -1; the column itself where these are all its rows."""
    if len(places) == len(column) and (places == np.arange(len(places))).all():
        return column
    gone = places == ABSENT
    if not gone.any():
        return pd.Series(column.array.take(places), name=column.name)
    if is_object_dtype(column.dtype):
        found = np.append(column.to_numpy(), np.array([None], dtype=object))[places]
        return pd.Series(found, dtype=object, name=column.name)
    array = column.astype(nullable(column.dtype)).array
    return pd.Series(array.take(places, allow_fill=True), name=column.name)


def _with_none(column: pd.Series) -> pd.Series:
    """Missing objects as None, whatever the side they come from had for them."""
    if not is_object_dtype(column.dtype) or not (gone := column.isna().to_numpy()).any():
        return column
    found = column.to_numpy(copy=True)
    found[gone] = None
    return pd.Series(found, dtype=object, name=column.name)


def _stacked(columns: list[pd.Series]) -> pd.Series:
    """Columns of one family behind each other."""
    if len(columns) == 1:
        return columns[0]
    wide = columns[0]
    for column in columns[1:]:
        dtype = common_type(wide, column)
        if dtype is None:
            raise InputError(
                f"the values of column {column.name!r} that were decided on cannot be had as one"
                f" type: some are {type_name(wide)}, and some {type_name(column)}.",
                "Decide for one side in the whole column.",
            )
        wide = wide.astype(dtype)
    return pd.concat([column.astype(wide.dtype) for column in columns], ignore_index=True)


def _positions(known: pd.Index, wanted: pd.Index) -> Places:
    if known.equals(wanted):
        return np.arange(len(known))
    return known.get_indexer(wanted)


def _candidates(base: pd.Series | None, ours: pd.Series, theirs: pd.Series) -> list[Any]:
    """Types that may hold both columns, the best first."""
    if all(isinstance(column.dtype, pd.CategoricalDtype) for column in (ours, theirs)):
        wanted = [_categories(base, ours, theirs)]
    else:
        wanted = [_one_sided(base, ours, theirs), common_type(ours, theirs)]
    return [dtype for dtype in wanted if dtype is not None]


def _categories(base: pd.Series | None, ours: pd.Series, theirs: pd.Series) -> Any:
    if base is None and ours.cat.ordered != theirs.cat.ordered:
        return None
    if base is None or not isinstance(base.dtype, pd.CategoricalDtype):
        base = pd.Series(pd.Categorical([], ours.cat.categories[:0], ours.cat.ordered))
    return merged_categories(Sides(base, ours, theirs))


def _one_sided(base: pd.Series | None, ours: pd.Series, theirs: pd.Series) -> Any:
    """The type that one side alone changed to, if it is of the same family."""
    if base is None or family(plain(ours)) != family(plain(theirs)):
        return None
    if is_retyped(base, ours) and is_retyped(base, theirs):
        return None
    other, new = (ours, theirs) if is_retyped(base, theirs) else (theirs, ours)
    if isinstance(new.dtype, pd.CategoricalDtype) and not new.cat.ordered:
        return converted(other, new).dtype
    return new.dtype
