"""The tables of a dataset in SQL: its rows, its columns' types, and its card."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from limelight.data._format import META, mark_format
from limelight.data._session import Row, Session
from limelight.data.card import DatasetCard
from limelight.data.keys import check_key, content_keys, named_key
from limelight.data.schema import ROW_KEY, Column, check_names, decode, describe, encode
from limelight.errors import InputError

CARDS = "limelight_cards"
COLUMNS = "limelight_columns"

_META = {
    META: (("name", "TEXT"), ("value", "TEXT")),
    CARDS: (("dataset", "TEXT"), ("card", "TEXT")),
    COLUMNS: (
        ("dataset", "TEXT"),
        ("sql_name", "TEXT"),
        ("position", "INTEGER"),
        ("name", "TEXT"),
        ("in_key", "INTEGER"),
        ("type", "TEXT"),
    ),
}
_META_KEYS = {META: ["name"], CARDS: ["dataset"], COLUMNS: ["dataset", "sql_name"]}


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


def read_cards(session: Session) -> dict[str, DatasetCard]:
    """Every dataset's card by its name."""
    if CARDS not in session.tables():
        return {}
    found = session.rows(f"SELECT dataset, card FROM {CARDS}")
    return {name: DatasetCard.from_json(text) for name, text in sorted(found)}


def read_layout(session: Session, dataset: str, at: str = "") -> Layout | None:
    """The columns of a dataset, or None where it does not exist.

    Args:
        session: Where to look.
        dataset: Its name.
        at: What stands before a table's name to mean it at another commit.
    """
    if not at and COLUMNS not in session.tables():
        return None
    found = session.rows(
        f"SELECT name, sql_name, type, in_key FROM {at}{COLUMNS}"
        f" WHERE dataset = {session.place} ORDER BY position",
        (dataset,),
    )
    columns = tuple(Column.from_json(name, sql_name, text) for name, sql_name, text, _ in found)
    key = sorted((place, name) for name, _, _, place in found if place)
    return Layout(columns, tuple(name for _, name in key)) if found else None


def read_frame(session: Session, dataset: str, layout: Layout) -> pd.DataFrame:
    """The rows in the order of their key, indexed by it; memory is that of the result."""
    names = ", ".join(session.quoted(name) for name, _ in layout.sql_columns)
    order = ", ".join(map(session.quoted, layout.sql_key))
    table = session.quoted(dataset)
    return framed(session.stream(f"SELECT {names} FROM {table} ORDER BY {order}"), layout)


def framed(rows: Iterable[list[Row]], layout: Layout) -> pd.DataFrame:
    """Rows of SQL values, in chunks, as the frame they were written from, indexed by the key."""
    chunks: list[list[list[Any]]] = [[] for _ in layout.sql_columns]
    for some in rows:
        for chunk, values in zip(chunks, zip(*some, strict=True), strict=True):
            chunk.append(list(values))
    series = []
    if not layout.key:
        keys = Column(ROW_KEY, ROW_KEY, "text", "str")
        series.append(decode(chunks.pop(0), keys))
    series += [decode(chunk, column) for chunk, column in zip(chunks, layout.columns, strict=True)]
    return _indexed(series, layout)


def _indexed(series: list[pd.Series], layout: Layout) -> pd.DataFrame:
    """The columns side by side, and the key as the index."""
    if not layout.key:
        # A column may be called row_key as well, so the key never becomes a column.
        keys, *rest = series
        index = pd.Index(keys.array, name=ROW_KEY)
        return pd.concat(rest, axis=1).set_axis(index, axis=0)
    return pd.concat(series, axis=1).set_index(list(layout.key))


def write_content(session: Session, dataset: str, content: Content, card: DatasetCard) -> None:
    """Put rows, columns and card in their tables, inside the caller's transaction.

    All rows are written: Dolt's trees depend on their content alone, so rows that were there
    before cost no space, and show as unchanged.
    """
    if CARDS not in session.tables():
        for table, columns in _META.items():
            session.run(_create_table(session, table, list(columns), _META_KEYS[table]))
        mark_format(session)
    old, layout = read_layout(session, dataset), content.layout
    name = session.quoted(dataset)
    if layout.same_table(old):
        session.run(f"DELETE FROM {name}")
    else:
        session.run(f"DROP TABLE IF EXISTS {name}")
        session.run(_create_table(session, dataset, layout.sql_columns, layout.sql_key))
    places = ", ".join([session.place] * len(layout.sql_columns))
    session.run_many(f"INSERT INTO {name} VALUES ({places})", content.rows)
    _write_columns(session, dataset, layout)
    session.run(
        f"REPLACE INTO {CARDS} (dataset, card) VALUES ({session.place}, {session.place})",
        (dataset, card.to_json()),
    )


def drop_content(session: Session, dataset: str) -> None:
    """Take a dataset's rows, columns and card out of their tables."""
    session.run(f"DROP TABLE {session.quoted(dataset)}")
    for table in (CARDS, COLUMNS):
        session.run(f"DELETE FROM {table} WHERE dataset = {session.place}", (dataset,))


def clear(session: Session, datasets: Iterable[str]) -> None:
    """Take datasets out, whatever state a merge left their tables in."""
    there = session.tables()
    for dataset in datasets:
        if dataset in there:
            session.run(f"DROP TABLE {session.quoted(dataset)}")
        for table in (CARDS, COLUMNS):
            session.run(f"DELETE FROM {table} WHERE dataset = {session.place}", (dataset,))


def _write_columns(session: Session, dataset: str, layout: Layout) -> None:
    session.run(f"DELETE FROM {COLUMNS} WHERE dataset = {session.place}", (dataset,))
    places = ", ".join([session.place] * 6)
    session.run_many(
        f"INSERT INTO {COLUMNS} (dataset, sql_name, position, name, in_key, type)"
        f" VALUES ({places})",
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


def _create_table(
    session: Session, table: str, columns: list[tuple[str, str]], key: list[str]
) -> str:
    parts = [
        f"{session.quoted(name)} {session.sql_type(kind, name in key)}"
        f"{' NOT NULL' if name in key else ''}"
        for name, kind in columns
    ]
    listed = ", ".join(map(session.quoted, key))
    return f"CREATE TABLE {session.quoted(table)} ({', '.join(parts)}, PRIMARY KEY ({listed}))"
