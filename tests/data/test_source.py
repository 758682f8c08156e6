from __future__ import annotations

import bz2
import gzip
import lzma
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from limelight.data.source import read_source
from limelight.errors import InputError


def csv(tmp_path: Path, text: str | bytes, name: str = "table.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def column(tmp_path: Path, *cells: str) -> pd.Series:
    rows = "".join(f'{number},"{cell}"\n' for number, cell in enumerate(cells))
    return read_source(csv(tmp_path, "n,x\n" + rows)).frame["x"]


@pytest.mark.parametrize(
    ("cells", "dtype", "values"),
    [
        (["1", "-2", "0"], "int64", [1, -2, 0]),
        (["1", "", "9007199254740993"], "Int64", [1, pd.NA, 9007199254740993]),
        (["1", "NA", "null"], "Int64", [1, pd.NA, pd.NA]),
        (["18446744073709551615", "1"], "uint64", [18446744073709551615, 1]),
        (["18446744073709551615", ""], "UInt64", [18446744073709551615, pd.NA]),
        (["18446744073709551616", "1"], "str", ["18446744073709551616", "1"]),
        (["007", "010"], "str", ["007", "010"]),
        (["+491234", "1"], "str", ["+491234", "1"]),
        (["1.5", "2", ".5", "-1e-3"], "float64", [1.5, 2.0, 0.5, -0.001]),
        (["1.5", "NaN", "inf"], "float64", [1.5, np.nan, np.inf]),
        (["1", "n/a", "<NA>", "#N/A"], "Int64", [1, pd.NA, pd.NA, pd.NA]),
        (["00.5", "1"], "str", ["00.5", "1"]),
        (["1,5", "2,5"], "str", ["1,5", "2,5"]),
        (["true", "FALSE"], "bool", [True, False]),
        (["True", "", "False"], "boolean", [True, pd.NA, False]),
        (["yes", "no"], "str", ["yes", "no"]),
        (["NA", "b", ""], "str", ["NA", "b", np.nan]),
        (["None", "nan"], "str", [np.nan, np.nan]),
        (["", ""], "str", [np.nan, np.nan]),
        ([" a", "a "], "str", [" a", "a "]),
        ([" 1", "2 "], "int64", [1, 2]),
        (["2020-01-31", ""], "datetime64[us]", [pd.Timestamp("2020-01-31"), pd.NaT]),
        (["2020-02-31", "2020-01-01"], "str", ["2020-02-31", "2020-01-01"]),
        (["01/02/2020"], "str", ["01/02/2020"]),
        (["2020"], "int64", [2020]),
        (
            ["2020-01-01T10:00Z", "2020-01-01 10:00:00.5+02:00"],
            "datetime64[us, UTC]",
            [pd.Timestamp("2020-01-01T10:00Z"), pd.Timestamp("2020-01-01T08:00:00.5Z")],
        ),
        (["2020-01-01T10:00Z", "2020-01-01"], "str", ["2020-01-01T10:00Z", "2020-01-01"]),
    ],
)
def test_a_column_finds_its_type(
    tmp_path: Path, cells: list[str], dtype: str, values: list[object]
) -> None:
    found = column(tmp_path, *cells)
    pd.testing.assert_series_equal(found, pd.Series(values, dtype=dtype, name="x"))


def test_quotes_line_ends_and_byte_order_marks(tmp_path: Path) -> None:
    text = '\ufeff"a b",c\r\n"x, ""y""\nz",1\r\n\r\nü,2\r\n'
    found = read_source(csv(tmp_path, text)).frame
    assert found.to_dict("list") == {"a b": ['x, "y"\nz', "ü"], "c": [1, 2]}


def test_quotes_that_are_never_closed_swallow_no_rows(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="quotes: those that open in line 3 are not closed"):
        read_source(csv(tmp_path, 'a,b\n1,x\n2,"y\n3,z\n'))
    long = "word\n" * 50_000  # longer than Python's own limit of a cell
    found = read_source(csv(tmp_path, f'a,b\n1,"{long}"\n2,"y\n"\n')).frame
    assert found["b"].tolist() == [long, "y\n"]


def test_separators(tmp_path: Path) -> None:
    texts = {"a.tsv": "a\tb\n1\t2,x\n", "b.csv": "a;b\n1;2,x\n", "c.csv": "a|b\n1|2,x\n"}
    for name, text in texts.items():
        found = read_source(csv(tmp_path, text, name)).frame
        assert found.to_dict("list") == {"a": [1], "b": ["2,x"]}


def test_a_separator_in_a_quoted_name_is_part_of_the_name(tmp_path: Path) -> None:
    found = read_source(csv(tmp_path, '"it\'s ""new"", ok";b\n1;2\n')).frame
    assert found.to_dict("list") == {'it\'s "new", ok': [1], "b": [2]}
    found = read_source(csv(tmp_path, '\ufeff\n"two\nlines";size 5"\n1;2\n')).frame
    assert found.to_dict("list") == {"two\nlines": [1], 'size 5"': [2]}


def test_a_column_without_a_name_gets_one(tmp_path: Path) -> None:
    assert read_source(csv(tmp_path, ",a\n0,1\n")).frame.columns.tolist() == ["Unnamed: 0", "a"]


def test_compressed_files(tmp_path: Path) -> None:
    text = b"a,b\n1,x\n2,y\n"
    packed = {
        ".gz": gzip.compress(text),
        ".bz2": bz2.compress(text),
        ".xz": lzma.compress(text),
        ".zst": pa.compress(text, codec="zstd", asbytes=True),
    }
    expected = pd.DataFrame({"a": [1, 2], "b": pd.Series(["x", "y"], dtype="str")})
    for ending, content in packed.items():
        found = read_source(csv(tmp_path, content, f"table.csv{ending}")).frame
        pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize("ending", ["parquet", "feather"])
def test_typed_files_keep_their_types(tmp_path: Path, ending: str) -> None:
    frame = pd.DataFrame(
        {
            "i": pd.Series([1, None], dtype="Int64"),
            "c": pd.Categorical(["a", None], categories=["b", "a"]),
            "t": pd.to_datetime(["2020-01-01", None]).tz_localize("Europe/Berlin"),
            "s": ["", None],
        }
    )
    path = tmp_path / f"table.{ending}"
    getattr(frame, f"to_{ending}")(path)
    pd.testing.assert_frame_equal(read_source(path).frame, frame)


def test_whole_numbers_with_missing_values_stay_exact_in_parquet(tmp_path: Path) -> None:
    table = pa.table({"i": [2**53 + 1, None], "b": [True, None], "u": pa.array([1, 2], pa.uint8())})
    parquet.write_table(table, tmp_path / "t.parquet")
    found = read_source(tmp_path / "t.parquet").frame
    assert found["i"].tolist() == [2**53 + 1, pd.NA]
    assert found.dtypes.astype(str).tolist() == ["Int64", "boolean", "uint8"]


def test_an_index_in_parquet_becomes_columns_again(tmp_path: Path) -> None:
    pd.DataFrame({"id": ["a"], "x": [1]}).set_index("id").to_parquet(tmp_path / "t.parquet")
    assert read_source(tmp_path / "t.parquet").frame.columns.tolist() == ["id", "x"]


PARQUET = pa.BufferOutputStream()
parquet.write_table(pa.table({"a": [1]}), PARQUET)
TWICE = pa.BufferOutputStream()
parquet.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), TWICE)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "is empty"),
        ("t.csv", b"\n \n", "is empty"),
        ("t.csv", b"a,b\n", "has no rows"),
        ("t.csv", b"a,b,a\n1,2,3\n", "column name 'a' given more than once"),
        ("t.csv", b"a,b\n1,2\n1,2,3\n", "Row #3: Expected 2 columns, got 3"),
        ("t.csv", b"a,b\n1,2\n3\n", "Row #3: Expected 2 columns, got 1"),
        ("t.csv", b'a,b\n"1,2\n3,4\n', "do not fit together"),
        ("t.csv", b"a,b\n1,caf\xe9\n", "not in UTF-8: byte 0xe9 in line 2 .*iconv"),
        ("t.csv", "a,b\n1,2\n".encode("utf-16"), "is text in UTF-16. Save it as UTF-8"),
        ("t.csv", b"\x89PNG\r\n\x1a\n\0\0", "ends in .csv and is a PNG picture"),
        ("t.csv", PARQUET.getvalue().to_pybytes(), "ends in .csv and is a Parquet file"),
        ("t.csv", gzip.compress(b"a,b\n1,2\n", mtime=0), "ends in .csv and is a gzip file"),
        ("t.csv", b"PK\x03\x04rest", "is a zip or Excel file"),
        ("t.csv", b"\n<!DOCTYPE html><html>", "is a web page"),
        ("t.csv", b"a,b\n\0\1\2", "is a binary file"),
        ("t.csv.gz", b"a,b\n1,2\n", "not a whole .gz file"),
        ("t.csv.gz", gzip.compress(os.urandom(9999))[:500], "not a whole .gz file"),
        ("t.csv.xz", b"a,b\n1,2\n", "not a whole .xz file"),
        ("t.csv.bz2", b"a,b\n1,2\n", "not a whole .bz2 file"),
        ("t.csv.zst", b"a,b\n1,2\n", "not a whole .zst file"),
        ("t.parquet", b"a,b\n1,2\n", "ends in .parquet and is a text file"),
        ("t.parquet", PARQUET.getvalue().to_pybytes()[:-9], "cannot be read"),
        ("t.parquet", TWICE.getvalue().to_pybytes(), "column name 'a' given more than once"),
        ("t.feather", PARQUET.getvalue().to_pybytes(), "ends in .feather and is a Parquet file"),
        ("t.xlsx", b"PK\x03\x04rest", r"ending of 't.xlsx' is not one.*\.parquet"),
        ("t.parquet.gz", b"x", "ending of 't.parquet.gz' is not one"),
        ("table", b"a,b\n1,2\n", "ending of 'table' is not one"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_source(csv(tmp_path, content, name))
    assert caught.value.way_out
    assert "\n" not in str(caught.value)


def test_a_missing_file_shows_its_neighbours(tmp_path: Path) -> None:
    csv(tmp_path, "a\n1\n", "loans.csv")
    with pytest.raises(InputError, match=r"does not exist\. In that folder are: loans\.csv"):
        read_source(tmp_path / "loan.csv")
    with pytest.raises(InputError, match=r"does not exist\. Check the path"):
        read_source(tmp_path / "none" / "loan.csv")


def test_the_key_is_checked(tmp_path: Path) -> None:
    path = csv(tmp_path, "id,x\n1,a\n1,b\n,c\n")
    with pytest.raises(InputError, match="key 'id' is missing in 1 row"):
        read_source(path, key=["id"])
    with pytest.raises(InputError, match=r"key column 'ix' is not in the table. Did you mean 'x'"):
        read_source(path, key=["ix"])
    assert len(read_source(path, key=["x"]).frame) == 3


@pytest.mark.slow
def test_a_large_table_takes_seconds(tmp_path: Path) -> None:
    import time

    random = np.random.default_rng(0)
    columns = {f"f{n}": random.random(30_000) for n in range(10)}
    columns |= {f"i{n}": random.integers(0, 10**6, 30_000) for n in range(10)}
    path = tmp_path / "large.csv"
    pd.DataFrame(columns).to_csv(path, index=False)
    started = time.process_time()
    found = read_source(path).frame
    assert time.process_time() - started < 10
    pd.testing.assert_frame_equal(found, pd.DataFrame(columns))
