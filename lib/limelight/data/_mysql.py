"""Connections to a Dolt server, and saying in our own words what went wrong with them."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pymysql

from limelight.data._address import PASSWORD, TLS_CA, Address
from limelight.data.store import MAIN
from limelight.errors import InputError, LimelightError, StoreError

CONNECT_SECONDS = 15
"""How long to wait for a server's first answer."""

ANSWER_SECONDS = 900
"""How long one statement may take."""

KEY_CHARACTERS = 768
"""Characters of text in a column of a key: MySQL's bound, 3,072 bytes. A key of 38,000 bytes in all
ends a Dolt server (1.83) for everybody."""

OLDEST, BEYOND = (1, 83), (3,)
"""Dolt's versions from the first that this is tested with, to the first that may be another."""

_LOST = {2006, 2013, 2014, 2055, 1053, 1927}
_CONFLICT = {1205, 1213}
_DENIED = {1044, 1142, 1143, 1227, 1370}
_SHOWN = 300


class Lost(StoreError):
    """The connection broke; what was asked may be done, or not."""


class BranchGone(StoreError):
    """Another program took a branch away just now."""


class Moved(StoreError):
    """Somebody else's commit came first: the same work can be tried again."""


def quoted(name: str) -> str:
    """An SQL identifier. The one place where a name becomes part of a statement.

    A percent sign is doubled, since PyMySQL puts the values in by ``%``.

    Example:
        >>> print(quoted("100% `a`"))
        `100%% ``a```
    """
    if "\0" in name:
        raise ValueError(f"a name with a NUL character: {name!r}")
    return "`" + name.replace("`", "``").replace("%", "%%") + "`"


@contextmanager
def using(connection: Any, address: Address) -> Iterator[Any]:
    """A connection that is closed in the end, and whose errors are said in our words."""
    try:
        with translated(address):
            yield connection
    finally:
        # A close in good order would first read an answer to its end; and so would its cursor.
        if connection._result is not None:
            connection._result.unbuffered_active = False
        connection._force_close()


@contextmanager
def translated(address: Address) -> Iterator[None]:
    """Errors of the driver as this program's own."""
    try:
        yield
    except (pymysql.err.MySQLError, OSError) as problem:
        raise _said(address, problem) from problem


def check_server(connection: Any, address: Address) -> None:
    """The server is Dolt, of a version that is known.

    Raises:
        StoreError: It is not.
    """
    with connection.cursor() as cursor:
        try:
            cursor.execute("SELECT dolt_version()")
        except pymysql.err.MySQLError as problem:
            if problem.args and problem.args[0] in _LOST:
                raise
            raise StoreError(
                f"{address.host}:{address.port} is a MySQL server, but not Dolt.",
                "A store needs Dolt's versions of tables: dolt sql-server.",
            ) from problem
        ((text,),) = cursor.fetchall()
    check_version(str(text), address)


def check_version(text: str, address: Address) -> None:
    """A version of Dolt is one that is known.

    Raises:
        StoreError: It is too old, or too new.
    """
    version = tuple(int(part) for part in re.findall(r"\d+", text)[:3])
    if not OLDEST <= version < BEYOND:
        bounds = f"{'.'.join(map(str, OLDEST))} to {BEYOND[0] - 1}.x"
        raise StoreError(
            f"the server at {address.host}:{address.port} is Dolt {text}, and this program knows"
            f" {bounds}.",
            "Update the server." if version < OLDEST else "Update this program.",
        )


def connect(
    address: Address,
    revision: str | None,
    *,
    autocommit: bool = True,
    seconds: float = ANSWER_SECONDS,
) -> Any:
    """A connection to a branch or a commit of a database; it must not leave this process.

    Args:
        address: The server and the database.
        revision: Branch or commit, empty for neither; None for no database at all.
        autocommit: Whether each statement is a transaction.
        seconds: How long one statement may take.

    Raises:
        InputError: A certificate or a password cannot be read.
        StoreError: The server is not there, or says no.
    """
    tls = address.tls()
    encryption: dict[str, Any] = {"ssl": tls} if tls not in (True, False) else {}
    place = f"{address.database}/{revision}" if revision else address.database
    with translated(address):
        return pymysql.connect(
            host=address.host,
            port=address.port,
            user=address.user,
            password=address.password(),
            database=None if revision is None else place,
            charset="utf8mb4",
            autocommit=autocommit,
            connect_timeout=CONNECT_SECONDS,
            read_timeout=seconds,
            write_timeout=seconds,
            ssl_disabled=tls is False,
            **encryption,
        )


