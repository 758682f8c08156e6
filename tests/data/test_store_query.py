"""Queries of the user's own, on every kind of store: they read, and nothing else."""

from __future__ import annotations

import time
from pathlib import Path

import pandas as pd
import pytest
from dolt_server import ADMIN, WRITER
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from limelight.data import DatasetCard, Store, open_store
from limelight.data._statement import only_select
from limelight.data.dolt import DoltStore
from limelight.errors import InputError

LOANS = DatasetCard(name="loans", target="default", key=("id",))

CHANGES = [
    "INSERT INTO loans VALUES (9, 9, 'x')",
    "REPLACE INTO loans VALUES (9, 9, 'x')",
    "UPDATE loans SET amount = 0",
    "WITH x AS (SELECT 1) UPDATE loans SET amount = 0",
    "WITH x AS (SELECT 1) DELETE FROM loans",
    "DELETE FROM loans RETURNING id",
    "DROP TABLE loans",
    "CREATE TABLE evil (a INT)",
    "CREATE TEMPORARY TABLE evil (a INT)",
    "CREATE TABLE evil AS SELECT * FROM loans",
    "CREATE VIEW evil AS SELECT 1",
    "ALTER TABLE loans ADD COLUMN evil INT",
    "SELECT 1; DELETE FROM loans",
    "SELECT 1;; DROP TABLE loans -- ",
    "BEGIN",
    "COMMIT",
    "SAVEPOINT evil",
    "EXPLAIN SELECT 1",
    "",
    "-- nothing",
    ";",
]
CALLS = [
    f"{how} {what}"
    for how in ("SELECT", "CALL")
    for what in (
        "dolt_reset('--hard', 'HEAD~1')",
        "dolt_commit('-A', '--allow-empty', '-m', 'evil')",
        "dolt_branch('evil')",
        "dolt_tag('evil', 'HEAD')",
        "dolt_remote('add', 'evil', 'file:///tmp/evil')",
        "dolt_checkout('main')",
        "dolt_merge('main')",
        "dolt_push('origin', 'main')",
        "dolt_config('user.name', 'evil')",
        "dolt_clean()",
        "dolt_gc()",
    )
]
EMBEDDED = [
    "VACUUM",
    "VACUUM INTO '/tmp/limelight-evil.db'",
    "REINDEX",
    "ANALYZE",
    "PRAGMA user_version = 3",
    "SELECT * FROM pragma_user_version",
    "ATTACH '/tmp/limelight-evil.db' AS evil",
    "DETACH main",
    "SELECT load_extension('evil')",
    "SELECT fts3_tokenizer('evil', 'x')",
    "SELECT * FROM sqlite_dbpage",
    "SELECT * FROM dolt_test_run('*')",
    "SELECT (SELECT dolt_tag('evil', 'HEAD')) FROM loans",
    "SELECT * FROM loans WHERE dolt_tag('evil', 'HEAD')",
    "SELECT * FROM loans ORDER BY dolt_tag('evil', 'HEAD')",
    "WITH x AS (SELECT dolt_tag('evil', 'HEAD')) SELECT * FROM x",
]
SERVER = [
    "SELECT * FROM loans INTO OUTFILE '/tmp/limelight-evil.txt'",
    "SELECT * INTO DUMPFILE '/tmp/limelight-evil.txt' FROM loans",
    "SELECT 1 INTO @evil",
    "SELECT LOAD_FILE('/etc/hostname')",
    "SELECT `load_file`('/etc/hostname')",
    "SELECT Load_File /* */ ('/etc/hostname')",
    "SELECT (SELECT load_file('/etc/hostname'))",
    "SELECT sleep(5)",
    "SELECT id FROM loans ORDER BY sleep(5)",
    "SELECT get_lock('evil', 1)",
    "SELECT /*!50000 load_file('/etc/hostname') */",
    "SELECT /*+ SET_VAR(max_execution_time = 1) */ 1",
    # Where two parsers may see another end of a comment, or of a string.
    "SELECT 1 --1 INTO OUTFILE '/tmp/limelight-evil.txt'",
    "SELECT 1 /* /* */ INTO OUTFILE '/tmp/limelight-evil.txt' -- */",
    "SELECT 1 -- \r '\n INTO OUTFILE \"/tmp/limelight-evil.txt\" -- '",
    "SELECT '\\' INTO OUTFILE '/tmp/limelight-evil.txt' -- '",
    "SELECT @@version",
    "SELECT @evil := 1",
    "SELECT * FROM mysql.user",
    "SELECT * FROM information_schema.tables",
    "TABLE mysql.user",
    "SELECT * FROM (SELECT * FROM mysql.user) x",
    "SELECT * FROM loans FOR UPDATE",
    "SHOW TABLES",
    "SET GLOBAL max_connections = 1",
    "SET @evil = 1",
    "KILL 1",
    "USE mysql",
    "DO sleep(5)",
    "LOCK TABLES loans READ",
    "LOAD DATA INFILE '/etc/passwd' INTO TABLE loans",
    "GRANT ALL ON *.* TO evil",
    "PREPARE evil FROM 'SELECT 1'",
    "HANDLER loans OPEN",
]


def loans(*amounts: int) -> pd.DataFrame:
    n = len(amounts)
    return pd.DataFrame({"id": range(n), "amount": amounts, "default": ["no"] * n})


@pytest.fixture
def store(store: Store) -> Store:
    """Two versions; on a server with an administrator's rights, where only the guard stands."""
    store = open_store(store.url.replace(f"//{WRITER}@", f"//{ADMIN}@"))
    first = store.write("loans", loans(10, 20), "First", card=LOANS)
    store.tag("v1", first)
    store.write("loans", loans(10, 25, 30), "Second")
    return store


