"""Checks of a table before it is committed: what they find, and which rows they name."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from limelight.data import DatasetCard
from limelight.data.quality import CHECKS, Issue, QualityReport, check_quality, conformed, facts_of
from limelight.data.store import Mode
from limelight.errors import InputError

CARD = DatasetCard("loans", "default", key=("id",))
NOW = datetime(2024, 7, 1, tzinfo=UTC)
REAL = Path(__file__).resolve().parents[3] / "shared" / "data"


def loans(rows: int = 400, seed: int = 0, first: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "id": np.arange(first, first + rows),
            "age": rng.integers(18, 80, rows),
            "amount": rng.lognormal(8, 1, rows).round(2),
            "city": rng.choice(["Bern", "Oslo", "Rome", "Turin"], rows),
            "since": pd.to_datetime("2020-01-01")
            + pd.to_timedelta(rng.integers(0, 900, rows), "D"),
            "phone": pd.array(rng.choice([1, 2, None], rows, p=[0.45, 0.45, 0.1]), "Int64"),
            "default": rng.choice(["no", "yes"], rows, p=[0.8, 0.2]),
        }
    )


def check(
    new: pd.DataFrame,
    old: pd.DataFrame | None = None,
    card: DatasetCard = CARD,
    mode: Mode = "replace",
    allow: tuple[str, ...] = (),
) -> QualityReport:
    last = None if old is None else facts_of(old, card.key)
    frame = new if last is None else conformed(new, last.dtypes)
    return check_quality(frame, card, last, mode=mode, allow=allow, now=NOW)


def only(report: QualityReport) -> Issue:
    """The one issue of a report."""
    assert len(report.issues) == 1, [str(issue) for issue in report.issues]
    return report.issues[0]


def test_good_rows_pass_every_check() -> None:
    report = check(loans(seed=1), loans())
    assert report.issues == ()
    assert report.ran == tuple(CHECKS)
    assert set(report.frame()["severity"]) == {"ok"}
    report.refuse()


def test_a_first_version_is_held_against_itself_alone() -> None:
    report = check(loans())
    assert report.issues == ()
    assert "schema" not in report.ran
    assert "leakage" in report.ran


# Columns and types.


def test_a_column_that_is_gone_is_an_error_and_a_new_one_a_warning() -> None:
    report = check(loans(seed=1).rename(columns={"age": "years"}), loans())
    assert [(i.check, i.column, i.severity) for i in report.issues] == [
        ("schema", "age", "error"),
        ("schema", "years", "warning"),
    ]
    assert "'years' is new: renamed?" in report.issues[0].text
    with pytest.raises(InputError, match=r"is new: renamed\? Correct the source"):
        report.refuse()
    report = check(loans(seed=1).rename(columns={"age": "years", "city": "town"}), loans())
    assert "'years', 'town' are new: renamed?" in report.issues[0].text


def test_a_column_of_another_type_names_the_rows_that_do_not_fit() -> None:
    new = loans(seed=1)
    new["age"] = new["age"].astype(str).mask(new["id"].isin([7, 90]), "about 40")
    issue = only(check(new, loans()))
    assert (issue.check, issue.column, issue.severity) == ("schema", "age", "error")
    assert issue.rows == ("id 7", "id 90")
    assert "was whole numbers and is text: 'about 40'" in issue.text


def test_the_type_of_a_key_is_held_against_the_last_one_too() -> None:
    new = loans(seed=1).astype({"id": str})
    issue = only(check(new.assign(id=new["id"].mask(new["id"] == "7", "x")), loans()))
    assert (issue.check, issue.column, issue.severity) == ("schema", "id", "error")
    assert issue.rows == ("id x",)
    issue = only(check(loans(seed=1).assign(id=lambda frame: frame["id"] + 0.5), loans()))
    assert (issue.check, issue.column, issue.severity) == ("schema", "id", "warning")


def test_a_type_that_holds_all_old_values_is_a_warning() -> None:
    new = loans(seed=1).assign(age=lambda frame: frame["age"] + 0.5)
    issue = only(check(new, loans()))
    assert (issue.check, issue.severity) == ("schema", "warning")


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ([1.5, 2.0], [3, 4], "float64"),
        ([1, 2], [3.0, 4.0], "int64"),
        (pd.array([1, None], "Int64"), [3, 4], "Int64"),
        ([1, 2], pd.array([1, None], "Int64"), "Int64"),
        ([1, 2], [1.0, None], "Int64"),
        (pd.to_datetime(["2024-01-01", "2024-01-02"]).as_unit("s"), [None, None], "datetime64[s]"),
        ([1, 2], ["x", "y"], "str"),
    ],
)
def test_types_are_those_of_the_last_version_where_they_fit(
    before: Any, after: Any, kept: str
) -> None:
    old, new = pd.DataFrame({"x": before}), pd.DataFrame({"x": after})
    found = conformed(new, dict(old.dtypes))["x"]
    assert found.dtype == kept
    assert found.astype(object).isna().tolist() == new["x"].isna().tolist()
    assert found.dropna().tolist() == new["x"].dropna().tolist()


def test_new_categories_come_behind_the_known_ones() -> None:
    old = pd.DataFrame({"x": pd.Categorical(["b", "a"], ["b", "a"], ordered=True)})
    found = conformed(pd.DataFrame({"x": ["c", "a", None]}), dict(old.dtypes))["x"]
    assert found.cat.categories.tolist() == ["b", "a", "c"]
    assert found.cat.ordered
    assert found.tolist()[:2] == ["c", "a"]


def test_a_column_without_values_is_missing_and_not_of_another_type() -> None:
    old = pd.DataFrame({"x": [date(2024, 1, 1), date(2024, 1, 2)] * 50})
    report = check(old.assign(x=None), old, DatasetCard("t", ""))
    assert "missing" in {issue.check for issue in report.stopping}
    assert "schema" not in {issue.check for issue in report.issues}
    assert check(old, old.assign(x=None), DatasetCard("t", "")).issues == ()


def test_no_value_changes_for_the_sake_of_a_type() -> None:
    old = pd.DataFrame({"n": [1, 2], "x": [1.5, 2.5]})
    new = pd.DataFrame({"n": [1.5, 2.0], "x": [2**53 + 1, 2]})
    found = conformed(new, dict(old.dtypes))
    assert found["n"].tolist() == [1.5, 2.0]
    assert found["x"].tolist() == [2**53 + 1, 2]


# Ranges.


@pytest.mark.parametrize(
    ("column", "value", "severity"),
    [
        ("age", 9999, "error"),
        ("age", 200, "warning"),
        ("age", 85, None),
        ("age", -3, "error"),
        ("amount", float("inf"), "error"),
        ("since", pd.Timestamp("9024-05-01"), "error"),
        ("since", pd.Timestamp("2024-06-30"), None),
        ("since", pd.Timestamp("1899-12-31"), "error"),
    ],
)
def test_values_far_from_those_that_were_seen(column: str, value: Any, severity: str) -> None:
    new = loans(seed=1)
    new[column] = new[column].mask(new["id"] == 42, value)
    report = check(new, loans())
    if severity is None:
        assert report.issues == ()
        return
    issue = only(report)
    assert (issue.check, issue.column, issue.severity) == ("range", column, severity)
    assert (issue.rows, issue.count) == (("id 42",), 1)


def test_a_column_in_another_unit_moved_as_a_whole() -> None:
    new = loans(seed=1)
    new["age"] = new["age"] * 3
    issue = only(check(new, loans()))
    assert (issue.check, issue.column) == ("range", "age")
    scaled = loans(seed=1).assign(amount=lambda frame: frame["amount"] * 1000)
    assert ("range", "amount") in {(i.check, i.column) for i in check(scaled, loans()).stopping}


@pytest.mark.parametrize(
    ("values", "far"),
    [
        ([Decimal("1.10"), Decimal("2.20")], Decimal("999999")),
        ([date(2024, 1, 1), date(2024, 3, 1)], date(4024, 1, 1)),
        (pd.to_timedelta([1, 2], "h"), pd.Timedelta(days=400)),
        (
            pd.to_datetime(["2024-01-01", "2024-03-01"], utc=True),
            pd.Timestamp("4024-01-01", tz="UTC"),
        ),
        (pd.array([2**63 + 2**40, 2**63 + 2**41], "UInt64"), 0),
    ],
)
def test_every_kind_with_an_order_has_a_range(values: Any, far: Any) -> None:
    old = pd.concat([pd.DataFrame({"x": values})] * 60, ignore_index=True)
    new = old.copy()
    new["x"] = new["x"].mask(new.index == 3, far)
    card = DatasetCard("t", "")
    found = [issue for issue in check(new, old, card).stopping if issue.check == "range"]
    assert [issue.rows for issue in found] == [("row 4",)]


def test_a_long_tail_may_go_on_as_far_again() -> None:
    tail = 1 / (1 - np.arange(1000) / 1000)  # the largest is ten times the 99th percentile
    old = pd.DataFrame({"x": tail})
    card = DatasetCard("t", "")
    report = check(old.assign(x=[*tail[:-1], 20_000.0]), old, card)
    assert report.stopping == ()
    assert check(old.assign(x=[*tail[:-1], 200_000.0]), old, card).stopping


# Missing values, categories.


def test_missing_values_that_come_suddenly() -> None:
    new = loans(seed=1)
    some = new.assign(city=new["city"].mask(new["id"].isin([5, 6])))
    issue = only(check(some, loans()))
    assert (issue.check, issue.severity, issue.rows) == ("missing", "warning", ("id 5", "id 6"))
    half = new.assign(city=new["city"].mask(new["id"] % 2 == 0))
    issue = only(check(half, loans()))
    assert (issue.check, issue.severity, issue.count) == ("missing", "error", 200)
    assert len(issue.rows) == 10
    more = new.assign(phone=new["phone"].mask(new["id"] % 2 == 0))
    assert only(check(more, loans())).severity == "error"
    target = new.assign(default=new["default"].mask(new["id"] == 9))
    assert [(i.check, i.column) for i in check(target, loans()).stopping] == [
        ("missing", "default")
    ]


def test_a_column_that_lost_all_its_values() -> None:
    report = check(loans(seed=1).assign(amount=np.nan), loans())
    assert [(i.check, i.column) for i in report.stopping] == [("missing", "amount")]


def test_new_categories() -> None:
    new = loans(seed=1)
    few = new.assign(city=new["city"].mask(new["id"] == 8, "oslo "))
    issue = only(check(few, loans()))
    assert (issue.check, issue.severity, issue.rows) == ("categories", "warning", ("id 8",))
    assert "'oslo ' (known: 'Oslo')" in issue.text
    coded = new.assign(city=new["city"].str[:2].str.upper())
    issue = only(check(coded, loans()))
    assert (issue.severity, issue.count) == ("error", 400)
    exploded = new.assign(city=[f"street {n}" for n in range(400)])
    assert [i.check for i in check(exploded, loans()).stopping] == ["categories"]
    third = new.assign(default=new["default"].mask(new["id"] == 8, "maybe"))
    assert [i.column for i in check(third, loans()).stopping] == ["default"]


def test_categories_that_differ_by_capitals_alone() -> None:
    first = loans()
    first["city"] = first["city"].mask(first["id"].isin([3, 4]), "BERN")
    issue = only(check(first))
    assert (issue.check, issue.severity) == ("categories", "warning")
    assert set(issue.rows) <= {"id 3", "id 4"}
    assert "'BERN' and 'Bern'" in issue.text


def test_text_that_is_another_in_every_row() -> None:
    first = loans().assign(name=[f"Ada {n}" for n in range(400)])
    assert only(check(first)).column == "name"
    ignored = DatasetCard("loans", "default", key=("id",), ignore=("name",))
    assert check(first, card=ignored).issues == ()


# Rows, keys, constants.


def test_a_table_that_holds_its_rows_twice() -> None:
    keyless = loans().drop(columns="id")
    card = DatasetCard("loans", "default")
    twice = pd.concat([keyless, keyless])
    issue = only(check(twice, card=card))
    assert (issue.check, issue.severity, issue.count) == ("duplicates", "error", 400)
    assert issue.rows[0] == "row 401"
    mixed = twice.sample(frac=1, random_state=0)
    assert only(check(mixed, card=card)).severity == "warning", "no history says it is wrong"
    assert [i.check for i in check(mixed, keyless, card).stopping] == ["duplicates"]


@pytest.mark.parametrize("rows", [4, 200])
def test_rows_in_turns_are_no_copy_of_the_table(rows: int) -> None:
    assert (
        check(pd.DataFrame({"id": range(rows), "default": ["no", "yes"] * (rows // 2)})).issues
        == ()
    )


def test_rows_that_are_alike_are_no_error_where_a_key_tells_them_apart() -> None:
    columns = ["id", "city", "default"]
    assert check(loans(seed=1)[columns], loans()[columns]).issues == ()
    assert {i.check for i in check(loans(seed=1)[columns], loans(), mode="upsert").issues} == {
        "schema"
    }


def test_a_key_that_is_not_unique_or_missing_stops_whatever_is_allowed() -> None:
    new = loans(seed=1)
    new["id"] = pd.array(new["id"].mask(new["id"] == 3, 2), "Int64")
    report = check(new, loans(), allow=("all",))
    assert [(i.check, i.rows) for i in report.stopping] == [("key", ("id 2",))]
    with pytest.raises(InputError, match="not unique") as caught:
        report.refuse()
    assert "--allow" not in caught.value.way_out
    new["id"] = new["id"].mask(new["id"] == 7)
    assert ("row 7",) in {i.rows for i in check(new).stopping}
    assert [i.column for i in check(new.drop(columns="id")).stopping] == ["id"]


def test_a_table_that_shrank_or_exploded() -> None:
    assert check(loans(399, seed=1), loans()).issues == ()
    assert only(check(loans(200, seed=1), loans())).severity == "warning"
    assert only(check(loans(100, seed=1), loans())).severity == "error"
    assert "rows" in {issue.check for issue in check(loans(5000, seed=1), loans()).stopping}
    assert check(loans(100, seed=1, first=401), loans(), mode="upsert").issues == ()


def test_a_key_that_counted_and_has_gaps_now() -> None:
    new = loans(seed=1)
    new = new[~new["id"].isin([17, 18, 300])]
    issue = only(check(new, loans()))
    assert (issue.check, issue.severity) == ("gaps", "warning")
    assert "between 16 and 19, between 299 and 301" in issue.text
    holey = loans()[lambda frame: frame["id"] % 7 > 0]
    assert check(new, holey).issues == ()


def test_a_day_that_is_not_there() -> None:
    days = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=60), "x": range(60)})
    card = DatasetCard("days", "", key=("day",))
    issue = only(check(days.drop(index=[30]), days, card))
    assert "between 2024-01-30 and 2024-02-01" in issue.text


def test_a_column_that_says_the_same_in_all_rows() -> None:
    first = loans().assign(version="a")
    assert (only(check(first)).check, only(check(first)).severity) == ("constant", "warning")
    assert check(first, first).issues == (), "it is told once"
    stuck = loans(seed=1).assign(city="Bern")
    assert (only(check(stuck, loans())).check, only(check(stuck, loans())).severity) == (
        "constant",
        "error",
    )


# The target given away.


@pytest.mark.parametrize(
    ("feature", "severity"),
    [
        (lambda f: f["default"], "error"),
        (lambda f: (f["default"] == "yes").astype(int), "error"),
        (lambda f: f["default"].map({"no": "good", "yes": "bad"}), "error"),
        (lambda f: f["default"].where(f["id"] != 5, "no"), "warning"),
        (lambda f: f["default"].where(f["id"] % 4 > 0, "no"), None),
        (
            lambda f: pd.Series(np.where(f["default"] == "yes", f["age"] + 100.5, f["age"])),
            "warning",
        ),
        (lambda f: pd.Series(np.where(f["default"] == "yes", f["amount"], np.nan)), "warning"),
    ],
)
def test_a_column_that_gives_a_class_away(feature: Any, severity: str | None) -> None:
    frame = loans()
    frame["default"] = frame["default"].mask(frame["id"] == 5, "yes")
    frame.insert(3, "copy", feature(frame))
    if severity is None:
        assert check(frame).issues == ()
        return
    issue = only(check(frame))
    assert (issue.check, issue.column, issue.severity) == ("leakage", "copy", severity)
    ignored = DatasetCard("loans", "default", key=("id",), ignore=("copy",))
    assert check(frame, card=ignored).issues == ()


@pytest.mark.parametrize(
    ("feature", "severity"),
    [
        (lambda y: y, "error"),
        (lambda y: 1.1 * y + 3, "error"),
        (lambda y: -np.log(y), "error"),
        (lambda y: y + np.random.default_rng(1).normal(0, 5, len(y)), "warning"),
        (lambda y: y + np.random.default_rng(1).normal(0, 1000, len(y)), None),
    ],
)
def test_a_column_that_gives_a_number_away(feature: Any, severity: str | None) -> None:
    frame = loans().assign(copy=lambda frame: feature(frame["amount"]))
    found = check(frame, card=DatasetCard("loans", "amount", key=("id",))).issues
    assert [issue.severity for issue in found] == ([severity] if severity else [])


@pytest.mark.parametrize("when", [range(60), pd.date_range("1960-01-01", periods=60, freq="YS")])
def test_a_target_that_grows_with_the_calendar_is_not_given_away(when: Any) -> None:
    frame = pd.DataFrame({"when": when, "people": [1000 * 1.02**year for year in range(60)]})
    assert only(check(frame, card=DatasetCard("t", "people"))).severity == "warning"


# What comes of it.


def test_what_is_allowed_is_told_and_lets_pass() -> None:
    new = loans(seed=1)
    new["age"] = new["age"].mask(new["id"] == 42, 9999)
    stopped = check(new, loans())
    with pytest.raises(InputError) as caught:
        stopped.refuse()
    text = str(caught.value)
    assert "\n" not in text
    assert "id 42" in text
    assert "9999" in text
    assert caught.value.way_out.endswith("--allow range.")
    allowed = check(new, loans(), allow=("range",))
    allowed.refuse()
    assert [issue.column for issue in allowed.waived] == ["age"]
    assert allowed.frame()["severity"].iloc[0] == "allowed"
    with pytest.raises(InputError, match=r"'rnage' to allow is unknown\. Did you mean 'range'"):
        check(new, loans(), allow=("rnage",))


def test_wild_names_and_values_are_only_text() -> None:
    evil = 'x\'; DROP TABLE "loans" --<b>{0}'
    old = loans().rename(columns={"city": evil, "age": "class"})
    new = loans(seed=1).rename(columns={"city": evil, "age": "class"})
    new[evil] = new[evil].mask(new["id"] == 1, evil)
    assert only(check(new, old)).rows == ("id 1",)


@pytest.mark.skipif(not REAL.exists(), reason="the real tasks are not here")
@pytest.mark.parametrize("name", ["credit_g", "ames", "diamonds", "adult", "wine_quality_white"])
def test_real_data_raises_no_false_alarm(name: str) -> None:
    target = json.loads((REAL / name / "task.json").read_text())["target"]
    train, test = (pd.read_csv(REAL / name / f"{part}.csv.gz") for part in ("train", "test"))
    everything = pd.concat([train, test], ignore_index=True)
    card = DatasetCard(name, target)
    assert check(train, card=card).stopping == ()
    assert check(everything, train, card).stopping == ()
    assert check(test, train, card, mode="append").stopping == ()
    shuffled = everything.sample(frac=1, random_state=1, ignore_index=True)
    half = len(shuffled) // 2
    assert check(shuffled[half:], shuffled[:half], card).stopping == ()
