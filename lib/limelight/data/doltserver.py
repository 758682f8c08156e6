"""The team's store: datasets in versions in a database of a Dolt server."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import pymysql.cursors

from limelight.data._address import Address, parse
from limelight.data._mysql import (
    KEY_CHARACTERS,
    BranchGone,
    Lost,
    Moved,
    Unreachable,
    check_server,
    connect,
    quoted,
    translated,
    using,
)
from limelight.data._refs import OWN, head
from limelight.data._served import answered, clone_database, server_findings
from limelight.data._session import CHUNK, Row, Unmergeable
from limelight.data.dolt import DoltStore
from limelight.data.store import MAIN, Finding
from limelight.errors import StoreError

T = TypeVar("T")

PATIENCE_SECONDS = 180.0
"""How long a write is tried again, and waits for another or for a lost server."""

RETURN_SECONDS = 15.0
"""How long a server may be away that was there before, as when it is started anew."""

# The server lists its branches and then looks at each, and a draft may be gone by then: look again.
_LOOKS = 9

# What a server says where it does not even begin to merge.
_UNMERGEABLE = re.compile(
    r"(?:because table|table with same name|could not map primary key column) '?(.+?)'?"
    r"(?: has different primary keys.*| added in 2 commits.*|\.)$"
)

# A key's columns must not need more bytes than this together, at four for a character.
_KEY_CHARACTERS_IN_ALL = 7000


class DoltServerStore(DoltStore):
    """A store in a database of a Dolt server.

    Any number of processes on any number of machines read and write it. Writers on one branch wait
    for each other; on different branches they do not.

    A write is made on a branch of its own, of which nobody knows, and is then what the real branch
    is moved to, in one step: so nobody ever sees a part of it, and whatever is lost on the way, the
    client or the server, leaves the old state or the new one.

    Args:
        url: ``mysql+pymysql://user@host:port/database``; the password better comes from the
            environment, ``LIMELIGHT_STORE_PASSWORD`` or ``LIMELIGHT_STORE_PASSWORD_FILE``.

    Raises:
        InputError: The URL is not valid.
        StoreError: From any method: the server is not there, says no, or is no Dolt.

    Example:
        >>> store = DoltServerStore("mysql+pymysql://ada:secret@db.example.org/loans")
        >>> store.url
        'mysql+pymysql://ada@db.example.org:3306/loans'
    """

    def __init__(self, url: str) -> None:
        self.address = parse(url)
        super().__init__(ServerBackend(self.address))


class ServerBackend:
    """A Dolt server's database; see `limelight.data._session.Backend`."""

    hash_length = 32
    local = False
    remote_schemes: tuple[str, ...] = ("file", "http", "https", "aws", "gs", "oci", "oss")

    def __init__(self, address: Address) -> None:
        self.address = address
        self.url = address.url
        self.where = address.where
        self._checked = False

    def exists(self) -> bool:
        """Always: a database that is not there is an error, of any method."""
        return True

    def make(self) -> None:
        """Nothing: a database is made by the server's administrator."""

    @contextmanager
    def reading(self, commit: str = "") -> Iterator[ServerSession]:
        with self._connected(commit or MAIN, autocommit=False) as connection:
            yield ServerSession(connection, self.address)

    @contextmanager
    def managing(self, branch: str = "") -> Iterator[ServerSession]:
        with self._connected(MAIN) as connection:
            session = ServerSession(connection, self.address)
            if branch:
                self._wait_for(_draft_of(self.address.database, branch), session)
            yield session

    @contextmanager
    def writing(self, branch: str) -> Iterator[ServerSession]:
        with self._connected(branch) as connection, self._connected(branch) as own:
            target = ServerSession(connection, self.address)
            session = ServerSession(own, self.address, target)
            draft = _draft_of(self.address.database, branch)
            # By the connection that writes: were its client killed, the server lets go of the lock
            # when the last statement has ended, so that none comes between the next writer's.
            self._wait_for(draft, session)
            session.begin(draft, branch)
            try:
                yield session
                own.commit()
                self._land(branch, head(session), target)
            finally:
                # By the connection that holds the lock: had it been lost, the draft of this name
                # might be the next writer's, who takes ours away.
                with suppress(Lost):
                    session.end(draft, branch)

    def remote_exists(self, url: str) -> bool:  # noqa: ARG002
        """Not to be known from here; the server fetches from an empty place as well."""
        return True

    def clone(self, url: str) -> None:
        clone_database(self.address, url)

    def said(self, problem: Exception) -> str:
        if isinstance(problem, (Moved, Lost, Unreachable)):
            return ""
        cause = problem.__cause__
        return str(cause.args[-1]) if isinstance(cause, pymysql.err.MySQLError) else ""

    def findings(self) -> list[Finding]:
        with self.managing() as session:
            return list(server_findings(session, self.address))

    def answer(
        self, sql: str, commit: str, seconds: float, most: int
    ) -> tuple[list[str], list[Row]]:
        return answered(self.address, sql, commit, seconds, most)

    def patiently(self, work: Callable[[], T]) -> T:
        deadline, pause = time.monotonic() + PATIENCE_SECONDS, 0.05
        while True:
            try:
                return work()
            except (Moved, Lost, Unreachable):
                # A server that never answered is more likely a wrong address.
                if not self._checked or time.monotonic() > deadline:
                    raise
            time.sleep(pause)
            pause = min(2 * pause, 2.0)

    @contextmanager
    def _connected(self, revision: str, *, autocommit: bool = True) -> Iterator[Any]:
        connection = self._connect(revision, autocommit)
        with using(connection, self.address):
            if not self._checked:
                check_server(connection, self.address)
                self._checked = True
            yield connection

    def _connect(self, revision: str, autocommit: bool) -> Any:
        """A connection; a server that was there before is given time to come back."""
        deadline = time.monotonic() + RETURN_SECONDS
        while True:
            try:
                return connect(self.address, revision, autocommit=autocommit)
            except (Lost, Unreachable):
                if not self._checked or time.monotonic() > deadline:
                    raise
            time.sleep(0.2)

    def _wait_for(self, lock: str, session: ServerSession) -> None:
        """Be the one writer of a branch, until the session ends."""
        ((got,),) = session.rows("SELECT GET_LOCK(%s, %s)", (lock, PATIENCE_SECONDS))
        if not got:
            ((holder,),) = session.rows("SELECT IS_USED_LOCK(%s)", (lock,))
            raise StoreError(
                f"the store {self.where} has been busy for {PATIENCE_SECONDS:.0f} seconds.",
                f"Wait for the other writer (connection {holder} in SHOW PROCESSLIST), or end it"
                f" (KILL {holder}), and try again.",
            )

    def _land(self, branch: str, made: str, target: ServerSession) -> None:
        """Move a branch to the commit that was made on the draft of it, all at once.

        Where the connection is lost, the branch is asked what became of it: so a commit that was
        made, but not acknowledged, is not made twice.
        """
        deadline, lost = time.monotonic() + PATIENCE_SECONDS, False
        while True:
            try:
                if not lost:
                    return target.land(made)
                with self._connected(branch) as connection:
                    again = ServerSession(connection, self.address)
                    return None if again.has(made) else again.land(made)
            except (Lost, Unreachable) as problem:
                if time.monotonic() > deadline:
                    raise StoreError(
                        f"the server of {self.where} was lost while it committed {made}, and has"
                        f" not come back for {PATIENCE_SECONDS:.0f} seconds.",
                        "See that it runs, and run this again: what is there already makes no"
                        " second commit.",
                    ) from problem
                lost = True
                time.sleep(0.5)