def state(store: Store) -> tuple[object, ...]:
    return (
        store.log(),
        store.branches(),
        store.tags(),
        store.remotes(),
        store.read(store.resolve("loans")).to_dict(),
    )


def test_a_query_reads_the_tables_at_a_ref(store: Store) -> None:
    sql = "SELECT count(*) AS n, max(amount) AS most FROM loans"
    assert store.query(sql).values.tolist() == [[3, 30]]
    for ref in ("v1", "main~1", store.tags()["v1"][:10]):
        assert store.query(sql, ref).values.tolist() == [[2, 20]]
    assert list(store.query(sql)) == ["n", "most"]


def test_values_come_as_they_are(store: Store) -> None:
    frame = store.query(
        "SELECT id, CASE WHEN id > 0 THEN 9007199254740993 END AS big, 'it''s 100%' AS text,"
        " NULL AS missing, 2.5 AS id FROM loans ORDER BY 1 -- a comment"
    )
    assert list(frame) == ["id", "big", "text", "missing", "id"]
    assert frame["big"].tolist() == [pd.NA, 9007199254740993, 9007199254740993]
    assert frame["text"].tolist() == ["it's 100%"] * 3
    assert frame["missing"].isna().all()
    assert frame.iloc[:, 4].astype(float).tolist() == [2.5] * 3
    assert store.query("SELECT id FROM loans WHERE id > 99").columns.tolist() == ["id"]


def test_what_a_query_can_be(store: Store) -> None:
    for sql, expected in {
        "WITH x AS (SELECT amount FROM loans) SELECT sum(amount) FROM x": [[65]],
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 4)"
        " SELECT count(*) FROM c": [[4]],
        "SELECT id FROM loans UNION SELECT 9 ORDER BY 1 DESC LIMIT 1": [[9]],
        "SELECT a.id FROM loans a JOIN loans b ON a.amount < b.amount"
        " GROUP BY a.id HAVING count(*) > 1": [[0]],
        "SELECT row_number() OVER (ORDER BY amount DESC) FROM loans ORDER BY id LIMIT 1;": [[3]],
        "SELECT upper(`default`) FROM loans WHERE id = 0": [["NO"]],
        "SELECT count(*) FROM dolt_log": [[3]],
    }.items():
        assert store.query(sql).values.tolist() == expected, sql


def test_what_would_change_something_is_refused(store: Store) -> None:
    before = state(store)
    own = EMBEDDED if store.url.startswith("doltlite") else SERVER
    for sql in CHANGES + CALLS + own:
        with pytest.raises(InputError) as caught:
            store.query(sql)
        assert "\n" not in str(caught.value), sql
    assert state(store) == before
    assert not list(Path("/tmp").glob("limelight-evil*"))


def test_a_wrong_query_says_what_is_wrong(store: Store) -> None:
    with pytest.raises(InputError, match=r"cannot be answered.*laons"):
        store.query("SELECT * FROM laons")
    with pytest.raises(InputError, match=r"cannot be answered.*amuont"):
        store.query("SELECT amuont FROM loans")
    with pytest.raises(InputError, match=r"cannot be answered|is no query"):
        store.query("SELEC 1")
    with pytest.raises(InputError, match="'nope' is not in the store"):
        store.query("SELECT 1", "nope")


def test_a_query_has_limits(store: Store) -> None:
    assert isinstance(store, DoltStore)
    commit, ask = store.branches()["main"], store.backend.answer
    names, rows = ask("SELECT id FROM loans", commit, 60, 3)
    assert (names, len(rows)) == (["id"], 3)
    with pytest.raises(InputError, match="more than 2 rows"):
        ask("SELECT id FROM loans", commit, 60, 2)
    # 3^16 rows to count.
    crossed = ", ".join(f"loans t{number}" for number in range(16))
    started = time.monotonic()
    with pytest.raises(InputError, match="more than 1 seconds"):
        ask(f"SELECT count(*) FROM {crossed} WHERE t0.id + t15.id > 9", commit, 1, 10)
    assert time.monotonic() - started < 10
    with pytest.raises(InputError, match=r"too big|too large|cannot be answered|more than"):
        store.query("SELECT zeroblob(999999999)")


def test_a_query_runs_beside_a_writer(store: Store) -> None:
    assert isinstance(store, DoltStore)
    with store.backend.writing("main") as session:
        session.run("DELETE FROM loans")
        assert store.query("SELECT count(*) FROM loans").iloc[0, 0] == 3
        session.call("dolt_commit", "-A", "-m", "Gone", "--author", "a <b@c>")
    assert store.query("SELECT count(*) FROM loans").iloc[0, 0] == 0


@pytest.mark.parametrize("sql", SERVER)
def test_a_servers_statement_is_refused_by_its_text(sql: str) -> None:
    try:
        written = only_select(sql)
    except InputError:
        return
    assert "OUTFILE" not in written.upper().replace("'", " ' ").split("'")[0]


@given(st.text(max_size=30))
@settings(deadline=None, max_examples=200)
def test_a_string_stays_in_its_quotes(text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace("'", "''").replace("\0", "")
    try:
        written = only_select(f"SELECT '{quoted}' AS a, 1 AS b FROM loans")
    except InputError:
        assert "/*!" in quoted
        return
    assert written.endswith(" AS a, 1 AS b FROM loans")
    assert only_select(written) == written


@pytest.mark.server
@given(st.text(max_size=20))
@settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_server_reads_a_string_as_it_was_meant(server_url: str, text: str) -> None:
    text = text.replace("/*!", "").replace("\0", "")
    quoted = text.replace("\\", "\\\\").replace("'", "''")
    store = open_store(server_url)
    assert store.query(f"SELECT '{quoted}' AS a").iloc[0, 0] == text
