"""Answering a query of the user's own, with the engine held to reading.

On the embedded store a SELECT can call functions that write (``dolt_reset``), so the engine asks
at every step of a statement whether it may: `guarded` says no to all but reading.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pandas as pd

from limelight.data._session import Row
from limelight.errors import InputError

SECONDS = 300.0
"""How long a query may take."""

MOST_ROWS = 1_000_000
"""How many rows a query may give."""

ONLY_READING = "A query is one SELECT that only reads; use the other commands to change something."

# sqlite3.h: what the engine asks about, and what can be answered.
_FUNCTION, _READ, _SELECT, _RECURSIVE = 31, 20, 21, 33
_ALLOW, _DENY = 0, 1
# A flag of functions that have no effect, and the limit of a value's length.
_INNOCUOUS = 0x200000
_LENGTH = 0
_LONGEST_VALUE = 100_000_000
_INSTRUCTIONS = 20_000

# Without the flag, and harmless: they read the history, or are statistics.
_READERS = {
    "active_branch",
    "dolt_hashof",
    "dolt_hashof_catalog",
    "dolt_hashof_db",
    "dolt_hashof_index",
    "dolt_hashof_table",
    "dolt_merge_base",
    "dolt_version",
    "doltlite_engine",
    "median",
    "percentile",
    "percentile_cont",
    "percentile_disc",
}
# A table of the engine that runs statements.
_CLOSED = {"dolt_test_run"}


class _Guard:
    """Says of each thing that a statement wants to do whether it may.

    Args:
        functions: Names of those that may be called.
        closed: Names of tables that may not be read.
    """

    def __init__(self, functions: set[str], closed: set[str]) -> None:
        self._functions = functions
        self._closed = closed
        self.denied = False
        self.what = ""
        self.selects = False

    def __call__(self, action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if action in (_SELECT, _RECURSIVE):
            self.selects = True
            return _ALLOW
        if action == _READ and first not in self._closed:
            return _ALLOW
        if action == _FUNCTION and second in self._functions:
            return _ALLOW
        if not self.denied:
            names = {_READ: f"the table {first!r}", _FUNCTION: f"the function {second!r}"}
            self.denied, self.what = True, names.get(action, "")
        return _DENY


def guarded(
    connection: Any, sql: str, seconds: float = SECONDS, most: int = MOST_ROWS
) -> tuple[list[str], list[Row]]:
    """Columns and rows of a query on an embedded store.

    The connection is good for nothing else behind it.

    Args:
        connection: Read-only, at a commit.
        sql: One statement.
        seconds, most: Limits on time and rows.

    Raises:
        InputError: The statement does not only read, is wrong, or goes over a limit.
    """
    guard = _guard(connection)
    deadline = time.monotonic() + seconds
    connection.setlimit(_LENGTH, _LONGEST_VALUE)
    connection.set_authorizer(guard)
    connection.set_progress_handler(lambda: time.monotonic() > deadline, _INSTRUCTIONS)
    try:
        # Compiled alone first: statements that ask for nothing (REINDEX) must not run either.
        connection.execute(f"EXPLAIN {sql}").close()
        if not guard.selects:
            raise refused("")
        cursor = connection.execute(sql)
        rows = cursor.fetchmany(most + 1)
    except (connection.Error, connection.Warning) as problem:
        if guard.denied:
            raise refused(guard.what) from problem
        if time.monotonic() > deadline:
            raise too_long(seconds) from problem
        raise wrong(str(problem)) from problem
    return [name for name, *_ in cursor.description], checked(rows, most)


def _guard(connection: Any) -> _Guard:
    known = connection.execute("SELECT name, flags FROM pragma_function_list").fetchall()
    modules = connection.execute("SELECT name FROM pragma_module_list").fetchall()
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    closed = {name for (name,) in modules if not name.startswith("dolt_")} - tables
    functions = {name for name, flags in known if flags & _INNOCUOUS}
    return _Guard(functions | _READERS, closed | _CLOSED)


def refused(what: str) -> InputError:
    """What to say of a statement that would do more than read."""
    return InputError(
        f"a query cannot use {what}." if what else "the statement is no query.", ONLY_READING
    )


def wrong(problem: str) -> InputError:
    """What to say of a statement that the engine cannot answer."""
    return InputError(
        f"the query cannot be answered: {problem.rstrip('.')}.",
        "A dataset is a table of its name, quoted where it is no plain word; see its columns"
        " with limelight data show.",
    )


def too_long(seconds: float) -> InputError:
    """What to say of a query that is cut off."""
    return InputError(
        f"the query took more than {seconds:g} seconds.",
        "Narrow it with WHERE, or read the dataset and go on in pandas.",
    )


def checked(rows: Sequence[Row], most: int) -> list[Row]:
    """The rows of an answer.

    Raises:
        InputError: There are more than one may ask for.
    """
    if len(rows) > most:
        raise InputError(
            f"the query gives more than {most:,} rows.",
            "Add a LIMIT, or read the whole dataset instead.",
        )
    return list(rows)


def frame_of(names: list[str], rows: list[Row]) -> pd.DataFrame:
    """The answer as a frame; whole numbers stay exact beside missing ones.

    Example:
        >>> frame_of(["n"], [(2**53 + 1,), (None,)])["n"].tolist()
        [9007199254740993, <NA>]
    """
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    series = [_series(values) for values in columns]
    frame = pd.concat(series, axis=1) if series else pd.DataFrame()
    return frame.set_axis(names, axis=1)


def _series(values: Sequence[Any]) -> pd.Series:
    found = {type(value) for value in values}
    if found == {int, type(None)} and all(abs(v) < 2**63 for v in values if v is not None):
        return pd.Series(values, dtype="Int64")
    return pd.Series(values, dtype=object).infer_objects()
