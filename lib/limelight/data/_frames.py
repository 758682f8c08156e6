"""Frames as rows of SQL values and back, a piece at a time: memory is that of the frame.

On the way back the columns are Arrow's, as `limelight.data.codecs` has them: as small as the
frame, and what a cache keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from limelight.data._session import CHUNK, Row
from limelight.data.schema import ROW_KEY, Column, arrow_type, encode, gatherer, restore

KEYS = Column(ROW_KEY, ROW_KEY, "text", "str")
"""The key that is made from the content of a row."""


def encoded(
    series: Sequence[pd.Series], columns: Sequence[Column], order: NDArray[Any] | None
) -> Iterator[Row]:
    """The rows of a frame as SQL values.

    Args:
        series: The frame's columns, shape (n,) each.
        columns: Their types.
        order: The rows, in the order in which they shall come; as they are, if left out.
    """

    def pieces() -> Iterator[Iterator[Row]]:
        for start in range(0, len(series[0]), CHUNK):
            some = slice(start, start + CHUNK) if order is None else order[start : start + CHUNK]
            pairs = zip(series, columns, strict=True)
            yield zip(*[encode(one.iloc[some], column) for one, column in pairs], strict=True)

    return chain.from_iterable(pieces())


def key_order(series: Sequence[pd.Series], columns: Sequence[Column]) -> NDArray[Any] | None:
    """The rows in the order of their key in SQL, shape (n,), or None where they are in it.

    Args:
        series: The key's columns, shape (n,) each.
        columns: Their types.
    """
    if [column.kind for column in columns] == ["int"] and series[0].is_monotonic_increasing:
        return None
    names = [str(place) for place in range(len(columns))]
    keys = pa.table([_sql_values(*pair) for pair in zip(series, columns, strict=True)], names)
    order = pc.sort_indices(keys, [(name, "ascending") for name in names]).to_numpy()
    return None if (order[:-1] < order[1:]).all() else order


def gathered(rows: Iterable[Sequence[Row]], columns: Sequence[Column]) -> list[pa.ChunkedArray]:
    """Rows of SQL values, in chunks, as a column of Arrow each."""
    gathers = [gatherer(column) for column in columns]
    pieces: list[list[pa.Array]] = [[] for _ in columns]
    for some in rows:
        for piece, gather, values in zip(pieces, gathers, zip(*some, strict=True), strict=True):
            piece.append(gather(values))
    return [
        pa.chunked_array(piece, arrow_type(column))
        for piece, column in zip(pieces, columns, strict=True)
    ]


def assembled(
    arrays: list[pa.ChunkedArray], columns: Sequence[Column], key: Sequence[str]
) -> pd.DataFrame:
    """The frame of its columns in Arrow, with the key as its index.

    Args:
        arrays: One for each column, shape (n,); the list is emptied, for the sake of memory.
        columns: Names and types. Without a key the first is that made from the content.
        key: Names of the columns that are the key.
    """
    arrays.reverse()
    restored = [restore(arrays.pop(), column) for column in columns]
    # By place: without a key, a column beside that of the keys may have its name.
    places = [place for place, column in enumerate(columns) if column.name in key] or [0]
    index = _index(
        {columns[place].name: restored[place] for place in places}, list(key) or [ROW_KEY]
    )
    kept = {c.name: restored[i] for i, c in enumerate(columns) if i not in places}
    del restored
    # A copy: what was restored may lie in the read-only memory of Arrow.
    return pd.DataFrame(kept, index=index, columns=pd.Index(list(kept), dtype="str"), copy=True)


def _index(keys: dict[str, Any], names: list[str]) -> pd.Index:
    return pd.DataFrame(keys, copy=True).set_index(names).index


_SQL_TYPES = {
    "INTEGER": pa.int64(),
    "REAL": pa.float64(),
    "TEXT": pa.large_string(),
    "BLOB": pa.large_binary(),
}


def _sql_values(series: pd.Series, column: Column) -> pa.ChunkedArray:
    """The SQL values of a column in Arrow, whose order is that of SQL."""
    kept = _SQL_TYPES[column.sql_type]
    pieces = [
        pa.array(encode(series.iloc[start : start + CHUNK], column), kept)
        for start in range(0, len(series), CHUNK)
    ]
    return pa.chunked_array(pieces, kept)
