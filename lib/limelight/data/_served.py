"""What a Dolt server is asked beside a store's own work: queries, its health, and copies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pymysql

from limelight.data._address import Address
from limelight.data._mysql import connect, using
from limelight.data._query import checked, too_long, wrong
from limelight.data._refs import OWN
from limelight.data._remotes import without_password
from limelight.data._session import Row
from limelight.data._statement import SQL_MODE, only_select
from limelight.data.store import Finding
from limelight.errors import StoreError

if TYPE_CHECKING:
    from limelight.data.doltserver import ServerSession

_EXISTS = 1007


def answered(
    address: Address, sql: str, commit: str, seconds: float, most: int
) -> tuple[list[str], list[Row]]:
    """Columns and rows of a query at a commit, where the server lets nobody write.

    Raises:
        InputError: The statement does not only read, is wrong, or goes over a limit.
    """
    statement = only_select(sql)
    deadline = time.monotonic() + seconds
    with using(connect(address, commit, seconds=seconds), address) as connection:
        _run(connection, "SET SESSION sql_mode = %s", (SQL_MODE,))
        _run(connection, "START TRANSACTION READ ONLY")
        try:
            # Unbuffered, so that no answer is larger than may be asked for; the rest is not read.
            cursor = connection.cursor(pymysql.cursors.SSCursor)
            cursor.execute(statement)
            rows = cursor.fetchmany(most + 1)
            names = [name for name, *_ in cursor.description]
        except pymysql.err.MySQLError as problem:
            if time.monotonic() > deadline:
                raise too_long(seconds) from problem
            raise wrong(str(problem.args[-1])) from problem
        return names, checked(rows, most)


def _run(connection: Any, statement: str, values: Row = ()) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def clone_database(address: Address, url: str) -> None:
    """Make a new database of the server a copy of the store at a URL, whole or not at all.

    Raises:
        StoreError: There is such a database already, or the store at the URL cannot be copied.
    """
    with using(connect(address, None), address) as connection:
        try:
            _run(connection, "CALL dolt_clone(%s, %s)", (url, address.database))
        except pymysql.err.MySQLError as problem:
            if problem.args[0] == _EXISTS:
                raise StoreError(
                    f"there is a database {address.database!r} already, and a copy is made whole.",
                    "Choose another name, or pull into the store that is there.",
                ) from problem
            raise StoreError(
                f"the store at {without_password(url)} cannot be copied: {problem.args[-1]}.",
                "Check the URL, and that you may make databases.",
            ) from problem


def server_findings(session: ServerSession, address: Address) -> Iterator[Finding]:
    """What there is to say of the server."""
    ((version,),) = session.rows("SELECT dolt_version()")
    yield Finding("engine", True, f"Dolt {version} at {address.host}:{address.port}")
    yield _files(session)
    yield _encryption(session, address)
    yield _drafts(session)


def _files(session: ServerSession) -> Finding:
    """Dolt lets whoever may read reach the server's files, unless it is told where they end."""
    ((folder,),) = session.rows("SELECT @@secure_file_priv")
    if folder:
        return Finding("files", True, f"SQL reaches no files but those in {folder!r}")
    return Finding(
        "files",
        False,
        "whoever may read here can read and write files of the server (LOAD_FILE, INTO OUTFILE)",
        "Set secure_file_priv to an empty folder, under system_variables in its configuration.",
    )


def _encryption(session: ServerSession, address: Address) -> Finding:
    if session.encrypted:
        checked = address.tls() is not True
        text = f"encrypted; the server's certificate is {'' if checked else 'not '}checked"
        return Finding("connection", True, text)
    if address.tls() is False:
        return Finding("connection", True, "not encrypted, as is wished or within this machine")
    return Finding(
        "connection",
        False,
        f"not encrypted: who listens between here and {address.host} can read all",
        "Give the server a certificate (listener.tls_cert), and require secure transport.",
    )


def _drafts(session: ServerSession) -> Finding:
    """Drafts whose writer is gone: nobody holds their lock."""
    names = [name for (name,) in session.rows("SELECT name FROM dolt_branches")]
    drafts = [name for name in names if name.startswith(OWN)]
    free = [name for name in drafts if session.rows("SELECT IS_FREE_LOCK(%s)", (name,)) == [(1,)]]
    if not free:
        return Finding("leftovers", True, "no write was left unfinished")
    return Finding(
        "leftovers",
        True,
        f"{len(free)} writes were left unfinished; the next write takes their drafts away",
    )
