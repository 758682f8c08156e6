"""Remotes, on every kind of store: what is pushed arrives, and nothing of anybody's is lost."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from dolt_server import ADMIN, WRITER, DoltServer

from limelight.data import DatasetCard, Store, _file, open_store
from limelight.data._remotes import remote_url, without_password
from limelight.data.cloning import clone_store
from limelight.errors import ConflictError, InputError, StoreError

LOANS = DatasetCard(name="loans", target="default", key=("id",))

Clone = Callable[[str], Store]


def loans(*amounts: float) -> pd.DataFrame:
    n = len(amounts)
    return pd.DataFrame({"id": range(n), "amount": amounts, "default": ["no"] * n})


@pytest.fixture
def store(store: Store) -> Store:
    """On a server, the administrator's: remotes are not for everybody there."""
    return open_store(store.url.replace(f"//{WRITER}@", f"//{ADMIN}@"))


@pytest.fixture
def remote(tmp_path: Path) -> str:
    """Where nothing is yet."""
    return f"file://{tmp_path / 'remote'}"


@pytest.fixture
def clone(store: Store, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Clone]:
    """Makes a second store of the same kind, as a copy of the one at a URL."""
    if store.url.startswith("doltlite"):
        yield lambda url: clone_store(url, tmp_path / "clones" / "clone.db")
        return
    server: DoltServer = request.getfixturevalue("shared_server")
    name = f"{store.url.rpartition('/')[2]}_clone"
    yield lambda url: clone_store(url, server.url(name, ADMIN))
    server.sql(f"DROP DATABASE IF EXISTS {name}")


@pytest.fixture
def pushed(store: Store, remote: str) -> Store:
    """A store with two commits, a tag, and a remote that has them."""
    version = store.write("loans", loans(1.0, 2.0), "First", card=LOANS)
    store.tag("v1", version)
    store.write("loans", loans(1.0, 2.5), "Second")
    store.add_remote("origin", remote)
    store.push()
    return store


def amounts(store: Store, ref: str = "main") -> list[float]:
    return store.read(store.resolve("loans", ref))["amount"].tolist()


def test_a_clone_has_all_that_was_pushed(pushed: Store, clone: Clone, remote: str) -> None:
    other = clone(remote)
    assert other.log()[:2] == pushed.log()[:2]
    assert other.tags() == pushed.tags()
    assert other.remotes() == {"origin": remote}
    pd.testing.assert_frame_equal(
        other.read(other.resolve("loans", "v1")), pushed.read(pushed.resolve("loans", "v1"))
    )


def test_a_push_says_nothing_new_twice(pushed: Store) -> None:
    before = pushed.log()
    pushed.push()
    assert pushed.log() == before


def test_a_branch_and_its_tags_alone_are_pushed(pushed: Store, clone: Clone, remote: str) -> None:
    pushed.branch("trial", "v1")
    version = pushed.write("loans", loans(7.0), "Try", branch="trial")
    pushed.tag("tried", version)
    pushed.push()
    pushed.push(branch="trial")
    other = clone(remote)
    assert set(other.branches()) == {"main"}
    assert amounts(other, "origin/trial") == [7.0]
    assert amounts(other, "origin/trial~1") == [1.0, 2.0]
    assert other.tags() == pushed.tags()
    assert other.pull(branch="trial") == version.commit
    assert other.branches()["trial"] == version.commit


def test_what_others_pushed_is_pulled(pushed: Store, clone: Clone, remote: str) -> None:
    other = clone(remote)
    version = other.write("loans", loans(1.0, 2.5, 3.0), "Third")
    other.tag("v3", version)
    other.push()
    assert pushed.pull() == version.commit
    assert amounts(pushed) == [1.0, 2.5, 3.0]
    assert pushed.tags()["v3"] == version.commit


def test_who_is_behind_pulls_before_pushing(pushed: Store, clone: Clone, remote: str) -> None:
    other = clone(remote)
    theirs = other.write("loans", loans(9.0, 2.5), "Theirs")
    other.push()
    ours = pushed.write("loans", loans(1.0, 8.0), "Ours")
    with pytest.raises(StoreError, match=r"'origin' has commits.* Pull first"):
        pushed.push()
    assert pushed.resolve("loans") == ours
    merged = pushed.pull()
    assert pushed.log()[0].commit == merged
    assert set(pushed.log()[0].parents) == {ours.commit, theirs.commit}
    assert amounts(pushed) == [9.0, 8.0]
    pushed.push()
    assert other.pull() == merged


def test_a_pull_with_a_conflict_changes_nothing(pushed: Store, clone: Clone, remote: str) -> None:
    other = clone(remote)
    other.write("loans", loans(9.0, 2.5), "Theirs")
    other.push()
    ours = pushed.write("loans", loans(8.0, 2.5), "Ours")
    with pytest.raises(ConflictError):
        pushed.pull()
    assert pushed.resolve("loans") == ours
    pushed.merge("origin/main", take="theirs")
    assert amounts(pushed) == [9.0, 2.5]


