"""Dates written as text: one form a column, and no guessing of days and months."""

import pandas as pd
import pytest

from limelight.search.dates import find_form, read_dates

DAYS = pd.date_range("1985-01-01", "2026-12-31", freq="191h")


@pytest.mark.parametrize(
    "form",
    [
        *("%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%Y/%m/%d", "%m/%d/%y"),
        *("%b %d, %Y", "%d %B %Y", "%d-%b-%y", "%a %b %d %Y", "%Y-%m-%d"),
    ],
)
@pytest.mark.parametrize("time", ["", " %H:%M", " %H:%M:%S", " %I:%M %p"])
def test_a_form_is_found_and_read(form: str, time: str) -> None:
    texts = DAYS.strftime(form + time).tolist()
    found = find_form(texts)
    assert found is not None
    step = "D" if not time else "s" if "S" in time else "min"
    pd.testing.assert_index_equal(
        read_dates(texts, found), DAYS.floor(step), check_names=False, exact=False
    )


def test_months_and_zones() -> None:
    months = DAYS.strftime("%b-%Y").tolist()
    assert find_form(months) == "%b-%Y"
    zoned = DAYS.strftime("%Y-%m-%dT%H:%M:%S+02:00").tolist()
    assert read_dates(zoned, find_form(zoned) or "")[0] == DAYS[0] - pd.Timedelta(hours=2)


def test_day_and_month_are_told_apart_by_a_value_above_12_alone() -> None:
    texts = [f"{a:02}/{b:02}/2020" for a in range(1, 13) for b in range(1, 13)]
    assert find_form(texts) is None
    assert find_form([*texts, "13/01/2020"]) == "%d/%m/%Y"
    assert find_form([*texts, "01/13/2020"]) == "%m/%d/%Y"


def test_nearly_all_must_be_dates() -> None:
    texts = DAYS.strftime("%d.%m.%Y").tolist()[:90]
    assert find_form([*texts, "unknown"]) == "%d.%m.%Y"
    assert find_form([*texts, *(f"unknown {i}" for i in range(10))]) is None
    # What counts is rows: one word in half of them is too much.
    assert find_form([*texts, "unknown"], [1] * 90 + [90]) is None


@pytest.mark.parametrize(
    "texts",
    [
        ["N502UA", "N3JHAA"],
        ["98109", "98121"],
        ["1-800-555", "1-200-444"],
        ["1.2.3", "2.5.6"],
        ["red", "blue"],
        [],
    ],
)
def test_other_texts_are_no_dates(texts: list[str]) -> None:
    assert find_form(texts) is None


def test_iso_dates_are_read_in_a_column_of_another_form() -> None:
    read = read_dates(["24.04.2022", "2022-04-24", "2022-04-24 00:00:00", "?"], "%d.%m.%Y")
    assert read[:3].nunique() == 1
    assert read[3] is pd.NaT
