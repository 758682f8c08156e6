"""The embedded store under faults: kill -9 at any moment, a full disk, readers beside a writer."""

from __future__ import annotations

import os
import random
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from limelight.data import DatasetCard
from limelight.data.doltlite import DoltliteStore
from limelight.errors import StoreError

CARD = DatasetCard(name="t", target="x", key=("id",))
ROWS = 3_000


def numbers(value: int, rows: int = ROWS) -> pd.DataFrame:
    return pd.DataFrame({"id": range(rows), "x": value, "y": [f"{value} {n}" for n in range(rows)]})


def forked(work: Callable[[int], None]) -> tuple[int, int]:
    """Start work in a child that tells its progress through a pipe; its pid and the pipe's end."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    try:
        work(writing)
    finally:
        os._exit(0)


def told(reading: int) -> list[int]:
    """The numbers that a dead child has told."""
    with os.fdopen(reading) as pipe:
        return [int(line) for line in pipe if line.endswith("\n")]


def write_on(path: Path, first: int) -> Callable[[int], None]:
    """Writes of every kind, each told when it has returned: what was told must never be lost."""

    def work(pipe: int) -> None:
        store = DoltliteStore(path)
        for number in range(first, first + 1000):
            if number % 5 == 4:
                store.gc()
            version = store.write("t", numbers(number), f"Write {number}", card=CARD)
            store.tag(f"v{number}-written", version)
            os.write(pipe, f"{number}\n".encode())

    return work


@pytest.mark.slow
def test_no_kill_loses_what_was_acknowledged(tmp_path: Path) -> None:
    path, random_moment = tmp_path / "store.db", random.Random(3)
    store, number, kills = DoltliteStore(path), 0, 0
    store.write("t", numbers(-1), "Start", card=CARD)
    while kills < 60:
        child, pipe = forked(write_on(path, number))
        time.sleep(random_moment.uniform(0.0, 0.4))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        kills += 1
        acknowledged = told(pipe)
        found = store.read(store.resolve("t"))
        last = acknowledged[-1] if acknowledged else number - 1
        # One version, whole: what was told last, or the one that could not be told any more.
        assert found["x"].nunique() == 1
        assert found["x"].iloc[0] in (last, last + 1)
        pd.testing.assert_frame_equal(found.reset_index(), numbers(int(found["x"].iloc[0])))
        assert {f"v{n}-written" for n in acknowledged} <= set(store.tags())
        number = int(found["x"].iloc[0]) + 1
    messages = [entry.message for entry in store.log("t")]
    assert messages == [f"Write {n}" for n in reversed(range(number))] + ["Start"]
    assert all(finding.ok for finding in store.doctor()), store.doctor()


def test_a_full_disk_leaves_the_old_version_and_says_so(tmp_path: Path) -> None:
    store = DoltliteStore(tmp_path / "store.db")
    version = store.write("t", numbers(1), "First", card=CARD)

    def fill(pipe: int) -> None:
        # No file may grow beyond this: what a full disk does, for one process.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        limit = store.path.stat().st_size + 40_000
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        try:
            store.write("t", numbers(2, rows=50_000), "Too much")
        except StoreError as error:
            if "that the disk has space" in str(error):
                os.write(pipe, b"1\n")

    child, pipe = forked(fill)
    os.waitpid(child, 0)
    assert told(pipe) == [1]
    assert store.resolve("t") == version
    pd.testing.assert_frame_equal(store.read(version).reset_index(), numbers(1))
    again = store.write("t", numbers(2, rows=50_000), "With space")
    assert again.rows == 50_000


@pytest.mark.slow
def test_many_read_while_one_writes(tmp_path: Path) -> None:
    store = DoltliteStore(tmp_path / "store.db")
    versions = [store.write("t", numbers(n), f"Write {n}", card=CARD) for n in range(4)]

    def read(number: int) -> Callable[[int], None]:
        def work(pipe: int) -> None:
            for _ in range(8):
                pd.testing.assert_frame_equal(
                    store.read(versions[number]).reset_index(), numbers(number)
                )
                current = store.read(store.resolve("t"))
                assert current["x"].nunique() == 1
                os.write(pipe, b"1\n")

        return work

    readers = [forked(read(number)) for number in range(4)]
    for number in range(100, 115):
        store.write("t", numbers(number), f"Write {number}")
    for child, pipe in readers:
        os.waitpid(child, 0)
        assert told(pipe) == [1] * 8
    assert store.read(store.resolve("t"))["x"].iloc[0] == 114
