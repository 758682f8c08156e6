"""A column of Python values (of JSON, or of a database's driver) that comes in batches."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from enum import Enum
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from limelight.data.reading import datetimes
from limelight.data.sources.arrow import as_series
from limelight.data.sources.given import whole_numbers
from limelight.data.sources.table import Rows
from limelight.errors import InputError

_PACKED: dict[type, pa.DataType] = {
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    str: pa.string(),
    bytes: pa.binary(),
}
"""Types whose batches are kept in Arrow; those of the others stay objects."""

_NAMES = {
    bool: "true or false",
    int: "whole numbers",
    float: "numbers",
    str: "text",
    bytes: "bytes",
    Decimal: "decimals",
    dt.date: "dates",
    dt.datetime: "datetimes",
    dt.timedelta: "durations",
}
_SHOWN = 5


class ValueColumn:
    """The values of one column, all parts of the source together.

    A type is kept if all values have it. Whole numbers among numbers are numbers where doubles
    keep them exactly, and decimals among decimals; any other mixture is text, with a note.

    Args:
        name: Of the column.
        dates: Whether text that is ISO dates alone is to become datetimes.
    """

    def __init__(self, name: str, *, dates: bool) -> None:
        self.name = name
        self._dates = dates
        self._rows = 0
        self._counts: Counter[type] = Counter()
        self._shown: dict[type, list[tuple[int, Any]]] = {}
        self._chunks: list[Any] = []

    def add(self, values: Sequence[Any]) -> None:
        """Take in the next values; None is missing.

        Raises:
            InputError: One is a list, an object or something else that no cell can hold.
        """
        types = set(map(type, values)) - {type(None)}
        if not types <= _NAMES.keys():
            values = [self._cell(value, row) for row, value in enumerate(values)]
            types = set(map(type, values)) - {type(None)}
        for kind in types:
            self._count(kind, values, alone=len(types) == 1)
        self._chunks.append(_packed(values, types))
        self._rows += len(values)

    def add_missing(self, count: int) -> None:
        """Take in rows that do not have the column."""
        if count:
            self._chunks.append(pa.nulls(count))
            self._rows += count

    def finished(self, rows: Rows) -> tuple[pd.Series, str]:
        """The column in one type, and what is to be said of it; gives the batches away."""
        kinds, chunks = set(self._counts), self._chunks
        self._chunks = []
        series = _united(kinds, chunks, self._dates)
        if series is not None:
            return series.rename(self.name), ""
        if bytes in kinds:
            raise InputError(
                f"column {self.name!r} holds {self._kinds()}: {self._examples(rows)}.",
                "Convert it to one type in the source, or leave the column out.",
            )
        texts = [[_text(value) for value in _objects(chunk)] for chunk in chunks]
        arrays = [pa.array(text, pa.string()) for text in texts]
        note = f"column {self.name!r} is text: it holds {self._kinds()} ({self._examples(rows)})"
        return as_series(pa.chunked_array(arrays, pa.string()), self.name), note

    def _cell(self, value: Any, row: int) -> Any:
        """A value of another type as one of those that a column can have."""
        if value is None or type(value) in _NAMES:
            return value
        if isinstance(value, (bytearray, memoryview)):
            return bytes(value)
        if isinstance(value, uuid.UUID):
            return str(value)
        if isinstance(value, dt.time):
            return value.isoformat()
        if isinstance(value, Enum):
            return value.name
        for plain in (int, float, str):
            if isinstance(value, plain):
                return plain(value)
        raise InputError(
            f"column {self.name!r} holds {str(value)[:60]!r} in row {self._rows + row + 1:,}, a"
            f" {type(value).__name__}, which no cell of a table can hold.",
            "Make columns of its parts or text of it in the source, or leave the column out.",
        )

    def _count(self, kind: type, values: Sequence[Any], *, alone: bool) -> None:
        missing = sum(value is None for value in values) if alone else 0
        count = len(values) - missing if alone else sum(type(value) is kind for value in values)
        self._counts[kind] += count
        shown = self._shown.setdefault(kind, [])
        places = (
            (self._rows + row, value) for row, value in enumerate(values) if type(value) is kind
        )
        shown += islice(places, _SHOWN - len(shown))

    def _kinds(self) -> str:
        listed = [f"{_NAMES[kind]} ({count:,})" for kind, count in self._counts.most_common()]
        return f"{', '.join(listed[:-1])} and {listed[-1]}"

    def _examples(self, rows: Rows) -> str:
        """The values of the kinds that are not the most common one."""
        odd = [kind for kind, _ in self._counts.most_common()[1:]]
        shown = sorted(place for kind in odd for place in self._shown[kind])[:_SHOWN]
        return ", ".join(f"{str(value)[:40]!r} in {rows.place(row)}" for row, value in shown)


def _packed(values: Sequence[Any], types: set[type]) -> Any:
    if not types:
        return pa.nulls(len(values))
    kind = next(iter(types))
    if len(types) == 1 and kind in _PACKED:
        try:
            return pa.array(values, _PACKED[kind])
        except (OverflowError, pa.ArrowInvalid, UnicodeEncodeError):
            return list(values)
    return list(values)


def _united(kinds: set[type], chunks: list[Any], dates: bool) -> pd.Series | None:
    """The column if its values have one type together, else None."""
    packed = all(isinstance(chunk, pa.Array) for chunk in chunks)
    if len(kinds) <= 1 and packed:
        return _one_type(kinds, chunks, dates)
    values = [value for chunk in chunks for value in _objects(chunk)]
    if kinds <= {int, float}:
        return whole_numbers(values) if kinds == {int} else _numbers(values)
    if kinds <= {int, Decimal}:
        whole = (v if v is None or type(v) is Decimal else Decimal(v) for v in values)
        return _object_series(list(whole))
    if kinds <= {dt.datetime, dt.date} and dt.datetime in kinds:
        return _moments(values)
    if kinds == {dt.timedelta}:
        return pd.Series(pd.to_timedelta(_object_series(values)))
    return _object_series(values) if len(kinds) == 1 else None


def _one_type(kinds: set[type], chunks: list[Any], dates: bool) -> pd.Series:
    dtype = _PACKED[next(iter(kinds))] if kinds else pa.string()
    cells = pa.chunked_array([chunk.cast(dtype) for chunk in chunks], dtype)
    times = _dates(cells) if dates and kinds == {str} else None
    return as_series(cells if times is None else times, "")


def _dates(cells: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Text as datetimes if every cell is an ISO date, all with a time zone or none."""
    found = [datetimes(chunk) for chunk in cells.chunks if len(chunk) > chunk.null_count]
    kinds = {form.kind if form is not None else "" for form in found}
    if len(kinds) != 1 or "" in kinds:
        return None
    zone = "UTC" if kinds == {"zoned"} else None
    units = {form.values.type.unit for form in found if form is not None}
    dtype = pa.timestamp("ns" if "ns" in units else "us", zone)
    try:
        return pa.chunked_array([pc.cast(chunk, dtype) for chunk in cells.chunks], dtype)
    except pa.ArrowInvalid:  # nanoseconds in one batch, and years too far off for them in another
        return None


