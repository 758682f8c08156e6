"""Histories go from one kind of store to another and back, commit by commit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from limelight.data import DatasetCard, Store, open_store
from limelight.data._session import Unmergeable
from limelight.data.copying import copy_history
from limelight.data.store import Dataset
from limelight.errors import InputError, StoreError

LOANS = DatasetCard(name="loans", target="default", key=("id",), description="Ünïcode 🍋")
NOTES = DatasetCard(name="notes", target="")
ANN, BOB = "Ann <ann@example.org>", "Bob <bob@example.org>"


def loans(*amounts: float) -> pd.DataFrame:
    n = len(amounts)
    return pd.DataFrame(
        {
            "id": range(n),
            "amount": amounts,
            "default": pd.Categorical(["no"] * n, ["no", "yes"]),
            "seen": pd.date_range("2024-01-01", periods=n, tz="Europe/Berlin").as_unit("us"),
        }
    )


def day(number: int) -> datetime:
    return datetime(2024, 5, number, 12, 30, tzinfo=UTC)


@pytest.fixture
def source(tmp_path: Path) -> Store:
    """Two lines of commits, a merge, a drop, an empty commit, twins, types, and tags."""
    store = open_store(tmp_path / "source.db")
    first = store.write(
        "loans", loans(1.0, np.inf), "First\n\nlong", card=LOANS, author=ANN, date=day(1)
    )
    store.tag("v1", first)
    store.branch("trial")
    store.branch("twin")
    store.write("loans", loans(1.0, 2.0), "On main", author=BOB, date=day(2))
    for branch, amount in (("trial", 7.0), ("twin", 8.0)):
        store.write("loans", loans(amount, np.inf), "Twins", branch=branch, date=day(3))
    store.write(
        "notes",
        pd.DataFrame({"n": ["a", "a", None]}),
        "Notes",
        card=NOTES,
        branch="trial",
        date=day(4),
    )
    content = Dataset(loans(7.0, 2.0), LOANS), Dataset(pd.DataFrame({"n": ["b"]}), NOTES)
    merged = {"loans": content[0], "notes": content[1]}
    store.commit(merged, "Merge", author=ANN, date=day(5), merged=store.branches()["trial"])
    store.commit({}, "Nothing", date=day(6))
    store.drop("notes", "No notes", date=day(7))
    store.write("loans", loans(7.0, 2.0).assign(more=[1, 2]), "Wider", date=day(8))
    store.tag("v2", store.resolve("loans"))
    return store


@pytest.fixture
def target(store: Store) -> Store:
    """An empty store of every kind."""
    return store


def shape(store: Store, branch: str) -> list[tuple[object, ...]]:
    """What a branch's log says that every store says alike, but for the first commit of all."""
    entries = [entry for entry in store.log(ref=branch) if entry.parents]
    return [(e.message, e.author, e.date, e.tags, len(e.parents)) for e in entries]


def ancestry(store: Store, branch: str) -> set[tuple[str, ...]]:
    """Each commit's message, with its parents' messages."""
    entries = {entry.commit: entry for entry in store.log(ref=branch)}
    return {
        (e.message, *(entries[parent].message for parent in e.parents))
        for e in entries.values()
        if e.parents
    }


def assert_alike(one: Store, other: Store) -> None:
    assert one.branches().keys() == other.branches().keys()
    assert one.tags().keys() == other.tags().keys()
    for ref in [*one.branches(), *one.tags()]:
        assert sorted(map(str, shape(one, ref))) == sorted(map(str, shape(other, ref)))
        assert ancestry(one, ref) == ancestry(other, ref)
        assert one.datasets(ref) == other.datasets(ref)
        for dataset in one.datasets(ref):
            a, b = one.resolve(dataset, ref), other.resolve(dataset, ref)
            pd.testing.assert_frame_equal(one.read(a), other.read(b))
            assert one.card(a) == other.card(b)


def test_a_history_arrives_whole_and_comes_back(
    source: Store, target: Store, tmp_path: Path
) -> None:
    lines: list[str] = []
    report = copy_history(source, target, say=lines.append)
    assert (report.commits, report.known) == (9, 0)
    assert report.branches == ("main", "trial", "twin")
    assert report.tags == ("v1", "v2")
    assert report.linearised == ()
    assert report.compared >= 4
    assert len(lines) == 9
    assert_alike(source, target)
    back = open_store(tmp_path / "back.db")
    copy_history(target, back)
    assert_alike(source, back)
    again = copy_history(back, source)
    assert (again.commits, again.known) == (0, 9)


