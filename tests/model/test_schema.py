"""Raw rows come to the look of the training frame, or are refused with the place named."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from limelight.data.source import read_source
from limelight.errors import InputError
from limelight.model.schema import Schema
from limelight.search.roles import column_role


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "whole": pd.array([1, None, 3], dtype="Int64"),
            "price": pd.Series([Decimal("1.5"), None, Decimal("2")], dtype=object),
            "flag": pd.Series([True, None, False], dtype=object),
            "plain": [True, False, True],
            "level": pd.Categorical([1, 2, None]),
            "text": ["a", None, ""],
            "empty": pd.Series([None, None, None], dtype=object),
            "raw": pd.Series([b"a", b"\xff", None], dtype=object),
            "day": pd.Series([datetime.date(2020, 1, 1), None, datetime.date(9999, 12, 31)]),
            "when": pd.to_datetime(
                ["2020-01-01T00:00Z", None, "2021-06-01T00:00Z"], utc=True
            ).tz_convert("Europe/Berlin"),
        }
    ).set_axis(["x", "y", "z"])


def test_normalised_columns_keep_their_roles_and_a_second_time_changes_nothing(
    frame: pd.DataFrame,
) -> None:
    schema = Schema.of(frame)
    once = schema.normalise(frame)
    assert {name: column_role(once[name]) for name in once} == schema.roles
    pd.testing.assert_frame_equal(schema.normalise(once), once)
    assert once.index.tolist() == ["x", "y", "z"]


def test_each_role_has_one_dtype_and_one_missing_value(frame: pd.DataFrame) -> None:
    normal = Schema.of(frame).normalise(frame)
    dtypes = {name: str(dtype) for name, dtype in normal.dtypes.items()}
    assert dtypes == {
        "whole": "float64",
        "price": "float64",
        "flag": "boolean",
        "plain": "boolean",
        "level": "object",
        "text": "object",
        "empty": "object",
        "raw": "object",
        "day": "datetime64[us]",
        "when": "datetime64[us]",
    }
    assert normal["level"].tolist() == ["1", "2", None]
    assert normal["text"].tolist() == ["a", None, ""]
    assert normal["raw"].tolist() == ["a", "\\xff", None]
    assert normal["when"].iloc[0] == pd.Timestamp("2020-01-01 01:00")
    assert normal["day"].iloc[2] == pd.Timestamp("9999-12-31")


@pytest.mark.parametrize("dtype", ["object", "str", "category", "string"])
def test_text_of_any_dtype_reads_the_same(dtype: str) -> None:
    schema = Schema.of(pd.DataFrame({"text": ["a", "b", None]}))
    given = pd.DataFrame({"text": pd.Series(["b", None, "new"], dtype=dtype)})
    assert schema.normalise(given)["text"].tolist() == ["b", None, "new"]


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("whole", "3", 3.0),
        ("whole", " 2.5 ", 2.5),
        ("whole", True, 1.0),
        ("whole", Decimal("7"), 7.0),
        ("whole", np.float32(4), 4.0),
        ("plain", "FALSE", False),
        ("plain", 1, True),
        ("plain", 0.0, False),
        ("plain", np.True_, True),
        ("level", 2.0, "2"),
        ("level", "unseen", "unseen"),
        ("day", "2020-02-03", pd.Timestamp("2020-02-03")),
        ("day", datetime.date(2020, 2, 3), pd.Timestamp("2020-02-03")),
        ("day", np.datetime64("2020-02-03"), pd.Timestamp("2020-02-03")),
        ("when", "2020-07-01T00:00Z", pd.Timestamp("2020-07-01 02:00")),
        ("when", "2020-07-01T00:00", pd.Timestamp("2020-07-01 00:00")),
    ],
)
def test_a_value_is_read_in_its_columns_role(
    frame: pd.DataFrame, column: str, value: Any, expected: Any
) -> None:
    schema = Schema.of(frame)
    row = dict.fromkeys(schema.names) | {column: value}
    assert schema.normalise(row)[column].iloc[0] == expected


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT, "", "  ", "NA", "null", " n/a"])
@pytest.mark.parametrize("column", ["whole", "plain", "day", "when"])
def test_missing_values_and_empty_text_are_missing(
    frame: pd.DataFrame, column: str, missing: Any
) -> None:
    schema = Schema.of(frame)
    row = dict.fromkeys(schema.names) | {column: missing}
    assert schema.normalise(row)[column].isna().all()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("whole", "abc"),
        ("whole", "1_000"),
        ("whole", pd.Timestamp("2020-01-01")),
        ("plain", "perhaps"),
        ("plain", 2),
        ("day", 20200203),
        ("day", "the day after"),
    ],
)
def test_an_unreadable_value_is_refused_with_column_value_and_row(
    frame: pd.DataFrame, column: str, value: Any
) -> None:
    schema = Schema.of(frame)
    rows = frame.astype(object)
    rows.loc["y", column] = value
    with pytest.raises(InputError) as refused:
        schema.normalise(rows)
    assert repr(column) in str(refused.value)
    assert repr(value) in str(refused.value)
    assert "'y'" in str(refused.value)


def test_a_datetime_column_is_no_number() -> None:
    schema = Schema.of(pd.DataFrame({"n": [1.0]}))
    with pytest.raises(InputError, match="no number"):
        schema.normalise(pd.DataFrame({"n": pd.to_datetime(["2020-01-01"])}))


def test_all_missing_columns_are_named_with_the_nearest() -> None:
    schema = Schema.of(pd.DataFrame({"age": [1], "income": [1], "city": ["a"]}))
    with pytest.raises(InputError) as refused:
        schema.normalise(pd.DataFrame({"city": ["b"], "Income": [3]}))
    assert "lack 2 of the 3 columns" in refused.value.problem
    assert "'age', 'income'" in refused.value.problem
    assert refused.value.way_out == "For 'income': did you mean 'Income'?"


def test_a_feature_given_twice_is_refused_and_a_spare_column_is_not() -> None:
    schema = Schema.of(pd.DataFrame({"a": [1]}))
    twice = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(InputError, match="'a' comes more than once"):
        schema.normalise(twice)
    with pytest.raises(InputError, match="'a' comes more than once"):
        Schema.of(twice)
    spare = pd.DataFrame([[1, 2, 3]], columns=["b", "a", "b"])
    assert schema.normalise(spare)["a"].tolist() == [2.0]


def test_rows_may_be_a_dict_a_series_or_a_list(frame: pd.DataFrame) -> None:
    schema = Schema.of(frame)
    normal = schema.normalise(frame)
    pd.testing.assert_frame_equal(schema.normalise(frame.loc["x"]), normal.loc[["x"]])
    records = frame.astype(object).to_dict("records")
    assert schema.normalise(records[0])["text"].tolist() == ["a"]
    pd.testing.assert_frame_equal(schema.normalise(records), normal.reset_index(drop=True))
    with pytest.raises(InputError, match="rows are given as int"):
        schema.normalise(3)  # type: ignore[arg-type]


def test_an_empty_frame_stays_empty_with_the_right_dtypes(frame: pd.DataFrame) -> None:
    schema = Schema.of(frame)
    empty = schema.normalise(frame.iloc[:0])
    assert len(empty) == 0
    assert empty.dtypes.equals(schema.normalise(frame).dtypes)


@pytest.mark.parametrize("reading", [{}, {"keep_default_na": False}, {"dtype": str}])
def test_rows_of_a_file_read_the_same_whatever_reads_them(tmp_path: Path, reading: Any) -> None:
    cells = {
        " zip ": ["00501", "90210", "x", "0099"],
        "amount": ["1.50", "2", "about 3", "1e3"],
        "sure": ["true", "false", "perhaps", "true"],
        "garage": ["NA", "in", "by", "NA"],
        "": ["7", "8", "9", "10"],
        "count": ["3", "NA", "", "1"],
        "day": ["2026-01-31", "NA", "", "2026-02-01"],
    }
    path = tmp_path / "rows.csv"
    pd.DataFrame(cells).to_csv(path, index=False)
    source = read_source(path).frame
    schema = Schema.of(source)
    expected = schema.normalise(source)
    assert expected["zip"].tolist() == cells[" zip "]
    assert schema.names[4] == "Unnamed: 4"
    for rows in ([0, 1, 2, 3], [0], [1], [3], [0, 3], [2]):
        # Alone, these rows are read as numbers, booleans or missing values.
        pd.DataFrame(cells).iloc[rows].to_csv(tmp_path / "some.csv", index=False)
        some = pd.read_csv(tmp_path / "some.csv", **reading)
        found = schema.normalise(some).set_axis(rows)
        pd.testing.assert_frame_equal(found, expected.iloc[rows], check_index_type=False)


def test_what_is_missing_beside_a_word_for_it_stays_missing() -> None:
    schema = Schema.of(pd.DataFrame({"a": ["NA", "x", None], "b": ["NA", "None", "x"]}))
    assert schema.normalise({"a": None, "b": None}).isna().all(axis=None)
    assert schema.normalise({"a": "NA", "b": "None"}).iloc[0].tolist() == ["NA", "None"]


def test_columns_may_be_numbered_but_spaces_must_leave_no_doubt() -> None:
    schema = Schema.of(pd.DataFrame({"0": [1], "a": [1]}))
    assert schema.normalise(pd.DataFrame({0: [5], "a ": [6]})).iloc[0].tolist() == [5.0, 6.0]
    with pytest.raises(InputError, match="lack 1 of the 2 columns"):
        schema.normalise(pd.DataFrame({0: [5], " a": [6], "a ": [7]}))


def test_spans_of_time_are_seconds() -> None:
    schema = Schema.of(pd.DataFrame({"took": pd.to_timedelta([90, None], "s")}))
    assert schema.roles == {"took": "number"}
    given = [pd.Timedelta("2min"), datetime.timedelta(seconds=3), np.timedelta64(4, "s"), "5", None]
    found = [schema.normalise({"took": value})["took"].iloc[0] for value in given]
    np.testing.assert_array_equal(found, [120.0, 3.0, 4.0, 5.0, np.nan])
    some = pd.DataFrame({"took": pd.to_timedelta([7, None], "min")})
    np.testing.assert_array_equal(schema.normalise(some)["took"], [420.0, np.nan])
