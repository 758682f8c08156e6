"""The tables of a dataset in SQL: its rows, its columns' types, and its card."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from limelight.data._connection import quoted
from limelight.data.card import DatasetCard
from limelight.data.keys import check_key, content_keys, named_key
from limelight.data.schema import ROW_KEY, Column, check_names, decode, describe, encode
from limelight.errors import InputError

CARDS = "limelight_cards"
COLUMNS = "limelight_columns"

_CREATE = (
    f"CREATE TABLE IF NOT EXISTS {CARDS} (dataset TEXT PRIMARY KEY NOT NULL, card TEXT NOT NULL)",
    f"CREATE TABLE IF NOT EXISTS {COLUMNS} (dataset TEXT NOT NULL, sql_name TEXT NOT NULL,"
    " position INTEGER NOT NULL, name TEXT NOT NULL, in_key INTEGER NOT NULL, type TEXT NOT NULL,"
    " PRIMARY KEY (dataset, sql_name))",
)
_CHUNK = 10_000


@dataclass(frozen=True)
class Layout:
    """The columns of a dataset's table, and the names of those that are its key."""

    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def sql_key(self) -> list[str]:
        """The key's columns in SQL."""
        names = {column.name: column.sql_name for column in self.columns}
        return [names[name] for name in self.key] or [ROW_KEY]

    @property
    def sql_columns(self) -> list[tuple[str, str]]:
        """Name and type of every column in SQL, in the order of the rows."""
        own = [(column.sql_name, column.sql_type) for column in self.columns]
        return own if self.key else [(ROW_KEY, "TEXT"), *own]

    def same_table(self, other: Layout | None) -> bool:
        """Whether both have the same table in SQL; categories and zones may differ."""
        return other is not None and (self.sql_columns, self.sql_key) == (
            other.sql_columns,
            other.sql_key,
        )


@dataclass(frozen=True)
class Content:
    """A frame made ready to be written: checked, keyed, and as SQL values in key order."""

    layout: Layout
    rows: list[tuple[Any, ...]]


def prepare(frame: pd.DataFrame, key: tuple[str, ...]) -> Content:
    """Check a frame and turn it into rows.

    Raises:
        InputError: A name, a type or the key does not fit.
    """
    flat = _without_index(frame, key)
    check_names(flat.columns)
    check_key(flat, key)
    # A frame that is read has its key in the index: first, whatever its place was.
    flat = flat[[*key, *(name for name in flat.columns if name not in key)]]
    columns = describe(flat)
    values = [encode(flat[column.name], column) for column in columns]
    if not key:
        values.insert(0, content_keys(flat, columns))
    layout = Layout(columns, key)
    names = [name for name, _ in layout.sql_columns]
    places = [names.index(name) for name in layout.sql_key]
    rows = sorted(zip(*values, strict=True), key=lambda row: [row[place] for place in places])
    return Content(layout, rows)


def _without_index(frame: pd.DataFrame, key: tuple[str, ...]) -> pd.DataFrame:
    """The frame with its key as columns; an index that is neither key nor a count is refused."""
    names = list(frame.index.names)
    if key and names == named_key(key):
        return frame.reset_index()
    if names in ([None], [ROW_KEY]):
        return frame.reset_index(drop=True)
    raise InputError(
        f"the frame's index {', '.join(map(repr, names))} is not the dataset's key"
        f" ({', '.join(map(repr, key)) or 'made from the content'}).",
        "Make it columns with frame.reset_index(), or drop it with reset_index(drop=True).",
    )


def has_tables(connection: Any) -> bool:
    """Whether any dataset was written here."""
    return table_exists(connection, CARDS)


def table_exists(connection: Any, name: str) -> bool:
    found = connection.execute(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (name,)
    ).fetchone()
    return found is not None


def read_cards(connection: Any) -> dict[str, DatasetCard]:
    """Every dataset's card by its name."""
    if not has_tables(connection):
        return {}
    found = connection.execute(f"SELECT dataset, card FROM {CARDS} ORDER BY dataset").fetchall()
    return {name: DatasetCard.from_json(text) for name, text in found}


