"""``limelight data merge | revert``, and what goes over to another store."""

from __future__ import annotations

import pandas as pd
import pytest
from typer.testing import CliRunner

from limelight.cli.app import app
from limelight.data import open_store
from limelight.data._connection import opened


@pytest.fixture
def conflict(path):
    """Two branches that changed one cell; and the store."""
    store = open_store(path)
    frame = store.read(store.resolve("loans", "v1"))
    store.branch("fixes")
    ours = store.read(store.resolve("loans"))
    theirs = ours.copy()
    ours.loc[2, "amount"], theirs.loc[2, "amount"] = 1201.0, 1202.0
    theirs.loc[4, "note"] = "fixed"
    store.write("loans", theirs, "Fixes", branch="fixes")
    store.write("loans", ours, "Another correction")
    assert frame.loc[2, "amount"] == 1200.25
    return store


def test_a_merge_says_what_came_in(limelight, document, path):
    store = open_store(path)
    said = limelight("merge", "rates", "-m", "Take the rates", "--author", "Bo <bo@example.org>")
    newest = store.log()[0]
    assert said.splitlines()[0] == f"rates is merged into main: {newest.commit}"
    assert said.splitlines()[1].split() == ["loans", "+0", "-0", "~1"]
    assert (newest.message, newest.author) == ("Take the rates", "Bo <bo@example.org>")
    assert len(newest.parents) == 2
    assert limelight("merge", "rates") == "main has all of rates already.\n"
    again = document("merge", "rates")
    assert again["before"] == again["commit"] == newest.commit
    assert again["datasets"] == []


def test_a_merge_is_by_gits_user_unless_somebody_else_is_named(limelight, path, monkeypatch):
    monkeypatch.delenv("LIMELIGHT_AUTHOR", raising=False)
    settings = {"COUNT": "2", "KEY_0": "user.name", "VALUE_0": "Di"}
    for name, value in (settings | {"KEY_1": "user.email", "VALUE_1": "di@example.org"}).items():
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    limelight("merge", "rates")
    limelight("revert", "main~1")
    assert {entry.author for entry in open_store(path).log()[:2]} == {"Di <di@example.org>"}


def test_an_author_can_be_said_once_for_all(limelight, path, monkeypatch):
    monkeypatch.setenv("LIMELIGHT_AUTHOR", "Cy <cy@example.org>")
    limelight("revert", "main")
    assert open_store(path).log()[0].author == "Cy <cy@example.org>"


def test_a_log_shows_where_branches_met(limelight):
    limelight("merge", "rates")
    left = [line[:3].rstrip() for line in limelight("log").splitlines()]
    assert left[:2] == ["◎", "├─╮"]
    assert "├─╯" in left
    assert left[-1] == "●"


def test_a_conflict_is_listed_and_nothing_is_merged(limelight, document, conflict):
    before = conflict.branches()
    assert limelight("merge", "fixes", code=1).startswith("1 conflict, so nothing was changed.")
    result = CliRunner().invoke(app, ["data", "merge", "fixes"])
    assert result.stdout.splitlines() == [
        "Dataset  Kind  Key  Column  Base     Ours    Theirs",
        "loans    cell  2    amount  1200.25  1201.0  1202.0",
    ]
    error = document("merge", "fixes", code=1)["error"]
    assert error["type"] == "ConflictError"
    (listed,) = error["conflicts"]
    assert (listed["column"], listed["base"]) == ("amount", 1200.25)
    assert (listed["ours"], listed["theirs"]) == (1201.0, 1202.0)
    assert conflict.branches() == before


