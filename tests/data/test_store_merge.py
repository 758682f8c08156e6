"""Merging and reverting: what every store must do, and changes of the schema between versions."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from limelight.data import DatasetCard, Store
from limelight.data.merging import as_text, read_decisions
from limelight.errors import ConflictError, InputError, StoreError

CARD = DatasetCard(name="loans", target="default", key=("id",))
BASE: dict[str, Any] = {"id": [1, 2, 3], "amount": [10.0, 20.0, 30.0], "default": ["n", "y", "n"]}


def write(
    store: Store, branch: str = "main", card: DatasetCard | None = None, **changes: Any
) -> str:
    """Commit the base with columns changed, added, or (None) dropped."""
    columns = {name: values for name, values in (BASE | changes).items() if values is not None}
    frame = pd.DataFrame(columns)
    said = ", ".join(changes) or "all"
    return store.write("loans", frame, f"Change {said}", card=card, branch=branch).commit


def start(store: Store) -> str:
    """A first version, and a branch ``fixes`` at it."""
    commit = write(store, card=CARD)
    store.branch("fixes")
    return commit


def rows(store: Store, ref: str = "main") -> pd.DataFrame:
    return store.read(store.resolve("loans", ref))


def check(store: Store, ref: str = "main", **columns: Any) -> None:
    """The base with some columns as given is what a branch holds."""
    kept = {name: values for name, values in (BASE | columns).items() if values is not None}
    pd.testing.assert_frame_equal(rows(store, ref), pd.DataFrame(kept).set_index("id"))


def test_both_sides_come_together_in_a_commit_with_two_parents(store: Store) -> None:
    base = start(store)
    theirs = write(store, "fixes", amount=[11.0, 20, 30])
    store.write(
        "more", pd.DataFrame({"x": [1]}), "More", card=DatasetCard("more", "x"), branch="fixes"
    )
    tip = store.branches()["fixes"]
    ours = write(store, default=["n", "n", "n"])
    made = store.merge("fixes", message="Corrections", author="Ada <ada@example.org>")
    check(store, amount=[11.0, 20, 30], default=["n", "n", "n"])
    assert store.datasets() == ["loans", "more"]
    assert store.branches() == {"main": made, "fixes": tip}
    entry = store.log()[0]
    assert (entry.commit, entry.parents) == (made, (ours, tip))
    assert (entry.message, entry.author) == ("Corrections", "Ada <ada@example.org>")
    assert {base, theirs, ours} <= {commit.commit for commit in store.log()}
    assert store.merge("fixes") == made
    assert len(store.log()) == 6 or len(store.log()) == 5
    store.merge("main", "fixes")
    assert store.branches()["fixes"] == made


def test_a_branch_that_did_not_move_goes_forward(store: Store) -> None:
    start(store)
    theirs = write(store, "fixes", amount=[11.0, 20, 30])
    assert store.merge("fixes") == theirs
    assert store.branches()["main"] == theirs
    check(store, amount=[11.0, 20, 30])
    with pytest.raises(InputError, match="1 decision of no conflict"):
        store.merge("fixes", decisions=decision("[1]", "ours"))


def decision(key: str, take: str, column: str = "amount") -> pd.DataFrame:
    return pd.DataFrame(
        [("loans", "cell", key, column, take)],
        columns=["dataset", "kind", "key", "column", "take"],
    )


def test_a_conflict_leaves_everything_as_it_was(store: Store) -> None:
    start(store)
    theirs = write(store, "fixes", amount=[11.0, 22, 30])
    ours = write(store, amount=[12.0, 20, 33])
    with pytest.raises(ConflictError) as caught:
        store.merge("fixes")
    found = caught.value.conflicts
    assert found.to_numpy().tolist() == [["loans", "cell", "[1]", "amount", 10.0, 12.0, 11.0, ""]]
    assert store.branches() == {"main": ours, "fixes": theirs}
    check(store, amount=[12.0, 20, 33])
    write(store, amount=[13.0, 20, 33])  # nothing uncommitted is in the way


@pytest.mark.parametrize("how", ["ours", "theirs", "file"])
def test_a_conflict_is_decided(store: Store, tmp_path: Path, how: str) -> None:
    start(store)
    tip = write(store, "fixes", amount=[11.0, 22, 31])
    ours = write(store, amount=[12.0, 20, 32])
    if how == "file":
        with pytest.raises(ConflictError) as caught:
            store.merge("fixes")
        path = tmp_path / "decisions.csv"
        as_text(caught.value.conflicts).assign(take=["base", "theirs"]).to_csv(path, index=False)
        store.merge("fixes", decisions=read_decisions(path))
        check(store, amount=[10.0, 22, 31])
    else:
        store.merge("fixes", take=how)
        check(store, amount=[12.0, 22, 32] if how == "ours" else [11.0, 22, 31])
    assert store.log()[0].parents == (ours, tip)


def test_decisions_must_fit(store: Store) -> None:
    start(store)
    write(store, "fixes", amount=[11.0, 22, 31])
    ours = write(store, amount=[12.0, 20, 32])
    with pytest.raises(InputError, match=r"1 decision of no conflict: the cell \[2\] 'amount'"):
        store.merge("fixes", decisions=decision("[2]", "ours"))
    with pytest.raises(InputError, match="'mine'"):
        store.merge("fixes", decisions=decision("[1]", "mine"))
    with pytest.raises(InputError, match="take='mine'"):
        store.merge("fixes", take="mine")
    with pytest.raises(ConflictError, match=r"1 conflict; .*row \[3\]"):
        store.merge("fixes", decisions=decision("[1]", "ours"))
    with pytest.raises(InputError, match="no branch 'fixs'"):
        store.merge("main", "fixs")
    with pytest.raises(InputError, match="ref 'fixs'"):
        store.merge("fixs")
    assert store.branches()["main"] == ours


SCHEMAS: dict[str, dict[str, Any]] = {
    "added": {"term": [1, 2, 3]},
    "dropped": {"amount": None},
    "renamed": {"amount": None, "sum": [10.0, 20, 30]},
    "wider": {"whole": [1.5, 2, 3]},
    "nullable": {"whole": pd.array([1, None, 3], dtype="Int64")},
}


@pytest.mark.parametrize("change", SCHEMAS)
@pytest.mark.parametrize("changer", ["main", "fixes"])
def test_the_schema_changes_on_one_side_and_rows_on_the_other(
    store: Store, change: str, changer: str
) -> None:
    whole = {"whole": [1, 2, 3]}
    write(store, card=CARD, **whole)
    store.branch("fixes")
    other = "fixes" if changer == "main" else "main"
    write(store, changer, **(whole | SCHEMAS[change]))
    added = BASE | whole | {"id": [1, 2, 4], "default": ["y", "y", "n"]}
    store.write("loans", pd.DataFrame(added), "Rows", branch=other)
    store.merge("fixes")
    expected = pd.DataFrame(BASE | whole | {"id": [1, 2, 4], "default": ["y", "y", "n"]})
    expected = {
        "added": lambda f: f.assign(term=pd.array([1, 2, None], dtype="Int64")),
        "dropped": lambda f: f.drop(columns="amount"),
        "renamed": lambda f: f.rename(columns={"amount": "sum"}),
        "wider": lambda f: f.assign(whole=[1.5, 2, 3]),
        "nullable": lambda f: f.assign(whole=pd.array([1, None, 3], dtype="Int64")),
    }[change](expected)
    found = rows(store).reset_index()
    pd.testing.assert_frame_equal(found[sorted(found)], expected[sorted(expected)])
    assert len(store.log()[0].parents) == 2


def test_both_sides_change_the_schema(store: Store) -> None:
    base = start(store)
    write(store, "fixes", amount=None, sum=[10.0, 20, 30], term=[1, 2, 3])
    write(
        store, amount=[10.0, 20, 33], note=["a", "b", "c"], default=pd.Categorical(["n", "y", "n"])
    )
    store.merge("fixes")
    found = rows(store)
    assert found["sum"].tolist() == [10.0, 20, 33]
    assert (found["term"].tolist(), found["note"].tolist()) == ([1, 2, 3], ["a", "b", "c"])
    assert found["default"].dtype == "category"
    store.branch("text", base)
    write(store, "text", amount=["ten", "twenty", "thirty"])
    with pytest.raises(ConflictError) as caught:
        store.merge("text")
    assert "column" in caught.value.conflicts["kind"].tolist()
    ours, theirs = store.branches()["main"], store.branches()["text"]
    made = store.merge("text", take="ours")
    pd.testing.assert_frame_equal(rows(store), found)
    before = {entry.commit: entry.parents for entry in store.log()}
    first, second = before[made]
    assert first == ours
    # Where an engine's own merge refuses such columns, a commit that it takes stands between.
    assert second == theirs or before[second] == (theirs,)
    assert store.branches().keys() == {"main", "fixes", "text"}
    assert store.merge("text") == made


def test_cards_and_whole_datasets_merge(store: Store) -> None:
    start(store)
    write(store, "fixes", card=replace(CARD, licence="MIT", description="Theirs."))
    write(store, card=replace(CARD, source="A bank.", description="Ours."))
    with pytest.raises(ConflictError) as caught:
        store.merge("fixes")
    assert caught.value.conflicts[["kind", "column"]].to_numpy().tolist() == [
        ["card", "description"]
    ]
    store.merge("fixes", take="theirs")
    card = replace(CARD, licence="MIT", source="A bank.", description="Theirs.")
    assert store.card(store.resolve("loans")) == card
    write(store, amount=[1.0, 2, 3])
    store.drop("loans", "Not needed", branch="fixes")
    with pytest.raises(ConflictError) as caught:
        store.merge("fixes")
    assert caught.value.conflicts["kind"].tolist() == ["dataset"]
    store.merge("fixes", take="theirs")
    assert store.datasets() == []


def test_a_dataset_made_on_both_sides(store: Store) -> None:
    store.write("first", pd.DataFrame({"x": [1]}), "First", card=DatasetCard("first", "x"))
    store.branch("fixes")
    write(store, card=CARD)
    write(store, "fixes", card=CARD, id=[2, 3, 4], amount=[20.0, 30, 40], default=["y", "n", "n"])
    store.merge("fixes")
    assert rows(store).index.tolist() == [1, 2, 3, 4]


def test_rows_without_a_key_merge_by_their_content(store: Store) -> None:
    card = replace(CARD, key=())
    write(store, card=card)
    store.branch("fixes")
    write(store, "fixes", amount=[10.0, 22, 30])
    write(store, default=["n", "y", "y"], amount=[10.0, 20, 33])
    store.merge("fixes")
    found = rows(store).sort_values("amount")
    assert found["amount"].tolist() == [10.0, 22.0, 33.0]
    assert found.index.name == "row_key"
    assert (
        store.write("loans", store.read(store.resolve("loans")), "Same").commit
        == store.branches()["main"]
    )


def test_merges_after_merges(store: Store) -> None:
    """Two branches that merge each other again and again find what they have in common."""
    write(store, card=CARD, default=["n", "y", "0"])
    store.branch("fixes")
    for turn in range(1, 4):
        write(store, "fixes", amount=[10.0, 20, 30 + turn], default=["n", "y", f"{turn - 1}"])
        write(store, amount=[10.0, 20, 29 + turn], default=["n", "y", f"{turn}"])
        store.merge("fixes")
        check(store, amount=[10.0, 20, 30 + turn], default=["n", "y", f"{turn}"])
        store.merge("main", "fixes")
        assert store.branches()["fixes"] == store.branches()["main"]


def test_a_revert_takes_out_one_commit(store: Store) -> None:
    start(store)
    wrong = write(store, amount=[99.0, 20, 30])
    write(store, amount=[99.0, 20, 33])
    made = store.revert(wrong)
    check(store, amount=[10.0, 20, 33])
    entry = store.log()[0]
    assert (entry.commit, entry.message) == (made, 'Revert "Change amount"')
    assert len(entry.parents) == 1
    assert store.revert(wrong) == made  # there is nothing left of it
    store.revert(made, message="It was right")
    check(store, amount=[99.0, 20, 33])
    assert store.log()[0].message == "It was right"


def test_a_revert_of_a_first_version_drops_the_dataset(store: Store) -> None:
    first = write(store, card=CARD)
    store.revert(first)
    assert store.datasets() == []
    store.revert("main")
    check(store)
    root = store.log()[-1]
    if not root.parents:
        with pytest.raises(InputError, match="is the first commit"):
            store.revert(root.commit)


def test_a_revert_of_a_change_of_the_schema(store: Store) -> None:
    start(store)
    renamed = write(store, amount=None, sum=[10.0, 20, 30], term=[1, 2, 3])
    write(store, amount=None, sum=[10.0, 20, 33], term=[1, 2, 3])
    with pytest.raises(ConflictError) as caught:
        store.revert(write(store, amount=None, sum=[1.0, 2, 3], term=[4, 5, 6]) and renamed)
    assert set(caught.value.conflicts["column"]) == {"term"}
    store.revert(renamed, take="theirs")
    check(store, amount=[1.0, 2, 3])


def test_a_revert_of_what_changed_since_is_a_conflict(store: Store) -> None:
    start(store)
    wrong = write(store, amount=[99.0, 20, 30])
    head = write(store, amount=[98.0, 20, 30])
    with pytest.raises(ConflictError) as caught:
        store.revert(wrong)
    assert caught.value.conflicts.to_numpy().tolist() == [
        ["loans", "cell", "[1]", "amount", 99.0, 98.0, 10.0, ""]
    ]
    assert store.branches()["main"] == head
    assert store.revert(wrong, take="ours") == head
    store.revert(wrong, decisions=decision("[1]", "theirs"))
    check(store)


def test_a_revert_of_a_merge_goes_back_to_the_branch_it_was_made_on(store: Store) -> None:
    start(store)
    write(store, "fixes", amount=[11.0, 20, 30])
    write(store, default=["n", "n", "n"])
    store.revert(store.merge("fixes"))
    check(store, default=["n", "n", "n"])


def test_what_others_commit_meanwhile_is_merged_too(store: Store, monkeypatch: Any) -> None:
    """The branch moves between the moment the merge is made ready and that it is written."""
    from limelight.data import _merge

    start(store)
    write(store, "fixes", amount=[11.0, 20, 30])
    write(store, default=["n", "n", "n"])
    planned, moved = _merge._planned, []

    def meanwhile(*given: Any) -> Any:
        plan = planned(*given)
        if not moved:
            moved.append(write(store, default=["n", "n", "n"], amount=[10.0, 20, 33]))
        return plan

    monkeypatch.setattr(_merge, "_planned", meanwhile)
    store.merge("fixes")
    check(store, amount=[11.0, 20, 33], default=["n", "n", "n"])
    assert store.log()[0].parents[0] == moved[0]


def test_what_somebody_else_merges_meanwhile_is_merged_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from limelight.data import _merge

    start(store)
    write(store, "fixes", amount=[11.0, 20, 30])
    write(store, default=["n", "n", "n"])
    planned, made = _merge._planned, []

    def meanwhile(*given: Any) -> Any:
        plan = planned(*given)
        monkeypatch.setattr(_merge, "_planned", planned)
        made.append(store.merge("fixes"))
        return plan

    monkeypatch.setattr(_merge, "_planned", meanwhile)
    assert store.merge("fixes") == made[0]
    assert store.branches()["main"] == made[0]


@pytest.mark.slow
def test_a_column_through_fifty_versions(store: Store) -> None:
    """Added, renamed, widened, dropped: each version reads as it was, and is compared as it is."""
    versions = []
    frames = []
    for step in range(50):
        frame = pd.DataFrame({"id": range(20), "default": ["n"] * 20, "a": np.arange(20) + step})
        if step >= 10:
            frame["term"] = 1
        if step >= 20:
            frame = frame.rename(columns={"a": "b"})
        if step >= 30:
            frame["b"] = frame["b"] + 0.5
        if step >= 40:
            frame = frame.drop(columns="term")
        card = CARD if step == 0 else None
        versions.append(store.write("loans", frame, f"Step {step}", card=card))
        frames.append(frame.set_index("id"))
    for version, frame in zip(versions, frames, strict=True):
        pd.testing.assert_frame_equal(store.read(version), frame)
    assert len(store.log("loans")) == 50
    assert store.diff(versions[9], versions[10]).columns_added == ("term",)
    assert store.diff(versions[39], versions[40]).columns_removed == ("term",)
    assert store.diff(versions[29], versions[30]).columns_changed == ("b",)
    first_last = store.diff(versions[0], versions[-1])
    assert (first_last.columns_removed, first_last.columns_added) == (("a",), ("b",))
    assert len(store.changes(versions[0], versions[1]).after) == 20
    store.branch("old", versions[5].commit)
    old = frames[5].reset_index().assign(default=["y"] * 20)
    store.write("loans", old, "A correction", branch="old")
    store.merge("old")
    assert store.log()[0].parents[0] == versions[-1].commit
    expected = frames[-1].assign(default="y")
    pd.testing.assert_frame_equal(rows(store), expected[rows(store).columns])


def test_histories_without_a_common_commit_are_refused(store: Store, tmp_path: Path) -> None:
    from limelight.data import open_store

    if not store.url.startswith("doltlite"):
        pytest.skip("needs a remote that is a file")
    start(store)
    time.sleep(1.1)  # stores that are made in one second begin with the same commit
    other = open_store(tmp_path / "other.db")
    write(other, card=CARD)
    store.add_remote("other", f"file://{tmp_path}/other.db")
    with pytest.raises(StoreError, match="no commit in common"):
        store.pull("other")
