from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

from limelight.data.keys import content_keys
from limelight.data.modes import combined
from limelight.data.schema import ROW_KEY, describe
from limelight.errors import InputError


def stored(frame: pd.DataFrame, *key: str) -> pd.DataFrame:
    """A frame as a store reads it."""
    if key:
        return frame.set_index(list(key))
    return frame.set_axis(pd.Index(content_keys(frame, describe(frame)), name=ROW_KEY))


OLD = stored(pd.DataFrame({"id": [1, 2, 3], "x": [10, 20, 30], "t": ["a", "b", "c"]}), "id")


def test_replace_is_the_frame_alone() -> None:
    frame = pd.DataFrame({"id": ["a"], "y": [1.5]})
    pd.testing.assert_frame_equal(combined(OLD, frame, ["id"], "replace"), frame)
    pd.testing.assert_frame_equal(combined(None, frame, ["id"], "upsert"), frame)
    pd.testing.assert_frame_equal(combined(None, frame.set_index("id"), ["id"], "append"), frame)


def test_upsert_updates_by_key_and_adds_the_others() -> None:
    frame = pd.DataFrame({"t": ["B", "d"], "id": [2, 4], "x": [21, 40]})
    expected = pd.DataFrame({"id": [1, 2, 3, 4], "x": [10, 21, 30, 40], "t": ["a", "B", "c", "d"]})
    pd.testing.assert_frame_equal(combined(OLD, frame, ["id"], "upsert"), expected)
    pd.testing.assert_frame_equal(combined(OLD, frame.set_index("id"), ["id"], "upsert"), expected)


def test_a_column_that_only_one_of_them_has() -> None:
    frame = pd.DataFrame({"id": [2, 4], "t": ["B", "d"], "new": [True, False]})
    found = combined(OLD, frame, ["id"], "upsert")
    assert found.columns.tolist() == ["id", "x", "t", "new"]
    assert found["x"].tolist() == [10, 20, 30, pd.NA]  # kept where the row is updated
    assert found["new"].tolist() == [pd.NA, True, pd.NA, False]
    assert found.dtypes.astype(str).tolist() == ["int64", "Int64", "str", "boolean"]


def test_a_missing_value_overwrites() -> None:
    found = combined(OLD, pd.DataFrame({"id": [1], "x": [None], "t": [None]}), ["id"], "upsert")
    assert found["x"].tolist() == [pd.NA, 20, 30]
    assert found["t"].isna().tolist() == [True, False, False]


def test_append_adds_new_rows_and_skips_those_that_are_there() -> None:
    frame = pd.DataFrame({"id": [3, 4], "x": [30, 40], "t": ["c", "d"]})
    found = combined(OLD, frame, ["id"], "append")
    assert found["id"].tolist() == [1, 2, 3, 4]
    pd.testing.assert_frame_equal(combined(OLD, OLD, ["id"], "append"), OLD.reset_index())


def test_append_refuses_a_row_that_differs() -> None:
    frame = pd.DataFrame({"id": [1, 3, 4], "x": [10, 31, 40], "t": ["A", "c", "d"]})
    with pytest.raises(
        InputError, match=r"2 rows .* other values in 'x', 't': 'id' 1, 3"
    ) as caught:
        combined(OLD, frame, ["id"], "append")
    assert "upsert" in caught.value.way_out
    with pytest.raises(InputError, match=r"1 row to append is .* in 'new': 'id' 2\."):
        combined(OLD, pd.DataFrame({"id": [2], "new": [1]}), ["id"], "append")
    same = combined(OLD, pd.DataFrame({"id": [2], "new": [None]}), ["id"], "append")
    pd.testing.assert_frame_equal(same, OLD.reset_index())


