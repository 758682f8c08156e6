"""Renamed columns, found by what they hold."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Sequence

import pandas as pd
from pandas.api.types import is_object_dtype

from limelight.data._casting import differs, family


def find_renames(
    before: pd.DataFrame, after: pd.DataFrame, key: Sequence[str] = ()
) -> dict[str, str]:
    """Columns that have another name now, by content: nothing else says so.

    A column that is gone and one that is new are one column if they have one type, and the same
    value in every row that both versions have, at least one of them not missing. Where several
    fit, the new name that is most like the old one is taken. A column that was renamed and edited
    at once is not found: it counts as dropped and added.

    Args:
        before, after: The versions, indexed by their key.
        key: Names that are no candidates.

    Returns:
        The new name by the old name, in the order of the old columns.

    Example:
        >>> before = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
        >>> find_renames(before, pd.DataFrame({"a": [1, 2, 9], "c": [3, 4, 9]}))
        {'b': 'c'}
    """
    gone = [name for name in before.columns if name not in {*after.columns, *key}]
    new = [name for name in after.columns if name not in {*before.columns, *key}]
    if not gone or not new:
        return {}
    places = after.index.get_indexer(before.index)
    shared = places >= 0
    if not shared.any():
        return {}
    old_columns = before[gone] if shared.all() else before.loc[shared, gone]
    new_columns = after[new].take(places[shared])
    return _pairs(old_columns, new_columns)


def _pairs(before: pd.DataFrame, after: pd.DataFrame) -> dict[str, str]:
    """Pairs of equal columns of two frames with the same rows."""
    free = defaultdict(list)
    for name in after.columns:
        free[_fingerprint(after[name])].append(name)
    found = {}
    for name in before.columns:
        if before[name].isna().all():
            continue
        candidates = free[_fingerprint(before[name])]
        equal = [c for c in candidates if not differs(before[name], after[c]).any()]
        if equal:
            found[name] = max(equal, key=lambda new: _likeness(name, new))
            candidates.remove(found[name])
    return found


def _fingerprint(column: pd.Series) -> tuple[str, int]:
    """Equal for equal columns of one type; so that each need not be compared with each."""
    dtype = column.dtype
    kind = family(column) if is_object_dtype(dtype) else str(dtype)
    if isinstance(dtype, pd.CategoricalDtype):
        kind = f"category {dtype.ordered} {dtype.categories.dtype}"
    values = column.astype("str") if is_object_dtype(dtype) else column
    return kind, hash(pd.util.hash_pandas_object(values, index=False).to_numpy().tobytes())


def _likeness(old: str, new: str) -> float:
    return difflib.SequenceMatcher(None, old, new, autojunk=False).ratio()
