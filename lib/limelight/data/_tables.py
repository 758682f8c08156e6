"""The tables of a dataset in SQL: its rows, its columns' types, and its card."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from limelight.data._format import META, mark_format
from limelight.data._frames import KEYS, assembled, encoded, gathered, key_order
from limelight.data._session import Row, Session
from limelight.data.cache import Cache, entry_name
from limelight.data.card import DatasetCard
from limelight.data.keys import check_key, content_keys, without_index
from limelight.data.schema import ROW_KEY, Column, arrow_type, check_names, describe
from limelight.data.store import DataVersion
from limelight.errors import InputError, StoreError

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
    def table_columns(self) -> tuple[Column, ...]:
        """The columns with that of the keys that are made from the content, if there is one."""
        return self.columns if self.key else (KEYS, *self.columns)

    @property
    def sql_columns(self) -> list[tuple[str, str]]:
        """Name and type of every column in SQL, in the order of the rows."""
        return [(column.sql_name, column.sql_type) for column in self.table_columns]

    def same_table(self, other: Layout | None) -> bool:
        """Whether both have the same table in SQL; categories and zones may differ."""
        return other is not None and (self.sql_columns, self.sql_key) == (
            other.sql_columns,
            other.sql_key,
        )


@dataclass(frozen=True)
class Content:
    """A frame made ready to be written: checked and keyed.

    Args:
        layout: Its columns and key.
        series: Its columns, those of the key first, as `Layout.table_columns`; shape (n,) each.
        order: The rows in the order of their key, or None where they are in it.
    """

    layout: Layout
    series: tuple[pd.Series, ...]
    order: NDArray[Any] | None

    @property
    def rows(self) -> Iterator[Row]:
        """The rows as SQL values in the order of their key; made as they are taken."""
        return encoded(self.series, self.layout.table_columns, self.order)


def prepare(frame: pd.DataFrame, key: tuple[str, ...]) -> Content:
    """Check a frame and make it ready to be rows.

    Raises:
        InputError: A name, a type or the key does not fit.
    """
    flat = without_index(frame, key)
    check_names(flat.columns)
    check_key(flat, key)
    # A frame that is read has its key in the index: first, whatever its place was.
    columns = describe(flat, [*key, *(name for name in flat.columns if name not in key)])
    series = [flat[column.name] for column in columns]
    if not key:
        series.insert(0, content_keys(flat, columns))
    layout = Layout(columns, key)
    names = [name for name, _ in layout.sql_columns]
    keys = [names.index(name) for name in layout.sql_key]
    order = key_order([series[i] for i in keys], [layout.table_columns[i] for i in keys])
    return Content(layout, tuple(series), order)


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


def layout_of(session: Session, version: DataVersion, at: str = "") -> Layout:
    """The columns of a version; ``at`` as in `read_layout`.

    Raises:
        StoreError: They are not known.
    """
    found = read_layout(session, version.dataset, at)
    if found is None:
        raise StoreError(
            f"the columns of {version.dataset!r} are not in the store at {version.commit}.",
            "Check the store: limelight data doctor.",
        )
    return found


def read_frame(
    session: Session, dataset: str, layout: Layout, cache: Cache | None = None
) -> pd.DataFrame:
    """The rows in the order of their key, indexed by it; memory is that of the result.

    Args:
        session: Where they are.
        dataset: Its name.
        layout: Its columns and key.
        cache: Where to look first; for rows that were committed.
    """
    columns, name = layout.table_columns, ""
    arrays = None
    if cache is not None:
        types = [json.dumps([column.sql_name, column.type_json()]) for column in columns]
        name = entry_name(table_hash(session, dataset), types)
        arrays = cache.get(name, [arrow_type(column) for column in columns])
    if arrays is None:
        arrays = gathered(_streamed(session, dataset, layout), columns)
        if cache is not None:
            cache.put(name, arrays)
    return assembled(arrays, columns, layout.key)


def table_hash(session: Session, dataset: str) -> str:
    """The hash of a dataset's rows: equal for equal rows, whatever their order."""
    ((found,),) = session.rows(f"SELECT dolt_hashof_table({session.place})", (dataset,))
    return str(found)


def framed(rows: Iterable[list[Row]], layout: Layout) -> pd.DataFrame:
    """Rows of SQL values, in chunks, as the frame they were written from, indexed by the key."""
    columns = layout.table_columns
    return assembled(gathered(rows, columns), columns, layout.key)


def _streamed(session: Session, dataset: str, layout: Layout) -> Iterator[list[Row]]:
    names = ", ".join(session.quoted(name) for name, _ in layout.sql_columns)
    order = ", ".join(map(session.quoted, layout.sql_key))
    return session.stream(f"SELECT {names} FROM {session.quoted(dataset)} ORDER BY {order}")


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
    check_free(session, dataset, old)
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
    """Take out what there is of a dataset, whatever state a merge left its tables in."""
    there = session.tables()
    if dataset in there:
        session.run(f"DROP TABLE {session.quoted(dataset)}")
    for table in {CARDS, COLUMNS} & {*there}:
        session.run(f"DELETE FROM {table} WHERE dataset = {session.place}", (dataset,))


def check_free(session: Session, dataset: str, layout: Layout | None) -> None:
    """No other table has a dataset's name, in whatever spelling: the engines would take it for it.

    Args:
        session: Where to look.
        dataset: The name.
        layout: Its columns, where there is such a dataset.

    Raises:
        InputError: One has.
    """
    for name in session.tables():
        if name.casefold() == dataset.casefold() and (name != dataset or layout is None):
            raise InputError(
                f"the name {dataset!r} is taken by the table {name!r} in the store.",
                "Choose another dataset name.",
            )


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
        f"{session.quoted(name)} {session.sql_type(kind, len(key) if name in key else 0)}"
        f"{' NOT NULL' if name in key else ''}"
        for name, kind in columns
    ]
    listed = ", ".join(map(session.quoted, key))
    return f"CREATE TABLE {session.quoted(table)} ({', '.join(parts)}, PRIMARY KEY ({listed}))"