def _said(address: Address, problem: Exception) -> LimelightError:
    """One line, with the way out, for an error of the driver."""
    number, text = _parts(problem)
    place, user = f"{address.host}:{address.port}", repr(address.user)
    if number == 2003:
        return _unreachable(address, problem)
    if number == 1045:
        what = "refuses the password of" if address.password() else "wants a password of"
        return StoreError(
            f"the server at {place} {what} the user {user}.",
            f"Set {PASSWORD}, or {PASSWORD}_FILE to the path of a file that holds it.",
        )
    # Where a commit is unknown, a user without rights on all databases is denied it.
    unknown = re.search(rf"to database '{re.escape(address.database)}/(\w{{32}})'", text)
    if number == 1049 or unknown:
        revision = unknown[1] if unknown else text.partition("/")[2]
        what = f", or no branch or commit {revision!r} in it" if revision not in ("", MAIN) else ""
        return StoreError(
            f"there is no database {address.database!r} on the server at {place}{what}.",
            f"Check the URL; a new database is made by: CREATE DATABASE `{address.database}`.",
        )
    if number in _DENIED or re.search("denied", text, re.I):
        return StoreError(
            f"the user {user} may not do this in the database {address.database!r} on {place}:"
            f" {text}.",
            "Ask for the rights of a reader, writer or administrator that the README lists.",
        )
    if number in (2026, 3159) or re.search("insecure (transport|connection)", text):
        return _not_agreed(address, text)
    if number in _CONFLICT:
        return Moved(f"another writer changed the store on {place} first.", "Try again.")
    if number in _LOST or isinstance(problem, (OSError, pymysql.err.InterfaceError)):
        return Lost(
            f"the connection to the server at {place} was lost ({text}).",
            "Nothing is half-written. See that the server runs, and run this again.",
        )
    return _refused(address, text)


def _refused(address: Address, text: str) -> LimelightError:
    """What the server says of a statement that reached it."""
    if text == "branch not found":
        return BranchGone("a branch was taken away meanwhile.", "Try again.")
    long = re.search(r"is too large for column '(.*)'", text, re.S)
    if long:
        return InputError(
            f"a value in the key's column {long[1]!r} is longer than a server's key can be"
            f" ({KEY_CHARACTERS} characters of text).",
            "Choose another key, or leave the key out for one made from the content.",
        )
    name = re.match(r"(?:Invalid table name|invalid identifier:) `?(.*?)[`.]*$", text, re.S)
    if name:
        return InputError(
            f"{name[1]!r} is not a valid dataset name on a server.",
            "Use at most 64 bytes of letters, digits and common signs, and no space at its end.",
        )
    if "no space left" in text:
        return StoreError(
            f"the disk of the server at {address.host}:{address.port} is full.",
            "Give it space, and run this again: nothing was changed.",
        )
    if "is read-only" in text or "read only" in text:
        return InputError(f"this would change something: {text[:_SHOWN]}.", "Only read here.")
    return StoreError(
        f"the server at {address.host}:{address.port} reports: {text[:_SHOWN].rstrip('.')}.",
        "Its log may say more.",
    )


def _not_agreed(address: Address, text: str) -> StoreError:
    place = f"{address.host}:{address.port}"
    return StoreError(
        f"the server at {place} and this program do not agree on TLS: {text.rstrip('.')}.",
        f"Set {TLS_CA} to the certificate that the server's is signed by, and use the name that is"
        " in the server's (?ssl_mode=disabled in the URL goes without TLS).",
    )


def _unreachable(address: Address, problem: BaseException) -> StoreError:
    """Nobody answered; the driver's error has the reason behind it."""
    place, reason = f"{address.host}:{address.port}", problem.__cause__ or problem.__context__
    if isinstance(reason, socket.gaierror):
        return Unreachable(f"the host {address.host!r} is not known.", "Check the store's URL.")
    if isinstance(reason, ssl.SSLError):
        return _not_agreed(address, str(reason))
    if isinstance(reason, ConnectionRefusedError):
        return Unreachable(
            f"no server answers at {place}.", "Start it (dolt sql-server), or check the URL."
        )
    return Unreachable(
        f"the server at {place} cannot be reached ({reason or problem}).",
        "Check the URL, the network, and the server's firewall.",
    )


class Unreachable(StoreError):
    """Nobody answers."""


def _parts(problem: Exception) -> tuple[int, str]:
    """An error's number, 0 if it has none, and its text in one line."""
    given = list(problem.args)
    number = given.pop(0) if given and isinstance(given[0], int) else 0
    text = " ".join(str(given[0]).split()) if given else ""
    return number, text or type(problem).__name__
