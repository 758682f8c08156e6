"""``limelight data list | log | show``."""

from __future__ import annotations

import pytest

from limelight.data import open_store


def test_list_says_what_is_at_a_ref(limelight, document):
    lines = limelight("list").splitlines()
    assert lines[0].split() == [
        "Dataset",
        "Rows",
        "Columns",
        "Target",
        *["Commit", "Date", "(UTC)", "Message"],
    ]
    assert lines[1].split()[:4] == ["houses", "2", "2", "price"]
    assert lines[2].endswith("2026-11-04 09:00  Rows of November")
    assert [one["dataset"] for one in document("list", "--ref", "v1")["datasets"]] == ["loans"]
    assert document("list", "--ref", "rates")["datasets"][1]["columns"] == 7


def test_an_empty_store_says_how_to_fill_it(limelight, document, tmp_path):
    elsewhere = str(tmp_path / "none.db")
    said = limelight("list", "--store", elsewhere)
    assert elsewhere in said and "flows/ingest.py run --source" in said
    assert document("list", "--store", elsewhere)["datasets"] == []
    assert not (tmp_path / "none.db").exists()


def test_log_says_who_changed_what_and_when(limelight, path):
    store = open_store(path)
    newest, first = store.log("loans")
    assert limelight("log", "loans").splitlines() == [
        f"●  {newest.commit[:8]}  2026-11-04 09:00  Ada L  [main] Rows of November",
        f"●  {first.commit[:8]}  2026-11-01 09:00  Ada L  [v1] Rows of October",
    ]
    assert "[rates] Rates" in limelight("log", "--ref", "rates")


def test_log_ends_where_it_is_told(limelight, document):
    assert limelight("log", "-n", "1").splitlines()[1] == "and 3 earlier commits: -n 0 shows all"
    assert len(limelight("log", "-n", "0").splitlines()) == 4
    assert len(document("log")["commits"]) == 4
    assert len(document("log", "-n", "2")["commits"]) == 2


def test_show_has_card_columns_and_first_rows(limelight):
    said = limelight("show", "loans", "--ref", "v1", "--rows", "2")
    assert said.startswith("loans  4 rows\nLoans of a small bank.\nOne row a contract.\n")
    columns, rows = said.split("\n\n")[2:]
    assert columns.splitlines()[1:] == [
        "id       int64          key",
        "amount   float64        feature",
        "grade    category of 3  feature",
        "since    datetime64     feature",
        "note     str            ignored",
        "default  str            target",
    ]
    assert rows.splitlines() == [
        "id   amount  grade  since       note        default",
        " 1    10.5   a      2025-01-01  ''          no",
        r" 2  1200.25  b      2025-01-02  two\nlines  yes",
    ]


def test_of_a_message_the_subject_is_shown_and_its_run_apart(limelight, path):
    store = open_store(path)
    message = "Ingest loans.csv\n\nRun: IngestFlow/12\nAllowed: range"
    store.write("loans", store.read(store.resolve("loans")).iloc[1:], message)
    assert "  Ingest loans.csv\nrun " in limelight("show", "loans")
    assert "IngestFlow/12\n" in limelight("show", "loans")
    for words in (("list",), ("branch",), ("log", "-n", "1")):
        assert "Ingest loans.csv\n" in limelight(*words), words


def test_values_cannot_command_the_terminal(limelight):
    said = limelight("show", "loans", "--ref", "v1")
    assert "\x1b" not in said
    assert r"naïve \x1b[31m" in said


def test_show_as_json_has_exact_values(document):
    shown = document("show", "loans", "--ref", "v1", "--rows", "9")
    assert shown["card"]["key"] == ["id"]
    assert shown["columns"][0] == {"name": "id", "type": "int64", "role": "key"}
    assert shown["first_rows"][3] == {
        "id": 4,
        "amount": None,
        "grade": "c",
        "since": "2025-01-04T00:00:00",
        "note": "naïve \x1b[31m",
        "default": "no",
    }


@pytest.mark.parametrize("words", [("show", "loan"), ("log", "loan"), ("list", "--ref", "mian")])
def test_an_unknown_name_is_answered_with_the_nearest(limelight, document, words):
    said = limelight(*words, code=1)
    assert "Did you mean" in said
    assert len(said.splitlines()) == 1
    error = document(*words, code=1)["error"]
    assert error["type"] == "InputError"
    assert said == f"{error['problem']} {error['way_out']}\n"
