from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from test_round_trip import COLUMNS

from limelight.data import DatasetCard
from limelight.data.cache import Cache, cache_from_environment
from limelight.data.doltlite import DoltliteStore
from limelight.data.store import DataVersion
from limelight.errors import InputError

ROWS = 30_000
CARD = DatasetCard(name="t", target="y", key=("id",))
FRAME = pd.DataFrame(
    {
        "id": np.arange(ROWS)[::-1],
        "x": np.random.default_rng(0).normal(size=ROWS),
        "y": pd.Series(pd.Categorical(np.arange(ROWS) % 7)),
        "z": pd.Series(np.arange(ROWS), dtype="str").where(np.arange(ROWS) % 5 > 0),
    }
)
EXPECTED = FRAME.set_index("id").sort_index()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIMELIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LIMELIGHT_CACHE_BYTES", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def store(tmp_path: Path) -> DoltliteStore:
    return DoltliteStore(tmp_path / "store.db")


@pytest.fixture
def version(store: DoltliteStore) -> DataVersion:
    return store.write("t", FRAME, "Rows", card=CARD)


def entry(folder: Path) -> Path:
    (found,) = folder.iterdir()
    return found


def numbers(value: int) -> list[pa.ChunkedArray]:
    """A column that begins with a value and is not made much smaller by compression."""
    drawn = np.random.default_rng(value).integers(2**62, size=50_000)
    drawn[0] = value
    return [pa.chunked_array([drawn])]


def value_of(cache: Cache, name: str) -> int | None:
    found = cache.get(name, [pa.int64()])
    return None if found is None else int(found[0][0].as_py())


def test_every_type_comes_back_the_same_from_the_cache(
    store: DoltliteStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pd.concat([pd.DataFrame(COLUMNS)] * 500, ignore_index=True)
    frame["id"] = frame.index.astype("str")
    version = store.write("t", frame, "Rows", card=DatasetCard(name="t", target="", key=("id",)))
    first, second = store.read(version), store.read(version)
    assert entry(folder).suffix == ".arrow"
    monkeypatch.setenv("LIMELIGHT_CACHE", "off")
    cold = store.read(version)
    for read in (first, second):
        pd.testing.assert_frame_equal(read, cold, check_index_type="exact")
        assert [type(block.values) for block in read._mgr.blocks] == [
            type(block.values) for block in cold._mgr.blocks
        ]


def test_the_second_read_is_from_the_cache(
    store: DoltliteStore, version: DataVersion, folder: Path
) -> None:
    pd.testing.assert_frame_equal(store.read(version), EXPECTED)
    name = entry(folder).stem
    cache = Cache(folder)
    types = [pa.int64(), pa.float64(), pa.int8(), pa.large_string()]
    columns = cache.get(name, types)
    assert columns is not None
    columns[1] = pa.chunked_array([np.zeros(ROWS)])
    cache.put(name, columns)
    assert (store.read(version)["x"] == 0).all()


def test_what_was_read_can_be_changed(
    store: DoltliteStore, version: DataVersion, folder: Path
) -> None:
    store.read(version)
    assert entry(folder)
    for frame in (store.read(version), store.read(version).reset_index()):
        for name in frame.columns:
            frame.loc[frame.index[0], name] = frame.loc[frame.index[1], name]
            frame[name].to_numpy(copy=True)
    pd.testing.assert_frame_equal(store.read(version), EXPECTED)


def test_types_have_entries_of_their_own(
    store: DoltliteStore, version: DataVersion, folder: Path
) -> None:
    wider = store.write("t", FRAME.assign(y=FRAME["y"].cat.add_categories([9])), "A category more")
    assert wider.table_hash == version.table_hash
    for _ in range(2):
        assert 9 not in store.read(version)["y"].cat.categories
        assert 9 in store.read(wider)["y"].cat.categories
    assert len(list(folder.iterdir())) == 2


def flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        flipped,
        lambda content: content[:-1],
        lambda content: content[: len(content) // 2],
        lambda content: bytes(len(content)),
        lambda content: content + b"more",
        lambda _: bytes(4),
        lambda _: b"",
    ],
    ids=["bit", "end", "half", "zeros", "longer", "four zeros", "empty"],
)
def test_a_damaged_entry_is_made_anew(
    store: DoltliteStore, version: DataVersion, folder: Path, damage: Callable[[bytes], bytes]
) -> None:
    store.read(version)
    path = entry(folder)
    sound = path.read_bytes()
    path.write_bytes(damage(sound))
    pd.testing.assert_frame_equal(store.read(version), EXPECTED)
    assert entry(folder).read_bytes() == sound


