"""A query, or a table, of a database that SQLAlchemy knows."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import (
    DBAPIError,
    NoSuchModuleError,
    NoSuchTableError,
    SAWarning,
    SQLAlchemyError,
)
from sqlalchemy.pool import NullPool

from limelight.data._secret import password
from limelight.data.schema import check_names
from limelight.data.sources.table import Columns, Rows, Wanted
from limelight.data.sources.value_column import ValueColumn
from limelight.errors import InputError, did_you_mean

PASSWORD = "LIMELIGHT_SOURCE_PASSWORD"
"""The environment variable with the password of a database; with ``_FILE`` behind, of its file."""

_BATCH = 10_000
# What makes a transaction one that cannot write, where the database knows such a thing.
_READ_ONLY = {
    "sqlite": "PRAGMA query_only = ON",
    "mysql": "START TRANSACTION READ ONLY",
    "mariadb": "START TRANSACTION READ ONLY",
}
_PACKAGES = {
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
    "MySQLdb": "mysqlclient",
    "snowflake": "snowflake-sqlalchemy",
    "bigquery": "sqlalchemy-bigquery",
    "redshift": "sqlalchemy-redshift",
    "duckdb": "duckdb-engine",
    "databricks": "databricks-sqlalchemy",
}
"""What to install for a driver, or a dialect, where it is not called the same."""

_COMMENT = re.compile(r"--[^\n]*|#[^\n]*|/\*.*?\*/", re.DOTALL)
_NAME = re.compile(r"(?:(?P<schema>[^\W\d][\w$]*)\.)?(?P<table>[^\W\d][\w$]*)")


def read_database(url: str, query: str, wanted: Wanted) -> tuple[Columns, str]:
    """What a query gives, in the types that the database's driver gives them.

    Rows are streamed in a transaction that is rolled back, and cannot write where the database
    knows such transactions; the account should have no other rights all the same. The query is
    handed over as it is. Columns of a table that is named have the types that it declares
    (booleans and dates of SQLite, say).

    Args:
        url: One of SQLAlchemy's. A password is better given in ``$LIMELIGHT_SOURCE_PASSWORD``,
            or in a file named by ``$LIMELIGHT_SOURCE_PASSWORD_FILE``.
        query: A SELECT, or the name of a table (``schema.table``).
        wanted: Which columns to read.

    Returns:
        The columns, and where they are from: the URL without password or options, and the table.

    Raises:
        InputError: The URL cannot be used, its driver is not installed, the database cannot be
            reached, or refuses the query; the query gives no rows of named columns.
    """
    address = _address(url)
    query = query.strip()
    with _connected(address) as connection:
        found = _read(connection, query, wanted)
    return found, f"{_shown(address)}: {query}"


def _address(url: str) -> sa.URL:
    """The URL, with the password that is kept elsewhere if it has none."""
    try:
        address = sa.make_url(url)
    except (SQLAlchemyError, ValueError):
        # Without its cause, which may quote the password.
        raise InputError(
            "the source's URL cannot be read.",
            "Write dialect+driver://user@host:port/database, and %40 for an @ in a password.",
        ) from None
    if address.get_backend_name() == "sqlite":
        _check_file(address)
    if address.password is None and address.username:
        return address.set(password=password(PASSWORD))
    return address


def _check_file(address: sa.URL) -> None:
    """SQLite would make a database that is not there."""
    name = address.database or ""
    if name.startswith("file:"):
        return
    if not Path(name).is_file():
        raise InputError(
            f"the SQLite database {name!r} does not exist.",
            "Check the path: sqlite:///relative.db, or sqlite:////absolute.db.",
        )


def _shown(address: sa.URL) -> str:
    """The URL without password and options, which can hold secrets too."""
    bare = sa.URL.create(
        address.drivername,
        username=address.username,
        host=address.host,
        port=address.port,
        database=address.database,
    )
    return bare.render_as_string()


@contextmanager
def _connected(address: sa.URL) -> Iterator[sa.Connection]:
    """A connection whose transaction is rolled back, and reads only where that can be had."""
    engine = _engine(address)
    try:
        with engine.connect() as connection:
            statement = _READ_ONLY.get(connection.dialect.name)
            if statement:
                connection.exec_driver_sql(statement)
            yield connection
            connection.rollback()
    except DBAPIError as problem:
        raise InputError(
            f"{_shown(address)} says: {_said(problem, address)}.",
            "Check the URL, the query and your rights.",
        ) from None
    finally:
        engine.dispose()


def _engine(address: sa.URL) -> sa.Engine:
    try:
        engine = sa.create_engine(address, poolclass=NullPool)
    except NoSuchModuleError:
        raise _unknown(address) from None
    except ImportError as problem:
        name = (problem.name or str(problem)).split(".")[0]
        other = " Or write mysql+pymysql://." if name == "MySQLdb" else ""
        raise InputError(
            f"{address.drivername}:// needs the driver {name!r}, which is not installed.",
            f"Run pip install '{_PACKAGES.get(name, name)}'.{other}",
        ) from None
    except (SQLAlchemyError, TypeError, ValueError) as problem:
        raise InputError(
            f"{_shown(address)} cannot be used: {_said(problem, address)}.", "Check the URL."
        ) from None
    if engine.dialect.name == "postgresql":
        return engine.execution_options(postgresql_readonly=True)
    return engine


def _unknown(address: sa.URL) -> InputError:
    dialect = address.get_backend_name()
    problem = f"a source's URL that starts with {address.drivername + '://'!r} is not known."
    if dialect in ("http", "https", "ftp", "s3", "gs", "abfs", "file"):
        return InputError(problem, "Download the file, and give its path.")
    if dialect in _PACKAGES:
        return InputError(problem, f"Run pip install '{_PACKAGES[dialect]}'.")
    known = ["postgresql://", "mysql+pymysql://", "mariadb+pymysql://", "sqlite:///"]
    guess = did_you_mean(f"{address.drivername}://", known)
    return InputError(problem, f"{guess} Others need a package with their SQLAlchemy dialect.")


def _said(problem: Exception, address: sa.URL) -> str:
    """What the driver says, in one line, without the password."""
    said = getattr(problem, "orig", None) or problem
    arguments: tuple[Any, ...] = tuple(getattr(said, "args", ()))
    if len(arguments) == 2 and isinstance(arguments[0], int):  # MySQL's number and text
        said = arguments[1]
    line = " ".join(str(said).split())[:300].rstrip(".")
    secrets = [address.password, *address.query.values()]
    for secret in secrets:
        line = line.replace(str(secret), "***") if secret else line
    return line


def _read(connection: sa.Connection, query: str, wanted: Wanted) -> Columns:
    try:
        result = _result(connection, query, wanted)
        return _columns(result, wanted)
    except (ValueError, TypeError, ArithmeticError) as problem:
        raise InputError(
            f"a value is not what its column declares: {' '.join(str(problem).split())[:200]}.",
            "Read it by a SELECT that casts it.",
        ) from problem


def _result(connection: sa.Connection, query: str, wanted: Wanted) -> sa.CursorResult[Any]:
    """The rows that are asked for, streamed where the driver can."""
    streamed = connection.execution_options(stream_results=True, max_row_buffer=_BATCH)
    name = _NAME.fullmatch(query)
    if name or not query:
        table = _table(connection, name["table"] if name else "", name and name["schema"])
        chosen = wanted.of(list(table.columns.keys()))
        return streamed.execute(sa.select(*(table.columns[column] for column in chosen)))
    _check_reads(query)
    # As it is: a colon or a percent sign in it is no parameter.
    result = streamed.execution_options(no_parameters=True).exec_driver_sql(query)
    if not result.returns_rows:
        raise InputError(f"the query {query[:60]!r} gives no table.", "Give a SELECT.")
    return result


def _check_reads(query: str) -> None:
    """The query is of a kind that reads; not every database can be told to read only."""
    bare = _COMMENT.sub(" ", query).lstrip(" \t\r\n(")
    word = (re.match(r"\w*", bare) or [""])[0].upper()
    if word not in ("SELECT", "WITH", "VALUES", "TABLE", "FROM", "SHOW", "DESCRIBE", "EXPLAIN"):
        raise InputError(
            f"the query {query[:60]!r} does not start as one that reads.", "Give a SELECT."
        )


def _table(connection: sa.Connection, name: str, schema: str | None) -> sa.Table:
    try:
        with warnings.catch_warnings():
            # Of types that it does not know: these come as the driver gives them.
            warnings.simplefilter("ignore", SAWarning)
            table = sa.Table(
                name, sa.MetaData(), schema=schema, autoload_with=connection, resolve_fks=False
            )
    except NoSuchTableError:
        look = sa.inspect(connection)
        known = [*look.get_table_names(schema=schema), *look.get_view_names(schema=schema)]
        raise InputError(
            f"the table {name!r} is not in the database." if name else "there is no query.",
            f"Give a SELECT, or the name of a table. {did_you_mean(name, known)}",
        ) from None
    for column in table.columns:
        # As the driver has them: SQLAlchemy would round MySQL's doubles, and make objects of JSON.
        if isinstance(column.type, (sa.JSON, sa.Numeric)):
            column.type = sa.types.NullType()
    return table


def _columns(result: sa.CursorResult[Any], wanted: Wanted) -> Columns:
    names = list(result.keys())
    check_names(names)
    chosen = wanted.of(names)
    columns = {names.index(name): ValueColumn(name, dates=False) for name in chosen}
    count = 0
    for batch in result.partitions(_BATCH):
        values = list(zip(*batch, strict=True))
        for place, column in columns.items():
            column.add(values[place])
        count += len(batch)
    found = Columns({}, Rows(("",), (count,)))
    for column in columns.values():
        found.series[column.name], note = column.finished(found.rows)
        found.notes += [note] if note else []
    return found
