from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings

from limelight.data import DatasetCard
from limelight.data._sqlite import driver
from limelight.data.codecs import decode, encode
from limelight.data.doltlite import DoltliteStore
from limelight.data.kinds import describe
from limelight.data.schema import Column
from limelight.data.schema import describe as describe_frame
from limelight.errors import InputError, StoreError

BERLIN = "Europe/Berlin"
COLUMNS = {
    "small": pd.Series([1, -2, 3], dtype="int8"),
    "int": pd.Series([-(2**63), 2**63 - 1, 0]),
    "nullable": pd.Series([2**53 + 1, None, -1], dtype="Int64"),
    "nullable 8": pd.Series([255, None, 0], dtype="UInt8"),
    "unsigned": pd.Series([2**64 - 1, 0, 1], dtype="uint64"),
    "nullable unsigned": pd.Series([2**64 - 1, None, 1], dtype="UInt64"),
    "huge": pd.Series([10**40, None, -1], dtype=object),
    "float": pd.Series([math.inf, -math.inf, math.nan]),
    "exact": pd.Series([0.1, 5e-324, 1.7976931348623157e308]),
    "single": pd.Series([0.1, None, 3], dtype="float32"),
    "half": pd.Series([0.1, None, 65504], dtype="float16"),
    "wide single": pd.Series([0.1, math.inf, None], dtype="float32"),
    "wide half": pd.Series([0.1, -math.inf, None], dtype="float16"),
    "wide nullable": pd.Series([0.1, math.inf, None], dtype="Float64"),
    "infinite category": pd.Series(pd.Categorical([math.inf, 2.0, None])),
    "nullable float": pd.Series([0.1, None, 9.0], dtype="Float64"),
    "bool": pd.Series([True, False, True]),
    "nullable bool": pd.Series([True, None, False], dtype="boolean"),
    "text": pd.Series(["", None, "ünï 'q\" \n\0 語"], dtype="str"),
    "nullable text": pd.Series(["", None, "a"], dtype="string"),
    "category": pd.Series(pd.Categorical(["b", None, "a"], ["b", "a", "z"], ordered=True)),
    "number category": pd.Series(pd.Categorical([1.5, 2.0, None])),
    "date category": pd.Series(pd.Categorical([pd.Timestamp("2020-01-01"), None, None])),
    "time": pd.Series(np.array(["2020-01-01T01:02:03.123456789", "NaT", "1700-01-01"], "M8[ns]")),
    "second": pd.Series(np.array(["2020-01-01", "NaT", "9999-01-01"], "M8[s]")),
    "zone": pd.Series(np.array(["2020-10-25T00:30", "2020-10-25T01:30", "NaT"], "M8[us]"))
    .dt.tz_localize("UTC")
    .dt.tz_convert(BERLIN),
    "offset": pd.Series(
        [dt.datetime(2020, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=30)))] * 3
    ),
    "span": pd.Series(np.array([1, "NaT", -3], "m8[ms]")),
    "far": pd.Series(np.array(["12345-01-01", "-0044-03-15", "NaT"], "M8[s]")),
    "month": pd.Series(pd.PeriodIndex(["2020-01", "NaT", "1901-12"], freq="M")),
    "week": pd.Series(pd.PeriodIndex(["2020-01-01", "2020-01-09", "NaT"], freq="W-TUE")),
    "time of day": pd.Series([dt.time(1, 2, 3, 4), None, dt.time(23)], dtype=object),
    "date": pd.Series([dt.date(1, 1, 1), None, dt.date(9999, 12, 31)], dtype=object),
    "decimal": pd.Series([Decimal("1.50"), None, Decimal("-1E+40")], dtype=object),
    "bytes": pd.Series([b"", None, b"\0\xff"], dtype=object),
    "arrow int": pd.Series([1, None, 2**62 + 1], dtype="int64[pyarrow]"),
    "arrow wide": pd.Series([1, None, 2**64 - 1], dtype="uint64[pyarrow]"),
    "arrow float": pd.Series([0.1, None, math.inf], dtype="double[pyarrow]"),
    "arrow bool": pd.Series([True, None, False], dtype="bool[pyarrow]"),
    "arrow text": pd.Series(["a", None, ""], dtype=pd.ArrowDtype(pa.string())),
    "arrow time": pd.Series(
        [dt.datetime(2020, 1, 1, 5), None, None], dtype="timestamp[us][pyarrow]"
    ),
    "arrow zone": pd.Series(
        [dt.datetime(2020, 1, 1, tzinfo=dt.UTC), None, None],
        dtype=pd.ArrowDtype(pa.timestamp("ms", BERLIN)),
    ),
    "arrow date": pd.Series([dt.date(2020, 1, 1), None, None], dtype="date32[pyarrow]"),
    "arrow span": pd.Series([dt.timedelta(1), None, None], dtype="duration[us][pyarrow]"),
    "arrow bytes": pd.Series([b"\0", None, b""], dtype="binary[pyarrow]"),
    "arrow category": pd.Series(["a", None, "b"], dtype=pd.ArrowDtype(pa.string())).astype(
        "category"
    ),
    "sp ace\"q`[x]'; --": pd.Series([1, 2, 3]),
    "naïve 語": pd.Series([1, 2, 3]),
    "CASE": pd.Series([1, 2, 3]),
    "case": pd.Series([4, 5, 6]),
    "Case": pd.Series([7, 8, 9]),
    "": pd.Series([1, 2, 3]),
    "row_key": pd.Series([1, 2, 3]),
    "commit": pd.Series([1, 2, 3]),
    "select": pd.Series([1, 2, 3]),
}


