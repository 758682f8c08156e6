"""What a store needs of an engine: connections at a commit or on a branch, and their SQL.

The two engines speak nearly the same language: Dolt's system tables have the same names and
columns in both, and its functions the same arguments. What differs is here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from limelight.data.store import Finding
from limelight.errors import StoreError

T = TypeVar("T")
Row = tuple[Any, ...]

CHUNK = 10_000
"""Rows that are fetched at a time."""


class Unmergeable(StoreError):
    """The engine makes no commit of two whose tables have different columns.

    Args:
        table: The first such table.
    """

    def __init__(self, table: str) -> None:
        super().__init__(
            f"both sides changed the columns of {table!r}, and the engine cannot merge that.",
            "Give it the same columns on one side first, or try again if it was just written.",
        )


class Session(Protocol):
    """An open connection, at a commit or on a branch."""

    place: str
    """What stands in a statement for a bound value."""

    own: str
    """What stands before the name of a table of this connection, where another's is near."""

    def quoted(self, name: str) -> str:
        """An SQL identifier. The one place where a name becomes part of a statement."""
        ...

    def rows(self, sql: str, values: Row = ()) -> list[Row]:
        """All rows of a query."""
        ...

    def stream(self, sql: str, values: Row = ()) -> Iterator[list[Row]]:
        """The rows of a query, `CHUNK` at a time; memory is that of one chunk."""
        ...

    def run(self, sql: str, values: Row = ()) -> None:
        """A statement without a result."""
        ...

    def run_many(self, sql: str, rows: Iterable[Row]) -> None:
        """One ``INSERT ... VALUES (...)`` for many rows."""
        ...

    def call(self, procedure: str, *arguments: str) -> list[Row]:
        """One of Dolt's procedures, e.g. ``call("dolt_tag", "v1", commit)``."""
        ...

    def tables(self) -> list[str]:
        """Names of all tables that are not the engine's."""
        ...

    def columns(self, table: str) -> list[str]:
        """Names of the columns that a table has, in their order."""
        ...

    def sql_type(self, name: str, key: int) -> str:
        """The engine's type for INTEGER, REAL, TEXT or BLOB.

        Args:
            name: One of these.
            key: How many columns the key has, if the column is one of them; else 0.
        """
        ...

    def differs(self, pairs: Sequence[tuple[str, str]]) -> str:
        """A test that is true where the expressions of any pair differ; NULL equals NULL."""
        ...

    def diff_of(self, table: str, old: str, new: str) -> tuple[str, Row]:
        """The rows of a table that differ between two commits, to stand behind FROM.

        Its columns are ``diff_type`` ("added", "removed", "modified") and each of the table's,
        once with ``from_`` and once with ``to_`` before its name.
        """
        ...

    def other(self, commit: str) -> str:
        """What stands before the name of a table to mean it at another commit."""
        ...

    def uncommitted(self) -> list[str]:
        """Names of the tables that somebody changed on this branch, and did not commit."""
        ...

    def log(self) -> list[Row]:
        """The commits up to here, newest first: hash, committer, e-mail, date (UTC), message."""
        ...

    def parents_up_to(self, commit: str) -> dict[str, tuple[str, ...]]:
        """The parents of a commit, and of all before it that have some."""
        ...

    def merge(self, commit: str) -> None:
        """Make another commit a parent of the next one, in a transaction on a branch.

        What the tables then hold is the engine's own merge, conflicts decided for this branch: the
        caller writes what it wants to keep.

        Raises:
            Unmergeable: Both sides changed the columns of a table; the transaction is of no use.
        """
        ...

    def fast_forward(self, commit: str) -> None:
        """Move a branch to a commit that comes after its newest, in a transaction on it."""
        ...


class Backend(Protocol):
    """An engine with a place to keep things in; it travels to other processes."""

    url: str
    """Without a password."""

    where: str
    """The place as a person would say it."""

    hash_length: int
    """Digits of a full commit hash."""

    local: bool
    """Whether it is on this machine."""

    remote_schemes: tuple[str, ...]
    """What the URL of another store to push to can start with."""

    def exists(self) -> bool:
        """Whether anything was ever written."""
        ...

    def make(self) -> None:
        """Make the place ready for its first write."""
        ...

    def reading(self, commit: str = "") -> AbstractContextManager[Session]:
        """A connection that reads: at a commit, or at what ``main`` holds now."""
        ...

    def writing(self, branch: str) -> AbstractContextManager[Session]:
        """A transaction on a branch, for one writer: all of it, or nothing.

        A `Session.call` of ``dolt_commit`` inside it ends it well.
        """
        ...

    def managing(self, branch: str = "") -> AbstractContextManager[Session]:
        """A connection for branches, tags, remotes and upkeep.

        Args:
            branch: One that nobody can write to until the session ends.
        """
        ...

    def answer(
        self, sql: str, commit: str, seconds: float, most: int
    ) -> tuple[list[str], list[Row]]:
        """Columns and rows of one query of the user's own, at a commit; see `_query`.

        Raises:
            InputError: The statement does not only read, is wrong, or goes over a limit.
        """
        ...

    def remote_exists(self, url: str) -> bool:
        """Whether a remote is there to be fetched from; what cannot be known may be said so."""
        ...

    def clone(self, url: str) -> None:
        """Make the place a copy of another store, whole or not at all.

        Raises:
            StoreError: There is something already, or nothing to copy.
        """
        ...

    def said(self, problem: Exception) -> str:
        """What the engine said in an error of a call.

        Empty where trying again may help, and where the error is not the engine's.
        """
        ...

    def findings(self) -> list[Finding]:
        """What `Store.doctor` says of the engine and its place alone."""
        ...

    def patiently(self, work: Callable[[], T]) -> T:
        """What the work returns, tried again while others write.

        Raises:
            StoreError: The store is busy for too long.
        """
        ...