def _numbers(values: list[Any]) -> pd.Series | None:
    """Whole numbers and others as doubles, or None where a whole one would change."""
    try:
        if any(type(value) is int and int(float(value)) != value for value in values):
            return None
    except OverflowError:
        return None
    return pd.Series(values, dtype="float64")


def _moments(values: list[Any]) -> pd.Series | None:
    """Datetimes and dates, in UTC if they have zones; None if only some have."""
    moments = [
        dt.datetime.combine(v, dt.time()) if v is not None and not isinstance(v, dt.datetime) else v
        for v in values
    ]
    zoned = {value.tzinfo is not None for value in moments if value is not None}
    if len(zoned) > 1:
        return None
    return pd.Series(pd.to_datetime(_object_series(moments), utc=True in zoned)).dt.as_unit("us")


def _object_series(values: list[Any]) -> pd.Series:
    return pd.Series(np.fromiter(values, dtype=object, count=len(values)), dtype=object)


def _objects(chunk: Any) -> list[Any]:
    values: list[Any] = chunk.to_pylist() if isinstance(chunk, pa.Array) else chunk
    return values


def _text(value: Any) -> str | None:
    """A value of a mixed column as text; of JSON, as it is spelt there."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat(" ") if isinstance(value, dt.datetime) else str(value)
