"""JSON, folders of parts, and some of the columns alone."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from limelight.data.source import read_source
from limelight.data.sources import json_rows
from limelight.errors import InputError

ROWS: list[dict[str, Any]] = [
    {"id": 1, "x": 1.5, "t": "007", "when": "2020-01-31T10:00:00", "ok": True},
    {"id": 2**60, "t": "", "when": None, "ok": None, "late": "x"},
    {"id": -3, "x": 2, "t": "b\n", "when": "2020-02-01", "ok": False},
]


def lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.jsonl", lines(ROWS)),
        ("t.ndjson", "\ufeff\n" + lines(ROWS).replace("\n", "\r\n\r\n").strip()),
        ("t.json", lines(ROWS)),
        ("t.json", json.dumps(ROWS)),
        ("t.json", "  " + json.dumps(ROWS, indent=2)),
    ],
)
@pytest.mark.parametrize("small", [False, True])
def test_json_carries_its_types(
    tmp_path: Path, name: str, text: str, small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if small:
        monkeypatch.setattr(json_rows, "_BATCH", 1)
        monkeypatch.setattr(json_rows, "_READ", 7)
    path = tmp_path / name
    path.write_bytes(text.encode())
    found = read_source(path)
    assert found.frame.dtypes.astype(str).to_dict() == {
        "id": "int64",
        "x": "float64",
        "t": "str",
        "when": "datetime64[us]",
        "ok": "boolean",
        "late": "str",
    }
    assert found.frame["id"].tolist() == [1, 2**60, -3]
    assert found.frame["t"].tolist() == ["007", "", "b\n"]
    assert found.frame["when"].isna().tolist() == [False, True, False]
    assert found.frame["late"].isna().tolist() == [True, False, True]
    assert found.notes == ()
    assert found.origin == name


def test_json_of_mixed_values_is_text_with_a_note(tmp_path: Path) -> None:
    rows = [{"m": 1}, {"m": "a"}, {"m": 2}, {"m": True}, {"m": None}]
    (tmp_path / "t.jsonl").write_text(lines(rows))
    found = read_source(tmp_path / "t.jsonl")
    assert found.frame["m"].tolist()[:4] == ["1", "a", "2", "true"]
    assert found.frame["m"].isna().tolist() == [False] * 4 + [True]
    note = found.notes[0]
    assert note.startswith("column 'm' is text: it holds whole numbers (2), ")
    assert "'a' in row 2" in note
    assert "'True' in row 4" in note
    big = [{"m": 10**30}, {"m": None}]
    (tmp_path / "t.jsonl").write_text(lines(big))
    assert read_source(tmp_path / "t.jsonl").frame["m"].tolist() == [10**30, None]
    (tmp_path / "t.jsonl").write_text(lines([{"m": 2**53 + 1}, {"m": 0.5}]))
    assert read_source(tmp_path / "t.jsonl").frame["m"].tolist() == [str(2**53 + 1), "0.5"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1}\n{"a": }\n', "line 2 of .* is no JSON object"),
        ('{"a": 1}\n[1]\n', r"line 2 of .*: it is \[1\]"),
        ('[{"a": 1}, 2]', "object 2 of .*: it is 2"),
        ('[{"a": 1}, {"a"', "object 2 of .* is no JSON object"),
        ('{"a": 1, "a": 2}\n', "it has 'a' twice"),
        ('{"a": 1}\n{"a": [1, 2]}\n', r"column 'a' holds '\[1, 2\]' in row 2, a list"),
        ('{"a": {"b": 1}}\n', "a dict, which no cell"),
        ('[{"a": 1}]\n[{"a": 2}]', r"goes on behind its array: '\[\{\"a\": 2\}\]'"),
        ('{"a": 1e400}', "line 1 of .*: 1e400 is larger than any double"),
        ('{"a": ' + "[" * 99_999, "line 1 of .* is no JSON object: maximum recursion"),
        ("[]", "has no rows"),
        (" \n", "is empty"),
        ('{"a": "\udce9"}', "not in UTF-8: byte 0xe9 in line 1"),
    ],
)
def test_json_that_cannot_be_used(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "t.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(InputError, match=message) as caught:
        read_source(tmp_path / "t.json")
    assert "\n" not in str(caught.value)


def test_an_unused_json_column_may_hold_anything(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text('{"a": 1, "b": [1]}')
    assert read_source(tmp_path / "t.json", without=["b"]).frame.columns.tolist() == ["a"]
    assert read_source(tmp_path / "t.json", columns=["a"]).frame.columns.tolist() == ["a"]


def test_the_parts_of_a_folder_have_their_types_together(tmp_path: Path) -> None:
    (tmp_path / "part-1.csv").write_text("zip,n,t\n1,1,a\n2,2,b\n")
    (tmp_path / "part-2.csv.gz").write_bytes(gzip.compress(b"t,zip,n\nc,007,2.5\n,8,\n"))
    (tmp_path / "_SUCCESS").write_text("")
    (tmp_path / ".part-1.csv.crc").write_text("x")
    (tmp_path / "part-3.csv").write_text("")
    found = read_source(tmp_path)
    assert found.frame["zip"].tolist() == ["1", "2", "007", "8"]
    assert found.frame["n"].dtype == "float64"
    assert found.frame["t"].tolist()[:3] == ["a", "b", "c"]
    assert found.origin == tmp_path.name


def test_a_cell_is_named_by_its_part(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n" + "1\n" * 20)
    (tmp_path / "b.csv").write_text("x\n2\nodd\n")
    assert read_source(tmp_path).notes == (
        "column 'x' is text: 21 of its 22 values are numbers, and 1 is not"
        " ('odd' in row 2 of b.csv)",
    )
    with pytest.raises(InputError, match=r"given as int, and 'odd' in row 2 of b.csv"):
        read_source(tmp_path, types={"x": "int"})


def test_parts_of_parquet_and_json(tmp_path: Path) -> None:
    for kind in ("parquet", "json"):
        (tmp_path / kind).mkdir()
    narrow = pa.table({"n": pa.array([1], pa.int32()), "t": ["a"]})
    wide = pa.table({"t": ["b"], "n": pa.array([2**40], pa.int64())})
    parquet.write_table(narrow, tmp_path / "parquet" / "1.parquet")
    parquet.write_table(wide, tmp_path / "parquet" / "2.parquet", compression="zstd")
    found = read_source(tmp_path / "parquet").frame
    assert found.to_dict("list") == {"n": [1, 2**40], "t": ["a", "b"]}
    (tmp_path / "json" / "1.json").write_text('{"n": 1}')
    (tmp_path / "json" / "2.jsonl").write_text('{"n": 2, "t": "b"}')
    found = read_source(tmp_path / "json").frame
    assert found["n"].tolist() == [1, 2]
    assert found["t"].isna().tolist() == [True, False]


def test_folders_of_partitions_are_columns(tmp_path: Path) -> None:
    for year, month, value in [(2023, "01", 1), (2024, "02", 2), (2024, "__NO__", 3)]:
        name = "__HIVE_DEFAULT_PARTITION__" if month == "__NO__" else month
        folder = tmp_path / f"year={year}" / f"the%20month={name}"
        folder.mkdir(parents=True)
        parquet.write_table(pa.table({"x": [value, value]}), folder / "part.parquet")
    found = read_source(tmp_path).frame
    assert found["year"].tolist() == [2023, 2023, 2024, 2024, 2024, 2024]
    assert found["the month"].fillna("-").tolist() == ["01", "01", "02", "02", "-", "-"]
    assert read_source(tmp_path, without=["year"]).frame.columns.tolist() == ["x", "the month"]
    assert read_source(tmp_path, columns=["year", "x"]).frame.columns.tolist() == ["x", "year"]
    assert read_source(tmp_path, types={"year": "text"}).frame["year"][0] == "2023"
    with pytest.raises(InputError, match="all columns to read are partitions"):
        read_source(tmp_path, columns=["year"])


def write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({}, "has no file that can be read"),
        ({"a_csv": "x,y\n1,2\n", "b_csv": "x\n1\n"}, "a.csv has a column 'y', and b.csv has none"),
        ({"a_csv": "x\n1\n", "b_csv": "y,x\n1,2\n"}, "b.csv has a column 'y', and a.csv has none"),
        ({"a_csv": "x\n1\n", "b_json": "{}"}, "parts of two kinds: a.csv and b.json"),
        ({"a_csv": "x\n1\n", "b_txt": "x"}, "b.txt is not a file that can be read"),
        ({"a_csv": "x\n1\n", "sub__b_csv": "x\n1\n"}, "a folder among the parts"),
        ({"a_csv": "x\n1\n", "y=1__b_csv": "x\n1\n"}, "not partitioned by the same"),
        ({"x=1__b_csv": "x\n1\n"}, "column 'x' is in the files and in the names of their folders"),
        ({"a_csv": "x\n1\n", "b_csv": "x\n1,2\n"}, "rows of b.csv do not fit together: Row #2"),
    ],
)
def test_a_folder_that_cannot_be_used(tmp_path: Path, texts: dict[str, str], message: str) -> None:
    write(tmp_path, **texts)
    with pytest.raises(InputError, match=message):
        read_source(tmp_path)


def test_parts_of_parquet_with_types_that_do_not_go_together(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"x": [1]}), tmp_path / "1.parquet")
    parquet.write_table(pa.table({"x": ["a"]}), tmp_path / "2.parquet")
    with pytest.raises(InputError, match=r"'x' is int64 in 1.parquet and string in 2.parquet"):
        read_source(tmp_path)
    parquet.write_table(pa.table({"y": ["a"]}), tmp_path / "2.parquet")
    with pytest.raises(InputError, match=r"1.parquet has a column 'x', and 2.parquet has none"):
        read_source(tmp_path)


@pytest.mark.parametrize("ending", ["csv", "parquet", "feather"])
def test_some_columns_alone(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"t.{ending}"
    frame = pd.DataFrame({"a": [1], "b": ["x"], "c": [2.5]})
    if ending == "csv":
        frame.to_csv(path, index=False)
    else:
        getattr(frame, f"to_{ending}")(path)
    pd.testing.assert_frame_equal(read_source(path, columns=["c", "a"]).frame, frame[["a", "c"]])
    pd.testing.assert_frame_equal(read_source(path, without=["a"]).frame, frame[["b", "c"]])
    with pytest.raises(InputError, match=r"'bb' is not in the source. Did you mean 'b'"):
        read_source(path, without=["bb"])
    with pytest.raises(InputError, match="no column of the source is left"):
        read_source(path, without=["a", "b", "c"])
    with pytest.raises(InputError, match="the key 'a' is not among the columns"):
        read_source(path, key=["a"], without=["a"])
    with pytest.raises(InputError, match="a query is for a database"):
        read_source(path, query="SELECT 1")


def test_a_row_that_is_longer_than_a_block(tmp_path: Path) -> None:
    long = "x" * 3_000_000
    text = "a,b\n1,y\n" * 1 + f"2,{long}\n3,z\n"
    (tmp_path / "t.csv").write_text(text)
    found = read_source(tmp_path / "t.csv").frame
    assert found["a"].tolist() == [1, 2, 3]
    assert found["b"].str.len().tolist() == [1, len(long), 1]


@pytest.mark.slow
def test_reading_takes_little_more_than_the_frame(tmp_path: Path) -> None:
    """In a process of its own, for its peak of memory: below three times the frame."""
    import subprocess
    import sys

    code = (
        "import sys, resource, numpy as np\n"
        "from limelight.data.source import read_source\n"
        "read_source(sys.argv[2])\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "frame = read_source(sys.argv[1]).frame\n"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before\n"
        "print(peak * 1024 / frame.memory_usage(deep=True).sum())\n"
    )
    import numpy as np

    random = np.random.default_rng(0)
    frame = pd.DataFrame({f"f{place}": random.normal(size=100_000) for place in range(10)})
    frame["zip"] = "0" + pd.Series(random.integers(0, 99_999, 100_000)).astype("str")
    frame["t"] = pd.Series(random.integers(0, 10**9, 100_000)).astype("str") + " some text"
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.head(100).to_csv(tmp_path / "small.csv", index=False)
    command = [sys.executable, "-c", code, str(tmp_path / "t.csv"), str(tmp_path / "small.csv")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 3
