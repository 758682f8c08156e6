"""Conflicts of a merge as a table, and what somebody decided about them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from limelight.data.store import Side
from limelight.errors import ConflictError, InputError

COLUMNS = ("dataset", "kind", "key", "column", "base", "ours", "theirs", "take")
"""What is said of a conflict; the first four name it."""

_NAMED_BY = list(COLUMNS[:4])
_TAKES = ("ours", "theirs", "base")
Name = tuple[str, str, str, str]


def table(lines: Iterable[pd.DataFrame] = ()) -> pd.DataFrame:
    """Conflicts in one table, a line each."""
    kept = [line for line in lines if len(line)]
    if not kept:
        return pd.DataFrame({name: pd.Series([], dtype=object) for name in COLUMNS})
    return pd.concat(kept, ignore_index=True)


def lines(
    dataset: str,
    kind: str,
    column: str,
    values: Sequence[Iterable[Any]],
    keys: Sequence[str] = ("",),
) -> pd.DataFrame:
    """Conflicts of one kind and one column, open as yet.

    Args:
        dataset, kind, column: As in the table.
        values: What base, ours and theirs have, each of shape (n,).
        keys: The rows, shape (n,).
    """
    known = {"dataset": dataset, "kind": kind, "key": list(keys), "column": column}
    sides = dict(zip(COLUMNS[4:7], map(_objects, values), strict=True))
    return pd.DataFrame({**known, **sides, "take": ""}).astype(object)


def key_texts(index: pd.Index) -> list[str]:
    """Each row's key as JSON: a list of its values.

    Example:
        >>> key_texts(pd.MultiIndex.from_tuples([("a", 1)]))
        ['["a", 1]']
    """
    rows = index.tolist()
    listed = rows if isinstance(index, pd.MultiIndex) else [(value,) for value in rows]
    return [json.dumps([_plain(v) for v in row], ensure_ascii=False) for row in listed]


def as_text(conflicts: pd.DataFrame) -> pd.DataFrame:
    """The table with all values as text, for a CSV or JSON file; a missing value is empty.

    Example:
        >>> as_text(lines("loans", "cell", "amount", ([1], [2], [None]), ["[7]"]))["theirs"][0]
        ''
    """
    found = conflicts.astype(object).copy()
    for name in COLUMNS[4:7]:
        found[name] = _objects([_text(value) for value in found[name]])
    return found.fillna("").astype("str")


def read_decisions(path: str | Path) -> pd.DataFrame:
    """A table of conflicts that was written as CSV or JSON (records or lines), with decisions.

    Raises:
        InputError: There is no such file, or it cannot be read as a table.
    """
    path = Path(path)
    try:
        if path.suffix.lower() == ".csv":
            return pd.read_csv(path, dtype=str, keep_default_na=False)
        lined = path.suffix.lower() in (".jsonl", ".ndjson")
        return pd.read_json(path, dtype=False, lines=lined)
    except (OSError, ValueError) as problem:
        raise InputError(
            f"the decisions {str(path)!r} cannot be read ({problem}).",
            "Give the table of conflicts, with 'take' filled in, as .csv, .json or .jsonl.",
        ) from problem


class Decisions:
    """What is right in a conflict.

    Args:
        take: The side that is right where nothing else is said; None: nobody said.
        given: Conflicts with ``take`` filled in; lines where it is empty are left out. Text alone
            will do, so the table may come from a file.

    Raises:
        InputError: A column is not there, a ``take`` is no side, or a conflict is decided twice.
    """

    def __init__(self, take: Side | None = None, given: pd.DataFrame | None = None) -> None:
        if take is not None and take not in _TAKES[:2]:
            raise InputError(f"take={take!r} is no side of a merge.", "Give 'ours' or 'theirs'.")
        self._take = take or ""
        self._given = {} if given is None else _read(given)

    def of(self, conflicts: pd.DataFrame) -> list[str]:
        """What is taken in each conflict: ``ours``, ``theirs``, ``base``, or empty."""
        if not self._given:
            return [self._take] * len(conflicts)
        return [self._given.get(name, self._take) for name in _names(conflicts)]

    def check(self, conflicts: pd.DataFrame) -> None:
        """Every conflict is decided, and every decision is of a conflict.

        Args:
            conflicts: All conflicts of the merge, with what was taken.

        Raises:
            InputError: A decision is of no conflict.
            ConflictError: Conflicts are open; carries them.
        """
        unknown = set(self._given) - set(_names(conflicts)) if self._given else set()
        if unknown:
            dataset, kind, key, column = min(unknown)
            where = " ".join(filter(None, (key, repr(column) if column else "")))
            raise InputError(
                f"{_counted(len(unknown), 'decision')} of no conflict: the {kind} {where} of the"
                f" dataset {dataset!r}, for one.".replace("  ", " "),
                "List the conflicts again: the branches may have moved since.",
            )
        if len(left := conflicts[conflicts["take"] == ""]):
            raise _open(left.reset_index(drop=True))


class Ledger:
    """The conflicts of one dataset as they are found, each with what was decided.

    Args:
        dataset: Its name.
        decisions: What is right.
    """

    def __init__(self, dataset: str, decisions: Decisions) -> None:
        self._dataset, self._decisions = dataset, decisions
        self._lines: list[pd.DataFrame] = []

    def enter(
        self,
        kind: str,
        column: str,
        values: Sequence[Iterable[Any]],
        keys: Sequence[str] = ("",),
    ) -> list[str]:
        """Write down conflicts; what is taken in each, empty where nobody said."""
        entry = lines(self._dataset, kind, column, values, keys)
        takes = self._decisions.of(entry)
        self._lines.append(entry.assign(take=takes))
        return takes

    @property
    def conflicts(self) -> pd.DataFrame:
        """All that were found, in the order of `COLUMNS`."""
        return table(self._lines)


def _open(conflicts: pd.DataFrame) -> ConflictError:
    """The error for conflicts that nobody decided, with the first of them."""
    first = conflicts.iloc[0]
    where = [f"column {first['column']!r}"] if first["column"] else []
    where += [f"row {first['key']}"] if first["key"] else []
    if first["kind"] == "card":
        where = [f"{first['column']!r} of the card"]
    said = f"{first['base']!r} became {first['ours']!r} and {first['theirs']!r}"
    return ConflictError(
        f"{_counted(len(conflicts), 'conflict')}; the first in dataset {first['dataset']!r},"
        f" {', '.join(where) or 'as a whole'}: {said}.",
        "Take 'ours' or 'theirs' for all, or give the list of conflicts with a decision for each.",
        conflicts,
    )


def _read(given: pd.DataFrame) -> dict[Name, str]:
    """Decisions by the conflict they are of."""
    absent = [name for name in (*_NAMED_BY, "take") if name not in given.columns]
    if absent:
        raise InputError(
            f"the decisions have no column {', '.join(map(repr, absent))}.",
            "Give the table of conflicts, with its column 'take' filled in.",
        )
    known = given[[*_NAMED_BY, "take"]].astype(object)
    known = known.where(known.notna(), "").astype("str")
    known = known.assign(take=known["take"].str.strip())
    known = known[known["take"] != ""]
    found: dict[Name, str] = {}
    for name, take in zip(_names(known), known["take"], strict=True):
        if take not in _TAKES:
            raise InputError(
                f"the decision {take!r} (row {name[2] or '-'}, column {name[3]!r}) is no side of a"
                " merge.",
                f"Give {', '.join(map(repr, _TAKES))}, or leave it empty.",
            )
        if found.setdefault(name, take) != take:
            raise InputError(
                f"the {name[1]} {name[2]} {name[3]!r} is decided twice, as {found[name]!r} and"
                f" {take!r}.",
                "Leave one of the two.",
            )
    return found


def _names(conflicts: pd.DataFrame) -> list[Name]:
    dataset, kind, key, column = (conflicts[name].astype(str) for name in _NAMED_BY)
    return list(zip(dataset, kind, map(_one_form, key), column, strict=True))


def _one_form(key: str) -> str:
    """A key's JSON without what an editor may have changed in it."""
    try:
        return json.dumps(json.loads(key), ensure_ascii=False) if key else key
    except json.JSONDecodeError:
        return key


def _plain(value: Any) -> Any:
    """A key's value as JSON has it."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, (bool, int, float, str)):
        return value
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        named = {name: _plain(v) if v is not None else None for name, v in value.items()}
        return json.dumps(named, ensure_ascii=False)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    return "" if value is None else str(value)


def _objects(values: Iterable[Any]) -> pd.Series:
    """Any values as Python's, and None for a missing one."""
    listed = [None if _is_missing(value) else value for value in values]
    array = np.fromiter(listed, dtype=object, count=len(listed))
    return pd.Series(array, dtype=object)


def _is_missing(value: Any) -> bool:
    return not isinstance(value, dict) and bool(pd.isna(value))


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
