"""What changed between two versions of a dataset, counted by the database."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from limelight.data._connection import quoted
from limelight.data._tables import Layout, read_layout
from limelight.data.schema import Column
from limelight.data.store import DataVersion, DiffSummary


def difference(connection: Any, path: Path, old: DataVersion, new: DataVersion) -> DiffSummary:
    """Compare by key; a connection to the store at the new version is used.

    Rows count as modified where a column that both versions have differs. Where the key itself is
    another one, all old rows count as removed and all new ones as added.
    """
    connection.execute("ATTACH ? AS old", (f"{path}@{old.commit}",))
    before, after = _layout_of_old(connection, old.dataset), read_layout(connection, new.dataset)
    if before is None or after is None:
        raise LookupError(f"no layout of {old.dataset!r}")
    was = {column.name: column for column in before.columns}
    now = {column.name: column for column in after.columns}
    retyped = [name for name in now if name in was and _type(now[name]) != _type(was[name])]
    names = {
        "columns_added": tuple(name for name in now if name not in was),
        "columns_removed": tuple(name for name in was if name not in now),
    }
    if before.key != after.key:
        return DiffSummary(new.rows, old.rows, 0, 0, **names, columns_changed=tuple(retyped))
    shared = [name for name in now if name in was and name not in after.key]
    pairs = [(was[name].sql_name, now[name].sql_name) for name in shared]
    if before.same_table(after):
        added, removed, modified, differs = _by_tree(connection, old, new, pairs)
    else:
        added, removed, modified, differs = _by_join(connection, old, new, before, after, pairs)
    differing = {name for name, differ in zip(shared, differs, strict=True) if differ}
    changed = tuple(name for name in now if name in differing or name in retyped)
    return DiffSummary(
        added, removed, modified, old.rows - removed - modified, **names, columns_changed=changed
    )


Counts = tuple[int, int, int, list[bool]]


def _by_tree(
    connection: Any, old: DataVersion, new: DataVersion, pairs: list[tuple[str, str]]
) -> Counts:
    """Dolt's own diff, whose cost is that of the changes; for equal tables."""
    differs = _sums(f"{quoted('from_' + a)} IS NOT {quoted('to_' + b)}" for a, b in pairs)
    rows = connection.execute(
        f"SELECT diff_type, count(*){differs} FROM {quoted('dolt_diff_' + new.dataset)}(?, ?)"
        " GROUP BY diff_type",
        (old.commit, new.commit),
    ).fetchall()
    found = {kind: (count, differ) for kind, count, *differ in rows}
    modified, differing = found.get("modified", (0, [0] * len(pairs)))
    added, removed = found.get("added", (0, []))[0], found.get("removed", (0, []))[0]
    return added, removed, modified, [bool(d) for d in differing]


def _by_join(
    connection: Any,
    old: DataVersion,
    new: DataVersion,
    before: Layout,
    after: Layout,
    pairs: list[tuple[str, str]],
) -> Counts:
    """Both tables joined by their key; for tables whose columns differ."""
    tests = [f"a.{quoted(was)} IS NOT b.{quoted(now)}" for was, now in pairs]
    # Row values, since a chain of ORs may be too deep for the parser.
    sides = [", ".join(f"{t}.{quoted(n)}" for n in ns) for t, ns in _sides(pairs)]
    same = f"({sides[0]}) IS NOT ({sides[1]})" if pairs else "0"
    keys = " AND ".join(
        f"a.{quoted(a)} = b.{quoted(b)}" for a, b in zip(before.sql_key, after.sql_key, strict=True)
    )
    table = quoted(new.dataset)
    both, modified, *differs = connection.execute(
        f"SELECT count(*), coalesce(sum({same}), 0){_sums(tests)}"
        f" FROM old.{table} AS a JOIN main.{table} AS b ON {keys}"
    ).fetchone()
    return new.rows - both, old.rows - both, modified, [bool(differ) for differ in differs]


def _sides(pairs: list[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    return [("a", [was for was, _ in pairs]), ("b", [now for _, now in pairs])]


def _sums(tests: Iterable[str]) -> str:
    return "".join(f", sum({test})" for test in tests)


def _layout_of_old(connection: Any, dataset: str) -> Layout | None:
    rows = connection.execute(
        "SELECT name, sql_name, type, in_key FROM old.limelight_columns WHERE dataset = ?"
        " ORDER BY position",
        (dataset,),
    ).fetchall()
    columns = tuple(Column.from_json(name, sql_name, text) for name, sql_name, text, _ in rows)
    key = sorted((place, name) for name, _, _, place in rows if place)
    return Layout(columns, tuple(name for _, name in key)) if rows else None


def _type(column: Column) -> tuple[str, str, Any]:
    """What makes two columns of one type; the categories that a column knows do not."""
    return column.kind, column.dtype, column.detail.get("zone", column.detail.get("ordered"))
