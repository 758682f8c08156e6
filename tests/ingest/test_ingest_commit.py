"""From a source to a commit: modes, branches, tags, and doing it again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from limelight.data import Store
from limelight.errors import InputError, LimelightError
from limelight.ingest.commit import Committed, commit, commit_lines
from limelight.ingest.load import Table, load, table_lines
from limelight.ingest.request import Request
from limelight.ingest.story import closing_lines, report_on_commit, report_on_rows
from limelight.report.data_page import render_data_report


@pytest.fixture
def ingest(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch):
    """``ingest(frame, run, **wishes)``: a frame as a CSV into ``loans``, in each kind of store."""
    monkeypatch.setenv("LIMELIGHT_CACHE", "off")

    def run(frame: pd.DataFrame, run: str = "IngestFlow/1", **wishes: Any) -> Committed:
        request, table = prepare(frame, **wishes)
        return commit(request, table, run)

    def prepare(frame: pd.DataFrame, **wishes: Any) -> tuple[Request, Table]:
        path = tmp_path / "loans.csv"
        frame.to_csv(path, index=False)
        wishes = {"store": store.url, "author": "Ada <a@b.org>"} | wishes
        request = Request(str(path), **wishes)
        return request, load(request)

    run.prepare = prepare  # type: ignore[attr-defined]
    run.store = store  # type: ignore[attr-defined]
    return run


FIRST = {"key": ("id",), "target": "default"}


def loans(rows: int = 60, first: int = 1) -> pd.DataFrame:
    ids = range(first, first + rows)
    return pd.DataFrame(
        {
            "id": ids,
            "age": [20 + (7 * n) % 50 for n in ids],
            "code": [f"{n % 9:03d}" for n in ids],
            "default": ["yes" if n % 5 == 0 else "no" for n in ids],
        }
    )


def test_a_commit_says_what_run_made_it_of_what_and_who(ingest) -> None:
    done = ingest(loans(), "IngestFlow/7", **FIRST)
    (entry,) = ingest.store.log("loans")
    assert entry.message == "Ingest loans.csv\n\nRun: IngestFlow/7"
    assert entry.author == "Ada <a@b.org>"
    assert (done.made, done.before, done.changes) == (True, None, None)
    assert done.version.commit == entry.commit
    assert ingest.store.card(done.version).key == ("id",)
    assert ingest.store.card(done.version).source == "loans.csv"


def test_the_same_file_twice_gives_one_commit(ingest) -> None:
    first = ingest(loans(), "IngestFlow/1", **FIRST)
    request, table = ingest.prepare(loans())
    again = commit(request, table, "IngestFlow/2")
    assert (again.made, again.version) == (False, first.version)
    assert len(ingest.store.log("loans")) == 1
    assert commit_lines(again, request)[0].startswith("nothing new: 'loans' on main holds these")


def test_a_commit_of_the_card_alone_says_so(ingest) -> None:
    first = ingest(loans(1), **FIRST)
    assert commit_lines(first, Request("loans.csv"))[0].endswith("on main: 1 row, the first one")
    done = ingest(loans(1), "IngestFlow/2", licence="CC0")
    assert "no rows changed, but the card, or" in commit_lines(done, Request("loans.csv"))[0]


def test_the_same_file_after_another_dataset_came_is_still_nothing_new(ingest) -> None:
    first = ingest(loans(), "IngestFlow/1", tags=("v1",), **FIRST)
    ingest(loans(), "IngestFlow/2", dataset="others", **FIRST)
    again = ingest(loans(), "IngestFlow/3", tags=("v1",))
    assert (again.made, again.version.commit) == (False, first.version.commit)


def test_a_step_that_is_done_again_finds_its_own_commit(ingest) -> None:
    ingest(loans(), "IngestFlow/1", **FIRST)
    changed = loans().assign(age=lambda frame: frame["age"] + 1)
    request, table = ingest.prepare(changed, tags=("v2",))
    first = commit(replace(request, tags=()), table, "IngestFlow/2")  # killed before the tag
    again = commit(request, table, "IngestFlow/2")
    assert again.made
    assert again.version == first.version
    assert again.changes == first.changes
    assert again.changes.modified == 60
    assert ingest.store.tags() == {"v2": first.version.commit}
    assert len(ingest.store.log("loans")) == 2


def test_replace_upsert_and_append(ingest) -> None:
    ingest(loans(), **FIRST)
    part = pd.concat([loans(1, first=5).assign(age=44), loans(3, first=61)])
    upserted = ingest(part, "IngestFlow/2", mode="upsert")
    assert (upserted.changes.added, upserted.changes.modified, upserted.version.rows) == (3, 1, 63)
    assert upserted.entry.message.startswith("Ingest loans.csv (upsert)\n")
    appended = ingest(loans(2, first=63), "IngestFlow/3", mode="append")
    assert (appended.changes.added, appended.version.rows) == (1, 64)
    replaced = ingest(loans(), "IngestFlow/4")
    assert (replaced.changes.removed, replaced.changes.modified) == (4, 1)
    assert replaced.version.rows == 60
    assert replaced.version.table_hash == ingest.store.resolve("loans", "main~3").table_hash


def test_an_append_that_would_change_a_row_is_refused_before_any_commit(ingest) -> None:
    ingest(loans(), **FIRST)
    with pytest.raises(InputError, match="'id' 5"):
        ingest.prepare(loans(1, first=5).assign(age=44), mode="append")
    assert len(ingest.store.log("loans")) == 1


def test_an_update_of_some_columns_keeps_the_others(ingest) -> None:
    ingest(loans(), **FIRST)
    part = loans(2).assign(age=33).drop(columns="code")
    done = ingest(part, "IngestFlow/2", mode="upsert")
    rows = ingest.store.read(done.version)
    assert rows.loc[[1, 2], "code"].tolist() == ["001", "002"]
    assert rows.loc[[1, 2, 3], "age"].tolist() == [33, 33, 41]


def test_a_failed_check_writes_nothing_and_names_the_rows(ingest) -> None:
    ingest(loans(), **FIRST)
    bad = loans()
    bad.loc[bad["id"] == 17, "age"] = 9999
    request, table = ingest.prepare(bad)
    assert "id 17" in "\n".join(table_lines(table))
    with pytest.raises(InputError, match="id 17") as caught:
        commit(request, table, "IngestFlow/2")
    assert caught.value.way_out.endswith("--allow range.")
    assert len(ingest.store.log("loans")) == 1
    allowed = ingest(bad, "IngestFlow/2", allow=("range",))
    assert allowed.made
    assert allowed.entry.message.endswith("Run: IngestFlow/2\nAllowed: range")


def test_text_stays_text_when_all_of_it_looks_like_numbers(ingest) -> None:
    ingest(loans(), **FIRST)
    request, table = ingest.prepare(loans().assign(code="12"), allow=("all",))
    assert table.frame["code"].tolist() == ["12"] * 60
    assert not any(issue.check == "schema" for issue in table.quality.issues)
    kept = ingest.store.read(commit(request, table, "IngestFlow/2").version)
    assert kept["code"].dtype == "str"


def test_partitions_that_were_text_stay_text(ingest, tmp_path) -> None:
    def parts(folder: Path, *months: str) -> Request:
        for month in months:
            (folder / f"month={month}").mkdir(parents=True)
            loans(30, first=1000 * int(month)).to_csv(
                folder / f"month={month}" / "part.csv", index=False
            )
        return Request(str(folder), dataset="loans", store=ingest.store.url, **FIRST)

    first = parts(tmp_path / "first", "01", "02")
    commit(first, load(first), "IngestFlow/1")
    table = load(replace(parts(tmp_path / "second", "10", "11"), allow=("all",)))
    assert table.frame["month"].unique().tolist() == ["10", "11"]
    assert "schema" not in {issue.check for issue in table.quality.issues}


def test_a_note_on_another_column_stays(ingest) -> None:
    ingest(loans(), **FIRST)
    odd = loans().assign(code="12", age=["'code'", *loans()["age"].tolist()[1:]])
    _, table = ingest.prepare(odd, allow=("all",))
    assert [note[:21] for note in table.notes] == ["column 'age' is text:"]


def test_a_key_of_all_columns_is_refused(ingest) -> None:
    with pytest.raises(InputError, match="no column beside the key"):
        ingest.prepare(loans()[["id"]], key=("id",))


def test_the_range_of_a_column_that_is_given_another_type_is_not_forced_back(ingest) -> None:
    ingest(loans(), **FIRST)
    _, table = ingest.prepare(loans(), types="age=number")
    assert table.frame["age"].dtype == "float64"


def test_branches_are_made_only_when_asked_for(ingest) -> None:
    ingest(loans(), **FIRST)
    with pytest.raises(InputError, match=r"no branch 'fixes'.*--new-branch"):
        ingest.prepare(loans(), branch="fixes")
    changed = loans().assign(age=lambda frame: frame["age"] + 1)
    done = ingest(changed, "IngestFlow/2", branch="fixes", new_branch=True)
    assert (done.version.branch, done.changes.modified) == ("fixes", 60)
    assert ingest.store.resolve("loans").rows == 60
    assert ingest.store.read(ingest.store.resolve("loans"))["age"].iloc[0] == 27
    with pytest.raises(InputError, match="there already"):
        ingest.prepare(loans(), branch="fixes", new_branch=True)
    again = ingest(changed, "IngestFlow/3", branch="fixes")
    assert not again.made


def test_a_new_store_begins_with_main(ingest) -> None:
    with pytest.raises(InputError, match="no branch 'x'"):
        ingest.prepare(loans(), branch="x", **FIRST)
    if ingest.store.branches():  # a database of a server has it from the start
        done = ingest(loans(), branch="x", new_branch=True, **FIRST)
        assert (done.made, done.version.branch, ingest.store.datasets()) == (True, "x", [])
        return
    with pytest.raises(InputError, match="begins with main"):
        ingest.prepare(loans(), branch="x", new_branch=True, **FIRST)


def test_a_tag_that_is_taken_is_refused_before_any_work(ingest) -> None:
    ingest(loans(), tags=("v1",), **FIRST)
    ingest(loans(61), "IngestFlow/2")
    with pytest.raises(InputError, match="'v1' names commit"):
        ingest.prepare(loans(62), tags=("v1",))
    with pytest.raises(InputError, match="'main' names commit"):
        ingest.prepare(loans(62), tags=("main",), dataset="new")


def test_an_upsert_of_some_columns_leaves_the_others_as_they_are(ingest) -> None:
    ingest(loans(), **FIRST)
    part = pd.DataFrame({"id": [1, 2], "age": [99, 98]})
    done = ingest(part, "IngestFlow/2", mode="upsert", allow=("all",))
    assert (done.changes.modified, done.changes.columns_removed) == (2, ())
    rows = ingest.store.read(done.version)
    assert rows["age"].iloc[:3].tolist() == [99, 98, 41]
    pd.testing.assert_series_equal(rows["default"], loans().set_index("id")["default"])
    with pytest.raises(InputError, match="target"):
        ingest(part, "IngestFlow/3", mode="upsert", dataset="new", key=("id",), target="default")
    assert ingest.store.datasets() == ["loans"]


@pytest.mark.parametrize("key", [("id",), ()])
def test_a_tag_of_the_last_version_goes_with_the_same_rows_alone(ingest, key) -> None:
    first = {"target": "default", "key": key, "tags": ("v1",)}
    done = ingest(loans(), **first)
    again = ingest(loans().sample(frac=1, random_state=1), "IngestFlow/2", **first)
    assert (again.made, again.version.commit) == (False, done.version.commit)
    for changed in (loans(61), loans().assign(age=50), loans()[["id", "code", "age", "default"]]):
        with pytest.raises(InputError, match="'v1' names commit"):
            ingest.prepare(changed, allow=("all",), **first)
    with pytest.raises(InputError, match="'v1' names commit"):
        ingest.prepare(loans(), **first, licence="CC0")
    with pytest.raises(InputError, match="'main' names commit"):
        ingest.prepare(loans(), **first | {"tags": ("main",)})
    assert len(ingest.store.log("loans")) == 1


def test_the_key_of_a_dataset_changes_only_with_all_of_its_rows(ingest) -> None:
    ingest(loans(), **FIRST)
    with pytest.raises(InputError, match="cannot become 'age' with --mode upsert"):
        ingest.prepare(loans(), key=("age",), mode="upsert")


def test_somebody_elses_commit_in_between_is_told(ingest) -> None:
    ingest(loans(), **FIRST)
    request, table = ingest.prepare(loans().assign(age=50))
    theirs = ingest(loans(61), "IngestFlow/2")
    done = commit(
        request, replace(table, quality=replace(table.quality, issues=())), "IngestFlow/3"
    )
    assert done.made
    assert done.before.commit == theirs.version.commit
    assert "another commit came in between" in done.notes[0]


@pytest.mark.parametrize(
    ("wishes", "problem"),
    [
        ({"target": "defualt"}, "Did you mean 'default'"),
        ({"key": ("code",)}, "not unique"),
        ({"dataset": "dolt_x"}, "not a valid dataset name"),
        ({"author": "Ada <a b>"}, "author"),
        ({"query": "SELECT 1"}, "a query is for a database"),
        ({"allow": ("rnage",)}, "Did you mean 'range'"),
        ({"tags": ("a..b",)}, "not a valid tag name"),
        ({"message": "  \n "}, "no message"),
    ],
)
def test_input_that_cannot_be_used_leaves_no_trace(ingest, wishes, problem) -> None:
    with pytest.raises(LimelightError, match=problem) as caught:
        _, table = ingest.prepare(loans(), **{**FIRST, **wishes})
        # What the checks of the rows found is told later, with all the rest that they found.
        table.quality.refuse()
    assert "\n" not in str(caught.value)
    assert ingest.store.datasets() == []


def test_the_pages_and_the_lines_tell_what_was_done(ingest) -> None:
    ingest(loans(), **FIRST)
    changed = loans(63).assign(age=lambda f: f["age"].mask(f["id"] == 3, 77), income=1.5)
    request, table = ingest.prepare(changed, tags=("v2",))
    before = render_data_report(report_on_rows(table, "IngestFlow/2"))
    assert "Nothing stands in the way" in before
    done = commit(request, table, "IngestFlow/2")
    page = render_data_report(report_on_commit(request, table, done, "IngestFlow/2"))
    for word in ("3 rows added, 1 changed", done.version.commit, "income", "<del>41</del>", "v2"):
        assert word in page
    text = "\n".join(closing_lines(request, done))
    assert "3 rows added, 1 changed; column 'income' added" in text
    assert f"--dataset loans --store {request.store}" in text
    assert f"limelight data diff loans {done.before.commit[:10]}" in text
    again = commit(request, table, "IngestFlow/3")
    page = render_data_report(report_on_commit(request, table, again, "IngestFlow/3"))
    assert "Nothing new: " in page
    assert "nothing new: " in "\n".join(closing_lines(request, again))