def test_every_type_and_name_comes_back_from_the_store(tmp_path: Path) -> None:
    frame = pd.DataFrame(COLUMNS).assign(id=["a", "b", "c"])
    card = DatasetCard(name="t", target="int", key=("id",))
    store = DoltliteStore(tmp_path / "store.db")
    version = store.write("t", frame, "All types", card=card)
    pd.testing.assert_frame_equal(store.read(version), frame.set_index("id"))
    assert store.write("t", store.read(version), "As read") == version


@pytest.mark.parametrize("key", ["small", "unsigned", "exact", "bool", "second", "date", "bytes"])
def test_keys_of_other_types(tmp_path: Path, key: str) -> None:
    frame = pd.DataFrame({key: COLUMNS[key], "y": [1, 2, 3]}).dropna().drop_duplicates(key)
    store = DoltliteStore(tmp_path / "store.db")
    card = DatasetCard(name="t", target="y", key=(key,))
    version = store.write("t", frame, "Keyed", card=card)
    read = store.read(version).reset_index()
    expected = frame.set_index("y").loc[read["y"]].reset_index()[[key, "y"]]
    pd.testing.assert_frame_equal(read, expected)


def test_the_types_are_versioned_with_the_rows(tmp_path: Path) -> None:
    store = DoltliteStore(tmp_path / "store.db")
    card = DatasetCard(name="t", target="x", key=("id",))
    frame = pd.DataFrame({"id": [1, 2], "x": pd.Categorical(["a", "b"])})
    old = store.write("t", frame, "First", card=card)
    wider = frame.assign(x=frame["x"].cat.add_categories("c"))
    new = store.write("t", wider, "A category more")
    assert store.read(old)["x"].cat.categories.tolist() == ["a", "b"]
    assert store.read(new)["x"].cat.categories.tolist() == ["a", "b", "c"]
    assert store.diff(old, new).unchanged == 2


def test_the_first_infinity_of_a_column_is_one_changed_row(tmp_path: Path) -> None:
    store = DoltliteStore(tmp_path / "store.db")
    card = DatasetCard(name="t", target="x", key=("id",))
    old = store.write("t", pd.DataFrame({"id": [1, 2], "x": [0.1, 2.0]}), "Finite", card=card)
    new = store.write("t", pd.DataFrame({"id": [1, 2], "x": [0.1, math.inf]}), "Infinite")
    found = store.diff(old, new)
    assert (found.modified, found.unchanged, found.columns_changed) == (1, 1, ("x",))
    assert store.changes(old, new).after["x"].tolist() == [math.inf]


VALUES = {
    "str": st.text(st.characters(codec="utf-8")),
    "Int64": st.integers(-(2**63), 2**63 - 1),
    "UInt64": st.integers(0, 2**64 - 1),
    # -0.0 comes back as 0.0, which is equal to it.
    "float64": st.floats(allow_nan=False),
    "Float64": st.floats(allow_nan=False),
    "float32": st.floats(allow_nan=False, width=32),
    "boolean": st.booleans(),
    "datetime64[us]": st.datetimes(dt.datetime(1, 1, 1)),
    "datetime64[ns]": st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)),
    "datetime64[s]": st.integers(-(2**40), 2**40),
    "timedelta64[us]": st.timedeltas(dt.timedelta(-(10**8)), dt.timedelta(10**8)),
    "Float32": st.floats(allow_nan=False, width=32),
    "float16": st.floats(allow_nan=False, width=16),
    "category": st.text(st.characters(codec="utf-8"), max_size=2),
}


