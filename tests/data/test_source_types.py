"""What a column of text becomes, by itself and by a type that is given."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings

from limelight.data.reading import narrowest
from limelight.data.source import SourceTable, parse_types, read_source
from limelight.data.sources import delimited
from limelight.data.sources.text_column import TextColumn
from limelight.errors import InputError


def read(tmp_path: Path, cells: list[str], given: str = "", separator: str = ",") -> SourceTable:
    path = tmp_path / "table.csv"
    rows = "".join(f'{number}{separator}"{cell}"\n' for number, cell in enumerate(cells))
    path.write_text(f"n{separator}x\n{rows}", encoding="utf-8")
    return read_source(path, types={"x": given} if given else None)


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["24.04.2022", "1.5.2022"], ["2022-04-24", "2022-05-01"]),
        (["24/04/2022", "", "01/05/2022 9:30"], ["2022-04-24", None, "2022-05-01 09:30"]),
        (["04/24/2022", "05/01/2022", "NA"], ["2022-04-24", "2022-05-01", None]),
        (["24-04-2022", "01-05-2022"], ["2022-04-24", "2022-05-01"]),
    ],
)
def test_dates_in_one_clear_order(tmp_path: Path, cells: list[str], values: list[Any]) -> None:
    found = read(tmp_path, cells)
    expected = pd.Series(pd.to_datetime(values, format="ISO8601"), name="x").dt.as_unit("us")
    pd.testing.assert_series_equal(found.frame["x"], expected)
    order = "month" if cells[0].startswith("04") else "day"
    assert found.notes == (f"column 'x' has dates with the {order} first",)


@pytest.mark.parametrize(
    ("cells", "note"),
    [
        (["01/02/2022", "03/04/2022"], "its dates could have the day or the month first"),
        (["24/04/2022", "04/24/2022"], "looks like dates, and not all of them are"),
        (["31.02.2022", "01.02.2022"], "looks like dates, and not all of them are"),
        (["1,234", "12,500"], "numbers with commas, or with signs between the thousands"),
        (["1,234,567", "12.50"], "numbers with commas"),
        (["1.234,50", "2.000,00"], "numbers with commas"),
        (["1 234", "12 345"], "signs between the thousands"),
        (["12 %", "3.5%"], "numbers with percent signs"),
        (["$1,200.50", "$3"], "numbers with a currency"),
        (["3,50 €", "12 €"], "numbers with a currency"),
        (["18446744073709551616", "0.5"], "too large to be kept exactly"),
        (["9007199254740993", "0.5"], "too large to be kept exactly"),
        (["1e400", "2"], "too large to be kept exactly"),
    ],
)
def test_what_could_be_read_wrongly_stays_text(tmp_path: Path, cells: list[str], note: str) -> None:
    found = read(tmp_path, cells)
    assert found.frame["x"].tolist() == cells
    assert len(found.notes) == 1
    assert found.notes[0].startswith("column 'x' is text: ")
    assert note in found.notes[0]


@pytest.mark.parametrize(
    "cells", [["yes", "no"], ["007", "010"], ["a", "b"], ["A-1", "1.2.3"], ["", ""], ["x", "12"]]
)
def test_plain_text_makes_no_note(tmp_path: Path, cells: list[str]) -> None:
    found = read(tmp_path, cells)
    assert found.frame["x"].dtype == "str"
    assert found.notes == ()


def test_decimal_commas_where_cells_end_with_semicolons(tmp_path: Path) -> None:
    found = read(tmp_path, ["1,5", "2", "", "-0,25"], separator=";")
    assert found.frame["x"].tolist()[:2] == [1.5, 2.0]
    assert found.frame["x"].dtype == "float64"
    assert found.notes == ("column 'x' has numbers with decimal commas",)
    # Each comma before three digits: it may stand between thousands.
    assert read(tmp_path, ["1,500", "2"], separator=";").frame["x"].tolist() == ["1,500", "2"]
    assert read(tmp_path, ["1,5", "2"]).frame["x"].tolist() == ["1,5", "2"]


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["1.016,73", "12,5", "1.234", ""], [1016.73, 12.5, 1234.0, None]),
        (["1,016.73", "-12.5", "NA", "7"], [1016.73, -12.5, None, 7.0]),
        (["1 016,73", "1\u00a0000\u00a0000", "2", "3"], [1016.73, 1e6, 2.0, 3.0]),
        (["1'016.73", "2", "3", "4"], [1016.73, 2.0, 3.0, 4.0]),
    ],
)
def test_signs_between_thousands_are_read_where_the_type_is_given(
    tmp_path: Path, cells: list[str], numbers: list[float | None]
) -> None:
    (note,) = read(tmp_path, cells, separator="|").notes
    assert note.endswith("between the thousands (as type number they are read)")
    path = tmp_path / "table.csv"
    found = read_source(path, types={"x": "number"}).frame["x"]
    pd.testing.assert_series_equal(found, pd.Series(numbers, dtype="float64", name="x"))
    # Either sign could be the one before decimals, or both are.
    for unclear in (["1,234", "2"], ["1.5", "1,5"]):
        assert "read" not in read(tmp_path, unclear, separator="|").notes[0]
        with pytest.raises(InputError, match="'1,"):
            read_source(path, types={"x": "number"})


def test_points_beside_decimal_commas_may_stand_between_thousands(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("net;gross\n1,5;1.234\n2,25;12.500\n")
    assert [note for note in read_source(path).notes if "between thousands" in note] == [
        "column 'gross' has points, read as decimal points though other columns have decimal"
        " commas: give its type as text if they stand between thousands"
    ]
    for other in ("0.125", "1.2345", "1234.5"):
        path.write_text(f"net;gross\n1,5;1.234\n2,25;{other}\n")
        assert len(read_source(path).notes) == 1


def test_a_few_cells_that_do_not_fit_are_named(tmp_path: Path) -> None:
    numbers = [str(number) for number in range(1000)]
    numbers[17], numbers[400] = "12a", "about 5"
    found = read(tmp_path, numbers)
    assert found.frame["x"].tolist() == numbers
    assert found.notes == (
        "column 'x' is text: 998 of its 1,000 values are numbers, and 2 are not"
        " ('12a' in row 18, 'about 5' in row 401)",
    )
    dates = ["2020-01-01"] * 50 + ["soon"]
    assert "'soon' in row 51" in read(tmp_path, dates).notes[0]
    codes = [str(number) for number in range(100)] + ["007"]
    assert "1 is not ('007' in row 101)" in read(tmp_path, codes).notes[0]


def test_what_shows_only_later_holds_for_the_whole_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small batches, so that a column changes its type after some of them."""
    monkeypatch.setattr(delimited, "_BLOCK", 256)
    monkeypatch.setattr(delimited, "_CELLS", 1)
    count = 500
    columns: dict[str, list[str]] = {
        "late_text": [*["1"] * (count - 1), "007"],
        "late_float": [*["1"] * (count - 1), "0.5"],
        "late_wide": [*["1"] * (count - 1), str(2**64 - 1)],
        "negative_wide": ["-1", *["1"] * (count - 2), str(2**64 - 1)],
        "late_missing": [*["1"] * (count - 1), "NA"],
        "word_then_text": ["NA", *[""] * (count - 2), "b"],
        "inexact": [str(2**53 + 1), *["1"] * (count - 2), "0.5"],
        "late_date": [*["01.02.2020"] * (count - 1), "24.12.2020"],
        "late_spaces": [*["1"] * (count - 1), " 2 "],
        "empty_first": [*[""] * (count - 1), "2020-01-01"],
        "late_nanosecond": [*["9999-12-31"] * (count - 1), "2020-01-01T00:00:00.123456789"],
    }
    path = tmp_path / "table.csv"
    pd.DataFrame(columns).to_csv(path, index=False)
    found = read_source(path).frame
    text = ["late_text", "negative_wide", "word_then_text", "inexact", "late_nanosecond"]
    for name in text:
        assert found[name].fillna("").tolist() == columns[name], name
    kept = found.drop(columns=text)
    assert kept.dtypes.astype(str).to_dict() == {
        "late_float": "float64",
        "late_wide": "uint64",
        "late_missing": "Int64",
        "late_date": "datetime64[us]",
        "late_spaces": "int64",
        "empty_first": "datetime64[us]",
    }
    assert kept.iloc[-1].tolist() == [
        *(0.5, 2**64 - 1, pd.NA, pd.Timestamp("2020-12-24"), 2, pd.Timestamp("2020-01-01"))
    ]
    assert kept.iloc[0].isna().tolist() == [False] * 5 + [True]


