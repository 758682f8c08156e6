"""The store beside Parquet files, stock sqlite, DVC and a Dolt server: seconds, space, memory.

    python benchmarks/store.py --rows 10000 100000 1000000
    python benchmarks/store.py --rows 100000 --server mysql+pymysql://root@127.0.0.1:3306/db

The same frame of 20 mixed columns goes through all of them in one run. They take turns, in another
order each time; a ratio is the median over the rounds of the embedded store's time by theirs. Peak
memory is that of a process of its own, the frame included, over what it has with everything
imported and used once. Nothing is dropped from the system's own cache of files.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pymysql

from limelight.data import DatasetCard, open_store
from limelight.data.store import Store

CARD = DatasetCard(name="rows", target="flag", key=("id",))
CHANGED = 0.01
"""Share of the rows that one version changes in the one before."""


def made(rows: int) -> pd.DataFrame:
    """20 columns: whole numbers, numbers, text, categories, times, booleans; 2 with gaps."""
    draw = np.random.default_rng(0)
    words = pd.Series([f"word{number:05d}" for number in range(20_000)], dtype="str")

    def text(different: int) -> pd.Series:
        return words.iloc[draw.integers(0, different, rows)].reset_index(drop=True)

    found: dict[str, Any] = {"id": np.arange(rows)}
    found |= {f"count{n}": draw.integers(0, 10 ** (2 + 2 * n), rows) for n in range(4)}
    found |= {f"number{n}": draw.normal(size=rows) for n in range(6)}
    found["number5"][draw.random(rows) < 0.1] = np.nan
    found["maybe"] = pd.Series(draw.integers(0, 100, rows), dtype="Int64")
    found["flag"] = draw.random(rows) < 0.3
    found["name"] = text(20_000)
    found["city"] = text(300).where(pd.Series(draw.random(rows) > 0.05))
    found["note"] = text(20_000) + " " + text(20_000)
    found["kind"] = text(12).astype("category")
    found["place"] = text(200).astype("category")
    start = np.datetime64("2020-01-01", "us")
    found["day"] = start + draw.integers(0, 10**3, rows).astype("m8[D]")
    seen = start + draw.integers(0, 10**14, rows).astype("m8[us]")
    found["seen"] = pd.Series(seen).dt.tz_localize("UTC")
    return pd.DataFrame(found)


def changed(frame: pd.DataFrame, version: int) -> pd.DataFrame:
    """The frame with another number and another count in 1% of the rows."""
    draw = np.random.default_rng(version)
    rows = draw.choice(len(frame), max(1, int(CHANGED * len(frame))), replace=False)
    found = frame.copy()
    found.loc[rows, "number0"] = draw.normal(size=len(rows))
    found.loc[rows, "count1"] = draw.integers(0, 10**4, len(rows))
    return found


class Contender(Protocol):
    """A way to keep versions of a frame; another one at the same place finds them again."""

    def put(self, frame: pd.DataFrame) -> None:
        """Keep a frame as the next version."""
        ...

    def get(self) -> pd.DataFrame:
        """The newest version."""
        ...

    def differing(self) -> int:
        """How many rows differ between the two newest versions."""
        ...

    def size(self) -> int:
        """Bytes on disk of all versions; 0 where that cannot be seen."""
        ...


class Limelight:
    """A dataset in a store: in a file of the folder, or on a server."""

    def __init__(self, folder: Path, server: str = "") -> None:
        self._file = folder / "store.db"
        self._store: Store = open_store(server or self._file)
        self._dataset = f"rows of {folder.name}"  # a server has those of other folders as well
        known = self._dataset in self._store.datasets()
        self._versions = [self._store.resolve(self._dataset)] if known else []

    def put(self, frame: pd.DataFrame) -> None:
        self._versions.append(self._store.write(self._dataset, frame, "Version", card=CARD))

    def get(self) -> pd.DataFrame:
        return self._store.read(self._versions[-1])

    def differing(self) -> int:
        found = self._store.diff(*self._versions[-2:])
        return found.added + found.removed + found.modified

    def size(self) -> int:
        return self._file.stat().st_size if self._file.exists() else 0


class Files:
    """A file a version."""

    suffix = ""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.files = sorted(folder.glob(f"*{self.suffix}"))

    def next(self) -> Path:
        self.files.append(self._folder / f"{len(self.files):04}{self.suffix}")
        return self.files[-1]

    def size(self) -> int:
        return sum(path.stat().st_size for path in self.files)


class Parquet(Files):
    """Files that are compared by reading both."""

    suffix = ".parquet"

    def put(self, frame: pd.DataFrame) -> None:
        frame.to_parquet(self.next(), compression="zstd")

    def get(self) -> pd.DataFrame:
        return pd.read_parquet(self.files[-1])

    def differing(self) -> int:
        old, new = (pd.read_parquet(path).set_index("id") for path in self.files[-2:])
        old, new = old.align(new, join="outer", axis=0)
        differ = np.zeros(len(old), dtype=bool)
        for name in old.columns:
            # A gap in a nullable column makes the comparison a gap.
            same = (old[name] == new[name]).fillna(False).to_numpy(dtype=bool)
            differ |= ~(same | (old[name].isna() & new[name].isna()).to_numpy())
        return int(differ.sum())


class Sqlite(Files):
    """Databases of the standard library's sqlite, with the same key."""

    suffix = ".sqlite"

    def put(self, frame: pd.DataFrame) -> None:
        self.insert(frame, self.rows(frame))

    @staticmethod
    def rows(frame: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
        """The frame as sqlite takes it; times as text."""
        columns = []
        for name in frame.columns:
            column = frame[name]
            values = (column.astype("str") if column.dtype.kind == "M" else column).astype(object)
            columns.append(values.where(column.notna(), None).tolist())
        return zip(*columns, strict=True)

    def insert(self, frame: pd.DataFrame, rows: Iterator[tuple[Any, ...]]) -> None:
        kinds = {"i": "INTEGER", "b": "INTEGER", "f": "REAL"}
        columns = ", ".join(
            f"{name} {kinds.get(frame[name].dtype.kind, 'TEXT')}" for name in frame.columns
        )
        places = ", ".join("?" * len(frame.columns))
        database = sqlite3.connect(self.next(), isolation_level=None)
        with contextlib.closing(database):
            database.execute("BEGIN")
            database.execute(f"CREATE TABLE rows ({columns}, PRIMARY KEY (id))")
            database.executemany(f"INSERT INTO rows VALUES ({places})", rows)
            database.execute("COMMIT")

    def get(self) -> pd.DataFrame:
        with contextlib.closing(sqlite3.connect(self.files[-1])) as database:
            return pd.read_sql_query("SELECT * FROM rows ORDER BY id", database)

    def differing(self) -> int:
        with contextlib.closing(sqlite3.connect(self.files[-1])) as database:
            database.execute("ATTACH ? AS old", (str(self.files[-2]),))
            names = [name for _, name, *_ in database.execute("PRAGMA table_info(rows)")]
            tests = " OR ".join(f"a.{name} IS NOT b.{name}" for name in names)
            # The keys are the same in both here.
            (found,) = database.execute(
                f"SELECT count(*) FROM old.rows a JOIN main.rows b ON a.id = b.id WHERE {tests}"
            ).fetchone()
        return int(found)


class ReadySqlite(Sqlite):
    """The same with the rows made before: what it takes sqlite alone to insert them."""

    ready: list[tuple[Any, ...]] = []

    def put(self, frame: pd.DataFrame) -> None:
        self.insert(frame, iter(self.ready))


class Dvc:
    """A Parquet file in a git repository, added by DVC and committed."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._file = folder, folder / "rows.parquet"
        if not (folder / ".dvc").exists():
            self._run("git", "init", "-q")
            self._run("dvc", "init", "-q")

    def put(self, frame: pd.DataFrame) -> None:
        frame.to_parquet(self._file, compression="zstd")
        self._run("dvc", "add", "-q", self._file.name)
        self._run("git", "add", "-A")
        author = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost")
        self._run("git", *author, "commit", "-q", "-m", "Version")

    def get(self) -> pd.DataFrame:
        return pd.read_parquet(self._at("HEAD"))

    def differing(self) -> int:
        """DVC says only that the file differs: the rows are compared as those of `Parquet`."""
        pair = Parquet(self._folder / "none")
        pair.files = [self._at("HEAD~1"), self._at("HEAD")]
        return pair.differing()

    def size(self) -> int:
        cache = self._folder / ".dvc" / "cache"
        return sum(path.stat().st_size for path in cache.rglob("*") if path.is_file())

    def _at(self, commit: str) -> Path:
        got = self._folder.with_name(f"{self._folder.name}-{commit}.parquet")
        self._run("dvc", "get", "-q", "-f", ".", self._file.name, "--rev", commit, "-o", str(got))
        return got

    def _run(self, *words: str) -> None:
        subprocess.run(words, cwd=self._folder, check=True, capture_output=True)


OURS, SERVER, PARQUET, SQLITE = "embedded", "server", "Parquet", "sqlite"
READY = "sqlite, rows ready"


def contender(name: str, folder: Path, server: str = "") -> Contender:
    """A contender by its name, at a folder."""
    folder.mkdir(exist_ok=True)
    if name in (OURS, SERVER):
        return Limelight(folder, server if name == SERVER else "")
    kinds: dict[str, Callable[[Path], Contender]]
    kinds = {PARQUET: Parquet, SQLITE: Sqlite, READY: ReadySqlite, "DVC": Dvc}
    return kinds[name](folder)


Measured = dict[str, list[float]]


class Race:
    """All measurements on one frame.

    Args:
        frame: The rows.
        folder: A place for everything.
        names: The contenders.
        server: URL of a server's database, if one is among them.
        rounds: How often each is measured.
        versions: How many versions the storage is measured with.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        folder: Path,
        names: list[str],
        server: str,
        rounds: int,
        versions: int,
    ) -> None:
        self.frame, self.folder, self.names = frame, folder, names
        self.server, self.rounds, self.versions = server, rounds, versions
        self._places = 0
        self._racers: dict[str, Contender] = {}
        self._puts: dict[str, int] = {}

    def run(self) -> Iterator[tuple[str, str, Measured]]:
        """What was measured, its unit, and the values of each contender."""
        ReadySqlite.ready = list(Sqlite.rows(self.frame))
        gc.freeze()  # or the collector looks at these rows in everybody's time
        yield "ingest", "s", self.timed(self._ingest, [*self.names, READY])
        gc.unfreeze()
        ReadySqlite.ready.clear()
        second = changed(self.frame, 1)
        yield "next version, 1% changed", "s", self.timed(lambda name: self._next(name, second))
        os.environ["LIMELIGHT_CACHE"] = "off"
        yield "read", "s", self.timed(lambda name: self._racers[name].get())
        os.environ["LIMELIGHT_CACHE"] = str(self.folder / "cache")
        ours = [name for name in self.names if name in (OURS, SERVER)]
        for name in ours:
            self._racers[name].get()
        yield (
            "read again, through the cache",
            "s",
            self.timed(lambda name: self._racers[name].get(), [*ours, PARQUET]),
        )
        yield "diff, 1% changed", "s", self.timed(self._differ)
        yield f"{self.versions} versions on disk", "MB", self._storage()
        yield from self._memory()

    def timed(self, work: Callable[[str], Any], names: list[str] | None = None) -> Measured:
        """Seconds of each round; who begins changes from one to the next."""
        names = names or self.names
        found: Measured = {name: [] for name in names}
        for number in range(self.rounds):
            turn = number % len(names)
            for name in [*names[turn:], *names[:turn]]:
                gc.collect()
                begun = time.perf_counter()
                work(name)
                found[name].append(time.perf_counter() - begun)
        return found

    def _place(self) -> Path:
        self._places += 1
        return self.folder / f"{os.getpid()}-{len(self.frame)}-{self._places}"

    def _ingest(self, name: str) -> None:
        self._racers[name] = contender(name, self._place(), self.server)
        self._racers[name].put(self.frame)

    def _next(self, name: str, second: pd.DataFrame) -> None:
        """The two versions in turns: each differs from the one before."""
        self._puts[name] = self._puts.get(name, 0) + 1
        self._racers[name].put(second if self._puts[name] % 2 else self.frame)

    def _differ(self, name: str) -> None:
        found, expected = self._racers[name].differing(), max(1, int(CHANGED * len(self.frame)))
        if found != expected:
            sys.exit(f"{name} finds {found} rows that differ, and there are {expected}.")

    def _storage(self) -> Measured:
        found = {}
        for name in (name for name in self.names if name != SERVER):
            racer = contender(name, self._place())
            for version in range(self.versions):
                racer.put(changed(self.frame, version) if version else self.frame)
            found[name] = [racer.size() / 1e6]
        return found

    def _memory(self) -> Iterator[tuple[str, str, Measured]]:
        """Peak memory, as a multiple of the frame's."""
        path = self.folder / "frame.pickle"
        self.frame.to_pickle(path)
        size = int(self.frame.memory_usage(deep=True).sum())
        names = [name for name in self.names if name != "DVC"]  # its work is in other processes
        places = {name: self._place() for name in names}
        ours = [name for name in names if name in (OURS, SERVER)]
        filled = str(self.folder / "cache of the processes")
        for what, work, cache, of in (
            ("ingest", "put", "off", names),
            ("read", "get", "off", names),
            ("read, filling the cache", "get", filled, ours),
            ("read again, through the cache", "get", filled, [*ours, PARQUET]),
        ):
            found = {}
            for name in of:
                words = [work, name, str(places[name]), str(path), self.server]
                code = (
                    f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import store"
                )
                ran = subprocess.run(
                    [sys.executable, "-c", f"{code}; store.child()", *words],
                    env={**os.environ, "LIMELIGHT_CACHE": cache},
                    capture_output=True,
                    text=True,
                )
                if ran.returncode:
                    sys.exit(f"{what} by {name} failed:\n{ran.stderr[-3000:]}")
                found[name] = [int(ran.stdout) / size]
            yield f"peak memory: {what}", "frames", found


