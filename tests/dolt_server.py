"""Stores for the tests, some on a real ``dolt sql-server`` on a free port of this machine."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dolt_binary
import pymysql
import pytest

from limelight.data import Store, open_store

PASSWORD = "correct horse"
ADMIN, WRITER = "root", "writer"
WRITERS_RIGHTS = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, EXECUTE"
"""What the README says is enough."""
_START_SECONDS = 60.0
_DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG
# Dates must not depend on where the server is.
_ZONE = "Asia/Kathmandu"


class DoltServer:
    """A server with a data folder of its own; it may be killed and started again.

    Args:
        binary: The ``dolt`` program.
        folder: Where its databases, its users and its log go; nothing else is read or written.
        settings: Further lines of ``listener:`` in its configuration.
    """

    def __init__(self, binary: Path, folder: Path, settings: str = "") -> None:
        self.binary, self.folder, self._settings = binary, folder, settings
        self.port = 0
        self.log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> DoltServer:
        """Start it, and wait until it answers. After the first time, on the same port."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = self.port or _free_port()
        config = self.folder / "config.yaml"
        config.write_text(
            "log_level: warning\n"
            f"data_dir: {self.folder / 'data'}\n"
            f"system_variables:\n  secure_file_priv: {self.folder / 'nothing'}\n"
            f"listener:\n  host: 127.0.0.1\n  port: {self.port}\n{self._settings}"
        )
        home = self.folder / "home"
        for folder in (home, self.folder / "data"):
            folder.mkdir(exist_ok=True)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "DOLT_ROOT_PATH": str(home),
            "DOLT_ROOT_PASSWORD": PASSWORD,
            "DOLT_ROOT_HOST": "127.0.0.1",
            "DOLT_DISABLE_EVENT_FLUSH": "1",
            "TZ": _ZONE,
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(self.binary), "sql-server", "--config", str(config)],
                cwd=home,
                env=environment,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,
            )
        self._await_answer()
        return self

    def kill(self) -> None:
        """End it as a power cut would, in whatever it does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in good order."""
        self._end(signal.SIGTERM)

    def url(self, database: str, user: str = WRITER) -> str:
        """A store's URL, without the password."""
        return f"mysql+pymysql://{user}@127.0.0.1:{self.port}/{database}"

    def sql(self, statement: str, *values: Any, database: str | None = None) -> list[Any]:
        """What a statement of the administrator gives."""
        with self.connection(database) as connection, connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return list(cursor.fetchall())

    def connection(self, database: str | None = None, user: str = ADMIN) -> Any:
        """Another program's connection, which commits each statement; to be closed."""
        return pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user=user,
            password=PASSWORD,
            database=database,
            autocommit=True,
            # Encryption takes twenty milliseconds, and tests connect thousands of times.
            ssl_disabled=not self._settings,
        )

    def make_database(self) -> str:
        """A new database, on which `WRITER` has a writer's rights."""
        name = f"db_{uuid.uuid4().hex[:12]}"
        user = f"{WRITER}@'127.0.0.1'"
        with self.connection() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
            cursor.execute(f"CREATE USER IF NOT EXISTS {user} IDENTIFIED BY %s", [PASSWORD])
            cursor.execute(f"GRANT {WRITERS_RIGHTS} ON {name}.* TO {user}")
        return name

    def _await_answer(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self.connection().close()
                return
            except pymysql.err.OperationalError as problem:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    tail = self.log.read_text(errors="replace")[-2000:]
                    self.kill()
                    raise RuntimeError(f"dolt sql-server did not start: {tail}") from problem
            time.sleep(0.05)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def _die_with_parent() -> None:
    """Runs in the child: however pytest ends, the server ends with it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIES_WITH_PARENT, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def dolt() -> Path:
    """The ``dolt`` program; without one, the test is skipped."""
    found = dolt_binary.find()
    if found is None:
        pytest.skip("there is no dolt on PATH or in the cache; `nox -s dolt` builds one")
    return found


@pytest.fixture(scope="session")
def shared_server(dolt: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DoltServer]:
    """One server for all tests: nobody may stop it."""
    server = DoltServer(dolt, tmp_path_factory.mktemp("dolt"))
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture
def own_server(dolt: Path, tmp_path: Path) -> Iterator[DoltServer]:
    """A server for one test, which may kill it and start it again."""
    server = DoltServer(dolt, tmp_path / "server")
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture
def server_url(shared_server: DoltServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty store on the shared server, whose password is in the environment."""
    monkeypatch.setenv("LIMELIGHT_STORE_PASSWORD", PASSWORD)
    name = shared_server.make_database()
    yield shared_server.url(name)
    shared_server.sql(f"DROP DATABASE `{name}`")


@pytest.fixture(params=["doltlite", pytest.param("server", marks=pytest.mark.server)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store: whatever asks for it is run once on each kind."""
    if request.param == "server":
        return open_store(request.getfixturevalue("server_url"))
    return open_store(tmp_path / "new folder" / "store.db")
