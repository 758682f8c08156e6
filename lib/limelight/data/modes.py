"""What a dataset becomes when a frame is written into it: replaced, updated, or added to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
import pandas as pd

from limelight.data._casting import cast, common_type, differs, family, nullable
from limelight.data._cells import Places, picked
from limelight.data.keys import check_key, content_keys, named_key, without_index
from limelight.data.schema import ROW_KEY, check_names, describe
from limelight.data.store import Mode
from limelight.errors import InputError

_SHOWN = 5


def combined(
    current: pd.DataFrame | None, frame: pd.DataFrame, key: Sequence[str], mode: Mode
) -> pd.DataFrame:
    """The content of a dataset after a frame was written into it.

    ``replace``
        The frame.
    ``upsert``
        The frame's rows take the place of those with the same key; the others stay.
    ``append``
        The frame's rows are added. One whose key is there must be the same in the columns that
        the frame has, and is skipped.

    A column that only the frame has is missing in the rows that stay as they were; one that only
    the dataset has keeps its values in updated rows, and is missing in new ones. A column has the
    narrowest type that holds both: numbers widen, but only where every value stays exactly what it
    is, times get the finer unit, and new values of a category are further categories. A column
    without any value fits all types.

    Without a key, a row is known by its content: ``upsert`` and ``append`` both add the rows that
    are not there, and the same frame twice adds nothing.

    Args:
        current: The rows as `Store.read` gives them, indexed by the key; None if there are none.
        frame: The rows to write, with the key as columns or as the index.
        key: The dataset's key; empty for one made from the content.
        mode: What to do.

    Returns:
        All rows, with the key as columns; those that stay first, in their order.

    Raises:
        InputError: The key is missing or not unique, or not the dataset's; a column's types do not
            go together; an appended row differs from the one with its key.

    Example:
        >>> old = pd.DataFrame({"id": [1, 2], "x": [10, 20]}).set_index("id")
        >>> combined(old, pd.DataFrame({"id": [2, 3], "x": [21, 30]}), ["id"], "upsert")
           id   x
        0   1  10
        1   2  21
        2   3  30
    """
    flat = without_index(frame, key)
    check_names(flat.columns)
    check_key(flat, key)
    check_mode(mode)
    if current is None or mode == "replace":
        return flat
    _check_same_key(current, key)
    if not key:
        new = ~content_keys(flat, describe(flat)).isin(current.index).to_numpy()
        return _joined(current.reset_index(drop=True), flat[new], np.full(new.sum(), -1))
    old = current.reset_index()
    places = _places(old, flat, list(key))
    if mode == "upsert":
        return _joined(old, flat, places)
    _check_unchanged(old, flat, places, list(key))
    return _joined(old, flat[places < 0], places[places < 0])


def check_mode(mode: str) -> None:
    """A mode is one that there is.

    Raises:
        InputError: It is not.
    """
    if mode not in get_args(Mode):
        raise InputError(f"the mode {mode!r} is unknown.", "Use replace, upsert or append.")


def _check_same_key(current: pd.DataFrame, key: Sequence[str]) -> None:
    if list(current.index.names) != named_key(key):
        before = ", ".join(map(repr, current.index.names))
        raise InputError(
            f"the dataset's key is {before if before != repr(ROW_KEY) else 'made from the content'}"
            f", and {', '.join(map(repr, key)) or 'none'} is given.",
            "Write all rows with --mode replace to change the key.",
        )


def _places(old: pd.DataFrame, new: pd.DataFrame, key: list[str]) -> Places:
    """Where each new row is among the old ones; -1 where it is not."""
    sides = [_alike(old[name], new[name]) for name in key]
    known, wanted = (
        pd.Index(columns[0]) if len(key) == 1 else pd.MultiIndex.from_arrays(columns)
        for columns in zip(*sides, strict=True)
    )
    places: Places = known.get_indexer(wanted)
    return places


def _joined(old: pd.DataFrame, new: pd.DataFrame, places: Places) -> pd.DataFrame:
    """The old rows, those at ``places`` replaced by new ones, and the other new ones behind."""
    if not len(new):
        return old
    added = np.flatnonzero(places < 0)
    total = len(old) + len(added)
    # Of each row of the result: which old row it is, and which new one; -1 for none.
    from_old = np.concatenate([np.arange(len(old)), np.full(len(added), -1)])
    from_new = np.full(total, -1)
    from_new[places[places >= 0]] = np.flatnonzero(places >= 0)
    from_new[len(old) :] = added
    columns = {}
    for name in [*old.columns, *(name for name in new.columns if name not in old.columns)]:
        if name not in new.columns:
            columns[name] = picked(old[name], from_old)
        elif name not in old.columns:
            columns[name] = picked(new[name].reset_index(drop=True), from_new)
        else:
            before, after = _alike(old[name], new[name].reset_index(drop=True))
            both = pd.concat([before, after], ignore_index=True)
            columns[name] = picked(both, np.where(from_new < 0, from_old, from_new + len(old)))
    return pd.concat(columns.values(), axis=1, keys=columns.keys())


def _alike(old: pd.Series, new: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Both columns in the one type that holds them.

    Raises:
        InputError: There is none.
    """
    if old.dtype == new.dtype and old.dtype != object:
        return old, new
    dtype = _common(old, new)
    sides = [None if dtype is None else _as(side, dtype) for side in (old, new)]
    if sides[0] is None or sides[1] is None:
        given = _GIVEN.get(family(old), "text")
        raise InputError(
            f"column {old.name!r} holds {_what(old)} in the dataset and {_what(new)} in what is to"
            " be written, and no type holds both exactly.",
            f"Give its type (--types {old.name}={given}), or write all rows anew (--mode replace).",
        )
    return sides[0], sides[1]


