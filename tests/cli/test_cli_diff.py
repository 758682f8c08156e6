"""``limelight data diff``."""

from __future__ import annotations

import io
import json

import pandas as pd

from limelight.data import open_store


def test_a_diff_in_numbers(limelight, path):
    store = open_store(path)
    v1, main = store.tags()["v1"][:8], store.branches()["main"][:8]
    said = limelight("diff", "loans", "v1")
    assert said.splitlines() == [
        f"loans  v1 {v1} → main {main}",
        "+ 1 row added",
        "- 1 row removed",
        "~ 1 row modified, in amount, note",
        "  2 rows unchanged",
    ]
    assert limelight("diff", "loans", "v1..main") == said
    assert limelight("diff", "loans", "v1", "main") == said
    assert limelight("diff", "loans").splitlines()[1:] == said.splitlines()[1:]
    assert "Nothing changed" in limelight("diff", "loans", "main", "main")


def test_columns_that_came_and_went_have_their_type(limelight, document):
    assert "+ column rate, float64" in limelight("diff", "loans", "v1", "rates")
    assert "- column rate, float64" in limelight("diff", "loans", "rates", "v1")
    assert document("diff", "loans", "v1", "rates")["summary"]["columns_added"] == ["rate"]


def test_a_type_that_changed_is_said(limelight, document, path):
    store = open_store(path)
    store.branch("texts")
    frame = store.read(store.resolve("loans", "texts"))
    store.write("loans", frame.astype({"amount": str}), "Text", branch="texts")
    assert "~ column amount, float64 → str" in limelight("diff", "loans", "main", "texts")
    retyped = document("diff", "loans", "main", "texts")["types_changed"]
    assert retyped == [{"column": "amount", "old": "float64", "new": "str"}]


def test_rows_stand_with_marks_and_old_and_new_values(limelight):
    said = limelight("diff", "loans", "v1", "--rows").split("\n\n")[1]
    assert said.splitlines() == [
        "   id       amount  note       grade  since       default",
        "~   1  10.5 → 11.0  '' → seen  a      2025-01-01  no",
        "+   5         99.0  new        b      2026-02-01  yes",
        "-   3          7.0  null       a      2025-01-03  no",
    ]
    rated = limelight("diff", "loans", "v1..rates", "--rows").split("\n\n")[1]
    assert rated.splitlines()[1].split("  ")[2:4] == ["1200.25 → 1300.0", " 0.2"]


def test_rows_as_json_name_the_cells(document):
    found = document("diff", "loans", "v1", "--rows")["changes"]
    assert [row["id"] for row in found["added"]] == [5]
    assert [row["id"] for row in found["removed"]] == [3]
    assert found["modified"] == [
        {
            "key": {"id": 1},
            "cells": {"amount": {"old": 10.5, "new": 11.0}, "note": {"old": "", "new": "seen"}},
        }
    ]
    assert "changes" not in document("diff", "loans", "v1")
    back = document("diff", "loans", "rates", "v1", "--rows")["changes"]["modified"]
    assert back[0]["cells"]["rate"] == {"old": 0.2}


def test_rows_as_csv_stand_before_and_after(limelight):
    found = pd.read_csv(io.StringIO(limelight("diff", "loans", "v1", "--format", "csv")))
    assert found["change"].tolist() == ["removed", "added", "before", "after"]
    assert found["id"].tolist() == [3, 5, 1, 1]
    assert found["amount"].tolist() == [7.0, 99.0, 10.5, 11.0]


def test_a_limit_says_what_it_left_out(limelight, path):
    store = open_store(path)
    frame = store.read(store.resolve("loans"))
    more = frame.reset_index().assign(id=range(100, 104))
    store.write("loans", pd.concat([frame.reset_index(), more]), "More")
    said = limelight("diff", "loans", "--rows", "--limit", "1")
    assert said.endswith("and 3 added more: --limit 0 shows all\n")
    assert len(limelight("diff", "loans", "--rows", "--limit", "0").splitlines()) == 4 + 1 + 4


def test_a_diff_goes_into_a_file(limelight, tmp_path):
    limelight("diff", "loans", "v1", "-o", "changes.csv")
    assert len(pd.read_csv(tmp_path / "changes.csv")) == 4
    limelight("diff", "loans", "v1", "-o", "changes.json")
    assert json.loads((tmp_path / "changes.json").read_text())["summary"]["added"] == 1
    assert "--force" in limelight("diff", "loans", "v1", "-o", "changes.json", code=1)
    assert "exclude" not in limelight("diff", "loans", "v1..main", "v1", code=2)
