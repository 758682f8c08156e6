"""gc and doctor, on every kind of store; and what damage and leftovers look like."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dolt_server import ADMIN, WRITER

from limelight.data import DatasetCard, Store, open_store
from limelight.data import store as contract
from limelight.data._connection import ENGINE_FORMAT
from limelight.data.dolt import DoltStore
from limelight.data.doltlite import DoltliteStore
from limelight.errors import StoreError

LOANS = DatasetCard(name="loans", target="default", key=("id",))


def loans(*amounts: float) -> pd.DataFrame:
    n = len(amounts)
    return pd.DataFrame({"id": range(n), "amount": amounts, "default": ["no"] * n})


@pytest.fixture
def store(store: Store) -> DoltStore:
    """With a version; on a server, as the administrator."""
    store = open_store(store.url.replace(f"//{WRITER}@", f"//{ADMIN}@"))
    store.write("loans", loans(1.0, 2.0), "First", card=LOANS)
    assert isinstance(store, DoltStore)
    return store


@pytest.fixture
def file(tmp_path: Path) -> DoltliteStore:
    """An embedded store with some pages of rows."""
    store = DoltliteStore(tmp_path / "store.db")
    amounts = np.random.default_rng(7).random(20_000)
    store.write("loans", loans(*amounts), "First", card=LOANS)
    return store


def bad(store: Store) -> dict[str, contract.Finding]:
    return {finding.about: finding for finding in store.doctor() if not finding.ok}


def test_a_store_is_well_and_stays_as_it_is(store: DoltStore) -> None:
    before = store.log(), store.branches()
    store.branch("trial")
    findings = store.doctor()
    assert {"engine", "format", "uncommitted", "tables", "remotes", "datasets"} <= {
        finding.about for finding in findings
    }
    assert [f for f in findings if not f.ok and f.about not in ("files", "disk")] == []
    assert all(finding.text for finding in findings)
    store.unbranch("trial")
    assert (store.log(), store.branches()) == before


def test_what_was_never_committed_is_found(store: DoltStore) -> None:
    store.branch("trial")
    with store.backend.managing() as session:
        session.run("DELETE FROM loans")
    assert "'main'" in bad(store)["uncommitted"].text
    assert "'trial'" not in bad(store)["uncommitted"].text


def test_tables_that_do_not_fit_their_description_are_found(store: DoltStore) -> None:
    store.write("people", loans(1.0), "People", card=LOANS)
    with store.backend.managing() as session:
        session.run("ALTER TABLE loans ADD COLUMN more INTEGER")
        session.run("DROP TABLE people")
        session.call("dolt_commit", "-A", "-m", "Not by us", "--author", "a <b@c>")
    found = bad(store)
    assert "'loans' has other columns" in found["tables"].text
    assert "'people' has a card, and no table" in found["tables"].text
    assert "people" in found["datasets"].text


def test_a_newer_programs_store_is_read_and_not_written(store: DoltStore) -> None:
    with store.backend.managing() as session:
        session.run("UPDATE limelight_meta SET value = '99'")
        session.call("dolt_commit", "-A", "-m", "Of the future", "--author", "a <b@c>")
    assert store.read(store.resolve("loans"))["amount"].tolist() == [1.0, 2.0]
    before = store.log()
    for attempt in (
        lambda: store.write("loans", loans(9.0), "Ours"),
        lambda: store.drop("loans", "Ours"),
        lambda: store.commit({}, "Ours"),
    ):
        with pytest.raises(StoreError, match=r"newer version.*format 99.*upgrade"):
            attempt()
    assert store.log() == before
    assert "format 99" in bad(store)["format"].text


def test_gc_beside_readers_and_a_writer(store: DoltStore) -> None:
    first = store.resolve("loans")
    stop = threading.Event()

    def read() -> int:
        count = 0
        while not stop.is_set():
            assert open_store(store.url).read(first)["amount"].tolist() == [1.0, 2.0]
            count += 1
        return count

    def write() -> list[str]:
        own = open_store(store.url)
        return [own.write("loans", loans(1.0, number), f"{number}").commit for number in range(6)]

    with ThreadPoolExecutor(3) as pool:
        readers, writer = [pool.submit(read) for _ in range(2)], pool.submit(write)
        while not writer.done():
            store.gc()
        stop.set()
        assert all(reader.result() > 0 for reader in readers)
    store.gc()
    assert {entry.commit for entry in store.log()} >= set(writer.result())
    assert [about for about in bad(store) if about not in ("files", "disk")] == []


def test_gc_gives_back_what_no_commit_holds(file: DoltliteStore) -> None:
    kept, size = file.resolve("loans"), file.path.stat().st_size
    file.branch("trial")
    file.write("loans", loans(*np.random.default_rng(8).random(40_000)), "Try", branch="trial")
    assert file.path.stat().st_size > 1.5 * size
    file.unbranch("trial", force=True)
    file.gc()
    assert file.path.stat().st_size < 1.2 * size
    assert len(file.read(kept)) == 20_000


def test_a_damaged_file_is_found(file: DoltliteStore) -> None:
    whole = file.path.read_bytes()
    at = len(whole) // 2
    file.path.write_bytes(
        whole[:at] + bytes(b ^ 0xFF for b in whole[at : at + 64]) + whole[at + 64 :]
    )
    found = bad(file)
    assert "damaged" in found["integrity"].text
    assert "clone" in found["integrity"].way_out


def test_files_of_interrupted_commands_are_found(file: DoltliteStore) -> None:
    for name in ("store.db-gc-tmp", "store.db.cloning-123", "store.db-journal"):
        (file.path.parent / name).write_bytes(b"x" * 2**20)
    (file.path.parent / "store.db.notes").write_text("mine")
    finding = bad(file)["leftovers"]
    assert "3 files" in finding.text
    assert "3.0 MiB" in finding.text
    assert "notes" not in finding.text


def test_a_file_of_another_engine_version_is_left_as_it_is(file: DoltliteStore) -> None:
    for number, age in ((ENGINE_FORMAT + 1, "a newer"), (ENGINE_FORMAT - 1, "an older")):
        other = DoltliteStore(file.path.with_name(f"format-{number}.db"))
        shutil.copy(file.path, other.path)
        with other.path.open("r+b") as opened:
            opened.seek(4)
            opened.write(number.to_bytes(4, "little"))
        content = other.path.read_bytes()
        for attempt in (
            other.datasets,
            lambda other=other: other.write("loans", loans(1.0), "Ours", card=LOANS),
            other.gc,
            other.doctor,
        ):
            with pytest.raises(StoreError, match=rf"{age} version of the engine.*format {number}"):
                attempt()
        assert other.path.read_bytes() == content


def test_there_is_no_store_to_look_after(tmp_path: Path) -> None:
    store = open_store(tmp_path / "nothing.db")
    for attempt in (store.doctor, store.gc, lambda: store.add_remote("origin", "/x")):
        with pytest.raises(StoreError, match="there is no store"):
            attempt()
    assert store.remotes() == {}
    assert list(tmp_path.iterdir()) == []
