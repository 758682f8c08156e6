"""What changed between two versions of a dataset, found by the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from limelight.data._session import Row, Session
from limelight.data._tables import Layout, framed, layout_of
from limelight.data.keys import NUMBERS
from limelight.data.schema import Column
from limelight.data.store import Changes, DataVersion, DiffSummary


@dataclass(frozen=True)
class _Pair:
    """Two versions of a dataset, seen from a session at the new one."""

    session: Session
    old: DataVersion
    new: DataVersion
    before: Layout
    after: Layout
    at_old: str

    @classmethod
    def of(cls, session: Session, old: DataVersion, new: DataVersion) -> _Pair:
        at_old = session.other(old.commit)
        before = layout_of(session, old, at_old)
        after = layout_of(session, new, session.own)
        return cls(session, old, new, before, after, at_old)

    @property
    def same_key(self) -> bool:
        """Whether rows can be the same by their keys: an engine takes the text '01' for a 1."""
        return self.before.key == self.after.key and [
            _is_number(column) for column in self.before.columns if column.name in self.before.key
        ] == [_is_number(column) for column in self.after.columns if column.name in self.after.key]

    @property
    def same_table(self) -> bool:
        return self.before.same_table(self.after)

    @property
    def shared(self) -> list[tuple[Column, Column]]:
        """The columns of both versions beside the key, as they were and as they are."""
        was = {column.name: column for column in self.before.columns}
        return [
            (was[column.name], column)
            for column in self.after.columns
            if column.name in was and column.name not in self.after.key
        ]

    @property
    def came(self) -> tuple[str, ...]:
        was = {column.name for column in self.before.columns}
        return tuple(column.name for column in self.after.columns if column.name not in was)

    @property
    def went(self) -> tuple[str, ...]:
        now = {column.name for column in self.after.columns}
        return tuple(column.name for column in self.before.columns if column.name not in now)

    @property
    def retyped(self) -> list[str]:
        was = {column.name: column for column in self.before.columns}
        return [
            column.name
            for column in self.after.columns
            if column.name in was and _type(column) != _type(was[column.name])
        ]

    def quoted(self, table: str, names: Iterable[str]) -> str:
        return ", ".join(f"{table}.{self.session.quoted(name)}" for name in names)

    @property
    def joined(self) -> str:
        """The test that a row ``a`` of the old table and ``b`` of the new have the same key."""
        return " AND ".join(
            f"a.{self.session.quoted(a)} = b.{self.session.quoted(b)}"
            for a, b in zip(self.before.sql_key, self.after.sql_key, strict=True)
        )

    @property
    def differing(self) -> str:
        """The test that two such rows differ in a shared column."""
        quoted = self.session.quoted
        pairs = [
            (f"a.{quoted(was.sql_name)}", f"b.{quoted(now.sql_name)}") for was, now in self.shared
        ]
        return self.session.differs(pairs) if pairs else "1 = 0"

    @property
    def tables(self) -> tuple[str, str]:
        name = self.session.quoted(self.new.dataset)
        return f"{self.at_old}{name} AS a", f"{self.session.own}{name} AS b"


def difference(session: Session, old: DataVersion, new: DataVersion) -> DiffSummary:
    """Compare by key; the session is at the new version.

    Rows count as modified where a column that both versions have differs. Where the key itself is
    another one, all old rows count as removed and all new ones as added.
    """
    pair = _Pair.of(session, old, new)
    if not pair.same_key:
        return DiffSummary(new.rows, old.rows, 0, 0, pair.came, pair.went, tuple(pair.retyped))
    added, removed, modified, differs = (_by_tree if pair.same_table else _by_join)(pair)
    differing = {
        now.name for (_, now), differ in zip(pair.shared, differs, strict=True) if differ
    } | set(pair.retyped)
    changed = tuple(column.name for column in pair.after.columns if column.name in differing)
    return DiffSummary(
        added,
        removed,
        modified,
        old.rows - removed - modified,
        pair.came,
        pair.went,
        changed,
    )


def with_renames(summary: DiffSummary, renames: dict[str, str]) -> DiffSummary:
    """The numbers, with columns that only have another name told apart from those that came."""
    return replace(
        summary,
        columns_added=tuple(n for n in summary.columns_added if n not in renames.values()),
        columns_removed=tuple(n for n in summary.columns_removed if n not in renames),
        columns_renamed=tuple(renames.items()),
    )


def row_changes(
    session: Session, old: DataVersion, new: DataVersion, limit: int | None = None
) -> Changes:
    """The rows behind the numbers of `difference`."""
    pair = _Pair.of(session, old, new)
    find = _rows_by_tree if pair.same_key and pair.same_table else _rows_by_join
    width = len(pair.before.sql_columns)
    most = "" if limit is None else f" LIMIT {int(limit)}"
    both = list(find(pair, "modified", most))
    return Changes(
        added=framed(find(pair, "added", most), pair.after),
        removed=framed(find(pair, "removed", most), pair.before),
        before=framed(([row[:width] for row in chunk] for chunk in both), pair.before),
        after=framed(([row[width:] for row in chunk] for chunk in both), pair.after),
    )


Counts = tuple[int, int, int, list[bool]]


def _by_tree(pair: _Pair) -> Counts:
    """Dolt's own diff, whose cost is that of the changes; for equal tables."""
    session, quoted = pair.session, pair.session.quoted
    differs = _sums(
        session.differs([(quoted("from_" + was.sql_name), quoted("to_" + now.sql_name))])
        for was, now in pair.shared
    )
    source, values = session.diff_of(pair.new.dataset, pair.old.commit, pair.new.commit)
    rows = session.rows(
        f"SELECT diff_type, count(*){differs} FROM {source} GROUP BY diff_type", values
    )
    found = {kind: (count, differ) for kind, count, *differ in rows}
    modified, differing = found.get("modified", (0, [0] * len(pair.shared)))
    added, removed = found.get("added", (0, []))[0], found.get("removed", (0, []))[0]
    return added, removed, modified, [bool(differ) for differ in differing]


