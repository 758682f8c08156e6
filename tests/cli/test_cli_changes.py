"""Changes row by row, in the three forms; here those of other schemas."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from limelight.cli.changes import document, marked, stacked
from limelight.cli.values import cells, records
from limelight.data.store import Changes, DiffSummary

BEFORE = pd.DataFrame({"zip": ["007", "008"], "old": [1, 2], "paid": [0, 1]}, index=[1, 2])
AFTER = pd.DataFrame({"postcode": ["007", "009"], "new": [0.5, None], "paid": [0.0, 3.0]})
KEYED = [frame.rename_axis("id") for frame in (BEFORE, AFTER.set_index(BEFORE.index))]
RENAMED = Changes(KEYED[1][:0], KEYED[0][:1], *KEYED)
SUMMARY = DiffSummary(0, 1, 2, 5, ("new",), ("old",), ("paid", "postcode"), (("zip", "postcode"),))


def test_a_renamed_column_is_one_column():
    fields, rows = marked(RENAMED, SUMMARY)
    assert [field.title for field in fields] == [
        "",
        "id",
        "postcode (was zip)",
        "new",
        "paid",
        "old",
    ]
    assert [[str(cell) for cell in row] for row in rows] == [
        ["~", "1", "007", "0.5", "0.0", "1"],
        ["~", "2", "008 → 009", "null", "1 → 3.0", "2"],
        ["-", "1", "007", "", "0", "1"],
    ]


def test_json_names_a_renamed_column_once_and_says_which_side_a_cell_has():
    found = document(RENAMED, SUMMARY)["modified"]
    assert found[0] == {"key": {"id": 1}, "cells": {"new": {"new": 0.5}, "old": {"old": 1}}}
    assert found[1]["cells"] == {
        "postcode": {"old": "008", "new": "009"},
        "new": {"new": None},
        "paid": {"old": 1, "new": 3.0},
        "old": {"old": 2},
    }


def test_one_frame_has_every_column_of_both():
    found = stacked(RENAMED, SUMMARY)
    assert found.columns.tolist() == ["change", "id", "postcode", "new", "paid", "old"]
    assert found["change"].tolist() == ["removed", "before", "after", "before", "after"]
    assert found["postcode"].tolist() == ["007", "007", "007", "008", "009"]


def test_columns_of_the_data_may_be_called_as_those_of_the_frame():
    names = {"a": "change", "b": "place", "c": "change_2"}
    frame = pd.DataFrame({"a": [1.5], "b": ["x"], "c": [True]}).rename(columns=names)
    after = frame.assign(place="y").rename_axis("id")
    changes = Changes(after[:0], after[:0], frame.rename_axis("id"), after)
    found = stacked(changes, DiffSummary(0, 0, 1, 0, (), (), ("place",)))
    assert found.columns.tolist() == ["change_3", "id", "change", "place", "change_2"]
    assert found.to_numpy().tolist() == [
        ["before", 0, 1.5, "x", True],
        ["after", 0, 1.5, "y", True],
    ]


def test_a_key_of_several_columns_stays_several():
    keyed = KEYED[0].assign(bank="b").set_index("bank", append=True)
    same = Changes(keyed, keyed[:0], keyed[:0], keyed[:0])
    summary = DiffSummary(2, 0, 0, 0)
    assert [field.title for field in marked(same, summary)[0]][:3] == ["", "id", "bank"]
    assert document(same, summary)["added"][0]["bank"] == "b"


def test_missing_values_are_equal_and_no_words():
    frame = pd.DataFrame({"note": ["null", None]}, index=pd.Index([1, 2], name="id"))
    changes = Changes(frame[:0], frame[:0], frame, frame[::-1].set_index(frame.index))
    said = document(changes, DiffSummary(0, 0, 2, 0, columns_changed=("note",)))["modified"]
    assert [one["cells"]["note"]["new"] for one in said] == [None, "null"]
    assert marked(changes, DiffSummary(0, 0, 2, 0))[1][0][2].plain == "'null' → null"


@pytest.mark.parametrize(
    ("values", "shown", "as_json"),
    [
        ([True, None], ["true", "null"], [True, None]),
        ([1.5, float("inf")], ["1.5", "inf  "], [1.5, "inf"]),
        (np.array([2**63], dtype="uint64"), [str(2**63)], [2**63]),
        ([Decimal("1.10"), Decimal("22.5")], ["1.10", "22.5 "], ["1.10", "22.5"]),
        ([b"\x00a"], ["0x0061"], ["AGE="]),
        ([date(2026, 1, 2)], ["2026-01-02"], ["2026-01-02"]),
        (
            pd.to_datetime(["2026-01-02", None]),
            ["2026-01-02", "null"],
            ["2026-01-02T00:00:00", None],
        ),
        (pd.to_datetime(["2026-01-02T03:04"]), ["2026-01-02 03:04:00"], ["2026-01-02T03:04:00"]),
        (pd.to_timedelta(["1h"]), ["0 days 01:00:00"], ["P0DT1H0M0S"]),
        (pd.Categorical(["b", None]), ["b", "null"], ["b", None]),
        (pd.array([1, None], dtype="Int64"), ["1", "null"], [1, None]),
        (["", " x", "a\tb"], ["''", "' x'", r"a\tb"], ["", " x", "a\tb"]),
    ],
)
def test_values_are_shown_as_what_they_are(values, shown, as_json):
    series = pd.Series(values)
    assert [cell.plain for cell in cells(series)] == shown
    assert [row["value"] for row in records(series.to_frame("value"))] == as_json


def test_rounded_values_keep_what_is_before_the_point():
    series = pd.Series([1234567.891234, 0.000123456, 10.0, float("nan")])
    assert [cell.plain.strip() for cell in cells(series, rounded=True)] == [
        "1234567.8912",
        "0.0001235",
        "10.0",
        "null",
    ]
