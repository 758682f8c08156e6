"""The types of a frame's columns, as they are kept in Dolt beside the rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pyarrow as pa

from limelight.data import codecs, kinds
from limelight.data.codecs import Gather
from limelight.errors import InputError, StoreError

MAX_COLUMNS = 990
"""Dolt's diff of a table has two columns for each of its own, and SQLite allows 2,000."""

ROW_KEY = "row_key"
"""Name of the key that is made from the content of a row."""

# Dolt's diff tables have columns of these names with a prefix.
_RESERVED = (ROW_KEY, "commit", "commit_date")

# A Dolt server takes 64 bytes of UTF-8; a number may come behind.
_LONGEST_NAME = 56


@dataclass(frozen=True)
class Column:
    """A column of a dataset.

    Args:
        name: Its name in the frame.
        sql_name: Its name in SQL, where names that differ only by case are the same.
        kind: Name of the codec that turns its values into SQL values and back.
        dtype: Its pandas dtype; ``"object"`` for Python values (dates, decimals, bytes).
        detail: What else the codec needs, JSON values only: time zone, categories.
    """

    name: str
    sql_name: str
    kind: str
    dtype: str
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def sql_type(self) -> str:
        return codecs.sql_type(self.kind, self.detail)

    def type_json(self) -> str:
        """Everything but the names, as JSON with sorted keys."""
        kept = {"kind": self.kind, "dtype": self.dtype, **self.detail}
        return json.dumps(kept, ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, name: str, sql_name: str, text: str) -> Column:
        detail = json.loads(text)
        return cls(name, sql_name, detail.pop("kind"), detail.pop("dtype"), detail)


def describe(frame: pd.DataFrame, order: Sequence[str] | None = None) -> tuple[Column, ...]:
    """The columns of a frame, in their order or in a given one.

    Raises:
        InputError: A name is no text or comes twice, a type cannot be kept exactly, or there
            are no columns or too many.

    Example:
        >>> [column.kind for column in describe(pd.DataFrame({"a": [1], "B": ["x"]}))]
        ['int', 'text']
    """
    check_names(frame.columns)
    names = list(frame.columns if order is None else order)
    columns = []
    for name, sql_name in zip(names, _sql_names(names), strict=True):
        kind, dtype, detail = kinds.describe(frame[name])
        columns.append(Column(name, sql_name, kind, dtype, detail))
    return tuple(columns)


def encode(series: pd.Series, column: Column) -> list[Any]:
    """The values as SQL values (int, float, str, bytes, None), shape (n,)."""
    return codecs.encode(series, column.kind, column.detail)


def arrow_type(column: Column) -> pa.DataType:
    """The type of the column in Arrow, between SQL and the frame."""
    return codecs.arrow_type(column.kind, column.dtype, column.detail)


def gatherer(column: Column) -> Gather:
    """What turns SQL values, a piece of the column at a time, into an Arrow array."""
    with _as_told(column):
        gather = codecs.gatherer(column.kind, column.dtype, column.detail)

    def gather_piece(values: Sequence[Any]) -> pa.Array:
        with _as_told(column):
            return gather(values)

    return gather_piece


def restore(values: pa.ChunkedArray, column: Column) -> Any:
    """Such arrays as what the series can be made of; it may share their memory."""
    with _as_told(column):
        return codecs.restore(values, column.kind, column.dtype, column.detail)


def decode(chunks: Iterable[Sequence[Any]], column: Column) -> pd.Series:
    """SQL values, in chunks, as the series that was encoded.

    Raises:
        StoreError: A value is not of the column's type.
    """
    with _as_told(column):
        series = codecs.decode(chunks, column.kind, column.dtype, column.detail)
    return series.rename(column.name)


@contextmanager
def _as_told(column: Column) -> Iterator[None]:
    """Says which column has a value that its type has no place for."""
    try:
        yield
    except (ValueError, TypeError, KeyError, ArithmeticError) as problem:
        raise StoreError(
            f"the column {column.name!r} in the store has a value that is no {column.dtype}:"
            f" {problem}.",
            "Another program changed it: correct it there, or read an earlier version.",
        ) from problem


def check_names(names: Iterable[Any]) -> None:
    """Column names are text, and each comes once.

    Raises:
        InputError: They are not; names the offender.
    """
    given = list(names)
    if not given:
        raise InputError("the table has no columns.", "Give a table with at least one column.")
    for name in given:
        if not isinstance(name, str):
            raise InputError(
                f"the column name {name!r} is {type(name).__name__}, and names must be text.",
                "Rename it: frame.columns = frame.columns.map(str).",
            )
        if "\0" in name or not is_unicode(name):
            raise InputError(f"the column name {name!r} is not valid text.", "Rename it.")
    twice = sorted({name for name in given if given.count(name) > 1}) if _repeats(given) else []
    if twice:
        raise InputError(
            f"{'column name' if len(twice) == 1 else 'column names'}"
            f" {', '.join(map(repr, twice))} given more than once.",
            "Rename or drop the repeated columns.",
        )
    if len(given) > MAX_COLUMNS:
        raise InputError(
            f"the table has {len(given):,} columns, and a dataset can have {MAX_COLUMNS}.",
            "Leave out columns that are not needed, or reduce them (e.g. by PCA) first.",
        )


def _repeats(names: list[str]) -> bool:
    return len(set(names)) < len(names)


def is_unicode(name: str) -> bool:
    """Whether a text can be kept anywhere: half a pair of surrogates cannot."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _sql_names(names: Iterable[str]) -> list[str]:
    """The names themselves where SQL can keep and tell them apart, else ones made from them."""
    taken = {name.casefold() for name in _RESERVED}
    chosen = []
    for name in names:
        plain = _plain(name)
        candidate, number = plain, 1
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{plain}_{number}"
        taken.add(candidate.casefold())
        chosen.append(candidate)
    return chosen


def _plain(name: str) -> str:
    """A name that MySQL takes: short, without spaces at its end, of printable characters.

    A letter with two in lower case is replaced as well: a Dolt server loses such columns' values.
    """
    kept = "".join(
        letter
        if letter.isprintable() and letter < "\U00010000" and len(letter.lower()) == 1
        else "_"
        for letter in name
    )
    short = kept.encode()[:_LONGEST_NAME].decode(errors="ignore")
    return short.strip() or "column"
