"""The embedded store: datasets in versions in one file, by Dolt's SQLite ("doltlite")."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from limelight.data._connection import is_busy, opened, patiently, quoted, transaction
from limelight.data._file import clone_file, file_findings
from limelight.data._query import guarded
from limelight.data._refs import listed_parents
from limelight.data._session import CHUNK, Row, Unmergeable
from limelight.data._sqlite import driver
from limelight.data.dolt import DoltStore
from limelight.data.store import MAIN, Finding
from limelight.errors import StoreError

T = TypeVar("T")


class DoltliteStore(DoltStore):
    """A store in a file, which is made by the first write.

    Any number of processes may read it, and one writes at a time; the others wait for it.

    Args:
        path: The file.

    Raises:
        StoreError: From any method: the file is another program's, this Python's sqlite cannot be
            used, or the database reports a problem.

    Example:
        >>> import tempfile
        >>> import pandas as pd
        >>> from limelight.data import DatasetCard
        >>> folder = tempfile.TemporaryDirectory()
        >>> store = DoltliteStore(Path(folder.name) / "store.db")
        >>> frame = pd.DataFrame({"id": [2, 1], "default": ["no", "yes"]})
        >>> card = DatasetCard(name="loans", target="default", key=("id",))
        >>> version = store.write("loans", frame, "First import", card=card)
        >>> store.read(version)
           default
        id
        1      yes
        2       no
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser().absolute()
        super().__init__(LiteBackend(self.path))


class LiteBackend:
    """Doltlite's engine on a file; see `limelight.data._session.Backend`."""

    hash_length = 40
    local = True
    remote_schemes: tuple[str, ...] = ("file", "http")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"doltlite://{path}"
        self.where = str(path)

    def exists(self) -> bool:
        return self.path.exists() and self.path.stat().st_size > 0

    def make(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise StoreError(
                f"the folder {self.path.parent} cannot be made: {problem.strerror}.",
                "Choose another path for the store.",
            ) from problem

    @contextmanager
    def reading(self, commit: str = "") -> Iterator[LiteSession]:
        with opened(self.path, f"@{commit}" if commit else "") as connection:
            yield LiteSession(connection, self.path)

    @contextmanager
    def writing(self, branch: str) -> Iterator[LiteSession]:
        # A file that is about to be made has no branch that could be named.
        place = f"/{branch}" if branch != MAIN or self.exists() else ""
        with opened(self.path, place) as connection, transaction(connection):
            yield LiteSession(connection, self.path)

    @contextmanager
    def managing(self, branch: str = "") -> Iterator[LiteSession]:
        with (
            opened(self.path) as connection,
            transaction(connection) if branch else nullcontext(),
        ):
            yield LiteSession(connection, self.path)

    def remote_exists(self, url: str) -> bool:
        scheme, _, path = url.partition("://")
        return scheme != "file" or (Path(path).is_file() and Path(path).stat().st_size > 0)

    def clone(self, url: str) -> None:
        self.make()
        clone_file(self.path, url)

    def said(self, problem: Exception) -> str:
        known = isinstance(problem, driver().Error) and not is_busy(problem)
        return str(problem) if known else ""

    def findings(self) -> list[Finding]:
        return list(file_findings(self.path))

    def answer(
        self, sql: str, commit: str, seconds: float, most: int
    ) -> tuple[list[str], list[Row]]:
        with opened(self.path, f"@{commit}") as connection:
            return guarded(connection, sql, seconds, most)

    def patiently(self, work: Callable[[], T]) -> T:
        return patiently(self.path, work)


class LiteSession:
    """A connection to a file; see `limelight.data._session.Session`."""

    place = "?"
    own = "main."

    def __init__(self, connection: Any, path: Path) -> None:
        self.connection = connection
        self._path = path

    def quoted(self, name: str) -> str:
        return quoted(name)

    def rows(self, sql: str, values: Row = ()) -> list[Row]:
        found: list[Row] = self.connection.execute(sql, values).fetchall()
        return found

    def stream(self, sql: str, values: Row = ()) -> Iterator[list[Row]]:
        cursor = self.connection.execute(sql, values)
        while rows := cursor.fetchmany(CHUNK):
            yield rows

    def run(self, sql: str, values: Row = ()) -> None:
        self.connection.execute(sql, values)

    def run_many(self, sql: str, rows: Iterable[Row]) -> None:
        self.connection.executemany(sql, rows)

    def call(self, procedure: str, *arguments: str) -> list[Row]:
        places = ", ".join("?" * len(arguments))
        return self.rows(f"SELECT {quoted(procedure)}({places})", arguments)

    def tables(self) -> list[str]:
        rows = self.rows("SELECT name FROM main.sqlite_master WHERE type = 'table'")
        return [name for (name,) in rows]

    def columns(self, table: str) -> list[str]:
        rows = self.rows("SELECT name FROM pragma_table_info(?) ORDER BY cid", (table,))
        return [name for (name,) in rows]

    def sql_type(self, name: str, key: int) -> str:  # noqa: ARG002
        return name

    def differs(self, pairs: Sequence[tuple[str, str]]) -> str:
        # Row values, since a chain of ORs may be too deep for the parser.
        left, right = (", ".join(side) for side in zip(*pairs, strict=True))
        return f"({left}) IS NOT ({right})"

    def diff_of(self, table: str, old: str, new: str) -> tuple[str, Row]:
        return f"{quoted(f'dolt_diff_{table}')}(?, ?)", (old, new)

    def other(self, commit: str) -> str:
        attached = {name for _, name, _ in self.rows("PRAGMA database_list")}
        name = f"at_{commit}"
        if name not in attached:
            self.run(f"ATTACH ? AS {quoted(name)}", (f"{self._path}@{commit}",))
        return f"{quoted(name)}."

    def uncommitted(self) -> list[str]:
        return [name for (name,) in self.rows("SELECT DISTINCT table_name FROM dolt_status")]

    def log(self) -> list[Row]:
        return self.rows("SELECT commit_hash, committer, email, date, message FROM dolt_log")

    def parents_up_to(self, commit: str) -> dict[str, tuple[str, ...]]:
        with opened(self._path, f"@{commit}") as connection:
            return listed_parents(LiteSession(connection, self._path))

    def merge(self, commit: str) -> None:
        try:
            self.call("dolt_merge", "--no-ff", "--no-commit", commit)
        except driver().Error as problem:
            conflicts = self.rows("SELECT * FROM dolt_conflicts")
            if keys := re.search("because table '(.*)' has different primary keys", str(problem)):
                raise Unmergeable(keys[1]) from problem
            if not conflicts:
                raise
            for table, *_ in self.rows("SELECT table_name FROM dolt_schema_conflicts"):
                raise Unmergeable(table) from None
            for table, *_ in conflicts:
                self.call("dolt_conflicts_resolve", "--ours", table)

    def fast_forward(self, commit: str) -> None:
        self.call("dolt_merge", commit)