def _common(old: pd.Series, new: pd.Series) -> Any:
    """The dtype of both, or None; the dataset's own wherever it will do."""
    if new.isna().all():
        return nullable(old.dtype) if len(new) else old.dtype
    if old.isna().all():
        return nullable(new.dtype) if len(old) else new.dtype
    if (pd.api.types.is_bool_dtype(old)) != (pd.api.types.is_bool_dtype(new)):
        return None  # numpy would make numbers of them
    if isinstance(old.dtype, pd.CategoricalDtype) and not isinstance(
        new.dtype, pd.CategoricalDtype
    ):
        return _more_categories(old, new)
    if object in (old.dtype, new.dtype) and family(old) != family(new):
        return None  # Python's objects: dates are no decimals, though both are objects
    own = nullable(old.dtype) if new.isna().any() else old.dtype
    return own if cast(new, own) is not None else common_type(old, new)


def _more_categories(old: pd.Series, new: pd.Series) -> Any:
    """The old categories, and behind them the new values that are none of them."""
    known = old.cat.categories
    values = cast(new.drop_duplicates().dropna(), known.dtype)
    if values is None:
        return None
    more = sorted(value for value in values if value not in known)
    if more and old.cat.ordered:
        raise InputError(
            f"the categories of column {old.name!r} are ordered, and {more[0]!r} is none of them.",
            "Write the column as a category with all values in their order.",
        )
    return pd.CategoricalDtype(known.append(pd.Index(more, dtype=known.dtype)), old.cat.ordered)


def _as(column: pd.Series, dtype: Any) -> pd.Series | None:
    """The column in a type, if its values stay what they are."""
    if column.isna().all():
        empty = pd.Series([None] * len(column), column.index, dtype)
        return empty.rename(str(column.name))
    return cast(column, dtype)


_GIVEN = {
    "number": "number",
    "datetime": "datetime",
    "zoned": "datetime",
    "date": "date",
    "decimal": "decimal",
    "category": "category",
}


def _what(column: pd.Series) -> str:
    """The kind of a column's values, with one of them."""
    value = column.dropna().iloc[0]
    words = {"number": "numbers", "datetime": "times", "zoned": "times in a zone"}
    words |= {"date": "dates", "decimal": "decimals", "category": "categories"}
    found = family(column)
    what = "true or false" if pd.api.types.is_bool_dtype(column) else words.get(found, found)
    return f"{what} ({str(value)[:40]!r})"


def _check_unchanged(old: pd.DataFrame, new: pd.DataFrame, places: Places, key: list[str]) -> None:
    """The rows to append that are there already are the same there."""
    there = places >= 0
    if not there.any():
        return
    before = old.iloc[places[there]].reset_index(drop=True)
    after = new[there].reset_index(drop=True)
    changed: dict[str, np.ndarray] = {}
    for name in after.columns:
        if name in key:
            continue
        if name in before.columns:
            found = differs(*_alike(before[name], after[name]))
        else:
            found = after[name].notna().to_numpy()
        if found.any():
            changed[name] = found
    if changed:
        raise _changed(after, changed, key)


def _changed(rows: pd.DataFrame, changed: dict[str, np.ndarray], key: list[str]) -> InputError:
    places = np.flatnonzero(np.logical_or.reduce(list(changed.values())))
    keys = rows.loc[places[:_SHOWN], key].astype(object).to_numpy().tolist()
    shown = ", ".join(repr(tuple(k) if len(key) > 1 else k[0]) for k in keys)
    names = ", ".join(map(repr, list(changed)[:_SHOWN]))
    return InputError(
        f"{len(places):,} {'row' if len(places) == 1 else 'rows'} to append"
        f" {'is' if len(places) == 1 else 'are'} in the dataset already, with other values in"
        f" {names}{', ...' if len(changed) > _SHOWN else ''}: {', '.join(map(repr, key))} {shown}"
        f"{', ...' if len(places) > _SHOWN else ''}.",
        "Use --mode upsert to change them, or take them out.",
    )