def child() -> None:
    """Print the bytes of memory that one piece of work takes at its peak, in this process."""
    work, name, folder, frame, server = sys.argv[1:]
    small = Path(folder).with_name(f"{Path(folder).name}-small-{os.getpid()}")
    warm = contender(name, small, server)
    warm.put(made(100))
    warm.get()
    gc.collect()
    before = _status("VmRSS")
    racer = contender(name, Path(folder), server)
    given = pd.read_pickle(frame) if work == "put" else None
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
    if given is None:
        racer.get()
    else:
        racer.put(given)
    print(_status("VmHWM") - before)


def _status(field: str) -> int:
    """A size that Linux knows of this process, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (found,) = (line.split()[1] for line in lines if line.startswith(field + ":"))
    return int(found) * 1024


@contextlib.contextmanager
def served(binary: str, folder: Path) -> Iterator[str]:
    """The URL of a database on a Dolt server that runs as long as the context."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder.mkdir()
    words = [
        binary,
        "sql-server",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--loglevel",
        "error",
    ]
    environment = {**os.environ, "DOLT_ROOT_PATH": str(folder), "DOLT_DISABLE_EVENT_FLUSH": "1"}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(words, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                with pymysql.connect(host="127.0.0.1", port=port, user="root") as connection:
                    connection.cursor().execute("CREATE DATABASE benchmark")
                break
            except pymysql.OperationalError:
                if server.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"the server does not start:\n{(folder / 'log').read_text()[-3000:]}")
                time.sleep(0.1)
        yield f"mysql+pymysql://root@127.0.0.1:{port}/benchmark"
    finally:
        server.terminate()
        server.wait()