def test_an_entry_of_other_types_is_not_used(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.put("a", numbers(1))
    assert cache.get("a", [pa.float64()]) is None
    assert not list(tmp_path.iterdir())


def test_what_was_not_read_for_longest_goes_first(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c")
    for number, name in enumerate("abc"):
        cache.put(name, numbers(number))
        os.utime(tmp_path / "c" / f"{name}.arrow", (number, number))
    assert value_of(cache, "a") == 0
    size = (tmp_path / "c" / "a.arrow").stat().st_size
    Cache(tmp_path / "c", limit=3 * size + size // 2).put("d", numbers(3))
    assert {name: value_of(cache, name) for name in "abcd"} == {"a": 0, "b": None, "c": 2, "d": 3}


def test_what_a_killed_writer_left_goes_after_a_while(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    old, new = tmp_path / "unfinished-old", tmp_path / "unfinished-new"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    cache.put("a", numbers(1))
    assert not old.exists()
    assert new.exists()


def test_small_and_too_large_tables_are_not_kept(tmp_path: Path) -> None:
    Cache(tmp_path, limit=300_000).put("large", numbers(1))
    Cache(tmp_path).put("small", [pa.chunked_array([[1, 2, 3]])])
    assert not list(tmp_path.iterdir())


READ = """
import sys, time
from pathlib import Path
import pandas as pd
from limelight.data.doltlite import DoltliteStore
store = DoltliteStore(sys.argv[1])
version = store.resolve("t")
Path(sys.argv[2]).touch()
while not Path(sys.argv[3]).exists():
    time.sleep(0.001)
print(pd.util.hash_pandas_object(store.read(version)).sum())
"""


def test_processes_that_read_at_once_share_one_entry(
    store: DoltliteStore, version: DataVersion, folder: Path, tmp_path: Path
) -> None:
    ready = [tmp_path / "ready-1", tmp_path / "ready-2"]
    words = [sys.executable, "-c", READ, str(store.path)]
    jobs = [
        subprocess.Popen([*words, str(path), str(tmp_path / "go")], stdout=subprocess.PIPE)
        for path in ready
    ]
    while not all(path.exists() for path in ready):
        assert not any(job.poll() for job in jobs)
        time.sleep(0.01)
    assert not folder.exists()
    (tmp_path / "go").touch()
    expected = str(pd.util.hash_pandas_object(EXPECTED).sum())
    assert [job.communicate()[0].decode().strip() for job in jobs] == [expected] * 2
    assert store.resolve("t") == version
    assert entry(folder).suffix == ".arrow"


def test_it_can_be_switched_off(
    store: DoltliteStore, version: DataVersion, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIMELIGHT_CACHE", "off")
    pd.testing.assert_frame_equal(store.read(version), EXPECTED)
    assert not folder.exists()


def test_a_folder_that_cannot_be_made_does_not_stop_a_read(
    store: DoltliteStore, version: DataVersion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("LIMELIGHT_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.warns(RuntimeWarning, match="cannot be .* LIMELIGHT_CACHE to another folder"):
        pd.testing.assert_frame_equal(store.read(version), EXPECTED)


def test_a_full_disk_does_not_stop_a_read(
    store: DoltliteStore, version: DataVersion, folder: Path
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.warns(RuntimeWarning, match="cannot be written"):
            pd.testing.assert_frame_equal(store.read(version), EXPECTED)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(folder.iterdir())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        store.read(version)
    assert entry(folder).suffix == ".arrow"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_another_users_folder_is_not_trusted(
    store: DoltliteStore, version: DataVersion, folder: Path
) -> None:
    store.read(version)
    path = entry(folder)
    used = path.stat().st_mtime_ns
    os.chown(folder, 12345, -1)
    with pytest.warns(RuntimeWarning, match="belongs to another user"):
        pd.testing.assert_frame_equal(store.read(version), EXPECTED)
    assert path.stat().st_mtime_ns == used


def test_the_environment_says_where_and_how_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LIMELIGHT_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LIMELIGHT_CACHE_BYTES", "1000")
    assert cache_from_environment() == Cache(tmp_path / "limelight" / "reads", 1000)
    monkeypatch.setenv("LIMELIGHT_CACHE_BYTES", "much")
    with pytest.raises(InputError, match="LIMELIGHT_CACHE_BYTES is 'much'"):
        cache_from_environment()