CELL = st.sampled_from(
    [
        *("1", "-0", "007", "2.5", "1e3", "", "NA", " 3", "true", "False", "x", str(2**63), "-5"),
        *("2020-01-01", "2020-01-01T10:00Z", str(2**53 + 1), "+4", "0x1F", "inf", "nan(1)", ".5"),
    ]
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(CELL, min_size=1, max_size=8), st.integers(1, 8))
def test_batches_make_no_difference(cells: list[str], size: int) -> None:
    whole, parts = TextColumn("x"), TextColumn("x")
    whole.add(pa.array(cells))
    for start in range(0, len(cells), size):
        parts.add(pa.array(cells[start : start + size]))
    if parts.fallen:
        assert whole.is_text
    else:
        one, other = whole.values(), parts.values()
        assert one.type == other.type
        assert one.to_pylist() == other.to_pylist()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(allow_nan=False) | st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_numbers_come_back_exactly(values: list[float]) -> None:
    found = narrowest(pa.array([repr(value) for value in values]))
    if found.kind in ("int", "float"):
        assert found.values.to_pylist() == values
    else:  # whole numbers that a double would change, beside others
        assert any(isinstance(v, int) and int(float(v)) != v for v in values)


@pytest.mark.parametrize(
    ("given", "cells", "values", "dtype"),
    [
        ("text", ["1", "NA", ""], ["1", "NA", None], "str"),
        ("int", ["007", "+5", "NA"], [7, 5, None], "Int64"),
        ("int", ["1", str(10**30)], [1, 10**30], "object"),
        ("int", ["1", str(2**64 - 1)], [1, 2**64 - 1], "uint64"),
        ("number", ["007", "1e3", ""], [7.0, 1000.0, None], "float64"),
        ("number", ["1,5", "2"], [1.5, 2.0], "float64"),
        ("number", [str(2**53 + 1), "0.5"], [2.0**53, 0.5], "float64"),
        ("bool", ["yes", "N", "1", "f", "TRUE"], [True, False, True, False, True], "bool"),
        ("bool", ["yes", ""], [True, None], "boolean"),
        ("date", ["2020-01-31", "NA"], [dt.date(2020, 1, 31), None], "object"),
        ("date:%d.%m.%Y", ["01.02.2020"], [dt.date(2020, 2, 1)], "object"),
        ("datetime", ["2020-01-31", ""], [pd.Timestamp("2020-01-31"), None], "datetime64[us]"),
        ("datetime:%m/%d/%Y", ["01/02/2020"], [pd.Timestamp("2020-01-02")], "datetime64[us]"),
        (
            "datetime",
            ["2020-01-31T10:00+02:00"],
            [pd.Timestamp("2020-01-31T08:00Z")],
            "datetime64[us, UTC]",
        ),
        ("category", ["b", "a", "NA", ""], ["b", "a", "NA", None], "category"),
        ("decimal", ["1.50", "NA"], [Decimal("1.50"), None], "object"),
        ("decimal", ["1,50", "2"], [Decimal("1.50"), Decimal(2)], "object"),
    ],
)
def test_a_type_that_is_given(
    tmp_path: Path, given: str, cells: list[str], values: list[Any], dtype: str
) -> None:
    found = read(tmp_path, cells, given)
    assert str(found.frame["x"].dtype) == dtype
    series = found.frame["x"].astype(object)
    assert series.where(series.notna(), None).tolist() == values
    assert found.notes == ()


