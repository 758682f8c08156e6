from __future__ import annotations

import pandas as pd
import pytest

from limelight.data.keys import check_key, content_keys
from limelight.data.schema import describe
from limelight.errors import InputError

ROWS = pd.DataFrame(
    {
        "n": [1, 2, 3, 3],
        "s": ["a", "", None, None],
        "t": pd.to_datetime(["2020-01-01", "2020-01-02", None, None]),
    }
)


def keys(frame: pd.DataFrame) -> list[str]:
    return content_keys(frame, describe(frame)).tolist()


def test_keys_are_fixed_for_ever() -> None:
    # A change of these values would give every row of every dataset a new key.
    assert keys(pd.DataFrame({"n": [1], "s": ["a"]})) == ["b0b48ab606b24965cf97"]


def test_spans_of_time_tell_rows_apart() -> None:
    spans = pd.DataFrame({"took": pd.to_timedelta([1, 1, 2, None], "s")})
    found = keys(spans)
    assert len(set(found)) == 4
    assert found[1] == f"{found[0]}-2"


def test_equal_rows_are_numbered() -> None:
    found = keys(ROWS)
    assert len(set(found)) == 4
    assert found[3] == found[2] + "-2"


@pytest.mark.parametrize(
    "same",
    [
        ROWS[["t", "s", "n"]],
        ROWS.astype({"n": "float64"}),
        ROWS.astype({"n": "Int8"}),
        ROWS.astype({"s": "category"}),
        ROWS.astype({"s": "string"}),
        ROWS.astype({"t": "datetime64[s]"}),
        ROWS.assign(new=None),
    ],
)
def test_what_changes_no_value_changes_no_key(same: pd.DataFrame) -> None:
    assert keys(same) == keys(ROWS)


def test_the_order_of_rows_does_not_matter() -> None:
    assert sorted(keys(ROWS.iloc[::-1])) == sorted(keys(ROWS))


@pytest.mark.parametrize(
    "other",
    [
        ROWS.rename(columns={"n": "m"}),
        ROWS.assign(n=[9, 2, 3, 3]),
        ROWS.assign(s=["a ", "", None, None]),
        ROWS.astype({"n": "str"}),
        ROWS.assign(n=[1.5, 2, 3, 3]),
        ROWS.assign(new=["x", None, None, None]),
    ],
)
def test_another_value_gives_another_key_to_its_row(other: pd.DataFrame) -> None:
    assert keys(other)[0] != keys(ROWS)[0]


@pytest.mark.parametrize(
    "values",
    [
        [2**53, 2**53 + 1],
        [2**60 + 1, 2**60],
        [10**400, 10**400 + 1],
        [float("inf"), -float("inf")],
        [0.1, 0.1 + 2**-56],
    ],
)
def test_near_numbers_have_keys_of_their_own(values: list[float]) -> None:
    first, second = keys(pd.DataFrame({"x": values}))
    assert first != second
    assert "-" not in second


def test_large_whole_numbers_have_one_key_whatever_their_type() -> None:
    whole = pd.DataFrame({"x": [2**60, -(2**60)]})
    types = ("int64", "Int64", "float64", "object")
    assert len({tuple(keys(whole.astype(dtype))) for dtype in types}) == 1
    assert keys(pd.DataFrame({"x": [-0.0]})) == keys(pd.DataFrame({"x": [0]}))


def test_cells_cannot_run_into_each_other() -> None:
    rows = pd.DataFrame({"a": ["x", "xy", None, ""], "b": ["yz", "z", "xyz", None]})
    assert len(set(keys(rows))) == 4
    assert all("-" not in key for key in keys(rows))


def test_a_given_key_is_checked() -> None:
    frame = pd.DataFrame({"a": [1, 1, 2, None, None], "b": ["x", "x", "y", "z", "z"]})
    with pytest.raises(InputError, match=r"'a' is missing in 2 rows \(row 4, 5\)"):
        check_key(frame, ["a"])
    with pytest.raises(InputError, match=r"'b' is not unique: 2 values in 4 rows \('x', 'z'\)"):
        check_key(frame, ["b"])
    with pytest.raises(
        InputError, match=r"'a', 'b' is not unique: 1 value in 2 rows \(\(1, 'x'\)\)"
    ):
        check_key(frame.dropna().astype({"a": int}), ["a", "b"])
    with pytest.raises(InputError, match="key column 'c' is not in the table"):
        check_key(frame, ["c"])
    check_key(frame.iloc[1:4], ["b"])
