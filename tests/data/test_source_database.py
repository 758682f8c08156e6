"""Queries and tables as sources."""

from __future__ import annotations

import datetime as dt
import sqlite3
from pathlib import Path

import pytest

from limelight.data.source import read_source
from limelight.errors import InputError


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "bank.db"
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE loans (id INTEGER PRIMARY KEY, paid BOOLEAN, day DATE,"
            " amount NUMERIC(10, 2), name TEXT, raw BLOB, at TIMESTAMP, hour TIME, more JSON)"
        )
        connection.execute(
            "INSERT INTO loans VALUES"
            " (1, 1, '2020-01-31', 0.123456789012, '007', x'00ff', '2020-01-31 10:00:00',"
            " '10:30:00', '{\"a\": 1}'),"
            " (2, NULL, NULL, NULL, '', NULL, NULL, NULL, NULL),"
            " (9007199254740993, 0, NULL, 2, NULL, x'', NULL, NULL, NULL)"
        )
        connection.execute("CREATE TABLE mixed (x, bad DATE)")
        connection.execute("INSERT INTO mixed VALUES (1, 'soon'), ('a', NULL), (2, NULL)")
    connection.close()
    return path


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def test_a_table_has_the_types_that_it_declares(database: Path) -> None:
    found = read_source(url(database), key=["id"], query="loans")
    frame = found.frame
    assert frame.dtypes.astype(str).to_dict() == {
        "id": "int64",
        "paid": "boolean",
        "day": "object",
        "amount": "float64",
        "name": "str",
        "raw": "object",
        "at": "datetime64[us]",
        "hour": "str",
        "more": "str",
    }
    assert frame.loc[0, ["hour", "more"]].tolist() == ["10:30:00", '{"a": 1}']
    assert frame["id"].tolist() == [1, 2, 2**53 + 1]
    assert frame["day"].tolist() == [dt.date(2020, 1, 31), None, None]
    assert frame["amount"][0] == 0.123456789012
    assert frame["name"].tolist()[:2] == ["007", ""]
    assert frame["name"].isna().tolist() == [False, False, True]
    assert frame["raw"].tolist() == [b"\x00\xff", None, b""]
    assert found.origin == f"sqlite:///{database}: loans"
    some = read_source(url(database), query="main.loans", columns=["name", "id"]).frame
    assert some.columns.tolist() == ["id", "name"]


def test_a_query_is_handed_over_as_it_is(database: Path) -> None:
    query = "SELECT id, '10:30 :x %s' AS \"a b\" FROM loans WHERE id < 3;"
    found = read_source(url(database), query=query)
    assert found.frame.to_dict("list") == {"id": [1, 2], "a b": ["10:30 :x %s"] * 2}
    typed = read_source(url(database), query="SELECT day FROM loans", types={"day": "date"})
    assert typed.frame["day"].tolist() == [dt.date(2020, 1, 31), None, None]
    without = read_source(url(database), query="SELECT * FROM loans", without=["raw"])
    assert "raw" not in without.frame.columns


def test_mixed_values_are_reported(database: Path) -> None:
    found = read_source(url(database), query="SELECT x FROM mixed")
    assert found.frame["x"].tolist() == ["1", "a", "2"]
    assert found.notes == (
        "column 'x' is text: it holds whole numbers (2) and text (1) ('a' in row 2)",
    )


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("DROP TABLE loans", "does not start as one that reads"),
        ("/* SELECT */ INSERT INTO loans (id) VALUES (9)", "does not start as one that reads"),
        ("WITH x AS (SELECT 9 AS id) UPDATE loans SET name = 'x'", "readonly"),
        ("SELECT nope FROM loans", "says: no such column: nope"),
        ("-- all\nSELECT 1; SELECT 2", "one statement at a time"),
        ("SELECT id, id FROM loans", "'id' given more than once"),
        ("SELECT * FROM loans WHERE id < 0", "has no rows"),
        ("PRAGMA query_only = OFF", "does not start as one that reads"),
        ("loan", r"table 'loan' is not in the database\..* Did you mean 'loans'"),
        ("", r"there is no query\. Give a SELECT, .* Known: 'loans', 'mixed'"),
        ("mixed", "a value is not what its column declares: .*soon.*SELECT"),
    ],
)
def test_a_query_that_cannot_be_used(database: Path, query: str, message: str) -> None:
    before = database.read_bytes()
    with pytest.raises(InputError, match=message) as caught:
        read_source(url(database), query=query)
    assert "\n" not in str(caught.value)
    assert database.read_bytes() == before


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"SQLite database '.*none\.db' does not exist"):
        read_source(url(tmp_path / "none.db"), query="t")
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "text.db").write_text("no database at all, but text that is long enough" * 9)
    with pytest.raises(InputError, match="not a database"):
        read_source(url(tmp_path / "text.db"), query="SELECT * FROM t")


SECRET = "hor:se-%40x"


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (
            "mysql+pymysql://ada:{}@127.0.0.1:1/db",
            r"mysql\+pymysql://ada@127\.0\.0\.1:1/db says: Can",
        ),
        ("mysql+pymysql://ada:{}@127.0.0.1:port/db", "URL cannot be read"),
        ("mysql://ada:{}@h/db", "needs the driver 'MySQLdb', .* Or write mysql"),
        ("postgresql+pg8000://ada:{}@h/db", "needs the driver 'pg8000'.*pip install 'pg8000'"),
        ("snowflake://ada:{}@h/db", "pip install 'snowflake-sqlalchemy'"),
        ("postgres://ada:{}@h/db", "Did you mean 'postgresql://'"),
        ("https://ada:{}@h/t.csv", r"Download the file, and give its path\."),
        ("mysql+pymysql://ada@127.0.0.1:1/db?ssl_key={}", "ada@127"),
    ],
)
def test_a_password_is_in_no_error(start: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_source(start.format(SECRET), query="t")
    shown = [str(caught.value)]
    cause: BaseException | None = caught.value
    while (cause := cause.__cause__) is not None:  # type: ignore[union-attr]
        shown.append(f"{cause} {cause!r}")
    assert not any(part in text for text in shown for part in ("hor", "se-", "@x"))


def test_the_password_may_be_kept_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from limelight.data.sources.database import _address

    bare = "mysql+pymysql://ada@db/loans"
    assert _address(bare).password is None
    monkeypatch.setenv("LIMELIGHT_SOURCE_PASSWORD", "one")
    assert _address(bare).password == "one"
    assert _address("mysql+pymysql://ada:own@db/loans").password == "own"
    (tmp_path / "secret").touch(mode=0o600)
    (tmp_path / "secret").write_text("two\n")
    monkeypatch.delenv("LIMELIGHT_SOURCE_PASSWORD")
    monkeypatch.setenv("LIMELIGHT_SOURCE_PASSWORD_FILE", str(tmp_path / "secret"))
    assert _address(bare).password == "two"
    monkeypatch.setenv("LIMELIGHT_SOURCE_PASSWORD_FILE", str(tmp_path / "none"))
    with pytest.raises(InputError, match=r"password file .*none cannot be read"):
        _address(bare)


def test_sqlalchemy_is_loaded_for_urls_alone() -> None:
    import subprocess
    import sys

    code = "import sys, limelight.data.source; print('sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