@pytest.mark.parametrize("dtype", VALUES)
def test_any_values_survive_the_codec(dtype: str) -> None:
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(st.none() | VALUES[dtype], min_size=1))
    def check(values: list) -> None:
        series = pd.Series(values, dtype=dtype)
        kind, name, detail = describe(series)
        sql = encode(series, kind, detail)
        assert {type(value) for value in sql} <= {int, float, str, bytes, type(None)}
        column = Column.from_json("x", "x", Column("x", "x", kind, name, detail).type_json())
        chunks = [sql[:2], sql[2:]]
        back = decode(chunks, column.kind, column.dtype, column.detail)
        pd.testing.assert_series_equal(back, series)

    check()


def test_objects_of_one_type_get_that_type() -> None:
    nothing = pd.Series([None, None], dtype=object)
    assert describe(nothing)[0] == "text"
    assert describe(pd.Series([1, None], dtype=object)) == ("int", "Int64", {})
    assert describe(pd.Series([True, None], dtype=object)) == ("bool", "boolean", {})
    assert encode(pd.Series([np.int64(1), None], dtype=object), "int", {}) == [1, None]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, "a", 2], "'x' holds values of several types: mostly int, and 'a' is str"),
        ([[1], [2], None], r"'x' holds .*list.*\[1\]"),
        ([1 + 2j, 3j, 1], "'x' holds values of type complex"),
        ([pd.Period("2020", "M"), pd.Period("2020", "Y")], "'x' holds values of type Period"),
        (pd.cut(pd.Series([1, 2, 3]), 2), "'x' holds values of type interval"),
        (pd.Series(["a", "\ud800"], dtype=object), r"'x' holds text that is not valid Unicode"),
        (pd.Series([1, 2], dtype="Sparse[int]"), r"'x' holds Sparse\[int64, 0\]"),
        (
            pd.Series([Decimal("1.5")], dtype=pd.ArrowDtype(pa.decimal128(10, 2))),
            r"'x' holds decimal128\(10, 2\)\[pyarrow\]",
        ),
        (pd.Series([[1]], dtype=pd.ArrowDtype(pa.list_(pa.int64()))), r"'x' holds list<item"),
        ([dt.date(2020, 1, 1), dt.datetime(2020, 1, 1, 3)], "'x' holds values of several types"),
        ([1, True, 2], "'x' holds values of several types: mostly int, and True is bool"),
        ([dt.time(1), dt.time(2, tzinfo=dt.UTC)], "'x' holds times of day with a zone"),
    ],
)
def test_what_cannot_be_kept_is_named(tmp_path: Path, values: object, message: str) -> None:
    store = DoltliteStore(tmp_path / "store.db")
    card = DatasetCard(name="t", target="x")
    with pytest.raises(InputError, match=message) as caught:
        store.write("t", pd.DataFrame({"x": values}), "Bad", card=card)
    assert caught.value.way_out
    assert not store.path.exists()


def test_names_must_be_text() -> None:
    with pytest.raises(InputError, match="column name 0 is int"):
        describe_frame(pd.DataFrame([[1]]))
    with pytest.raises(InputError, match="no columns"):
        describe_frame(pd.DataFrame(index=[1]))


@pytest.mark.parametrize(
    ("values", "changed"),
    [
        ([1, 2], "300"),
        ([1, 2], "NULL"),
        (pd.Categorical(["a", "b"]), "'c'"),
        (pd.to_datetime(["2020-01-01", None]), "'soon'"),
        ([Decimal("1.5"), None], "'much'"),
    ],
)
def test_a_value_that_another_program_wrote_is_named(
    tmp_path: Path, values: Any, changed: str
) -> None:
    store = DoltliteStore(tmp_path / "store.db")
    frame = pd.DataFrame({"id": [1, 2], "x": values})
    frame = frame.astype({"x": "int8"}) if frame["x"].dtype == "int64" else frame
    store.write("t", frame, "Good", card=DatasetCard(name="t", target="x", key=("id",)))
    connection = driver().connect(str(store.path), isolation_level=None)
    connection.execute(f"UPDATE t SET x = {changed} WHERE id = 2")
    connection.execute("SELECT dolt_commit('-A', '-m', 'Bad')").fetchall()
    connection.close()
    with pytest.raises(StoreError, match=r"column 'x' in the store has a value that is no"):
        store.read(store.resolve("t"))