def test_a_tag_is_never_moved_by_a_remote_nor_in_it(
    pushed: Store, clone: Clone, remote: str
) -> None:
    other = clone(remote)
    theirs = other.write("loans", loans(3.0), "Third")
    other.tag("best", theirs)
    other.push()
    ours = pushed.resolve("loans")
    pushed.tag("best", ours)
    for _ in range(2):
        with pytest.raises(StoreError, match="'best' names another commit"):
            pushed.push()
        assert pushed.tags()["best"] == ours.commit
        assert pushed.tags()["origin/best"] == theirs.commit
    assert [f.about for f in pushed.doctor() if not f.ok and "'best'" in f.text] == ["remotes"]
    pushed.pull()
    assert pushed.tags()["best"] == ours.commit
    pushed.untag("best")
    pushed.untag("origin/best")
    pushed.push()
    other.pull()
    assert other.tags()["best"] == theirs.commit


def test_a_remote_gets_another_url(pushed: Store, tmp_path: Path, clone: Clone) -> None:
    second = f"file://{tmp_path / 'second'}"
    pushed.add_remote("origin", str(tmp_path / "second"))
    assert pushed.remotes() == {"origin": second}
    pushed.push()
    assert amounts(clone(second)) == [1.0, 2.5]


def test_names_that_are_not_known(pushed: Store, remote: str) -> None:
    with pytest.raises(InputError, match=r"no remote 'orgin'.*Did you mean 'origin'"):
        pushed.push("orgin")
    with pytest.raises(InputError, match=r"no branch 'mian'.*Did you mean 'main'"):
        pushed.push("origin", "mian")
    with pytest.raises(InputError, match="'origin' has no branch 'mian'"):
        pushed.pull("origin", "mian")
    for name in ("", "a b", "-x", "x'; DROP TABLE loans", "a/b"):
        with pytest.raises(InputError, match="not a valid name for a remote"):
            pushed.add_remote(name, remote)
    for url in ("", "ftp://host/x", "doltremote://x", "http://ada:secret@[host/x"):
        with pytest.raises(InputError, match="remote's URL"):
            pushed.add_remote("other", url)
    assert pushed.remotes() == {"origin": remote}


def test_a_password_in_a_url_is_refused_and_not_repeated(pushed: Store) -> None:
    with pytest.raises(InputError) as caught:
        pushed.add_remote("other", "http://ada:secret@host/a/b")
    assert "secret" not in str(caught.value)
    assert "ada@host" in str(caught.value)


def test_a_remote_that_cannot_be_reached_is_named(pushed: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a store")
    urls = [f"file://{tmp_path / 'file' / 'below'}"]
    if pushed.url.startswith("doltlite"):  # a server asks again for six seconds
        urls.append("http://127.0.0.1:1/a/b")
    for url in urls:
        before = pushed.log()
        with pytest.raises(StoreError, match=r"'gone'.*cannot be used") as caught:
            pushed.add_remote("gone", url)
            pushed.push("gone")
        assert "\n" not in str(caught.value)
        assert pushed.log() == before


def test_what_is_no_store_is_not_cloned(clone: Clone, tmp_path: Path) -> None:
    (tmp_path / "garbage").write_bytes(b"not a store" * 100)
    for url in (tmp_path / "nothing", tmp_path / "garbage"):
        with pytest.raises(StoreError, match="cannot be copied"):
            clone(str(url))


def test_a_clone_takes_the_place_of_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = open_store(tmp_path / "source.db")
    source.write("loans", loans(1.0), "First", card=LOANS)
    for name, content in (("text.txt", b"notes"), ("empty", b"")):
        there = tmp_path / name
        there.write_bytes(content)
        with pytest.raises(StoreError, match=r"something at .* already"):
            clone_store(str(tmp_path / "source.db"), there)
        assert there.read_bytes() == content
    meanwhile = tmp_path / "meanwhile.db"
    with (
        monkeypatch.context() as patch,
        pytest.raises(StoreError, match=r"something at .* already"),
    ):
        clone = _file._clone
        patch.setattr(_file, "_clone", lambda *g: (clone(*g), meanwhile.write_text("notes")))
        clone_store(str(tmp_path / "source.db"), meanwhile)
    assert meanwhile.read_text() == "notes"
    with pytest.raises(StoreError, match="cannot be copied"):
        clone_store(str(tmp_path / "nothing.db"), tmp_path / "new" / "clone.db")
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store.db")
    store.write("loans", loans(1.0), "First", card=LOANS)
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    store.add_remote("origin", str(locked / "remote.db"))
    with pytest.raises(StoreError, match=r"'origin'.*cannot be used"):
        store.push()


def test_a_push_from_a_copied_file_finds_its_remote(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store.db")
    store.write("loans", loans(1.0), "First", card=LOANS)
    store.add_remote("origin", str(tmp_path / "sub folder" / "100% ü.db"))
    (tmp_path / "sub folder").mkdir()
    store.push()
    shutil.copy(tmp_path / "store.db", tmp_path / "moved.db")
    moved = open_store(tmp_path / "moved.db")
    version = moved.write("loans", loans(2.0), "Second")
    moved.push()
    arrived = open_store(tmp_path / "sub folder" / "100% ü.db")
    assert arrived.resolve("loans").commit == version.commit


def test_paths_and_urls_of_remotes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert remote_url("a.db", ("file",)) == f"file://{tmp_path}/a.db"
    assert remote_url("doltlite:///x/a.db", ("file",)) == "file:///x/a.db"
    assert remote_url("HTTP://host/a", ("http",)) == "http://host/a"
    with pytest.raises(InputError, match=r"'a\.db' is relative"):
        remote_url("a.db", ("file",), local=False)
    assert without_password("http://ada@host/x") == "http://ada@host/x"