def _by_join(pair: _Pair) -> Counts:
    """Both tables joined by their key; for tables whose columns differ."""
    quoted, differs = pair.session.quoted, pair.session.differs
    each = _sums(
        differs([(f"a.{quoted(was.sql_name)}", f"b.{quoted(now.sql_name)}")])
        for was, now in pair.shared
    )
    a, b = pair.tables
    ((both, modified, *found),) = pair.session.rows(
        f"SELECT count(*), coalesce(sum({pair.differing}), 0){each}"
        f" FROM {a} JOIN {b} ON {pair.joined}"
    )
    return pair.new.rows - both, pair.old.rows - both, int(modified), [bool(n) for n in found]


def _rows_by_tree(pair: _Pair, kind: str, most: str) -> Iterator[list[Row]]:
    quoted = pair.session.quoted
    before = [quoted(f"from_{name}") for name, _ in pair.before.sql_columns]
    after = [quoted(f"to_{name}") for name, _ in pair.after.sql_columns]
    names = {"added": after, "removed": before, "modified": before + after}[kind]
    side = "from_" if kind == "removed" else "to_"
    order = ", ".join(quoted(side + name) for name in pair.after.sql_key)
    source, values = pair.session.diff_of(pair.new.dataset, pair.old.commit, pair.new.commit)
    return pair.session.stream(
        f"SELECT {', '.join(names)} FROM {source} WHERE diff_type = '{kind}'"
        f" ORDER BY {order}{most}",
        values,
    )


def _rows_by_join(pair: _Pair, kind: str, most: str) -> Iterator[list[Row]]:
    before = pair.quoted("a", [name for name, _ in pair.before.sql_columns])
    after = pair.quoted("b", [name for name, _ in pair.after.sql_columns])
    of_old = pair.quoted("a", pair.before.sql_key)
    of_new = pair.quoted("b", pair.after.sql_key)
    a, b = pair.tables
    if not pair.same_key:  # no row of one is a row of the other
        statement = {
            "added": f"SELECT {after} FROM {b} ORDER BY {of_new}",
            "removed": f"SELECT {before} FROM {a} ORDER BY {of_old}",
        }.get(kind)
        return pair.session.stream(statement + most) if statement else iter(())
    lone = "{} IS NULL".format
    statement = {
        "added": f"SELECT {after} FROM {b} LEFT JOIN {a} ON {pair.joined}"
        f" WHERE {lone(pair.quoted('a', pair.before.sql_key[:1]))} ORDER BY {of_new}",
        "removed": f"SELECT {before} FROM {a} LEFT JOIN {b} ON {pair.joined}"
        f" WHERE {lone(pair.quoted('b', pair.after.sql_key[:1]))} ORDER BY {of_old}",
        "modified": f"SELECT {before}, {after} FROM {a} JOIN {b} ON {pair.joined}"
        f" WHERE {pair.differing} ORDER BY {of_new}",
    }[kind]
    return pair.session.stream(statement + most)


def _sums(tests: Iterable[str]) -> str:
    return "".join(f", sum({test})" for test in tests)


def _is_number(column: Column) -> bool:
    values = column.detail["values"]["kind"] if column.kind == "category" else column.kind
    return values in NUMBERS


def _type(column: Column) -> tuple[str, str, Any]:
    """What makes two columns of one type; the categories that a column knows do not."""
    return column.kind, column.dtype, column.detail.get("zone", column.detail.get("ordered"))