@pytest.mark.parametrize(
    ("old", "new", "dtype", "values"),
    [
        ([1, 2], [3], "int64", [1, 2, 3]),
        ([1, 2], [2.5], "float64", [1, 2, 2.5]),
        ([1, 2], [3.0], "int64", [1, 2, 3]),
        ([1, 2], [None], "Int64", [1, 2, pd.NA]),
        (pd.Series([1, 2], dtype="int8"), [300], "int64", [1, 2, 300]),
        (pd.Series([1, 2], dtype="int8"), [3], "int8", [1, 2, 3]),
        (pd.Series([1, None], dtype="Int64"), [3], "Int64", [1, pd.NA, 3]),
        ([1.5, 2], [3], "float64", [1.5, 2, 3]),
        ([1, 2], [2**64 - 1], "object", [1, 2, 2**64 - 1]),
        ([None, None], [3], "Int64", [pd.NA, pd.NA, 3]),
        ([np.nan, np.nan], ["a"], "str", [np.nan, np.nan, "a"]),
        (pd.Categorical(["a", "b"]), ["c"], "category", ["a", "b", "c"]),
        (pd.Categorical(["a", "b"]), pd.Categorical(["c"]), "category", ["a", "b", "c"]),
        (["a", "b"], pd.Categorical(["c"]), "str", ["a", "b", "c"]),
        ([True, False], [None], "boolean", [True, False, pd.NA]),
        (
            pd.to_datetime(["2020", "2021"]).as_unit("s"),
            pd.to_datetime(["2022-01-01T00:00:00.5"]).as_unit("ns"),
            "datetime64[ns]",
            [*pd.to_datetime(["2020", "2021", "2022-01-01T00:00:00.5"], format="ISO8601")],
        ),
        ([Decimal(1), None], [Decimal("2.50")], "object", [Decimal(1), None, Decimal("2.50")]),
    ],
)
def test_types_widen_only_where_they_must(old: Any, new: Any, dtype: str, values: Any) -> None:
    current = stored(pd.DataFrame({"id": [1, 2], "x": old}), "id")
    found = combined(current, pd.DataFrame({"id": [3], "x": new}), ["id"], "append")["x"]
    assert str(found.dtype) == dtype
    assert [None if v is pd.NA or v != v else v for v in found] == [
        None if v is pd.NA or v != v else v for v in values
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ([1, 2], ["a"], r"holds numbers \('1'\) in the dataset and text \('a'\).*x=number"),
        (["007", "1"], [7], r"holds text \('007'\) .* numbers \('7'\).*--types x=text"),
        ([2**53 + 1, 2], [0.5], "no type holds both exactly"),
        ([True, False], [2], r"true or false \('True'\)"),
        ([dt.date(2020, 1, 1)] * 2, [dt.datetime(2020, 1, 1, 5)], "--types x=date"),
        ([dt.datetime(2020, 1, 1)] * 2, [pd.Timestamp("2020", tz="UTC")], "times in a zone"),
        (pd.Categorical(["a", "b"], ordered=True), ["c"], "are ordered, and 'c' is none"),
    ],
)
def test_types_that_do_not_go_together(old: Any, new: Any, message: str) -> None:
    current = stored(pd.DataFrame({"id": [1, 2], "x": old}), "id")
    for key in (1, 3):
        with pytest.raises(InputError, match=message):
            combined(current, pd.DataFrame({"id": [key], "x": new}), ["id"], "upsert")


def test_keys_of_other_types_find_each_other() -> None:
    current = stored(pd.DataFrame({"id": pd.Series([1, 2], dtype="Int64"), "x": [1, 2]}), "id")
    found = combined(current, pd.DataFrame({"id": [2.0], "x": [5]}), ["id"], "upsert")
    assert found.to_dict("list") == {"id": [1, 2], "x": [1, 5]}
    two = stored(pd.DataFrame({"a": ["x", "x"], "b": [1, 2], "v": [1, 2]}), "a", "b")
    frame = pd.DataFrame({"b": [2, 3], "a": ["x", "x"], "v": [20, 30]})
    assert combined(two, frame, ["a", "b"], "upsert")["v"].tolist() == [1, 20, 30]
    with pytest.raises(InputError, match=r"'a', 'b' \('x', 2\)"):
        combined(two, frame, ["a", "b"], "append")


@pytest.mark.parametrize("mode", ["replace", "upsert", "append"])
def test_the_key_is_checked_in_every_mode(mode: Any) -> None:
    with pytest.raises(InputError, match="not unique"):
        combined(OLD, pd.DataFrame({"id": [1, 1]}), ["id"], mode)
    with pytest.raises(InputError, match="is missing in 1 row"):
        combined(OLD, pd.DataFrame({"id": [1, None]}), ["id"], mode)
    with pytest.raises(InputError, match="not in the table"):
        combined(OLD, pd.DataFrame({"x": [1]}), ["id"], mode)