@pytest.mark.parametrize(("side", "amount"), [("--ours", 1201.0), ("--theirs", 1202.0)])
def test_a_side_decides_all_conflicts(limelight, conflict, side, amount):
    limelight("merge", "fixes", side)
    frame = conflict.read(conflict.resolve("loans"))
    assert frame.loc[2, "amount"] == amount
    assert frame.loc[4, "note"] == "fixed"


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl"])
def test_conflicts_go_through_a_file(limelight, conflict, tmp_path, ending):
    name = f"conflicts.{ending}"
    said = limelight("merge", "fixes", "--conflicts-to", name, code=1)
    assert f"limelight data merge fixes --decisions {name}" in said
    assert "exists" in limelight("merge", "fixes", "--conflicts-to", name, code=1)
    assert "1 conflict" in limelight("merge", "fixes", "--decisions", name, code=1)
    text = (tmp_path / name).read_text()
    if ending == "csv":
        filled = pd.read_csv(tmp_path / name, dtype=str).assign(take="theirs").to_csv(index=False)
    else:
        filled = text.replace('"take": ""', '"take": "theirs"')
    (tmp_path / name).write_text(filled)
    limelight("merge", "fixes", "--decisions", name)
    assert conflict.read(conflict.resolve("loans")).loc[2, "amount"] == 1202.0


def test_a_commit_is_taken_back(limelight, path):
    store = open_store(path)
    before = store.resolve("loans", "v1")
    assert limelight("revert", "main").startswith("main is taken back on main: ")
    assert store.resolve("loans").table_hash == before.table_hash
    assert len(store.log("loans")) == 3


def test_names_are_made_listed_and_taken_away(limelight, document, path):
    store = open_store(path)
    commit = store.branches()["main"]
    assert limelight("tag", "v2", "loans", "-m", "November") == f"v2 is loans at {commit}.\n"
    assert [one["tag"] for one in document("tag")["tags"]] == ["v1", "v2"]
    assert "taken by a tag" in limelight("tag", "v2", "loans", "--ref", "v1", code=1)
    assert limelight("untag", "v2") == f"v2 is gone; its commit was {commit}.\n"
    assert "v2" not in store.tags()

    limelight("branch", "fixes", "v1")
    listed = {one["branch"]: one for one in document("branch")["branches"]}
    assert list(listed) == ["main", "fixes", "rates"]
    assert (listed["rates"]["ahead"], listed["rates"]["behind"]) == (1, 1)
    assert (listed["fixes"]["ahead"], listed["fixes"]["behind"]) == (0, 2)
    limelight("branch", "-d", "fixes")
    assert "rates" in limelight("branch", "-d", "rates", code=1)
    limelight("branch", "-D", "rates")
    assert list(store.branches()) == ["main"]


def test_a_remote_gets_a_branch_and_gives_it_back(limelight, document, path, tmp_path):
    store = open_store(path)
    assert "No remotes yet" in limelight("remote")
    backup = tmp_path / "backup.db"
    limelight("remote", "origin", str(backup))
    assert document("remote")["remotes"] == [{"remote": "origin", "url": f"file://{backup}"}]
    commit = store.branches()["main"]
    assert limelight("push") == f"origin has main up to {commit}.\n"
    limelight("clone", str(backup), "mine/store.db", "--json")
    other = open_store(tmp_path / "mine" / "store.db")
    assert other.branches()["main"] == commit
    newer = other.read(other.resolve("loans")).assign(amount=1.0)
    other.write("loans", newer, "All at one")
    limelight("push", "--store", str(tmp_path / "mine" / "store.db"))
    said = limelight("pull").splitlines()
    assert said[0] == f"main is pulled from origin: {other.branches()['main']}"
    assert said[1].split() == ["loans", "+0", "-0", "~4"]
    assert limelight("pull") == "main has all of origin already.\n"
    assert "Known: 'origin'" in limelight("push", "orgin", code=1)


def test_doctor_says_what_is_wrong(limelight, document, path):
    assert limelight("doctor").splitlines()[-1] == "All is well."
    assert document("doctor")["ok"] is True
    with opened(path) as connection:  # another program, which does not commit
        connection.execute("CREATE TABLE stray (a)")
    said = limelight("doctor", code=1)
    assert "✗ uncommitted  changes were never committed" in said
    assert said.endswith("1 thing to look after.\n")
    found = document("doctor", code=1)
    assert not found["ok"]
    assert [one["about"] for one in found["findings"] if not one["ok"]] == ["uncommitted"]


def test_gc_says_what_it_gave_back(limelight, document):
    assert "given back; the store has" in limelight("gc")
    sizes = document("gc")
    assert sizes["bytes_before"] >= sizes["bytes_after"] > 0
