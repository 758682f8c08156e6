"""Opening an embedded store's file, and saying in its own words what went wrong with it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from limelight.data._sqlite import driver
from limelight.errors import StoreError

T = TypeVar("T")

BUSY_SECONDS = 5.0
"""How long one attempt waits for another writer: until then no Ctrl-C is noticed."""

PATIENCE_SECONDS = 180.0
"""How long a write is tried again."""

ENGINE_FORMAT = 12
"""The format of the files that this doltlite reads and writes; it stands behind the magic."""

_MAGIC = b"CTLD"
_BUSY = 5
_DAMAGED = (11, 26)  # SQLITE_CORRUPT, SQLITE_NOTADB


def quoted(name: str) -> str:
    """An SQL identifier. The one place where a name becomes part of a statement.

    Example:
        >>> print(quoted('a "b"'))
        "a ""b\"""
    """
    if "\0" in name:
        raise ValueError(f"a name with a NUL character: {name!r}")
    return '"' + name.replace('"', '""') + '"'


def check_file(path: Path) -> None:
    """The path is a store, or is free for one; looks at the file's first bytes only.

    Raises:
        StoreError: Something else is there.
    """
    if path.is_dir():
        raise StoreError(f"{path} is a folder, not a store.", "Give a file, e.g. store.db in it.")
    if not path.exists() or path.stat().st_size == 0:
        return
    with path.open("rb") as file:
        head = file.read(16)
    if not head.startswith(_MAGIC):
        what = (
            "a plain SQLite database" if head == b"SQLite format 3\0" else "another program's file"
        )
        raise StoreError(
            f"{path} is {what}, not a dataset store; it was left as it is.",
            "Choose another path for the store.",
        )
    engine = engine_format(head)
    if engine != ENGINE_FORMAT:
        newer = engine > ENGINE_FORMAT
        raise StoreError(
            f"the store {path} was made by {'a newer' if newer else 'an older'} version of the"
            f" engine: its file has format {engine}, and this doltlite reads {ENGINE_FORMAT}."
            " It was left as it is.",
            "Install the newer version: pip install --upgrade limelight."
            if newer
            else "Copy it with the older version: limelight data copy.",
        )


def engine_format(head: bytes) -> int:
    """The format's number in a file's first bytes."""
    return int.from_bytes(head[len(_MAGIC) : len(_MAGIC) + 4], "little")


@contextmanager
def opened(path: Path, place: str = "") -> Iterator[Any]:
    """A connection to the store's ``main`` branch, or to another place in it.

    Connections are opened for each call: they must not travel to other processes.

    Args:
        path: The store's file.
        place: ``/<branch>``, or ``@<commit>``, which is read-only.

    Raises:
        StoreError: The file is another program's, or the database reports a problem.
    """
    check_file(path)
    sqlite = driver()
    try:
        connection = sqlite.connect(f"{path}{place}", isolation_level=None, timeout=BUSY_SECONDS)
        try:
            yield connection
        finally:
            connection.close()
    except sqlite.Error as problem:
        if is_busy(problem):
            raise
        raise StoreError(f"the store {path} reports: {problem}.", _way_out(problem)) from problem


def patiently(path: Path, work: Callable[[], T]) -> T:
    """What the work returns, tried again while another process writes to the store.

    Raises:
        StoreError: It is still busy after `PATIENCE_SECONDS`.
    """
    sqlite, deadline, pause = driver(), time.monotonic() + PATIENCE_SECONDS, 0.05
    while True:
        try:
            return work()
        except sqlite.Error as problem:
            if time.monotonic() > deadline:
                raise StoreError(
                    f"the store {path} has been busy for {PATIENCE_SECONDS:.0f} seconds.",
                    "Another process is writing to it: wait for it, or end it, and try again.",
                ) from problem
            time.sleep(pause)
            pause = min(2 * pause, 2.0)


@contextmanager
def transaction(connection: Any) -> Iterator[None]:
    """One writer's transaction: all of it, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _way_out(problem: Exception) -> str:
    if getattr(problem, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
        return "It is damaged: keep a copy, and clone it anew from a remote (limelight data clone)."
    return "Check that the file and its folder can be written, and that the disk has space."


def is_busy(problem: Exception) -> bool:
    """Whether an error says that another process is writing."""
    # The low byte is the primary code: SQLITE_BUSY_SNAPSHOT and its like count as well.
    return getattr(problem, "sqlite_errorcode", 0) & 0xFF == _BUSY