class ServerSession:
    """A connection to a branch or a commit; see `limelight.data._session.Session`.

    Args:
        connection: PyMySQL's.
        address: For messages.
        target: Where this is a draft: the session of the branch that it is a draft of.
    """

    place = "%s"
    own = ""

    def __init__(
        self, connection: Any, address: Address, target: ServerSession | None = None
    ) -> None:
        self.connection = connection
        self._address = address
        self._target = target
        self._merging = False

    def quoted(self, name: str) -> str:
        return quoted(name)

    def rows(self, sql: str, values: Row = ()) -> list[Row]:
        for _ in range(_LOOKS):
            with suppress(BranchGone):
                return self._rows(sql, values)
        return self._rows(sql, values)

    def _rows(self, sql: str, values: Row) -> list[Row]:
        with translated(self._address), self.connection.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())

    def stream(self, sql: str, values: Row = ()) -> Iterator[list[Row]]:
        with (
            translated(self._address),
            self.connection.cursor(pymysql.cursors.SSCursor) as cursor,
        ):
            cursor.execute(sql, values)
            while rows := cursor.fetchmany(CHUNK):
                yield rows

    def run(self, sql: str, values: Row = ()) -> None:
        self.rows(sql, values)

    def run_many(self, sql: str, rows: Iterable[Row]) -> None:
        with translated(self._address), self.connection.cursor() as cursor:
            cursor.executemany(sql, rows)

    def call(self, procedure: str, *arguments: str) -> list[Row]:
        if procedure == "dolt_commit" and self._merging:
            # The caller wrote what the conflicts are decided to.
            arguments = (*arguments, "--force")
        places = ", ".join(["%s"] * len(arguments))
        return self._rows(f"CALL {quoted(procedure)}({places})", arguments)

    def tables(self) -> list[str]:
        found = self.rows("SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'")
        return [name for name, _ in found]

    def columns(self, table: str) -> list[str]:
        return [name for name, *_ in self.rows(f"SHOW COLUMNS FROM {quoted(table)}")]

    def sql_type(self, name: str, key: int) -> str:
        if key and name in ("TEXT", "BLOB"):
            length = min(KEY_CHARACTERS, _KEY_CHARACTERS_IN_ALL // key)
            return f"VARCHAR({length})" if name == "TEXT" else f"VARBINARY({4 * length})"
        names = {"INTEGER": "BIGINT", "REAL": "DOUBLE", "TEXT": "LONGTEXT", "BLOB": "LONGBLOB"}
        return names[name]

    def differs(self, pairs: Sequence[tuple[str, str]]) -> str:
        # Not <=>, for which a number and a text are never equal.
        same = "coalesce({0} = {1}, {0} IS NULL AND {1} IS NULL)".format
        return " OR ".join(f"NOT {same(left, right)}" for left, right in pairs)

    def diff_of(self, table: str, old: str, new: str) -> tuple[str, Row]:
        # Not the function dolt_diff: a user with the right to read may not call it at a commit.
        source = quoted(f"dolt_commit_diff_{table}")
        return (
            f"(SELECT * FROM {source} WHERE from_commit = %s AND to_commit = %s) AS changes",
            (old, new),
        )

    def other(self, commit: str) -> str:
        return f"{quoted(f'{self._address.database}/{commit}')}."

    def log(self) -> list[Row]:
        return self.rows("SELECT commit_hash, committer, email, date, message FROM dolt_log")

    def uncommitted(self) -> list[str]:
        session = self._target or self
        return [name for (name,) in session.rows("SELECT DISTINCT table_name FROM dolt_status")]

    def parents_up_to(self, commit: str) -> dict[str, tuple[str, ...]]:
        # A user without rights on all databases may not call the function at a branch or commit.
        with using(connect(self._address, ""), self._address) as connection:
            rows = ServerSession(connection, self._address).rows(
                "SELECT commit_hash, parents FROM dolt_log(%s, '--parents')", (commit,)
            )
        return {entry: tuple(parents.split(", ")) for entry, parents in rows if parents}

    def merge(self, commit: str) -> None:
        self.run("SET @@dolt_allow_commit_conflicts = 1")
        self._merging = True
        try:
            self.call("dolt_merge", "--no-ff", "--no-commit", commit)
        except StoreError as problem:
            refused = _UNMERGEABLE.search(problem.problem)
            if refused is None:
                raise
            raise Unmergeable(refused[1]) from problem
        # Conflicts of schemas cannot be taken away; a commit by force takes no notice of them.
        schemas = self.rows("SELECT table_name FROM dolt_schema_conflicts")
        for (table,) in self.rows("SELECT `table` FROM dolt_conflicts"):
            if (table,) not in schemas:
                self.run(f"DELETE FROM {quoted(f'dolt_conflicts_{table}')}")

    def fast_forward(self, commit: str) -> None:
        self.call("dolt_merge", "--ff-only", commit)

    @property
    def encrypted(self) -> bool:
        """Whether others on the way cannot read what is said."""
        return hasattr(self.connection._sock, "cipher")

    def begin(self, draft: str, branch: str) -> None:
        """Go on to a new draft of a branch, in a transaction."""
        if (draft,) in self.rows("SELECT name FROM dolt_branches"):  # of a writer that was killed
            self.call("dolt_branch", "-D", draft)
        self.call("dolt_branch", draft, branch)
        self.run(f"USE {quoted(f'{self._address.database}/{draft}')}")
        self.connection.autocommit(False)

    def end(self, draft: str, branch: str) -> None:
        """Leave a draft, and take it away; what was not committed is lost."""
        self.run("ROLLBACK")
        self.run(f"USE {quoted(f'{self._address.database}/{branch}')}")
        self.call("dolt_branch", "-D", draft)

    def has(self, commit: str) -> bool:
        """Whether a commit is among those up to here."""
        return bool(self.rows("SELECT 1 FROM dolt_log WHERE commit_hash = %s", (commit,)))

    def land(self, commit: str) -> None:
        """Move the branch to a commit that comes after its newest.

        Raises:
            Moved: The branch has other commits by now.
            StoreError: Something lies uncommitted on it.
        """
        try:
            self.fast_forward(commit)
        except StoreError as problem:
            if "fast-forward" in problem.problem:
                raise Moved("another writer committed first.", "Try again.") from problem
            if "would be stomped" in problem.problem:
                raise StoreError(
                    "another program changed the same tables, and did not commit.",
                    "Commit them (CALL dolt_commit('-Am', 'message')) or drop them"
                    " (CALL dolt_reset('--hard')) with the program that made them.",
                ) from problem
            raise


def _draft_of(database: str, branch: str) -> str:
    """The name of a branch's draft, and of the lock of who writes it: MySQL takes 64 characters.

    One for a branch, since Dolt keeps a line for every branch that there ever was.
    """
    digest = hashlib.blake2b(f"{database}/{branch}".encode(), digest_size=8).hexdigest()
    return f"{OWN}{digest}"
