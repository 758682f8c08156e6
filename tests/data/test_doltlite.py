"""The embedded store's file: several processes, crashes, and files of other programs."""

from __future__ import annotations

import pickle
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from limelight.data import DatasetCard
from limelight.data._connection import opened, quoted
from limelight.data.doltlite import DoltliteStore
from limelight.errors import InputError, StoreError

CARD = DatasetCard(name="t", target="x", key=("id",))
WRITER = """
import sys
import pandas as pd
from limelight.data import DatasetCard
from limelight.data.doltlite import DoltliteStore

path, dataset, first, last, rows = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
card = DatasetCard(name=dataset, target="x", key=("id",))
for number in range(first, last):
    frame = pd.DataFrame({"id": range(rows), "x": number})
    DoltliteStore(path).write(dataset, frame, f"Write {number}", card=card)
    print(number, flush=True)
"""


def start_writer(path: Path, dataset: str, first: int, last: int, rows: int) -> subprocess.Popen:
    arguments = [str(path), dataset, str(first), str(last), str(rows)]
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, *arguments], stdout=subprocess.PIPE, text=True
    )


def numbers(value: int, rows: int = 3) -> pd.DataFrame:
    return pd.DataFrame({"id": range(rows), "x": value})


@pytest.mark.slow
def test_two_processes_write_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    writers = [start_writer(path, name, 0, 8, 200) for name in ("a", "b")]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    store = DoltliteStore(path)
    for name in ("a", "b"):
        assert [entry.message for entry in store.log(name)] == [f"Write {n}" for n in range(8)][
            ::-1
        ]
        assert store.read(store.resolve(name))["x"].tolist() == [7] * 200