def test_a_second_copy_brings_only_what_is_new(source: Store, target: Store) -> None:
    copy_history(source, target)
    before = target.branches()
    report = copy_history(source, target)
    assert (report.commits, report.known) == (0, 9)
    assert target.branches() == before
    source.write("loans", loans(3.0), "New", branch="twin")
    report = copy_history(source, target)
    assert (report.commits, report.known) == (1, 9)
    assert_alike(source, target)


@pytest.mark.parametrize("last", [1, 4, 8])
def test_an_interrupted_copy_goes_on_where_it_was(source: Store, target: Store, last: int) -> None:
    def stop_after(line: str) -> None:
        if line.startswith(f"{last}: "):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_history(source, target, say=stop_after)
    assert "v2" not in target.tags()
    report = copy_history(source, target)
    assert (report.commits, report.known) == (9 - last, last)
    assert_alike(source, target)


def test_some_branches_alone(source: Store, target: Store) -> None:
    report = copy_history(source, target, branches=["trial"])
    assert report.branches == ("trial",)
    assert report.tags == ("v1",)
    assert shape(target, "trial") == shape(source, "trial")
    with pytest.raises(InputError, match=r"no branch 'mian'.*Did you mean 'main'"):
        copy_history(source, target, branches=["mian"])


def test_commits_that_look_alike_are_told_apart_by_their_rows(
    source: Store, tmp_path: Path
) -> None:
    target = open_store(tmp_path / "target.db")
    copy_history(source, target, branches=["twin"])
    report = copy_history(source, target)
    assert (report.commits, report.known) == (7, 2)
    assert_alike(source, target)


def test_a_branch_with_commits_of_its_own_is_left_as_it_is(source: Store, target: Store) -> None:
    copy_history(source, target)
    source.write("loans", loans(4.0), "Theirs")
    target.write("loans", loans(5.0), "Own")
    before = target.branches(), target.tags()
    with pytest.raises(StoreError, match="'main' has commits of its own"):
        copy_history(source, target)
    assert (target.branches(), target.tags()) == before


def test_a_target_that_is_ahead_has_all_there_is(source: Store, target: Store) -> None:
    copy_history(source, target)
    own = target.write("loans", loans(5.0), "Own")
    report = copy_history(source, target)
    assert report.commits == 0
    assert target.resolve("loans").commit == own.commit


def test_a_tag_is_not_moved(source: Store, target: Store) -> None:
    copy_history(source, target, branches=["main"])
    target.untag("v1")
    target.tag("v1", target.resolve("loans"))
    before = target.tags()
    with pytest.raises(StoreError, match="the tag 'v1' names another commit"):
        copy_history(source, target)
    assert target.tags() == before


def test_a_store_that_cannot_merge_gets_lines(source: Store, tmp_path: Path) -> None:
    target = open_store(tmp_path / "target.db")
    whole = target.commit

    def without_merges(*args: object, merged: str = "", **named: object) -> str:
        if merged:
            raise Unmergeable("loans")
        return whole(*args, **named)  # type: ignore[arg-type]

    target.commit = without_merges  # type: ignore[method-assign]
    lines: list[str] = []
    report = copy_history(source, target, say=lines.append)
    (merge,) = report.linearised
    assert {e.commit: e for e in source.log()}[merge].message == "Merge"
    assert any("one parent" in line for line in lines)
    again = copy_history(source, target)
    assert (again.commits, again.linearised) == (0, (merge,))
    newest = target.resolve("loans")
    pd.testing.assert_frame_equal(target.read(newest), source.read(source.resolve("loans")))


def test_a_store_that_is_lost_in_a_merge_gets_no_line(source: Store, tmp_path: Path) -> None:
    target = open_store(tmp_path / "target.db")
    whole = target.commit

    def lost(*args: object, merged: str = "", **named: object) -> str:
        if merged:
            raise StoreError("the disk is full.")
        return whole(*args, **named)  # type: ignore[arg-type]

    target.commit = lost  # type: ignore[method-assign]
    with pytest.raises(StoreError, match="the disk is full"):
        copy_history(source, target)
    target.commit = whole  # type: ignore[method-assign]
    assert copy_history(source, target).linearised == ()


def test_what_differs_in_the_end_is_found(source: Store, tmp_path: Path) -> None:
    target = open_store(tmp_path / "target.db")
    read: Callable[..., pd.DataFrame] = target.read

    def fail_after(line: str) -> None:
        if line.startswith("9: "):
            target.read = lambda v: read(v).assign(amount=0.0)  # type: ignore[method-assign]

    with pytest.raises(StoreError, match=r"'loans' at '\w+' is not the same"):
        copy_history(source, target, say=fail_after)


def test_an_empty_store_has_no_history(tmp_path: Path, target: Store) -> None:
    report = copy_history(open_store(tmp_path / "nothing.db"), target)
    assert (report.commits, report.branches, report.compared) == (0, (), 0)