@pytest.mark.parametrize(
    ("given", "cells", "message"),
    [
        ("int", ["1", "2", "2.5"], "column 'x' is given as int, and '2.5' in row 3 does not fit"),
        ("int", ["1", "1_000"], "'1_000' in row 2"),
        ("number", ["1,234", "5"], "'1,234' in row 1"),
        ("number", ["1.5", "1_0"], "'1_0' in row 2"),
        ("bool", ["yes", "maybe"], "'maybe' in row 2"),
        ("date", ["2020-01-31T10:00"], "'2020-01-31T10:00' in row 1"),
        ("date", ["01/02/2020"], "does not fit.*give its format, e.g. date:%d.%m.%Y"),
        ("datetime", ["2020-01-01", "2020-01-01T10:00Z"], "only some values have a time zone"),
        ("date:%d.%m.%Y", ["31.02.2020"], "'31.02.2020' in row 1"),
        ("decimal", ["1.5", "x"], "'x' in row 2"),
        ("decimal", ["1.5", "1_0"], "'1_0' in row 2"),
        ("number", ["1.5", "1e400"], "'1e400' in row 2"),
        ("string", ["a"], "type 'string' of column 'x' is unknown.*Known: 'bool'"),
        ("int:%d", ["1"], "'int:%d' of column 'x' has no format"),
    ],
)
def test_a_value_that_does_not_fit_is_named(
    tmp_path: Path, given: str, cells: list[str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, cells, given)


def test_types_are_given_to_columns_of_typed_files_too(tmp_path: Path) -> None:
    frame = pd.DataFrame({"zip": [1234, 98765], "f": [1.0, None], "day": ["2020-01-01", None]})
    frame.to_parquet(tmp_path / "t.parquet")
    types = {"zip": "text", "f": "int", "day": "date"}
    found = read_source(tmp_path / "t.parquet", types=types).frame
    assert found["zip"].tolist() == ["1234", "98765"]
    assert found["f"].tolist() == [1, pd.NA]
    assert found["day"].tolist() == [dt.date(2020, 1, 1), None]
    with pytest.raises(InputError, match=r"'zap', which is given as text.*Did you mean 'zip'"):
        read_source(tmp_path / "t.parquet", types={"zap": "text"})


def test_types_in_words() -> None:
    given = "zip=text, when = datetime:%d/%m/%Y %H:%M,"
    assert parse_types(given) == {"zip": "text", "when": "datetime:%d/%m/%Y %H:%M"}
    assert parse_types("") == {}
    for text, message in {
        "zip": "gives no column a type",
        "=text": "gives no column a type",
        "a=int,a=text": "given two types",
        "a=txt": "Did you mean 'text'",
    }.items():
        with pytest.raises(InputError, match=message):
            parse_types(text)


def test_missing_numbers_stay_missing_whatever_the_batch() -> None:
    column = TextColumn("x")
    column.add(pa.array(["1.5", "NA"]))
    column.add(pa.array(["", "nan"]))
    values = column.values().to_pandas()
    assert values.isna().tolist() == [False, True, True, True]
    assert values.dtype == np.float64
