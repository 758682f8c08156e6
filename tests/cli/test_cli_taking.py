"""``limelight data export | query``: rows into files, whole or not at all."""

from __future__ import annotations

import io
import os
from decimal import Decimal

import pandas as pd
import pytest

from limelight.cli.files import write_frame
from limelight.data import DatasetCard, open_store
from limelight.data.source import read_source
from limelight.errors import InputError

ENDINGS = [
    "csv",
    "tsv",
    "csv.gz",
    "csv.bz2",
    "csv.xz",
    "tsv.zst",
    "jsonl",
    "jsonl.gz",
    "parquet",
    "pq",
    "feather",
]


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_exported_is_read_again(limelight, path, tmp_path, ending):
    limelight("export", "loans", "--ref", "rates", "-o", f"out.{ending}")
    found = read_source(tmp_path / f"out.{ending}", key=["id"]).frame
    stored = open_store(path)
    expected = stored.read(stored.resolve("loans", "rates")).reset_index()
    if ending in ("parquet", "pq", "feather"):
        pd.testing.assert_frame_equal(found, expected)
    else:
        assert found.columns.tolist() == expected.columns.tolist()
        assert found["amount"].equals(expected["amount"])
        assert found["since"].tolist() == expected["since"].tolist()
        assert found["note"][1] == "two\nlines"
    assert not list(tmp_path.glob(".*.part"))


def test_json_lines_hold_every_value(limelight, tmp_path):
    limelight("export", "loans", "--ref", "v1", "-o", "out.jsonl")
    found = pd.read_json(tmp_path / "out.jsonl", lines=True)
    assert found["amount"].tolist()[:3] == [10.5, 1200.25, 7.0]
    assert found["since"].tolist()[0].startswith("2025-01-01T00:00:00")


def test_the_same_version_gives_the_same_file(limelight, tmp_path):
    for name in ("a.csv.gz", "b.csv.gz"):
        limelight("export", "loans", "-o", name)
    first = (tmp_path / "a.csv.gz").read_bytes()
    assert (tmp_path / "b.csv.gz").read_bytes() == first
    assert first[4:8] == bytes(4)  # where gzip has the time


def test_odd_values_have_a_spelling_in_every_format(limelight, path, tmp_path):
    odd = pd.DataFrame(
        {
            "raw": [b"\x00\xff", None],
            "span": pd.to_timedelta(["1 day", None]),
            "price": [Decimal("1.10"), None],
            "big": pd.Series([2**63, 1], dtype="uint64"),
        }
    )
    open_store(path).write("odd", odd, "Odd", card=DatasetCard(name="odd", target=""))
    text = limelight("export", "odd")
    assert sorted(text.splitlines()[1:]) == [",,,1", "AP8=,P1DT0H0M0S,1.10,9223372036854775808"]
    limelight("export", "odd", "-o", "odd.jsonl")
    assert '"big": 9223372036854775808' in (tmp_path / "odd.jsonl").read_text()
    limelight("export", "odd", "-o", "odd.parquet")
    assert pd.read_parquet(tmp_path / "odd.parquet")["price"].dropna().tolist() == [Decimal("1.10")]


def test_without_a_file_rows_go_to_stdout(limelight, document):
    found = pd.read_csv(io.StringIO(limelight("export", "loans")))
    assert found["id"].tolist() == [1, 2, 4, 5]
    assert "row_key" not in limelight("export", "houses")
    assert document("export", "loans")["rows"][0]["id"] == 1


@pytest.mark.parametrize("words", [["--json"], ["--format", "csv"], ["-o", "x.csv"]])
def test_a_column_that_comes_twice_is_not_lost(limelight, words):
    said = limelight("query", "SELECT 1 AS a, 2 AS a", *words, code=1)
    assert "column name 'a' given more than once" in said.replace('\\"', "'")
    assert limelight("query", "SELECT 1 AS a, 2 AS a") == "a  a\n1  2\n"


def test_no_file_is_lost(limelight, tmp_path):
    (tmp_path / "out.csv").write_text("precious")
    assert "Give --force" in limelight("export", "loans", "-o", "out.csv", code=1)
    assert (tmp_path / "out.csv").read_text() == "precious"
    limelight("export", "loans", "-o", "out.csv", "--force")
    assert (tmp_path / "out.csv").read_text().startswith("id,amount")


def test_a_file_that_comes_meanwhile_is_not_lost(tmp_path, monkeypatch):
    target, sync = tmp_path / "out.csv", os.fsync

    def slow(descriptor: int) -> None:
        target.write_text("precious")
        sync(descriptor)

    monkeypatch.setattr("os.fsync", slow)
    with pytest.raises(InputError, match="exists"):
        write_frame(pd.DataFrame({"a": [1]}), str(target))
    assert [one.name for one in tmp_path.iterdir()] == ["out.csv"]
    assert target.read_text() == "precious"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("out.xlsx", "the ending of 'out.xlsx'"),
        ("out", "the ending of 'out'"),
        ("out.parquet.gz", "the ending of 'out.parquet.gz'"),
        ("none/out.csv", "the folder 'none' does not exist"),
    ],
)
def test_a_file_that_cannot_be_is_refused_before_any_work(limelight, tmp_path, target, said):
    assert said in limelight("export", "loans", "-o", target, code=1)
    assert {one.name for one in tmp_path.iterdir()} == {"stores"}


def test_a_full_disk_leaves_nothing(limelight, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert "No space left" in limelight("export", "loans", "-o", "out.csv", code=1)
    assert {one.name for one in tmp_path.iterdir()} == {"stores"}