def read_layout(connection: Any, dataset: str) -> Layout | None:
    """The columns of a dataset, or None where it does not exist."""
    if not has_tables(connection):
        return None
    found = connection.execute(
        f"SELECT name, sql_name, type, in_key FROM {COLUMNS} WHERE dataset = ? ORDER BY position",
        (dataset,),
    ).fetchall()
    columns = tuple(Column.from_json(name, sql_name, text) for name, sql_name, text, _ in found)
    key = sorted((place, name) for name, _, _, place in found if place)
    return Layout(columns, tuple(name for _, name in key)) if found else None


def read_frame(connection: Any, dataset: str, layout: Layout) -> pd.DataFrame:
    """The rows in the order of their key, indexed by it; memory is that of the result."""
    chunks: list[list[list[Any]]] = [[] for _ in layout.sql_columns]
    for rows in _streamed(connection, dataset, layout):
        for chunk, values in zip(chunks, zip(*rows, strict=True), strict=True):
            chunk.append(list(values))
    series = []
    if not layout.key:
        keys = Column(ROW_KEY, ROW_KEY, "text", "str")
        series.append(decode(chunks.pop(0), keys))
    series += [decode(chunk, column) for chunk, column in zip(chunks, layout.columns, strict=True)]
    return _framed(series, layout)


def _framed(series: list[pd.Series], layout: Layout) -> pd.DataFrame:
    """The columns side by side, and the key as the index."""
    if not layout.key:
        # A column may be called row_key as well, so the key never becomes a column.
        keys, *rest = series
        index = pd.Index(keys.array, name=ROW_KEY)
        return pd.concat(rest, axis=1).set_axis(index, axis=0)
    return pd.concat(series, axis=1).set_index(list(layout.key))


def _streamed(connection: Any, dataset: str, layout: Layout) -> Iterator[list[tuple[Any, ...]]]:
    names = ", ".join(quoted(name) for name, _ in layout.sql_columns)
    order = ", ".join(map(quoted, layout.sql_key))
    cursor = connection.execute(f"SELECT {names} FROM {quoted(dataset)} ORDER BY {order}")
    while rows := cursor.fetchmany(_CHUNK):
        yield rows


def write_content(connection: Any, dataset: str, content: Content, card: DatasetCard) -> None:
    """Put rows, columns and card in their tables, inside the caller's transaction.

    All rows are written: Dolt's trees depend on their content alone, so rows that were there
    before cost no space, and show as unchanged.
    """
    for statement in _CREATE:
        connection.execute(statement)
    old, layout = read_layout(connection, dataset), content.layout
    if layout.same_table(old):
        connection.execute(f"DELETE FROM {quoted(dataset)}")
    else:
        connection.execute(f"DROP TABLE IF EXISTS {quoted(dataset)}")
        connection.execute(_create_table(dataset, layout))
    places = ", ".join("?" * len(layout.sql_columns))
    connection.executemany(f"INSERT INTO {quoted(dataset)} VALUES ({places})", content.rows)
    _write_columns(connection, dataset, layout)
    connection.execute(
        f"INSERT OR REPLACE INTO {CARDS} (dataset, card) VALUES (?, ?)", (dataset, card.to_json())
    )


def _write_columns(connection: Any, dataset: str, layout: Layout) -> None:
    connection.execute(f"DELETE FROM {COLUMNS} WHERE dataset = ?", (dataset,))
    connection.executemany(
        f"INSERT INTO {COLUMNS} (dataset, sql_name, position, name, in_key, type)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [
            (
                dataset,
                column.sql_name,
                position,
                column.name,
                layout.key.index(column.name) + 1 if column.name in layout.key else 0,
                column.type_json(),
            )
            for position, column in enumerate(layout.columns)
        ],
    )


def _create_table(dataset: str, layout: Layout) -> str:
    columns = ", ".join(
        f"{quoted(name)} {kind}{' NOT NULL' if name in layout.sql_key else ''}"
        for name, kind in layout.sql_columns
    )
    key = ", ".join(map(quoted, layout.sql_key))
    return f"CREATE TABLE {quoted(dataset)} ({columns}, PRIMARY KEY ({key}))"