def table(rows: int, measured: list[tuple[str, str, Measured]], names: list[str]) -> str:
    """What was measured, as Markdown: medians, and the median ratio of ours to theirs."""
    lines = [f"| {rows:,} rows | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for what, unit, found in measured:
        cells = []
        for name in names:
            if name not in found:
                cells.append("")
                continue
            value = f"{statistics.median(found[name]):.3g} {unit}"
            pairs = zip(found[OURS], found[name], strict=True)
            ratio = statistics.median(ours / theirs for ours, theirs in pairs)
            cells.append(value if name == OURS else f"{value} ({ratio:.2f})")
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--versions", type=int, default=20)
    parser.add_argument("--server", default="", help="URL of an empty database on a Dolt server")
    parser.add_argument("--dolt", default="", help="the dolt program: a server is started with it")
    parser.add_argument("--folder", type=Path, default=None, help="where everything is written")
    parser.add_argument("--out", type=Path, default=None, help="JSON lines of every value")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=given.folder)))
        server = given.server
        if given.dolt:
            server = stack.enter_context(served(given.dolt, folder / "server"))
        names = [OURS, *([SERVER] if server else []), PARQUET, SQLITE]
        if shutil.which("dvc"):
            names.append("DVC")
        else:
            print("Without DVC, which is not on PATH: pip install dvc.\n")
        for rows in given.rows:
            race = Race(made(rows), folder, names, server, given.rounds, given.versions)
            measured = []
            for what, unit, found in race.run():
                measured.append((what, unit, found))
                if given.out:
                    line = {"rows": rows, "what": what, "unit": unit, "values": found}
                    with given.out.open("a") as out:
                        out.write(json.dumps(line) + "\n")
            print(table(rows, measured, [*names, READY]), flush=True)
            print()


if __name__ == "__main__":
    main()
