"""What others do between two steps of ours, and tries whose end nobody told: on every store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from dolt_server import ADMIN, WRITER, DoltServer

from limelight.data import Dataset, DatasetCard, Store, clone_store, dolt, open_store
from limelight.data._sqlite import driver
from limelight.data.doltlite import LiteSession
from limelight.data.doltserver import DoltServerStore, ServerSession
from limelight.errors import InputError, LimelightError, StoreError

Session = type[LiteSession] | type[ServerSession]


def card(name: str = "t") -> DatasetCard:
    return DatasetCard(name=name, target="x", key=("id",))


def numbers(value: int) -> pd.DataFrame:
    return pd.DataFrame({"id": range(3), "x": value})


def put(store: Store, value: int, name: str = "t", branch: str = "main") -> str:
    return store.write(name, numbers(value), f"{value}", card=card(name), branch=branch).commit


def values(store: Store, name: str = "t") -> list[int]:
    return store.read(store.resolve(name))["x"].tolist()


@pytest.fixture
def session(store: Store) -> Session:
    """The class of the store's connections."""
    return LiteSession if store.url.startswith("doltlite") else ServerSession


@pytest.fixture
def first_call(session: Session, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Does something before or after the first call of one of Dolt's procedures."""

    def hook(
        procedure: str,
        before: Callable[[], object] = lambda: None,
        after: Callable[[], object] = lambda: None,
    ) -> None:
        call, calls = session.call, list[str]()

        def hooked(self: Any, name: str, *arguments: str) -> list[Any]:
            first = name == procedure and not calls
            if first:
                calls.append(name)
                before()
            found = call(self, name, *arguments)
            if first:
                after()
            return found

        monkeypatch.setattr(session, "call", hooked)

    return hook


@pytest.fixture
def fails(session: Session) -> Callable[[], None]:
    """What a call does where another writes for long, or where the connection is lost."""

    def fail() -> None:
        if session is ServerSession:
            from limelight.data._mysql import Lost

            raise Lost("as if the answer was lost", "")
        problem = driver().OperationalError("database is locked")
        problem.sqlite_errorcode = 5
        raise problem

    return fail


# Names.


def test_names_that_differ_by_case_alone_do_not_go_into_one_commit(store: Store) -> None:
    put(store, 0, "other")
    both = {name: Dataset(numbers(1), card(name)) for name in ("t", "T")}
    with pytest.raises(InputError, match="the name 'T' is taken by the table 't'"):
        store.commit(both, "Both")
    assert store.datasets() == ["other"]


def test_names_that_differ_by_case_alone_do_not_merge(store: Store) -> None:
    put(store, 0, "other")
    store.branch("dev")
    ours = put(store, 1, "t")
    put(store, 2, "T", "dev")
    with pytest.raises(InputError, match="'T' and 't' cannot be in one store"):
        store.merge("dev")
    assert store.branches()["main"] == ours
    assert values(store, "t") == [1, 1, 1]


def test_a_name_that_is_taken_meanwhile_is_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, 0, "other")
    meanwhile(store, monkeypatch, lambda: put(open_store(store.url), 7, "T"))
    with pytest.raises(InputError, match="taken by the table 'T'"):
        put(store, 1, "t")
    assert values(store, "T") == [7, 7, 7]


def test_a_dataset_that_is_dropped_meanwhile_needs_a_card(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, 0)
    meanwhile(store, monkeypatch, lambda: open_store(store.url).drop("t", "Not needed"))
    with pytest.raises(InputError, match="a new dataset needs a card"):
        store.write("t", numbers(1), "Second")
    assert store.datasets() == []


def meanwhile(store: Store, monkeypatch: pytest.MonkeyPatch, do: Callable[[], object]) -> None:
    """Do something between the checks of a write and its transaction."""
    assert isinstance(store, dolt.DoltStore)
    monkeypatch.setattr(store.backend, "make", do)


# Branches and tags.