@pytest.mark.slow
def test_a_writer_waits_for_another(tmp_path: Path) -> None:
    store = DoltliteStore(tmp_path / "store.db")
    store.write("t", numbers(0), "First", card=CARD)
    with opened(store.path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        waiting = start_writer(store.path, "t", 5, 6, 3)
        time.sleep(3)
        assert waiting.poll() is None
        connection.execute("ROLLBACK")
    assert waiting.wait(timeout=60) == 0
    assert store.read(store.resolve("t"))["x"].tolist() == [5, 5, 5]


def test_a_store_that_stays_busy_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from limelight.data import _connection

    store = DoltliteStore(tmp_path / "store.db")
    store.write("t", numbers(0), "First", card=CARD)
    with opened(store.path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr(_connection, "BUSY_SECONDS", 0.1)
        monkeypatch.setattr(_connection, "PATIENCE_SECONDS", 0.5)
        with pytest.raises(StoreError, match="has been busy"):
            store.write("t", numbers(1), "Second")
        connection.execute("ROLLBACK")
    assert store.read(store.resolve("t"))["x"].tolist() == [0, 0, 0]


def test_uncommitted_changes_of_others_are_not_swept_up(tmp_path: Path) -> None:
    store = DoltliteStore(tmp_path / "store.db")
    store.write("t", numbers(0), "First", card=CARD)
    with opened(store.path) as connection:
        connection.execute("UPDATE t SET x = 9")
    with pytest.raises(StoreError, match="never committed, in 't'"):
        store.write("t", numbers(1), "Second")
    with opened(store.path) as connection:
        assert connection.execute("SELECT sum(x) FROM t").fetchone() == (27,)
        connection.execute("SELECT dolt_reset('--hard')").fetchall()
    assert store.read(store.write("t", numbers(1), "Second"))["x"].tolist() == [1, 1, 1]


def test_a_failure_in_the_transaction_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from limelight.data import _tables

    store = DoltliteStore(tmp_path / "store.db")
    version = store.write("t", numbers(0), "First", card=CARD)
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(_tables, "_write_columns", lambda *_: 1 / 0)
        store.write("t", numbers(1), "Second")
    assert store.resolve("t") == version
    assert store.write("t", numbers(2), "Third").commit == store.log()[0].commit


def test_a_plain_sqlite_database_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE precious (x)")
    check_refused(path, "plain SQLite database")


@pytest.mark.parametrize("content", [b"hello, world\n" * 9, b"x"])
def test_another_file_is_refused_untouched(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    check_refused(path, "another program's file")


def check_refused(path: Path, message: str) -> None:
    before, around = path.read_bytes(), sorted(path.parent.iterdir())
    store = DoltliteStore(path)
    for use in (
        lambda: store.write("t", numbers(0), "First", card=CARD),
        lambda: store.resolve("t"),
        store.datasets,
        store.log,
    ):
        with pytest.raises(StoreError, match=message):
            use()
    assert path.read_bytes() == before
    assert sorted(path.parent.iterdir()) == around


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a folder"):
        DoltliteStore(tmp_path).write("t", numbers(0), "First", card=CARD)


def test_a_place_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file" / "store.db", tmp_path / "file" / "below" / "store.db"):
        with pytest.raises(StoreError, match="cannot be made"):
            DoltliteStore(path).write("t", numbers(0), "First", card=CARD)


def test_a_damaged_store_is_a_store_error(tmp_path: Path) -> None:
    store = DoltliteStore(tmp_path / "store.db")
    store.write("t", numbers(0, rows=5000), "First", card=CARD)
    content = store.path.read_bytes()
    store.path.write_bytes(content[:60] + b"\xff" * (len(content) - 60))
    with pytest.raises(StoreError, match=r"reports.* It is damaged: .* clone it anew"):
        store.read(store.resolve("t"))


def test_reading_makes_no_file(tmp_path: Path) -> None:
    store = DoltliteStore(tmp_path / "none" / "store.db")
    assert store.datasets() == []
    assert store.log() == []
    with pytest.raises(InputError):
        store.resolve("t")
    assert list(tmp_path.iterdir()) == []


def test_a_path_with_odd_characters(tmp_path: Path) -> None:
    store = DoltliteStore(tmp_path / "me@work é's" / "my@store v1.db")
    version = store.write("t", numbers(4), "First", card=CARD)
    changed = store.write("t", numbers(5), "Second")
    assert store.read(version)["x"].tolist() == [4, 4, 4]
    assert store.diff(version, changed).modified == 3


def test_a_store_travels_to_other_processes(tmp_path: Path) -> None:
    store = DoltliteStore(tmp_path / "store.db")
    version = store.write("t", numbers(4), "First", card=CARD)
    again, same = pickle.loads(pickle.dumps((store, version)))
    assert again.read(same)["x"].tolist() == [4, 4, 4]


def test_a_table_of_another_program_is_not_taken_over(tmp_path: Path) -> None:
    store = DoltliteStore(tmp_path / "store.db")
    with opened(store.path) as connection:
        connection.execute("CREATE TABLE mine (a INTEGER PRIMARY KEY)")
        connection.execute("SELECT dolt_commit('-Am', 'Mine')").fetchall()
    with pytest.raises(InputError, match="taken by the table 'mine'"):
        store.write("mine", numbers(0), "First", card=CARD)
    assert store.datasets() == []


def test_refs_of_other_programs_work(tmp_path: Path) -> None:
    store = DoltliteStore(tmp_path / "store.db")
    first = store.write("t", numbers(0), "First", card=CARD)
    store.write("t", numbers(1), "Second")
    with opened(store.path) as connection:
        connection.execute("SELECT dolt_branch('dev', ?)", (first.commit,)).fetchall()
    found = store.resolve("t", "dev")
    assert (found.commit, found.branch) == (first.commit, "dev")


def test_a_small_change_costs_little_space(tmp_path: Path) -> None:
    store = DoltliteStore(tmp_path / "store.db")
    frame = pd.DataFrame({"id": range(50_000), "x": 0.5, "y": [f"text {n}" for n in range(50_000)]})
    store.write("t", frame, "First", card=CARD)
    full = store.path.stat().st_size
    frame.loc[7, "x"] = 1.0
    store.write("t", frame, "One cell")
    assert store.path.stat().st_size - full < full / 20


def test_names_are_quoted_in_one_place() -> None:
    assert quoted('x"; DROP TABLE t') == '"x""; DROP TABLE t"'
    with pytest.raises(ValueError, match="NUL"):
        quoted("a\0b")