def test_another_key_or_mode_is_refused() -> None:
    frame = pd.DataFrame({"x": [1]})
    with pytest.raises(InputError, match="the dataset's key is 'id', and 'x' is given"):
        combined(OLD, frame, ["x"], "upsert")
    with pytest.raises(InputError, match="the dataset's key is 'id', and none is given"):
        combined(OLD, frame, [], "upsert")
    with pytest.raises(InputError, match="made from the content, and 'x' is given"):
        combined(stored(frame), frame, ["x"], "append")
    with pytest.raises(InputError, match="mode 'merge' is unknown"):
        combined(OLD, frame, ["x"], "merge")  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["upsert", "append"])
def test_without_a_key_rows_that_are_not_there_are_added(mode: Any) -> None:
    frame = pd.DataFrame({"x": [1, 1, 2], "t": ["a", "a", None]})
    once = combined(None, frame, [], mode)
    twice = combined(stored(once), frame, [], mode)
    pd.testing.assert_frame_equal(twice, frame)
    more = combined(stored(once), pd.DataFrame({"x": [1, 3], "t": ["a", "b"]}), [], mode)
    assert more["x"].tolist() == [1, 1, 2, 3]


IDS = st.integers(0, 6)
ROWS = st.dictionaries(
    IDS, st.tuples(st.none() | st.integers(-3, 3), st.none() | st.sampled_from("abc"))
)


def as_frame(rows: dict[int, tuple[Any, Any]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": pd.Series(list(rows), dtype="int64"),
            "n": pd.Series([n for n, _ in rows.values()], dtype="Int64"),
            "t": pd.Series([t for _, t in rows.values()], dtype="str"),
        }
    )


def as_rows(frame: pd.DataFrame) -> dict[int, tuple[Any, Any]]:
    plain = frame.astype(object).where(frame.notna(), None)
    return {row["id"]: (row.get("n"), row.get("t")) for row in plain.to_dict("records")}


CHECKED = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@CHECKED
@given(ROWS, ROWS)
def test_upsert_is_what_a_dictionary_does(old: dict[int, Any], new: dict[int, Any]) -> None:
    found = combined(stored(as_frame(old), "id"), as_frame(new), ["id"], "upsert")
    assert as_rows(found) == {**old, **new}
    assert list(as_rows(found))[: len(old)] == list(old)
    again = combined(stored(found, "id"), as_frame(new), ["id"], "upsert")
    pd.testing.assert_frame_equal(again, found)


@CHECKED
@given(ROWS, ROWS)
def test_append_adds_or_refuses(old: dict[int, Any], new: dict[int, Any]) -> None:
    current = stored(as_frame(old), "id")
    if any(old.get(key, row) != row for key, row in new.items()):
        with pytest.raises(InputError, match="other values in"):
            combined(current, as_frame(new), ["id"], "append")
    else:
        found = combined(current, as_frame(new), ["id"], "append")
        assert as_rows(found) == {**old, **new}


@CHECKED
@given(ROWS, ROWS, st.sampled_from(["n", "t"]), st.sampled_from(["n", "t"]))
def test_columns_come_and_stay(
    old: dict[int, Any], new: dict[int, Any], dropped: str, before: str
) -> None:
    """One column is left out of the old rows, and one of the new ones."""
    current = stored(as_frame(old).drop(columns=before), "id")
    frame = as_frame(new).drop(columns=dropped)
    found = as_rows(combined(current, frame, ["id"], "upsert"))
    place = {"n": 0, "t": 1}
    for key in {**old, **new}:
        for name in "nt":
            row = new if key in new and name != dropped else old if name != before else {}
            value = row[key][place[name]] if key in row else None
            assert found[key][place[name]] == value


@CHECKED
@given(ROWS, ROWS)
def test_content_keys_make_a_multiset_union(old: dict[int, Any], new: dict[int, Any]) -> None:
    first, second = (as_frame(rows).drop(columns="id") for rows in (old, new))
    once = combined(stored(first), second, [], "append")
    twice = combined(stored(once), second, [], "upsert")
    pd.testing.assert_frame_equal(twice, once)

    def counts(frame: pd.DataFrame) -> dict[Any, int]:
        return frame.astype(object).fillna("-").value_counts().to_dict()

    one, two = counts(first), counts(second)
    union = {row: max(one.get(row, 0), two.get(row, 0)) for row in {*one, *two}}
    assert counts(once) == union