def test_no_commit_lands_on_a_branch_that_is_being_taken_away(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, 0)
    store.branch("dev")
    outcome: list[object] = []

    def write() -> None:
        try:
            outcome.append(put(open_store(store.url), 1, branch="dev"))
        except LimelightError as problem:
            outcome.append(problem)

    writer, check = threading.Thread(target=write), dolt._check_kept_elsewhere

    def then_another_writes(*given: Any) -> None:
        check(*given)
        writer.start()
        writer.join(0.5)

    monkeypatch.setattr(dolt, "_check_kept_elsewhere", then_another_writes)
    store.unbranch("dev")
    writer.join()
    assert isinstance(outcome[0], LimelightError)
    assert set(store.branches()) == {"main"}


@pytest.mark.parametrize("what", ["tag", "untag", "branch", "unbranch"])
def test_what_was_done_but_not_told_is_no_error_in_the_next_try(
    store: Store, what: str, first_call: Callable[..., None], fails: Callable[[], None]
) -> None:
    put(store, 0)
    version = store.resolve("t")
    store.tag("v1", version)
    store.branch("old")
    first_call("dolt_tag" if "tag" in what else "dolt_branch", after=fails)
    {
        "tag": lambda: store.tag("v2", version),
        "untag": lambda: store.untag("v1"),
        "branch": lambda: store.branch("new"),
        "unbranch": lambda: store.unbranch("old"),
    }[what]()
    assert set(store.tags()) == {"tag": {"v1", "v2"}, "untag": set()}.get(what, {"v1"})
    assert set(store.branches()) - {"main"} == {"branch": {"old", "new"}, "unbranch": set()}.get(
        what, {"old"}
    )


# Remotes.


@pytest.fixture
def pushed(store: Store, tmp_path: Path) -> Iterator[Store]:
    """A store with a remote; on a server, the administrator's."""
    store = open_store(store.url.replace(f"//{WRITER}@", f"//{ADMIN}@"))
    put(store, 0)
    store.add_remote("origin", f"file://{tmp_path / 'remote'}")
    store.push()
    yield store


@pytest.fixture
def other(pushed: Store, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Store]:
    """A clone of the remote."""
    remote = f"file://{tmp_path / 'remote'}"
    if pushed.url.startswith("doltlite"):
        yield clone_store(remote, tmp_path / "clone.db")
        return
    server: DoltServer = request.getfixturevalue("shared_server")
    name = f"{pushed.url.rpartition('/')[2]}_clone"
    yield clone_store(remote, server.url(name, ADMIN))
    server.sql(f"DROP DATABASE {name}")


@pytest.mark.parametrize("step", ["before", "after"])
def test_a_fetch_that_is_tried_again_moves_no_tag(
    pushed: Store,
    other: Store,
    step: str,
    first_call: Callable[..., None],
    fails: Callable[[], None],
) -> None:
    theirs = put(other, 2)
    other.tag("best", other.resolve("t"))
    other.push()
    ours = pushed.resolve("t").commit
    pushed.tag("best", pushed.resolve("t"))
    first_call("dolt_tag", **{step: fails})
    pushed.pull()
    assert pushed.tags() == {"best": ours, "origin/best": theirs}


def test_a_tag_that_goes_during_a_fetch_is_no_error(
    pushed: Store, first_call: Callable[..., None]
) -> None:
    commit = put(pushed, 1)
    pushed.tag("best", pushed.resolve("t"))
    first_call("dolt_fetch", lambda: open_store(pushed.url).untag("best"))
    assert pushed.pull() == commit


def test_a_pull_is_of_the_remote_whatever_a_branch_is_called(pushed: Store) -> None:
    pushed.branch("origin/main")
    put(pushed, 8, branch="origin/main")
    ours = put(pushed, 1)
    assert pushed.pull() == ours
    assert values(pushed) == [1, 1, 1]


# Writers that are killed.


@pytest.mark.server
def test_a_killed_writer_leaves_the_next_ones_draft_alone(
    server_url: str, shared_server: DoltServer
) -> None:
    store, other = DoltServerStore(server_url), DoltServerStore(server_url)
    put(store, 0)
    next_write = other.backend.writing("main")
    with pytest.raises(StoreError), store.backend.writing("main") as session:
        ((own,),) = session.rows("SELECT connection_id()")
        shared_server.sql(f"KILL {own}")
        next_session = next_write.__enter__()
        next_session.run("UPDATE t SET x = 5")
        session.rows("SELECT 1")
    next_session.call("dolt_commit", "-Am", "Next")
    next_write.__exit__(None, None, None)
    assert values(store) == [5, 5, 5]
