"""The store on a real Dolt server: many writers, servers that die, other programs, and users."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from dolt_server import ADMIN, PASSWORD, WRITERS_RIGHTS, DoltServer

from limelight.data import DatasetCard, Store, _mysql, doltserver, open_store
from limelight.data.doltserver import DoltServerStore, ServerSession
from limelight.errors import InputError, StoreError

pytestmark = pytest.mark.server

CARD = DatasetCard(name="t", target="x", key=("id",))


def numbers(value: int, rows: int = 3) -> pd.DataFrame:
    return pd.DataFrame({"id": range(rows), "x": value})


def messages(store: Store, dataset: str | None = "t") -> list[str]:
    return [entry.message for entry in store.log(dataset)]


@pytest.fixture
def database(server_url: str) -> str:
    return server_url.rpartition("/")[2]


@pytest.fixture
def store(server_url: str) -> DoltServerStore:
    return DoltServerStore(server_url)


@pytest.fixture
def own_store(own_server: DoltServer, monkeypatch: pytest.MonkeyPatch) -> DoltServerStore:
    """A store on a server that may be killed."""
    monkeypatch.setenv("LIMELIGHT_STORE_PASSWORD", PASSWORD)
    return DoltServerStore(own_server.url(own_server.make_database()))


# Writers and readers.


def test_writers_on_one_branch_wait_for_each_other(store: DoltServerStore) -> None:
    store.write("t", numbers(-1), "First", card=CARD)

    def write(writer: int) -> None:
        own = DoltServerStore(store.url)
        for number in range(5):
            own.write("t", numbers(10 * writer + number), f"{writer}: {number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    log = messages(store)
    assert sorted(log) == sorted(["First", *(f"{w}: {n}" for w in range(4) for n in range(5))])
    for writer in range(4):  # and in the order in which each of them wrote
        assert [text for text in log if text.startswith(f"{writer}:")] == [
            f"{writer}: {number}" for number in range(5)
        ][::-1]
    assert all(len(entry.parents) == 1 for entry in store.log("t"))
    assert list(store.branches()) == ["main"]


def test_appends_of_many_writers_add_up(store: DoltServerStore) -> None:
    store.write("t", numbers(0, rows=1), "First", card=CARD)

    def append(number: int) -> None:
        frame = pd.DataFrame({"id": [number], "x": [number]})
        DoltServerStore(store.url).write("t", frame, f"Row {number}", mode="append")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(append, range(1, 9)))
    assert store.read(store.resolve("t")).index.tolist() == list(range(9))


def test_readers_at_their_refs_see_no_writer(store: DoltServerStore) -> None:
    versions = [store.write("t", numbers(n), f"Write {n}", card=CARD) for n in range(3)]
    store.tag("v0", versions[0])
    store.branch("dev", versions[1].commit)
    done = threading.Event()

    def read(ref: str, expected: int) -> int:
        own, count = DoltServerStore(store.url), 0
        while not done.is_set() or count == 0:
            found = own.read(own.resolve("t", ref))
            assert found["x"].tolist() == [expected] * 3
            count += 1
        return count

    with ThreadPoolExecutor(3) as pool:
        refs = {"v0": 0, "dev": 1, versions[2].commit: 2}
        readers = [pool.submit(read, ref, expected) for ref, expected in refs.items()]
        try:
            for number in range(3, 9):
                store.write("t", numbers(number), f"Write {number}")
        finally:
            done.set()
        assert all(reader.result(timeout=60) > 1 for reader in readers)


def test_a_long_read_does_not_change_under_a_writer(store: DoltServerStore) -> None:
    rows = 25_000
    version = store.write("t", numbers(1, rows), "First", card=CARD)
    with store.backend.reading(version.commit) as session:
        chunks = session.stream("SELECT id, x FROM t ORDER BY id")
        first = next(chunks)
        store.write("t", numbers(2, 10), "Second")
        rest = [row for chunk in chunks for row in chunk]
    assert [x for _, x in [*first, *rest]] == [1] * rows


def test_a_branch_that_stays_busy_says_who_holds_it(
    store: DoltServerStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write("t", numbers(0), "First", card=CARD)
    store.branch("dev")
    monkeypatch.setattr(doltserver, "PATIENCE_SECONDS", 0.5)
    with store.backend.writing("main"):
        with pytest.raises(StoreError, match="has been busy for 0 seconds") as caught:
            store.write("t", numbers(1), "Second")
        assert "KILL" in caught.value.way_out
        store.write("t", numbers(1), "On another branch", branch="dev")
    store.write("t", numbers(1), "Second")
    assert messages(store) == ["Second", "First"]


# Other programs.


def test_nobody_sees_a_part_of_a_write(
    store: DoltServerStore, shared_server: DoltServer, database: str
) -> None:
    store.write("t", numbers(0), "First", card=CARD)
    with store.backend.writing("main") as session:
        session.run("DROP TABLE t")
        session.run("CREATE TABLE u (a BIGINT PRIMARY KEY)")
        assert shared_server.sql("SELECT count(*) FROM t", database=database) == [(3,)]
        assert ("u",) not in shared_server.sql("SHOW TABLES", database=database)
    # It was not committed, and so is gone.
    with store.backend.writing("main") as session:
        assert "u" not in session.tables()
        assert session.rows("SELECT count(*) FROM t") == [(3,)]


def test_uncommitted_changes_of_others_are_not_swept_up(
    store: DoltServerStore, shared_server: DoltServer, database: str
) -> None:
    store.write("t", numbers(0), "First", card=CARD)
    shared_server.sql("UPDATE t SET x = 9", database=database)
    with pytest.raises(StoreError, match="never committed, in 't'"):
        store.write("t", numbers(1), "Second")
    assert shared_server.sql("SELECT sum(x) FROM t", database=database)[0][0] == 27
    shared_server.sql("CALL dolt_reset('--hard')", database=database)
    assert store.read(store.write("t", numbers(1), "Second"))["x"].tolist() == [1, 1, 1]


def hook(
    monkeypatch: pytest.MonkeyPatch,
    before: Callable[[], None] = lambda: None,
    after: Callable[[], None] = lambda: None,
) -> list[str]:
    """Do something before and after the first time that a branch is moved to a draft."""
    land, landed = ServerSession.land, list[str]()

    def hooked(session: ServerSession, commit: str) -> None:
        landed.append(commit)
        if len(landed) == 1:
            before()
        land(session, commit)
        if len(landed) == 1:
            after()

    monkeypatch.setattr(ServerSession, "land", hooked)
    return landed


def test_changes_that_others_make_meanwhile_are_not_swept_up(
    store: DoltServerStore,
    shared_server: DoltServer,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store.write("t", numbers(0), "First", card=CARD)
    hook(monkeypatch, lambda: shared_server.sql("UPDATE t SET x = 9", database=database) and None)
    with pytest.raises(StoreError, match="changed the same tables, and did not commit"):
        store.write("t", numbers(1), "Second")
    assert messages(store) == ["First"]
    assert shared_server.sql("SELECT sum(x) FROM t", database=database)[0][0] == 27


def test_a_commit_of_another_program_in_between_is_kept(
    store: DoltServerStore,
    shared_server: DoltServer,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store.write("t", numbers(0), "First", card=CARD)

    def commit() -> None:
        shared_server.sql("CREATE TABLE theirs (a INT PRIMARY KEY)", database=database)
        shared_server.sql("CALL dolt_commit('-Am', 'Theirs')", database=database)

    landed = hook(monkeypatch, commit)
    version = store.write("t", numbers(1), "Second")
    assert len(landed) == 2  # the first could not be landed any more
    assert messages(store, None)[:3] == ["Second", "Theirs", "First"]
    assert store.read(version)["x"].tolist() == [1, 1, 1]
    assert list(store.branches()) == ["main"]


# Servers that die.


@pytest.mark.parametrize("acknowledged", [False, True])
def test_a_server_lost_in_mid_commit_commits_once(
    own_store: DoltServerStore,
    own_server: DoltServer,
    monkeypatch: pytest.MonkeyPatch,
    acknowledged: bool,
) -> None:
    own_store.write("t", numbers(0), "First", card=CARD)

    def die() -> None:
        own_server.kill()
        own_server.start()

    def die_after() -> None:
        die()
        raise _mysql.Lost("as if the answer was lost", "")

    if acknowledged:
        hook(monkeypatch, after=die_after)
    else:
        hook(monkeypatch, before=die)
    version = own_store.write("t", numbers(1), "Second")
    assert messages(own_store) == ["Second", "First"]
    assert own_store.read(version)["x"].tolist() == [1, 1, 1]
    own_store.write("t", numbers(2), "Third")
    assert own_server.sql(
        "SELECT name FROM dolt_branches", database=own_store.address.database
    ) == [("main",)]


def test_rows_that_a_lost_server_forgot_are_written_again(
    own_store: DoltServerStore, own_server: DoltServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_store.write("t", numbers(0), "First", card=CARD)
    run_many, calls = ServerSession.run_many, list[str]()

    def dies(session: ServerSession, sql: str, rows: Any) -> None:
        calls.append(sql)
        if len(calls) == 1:
            own_server.kill()
            own_server.start()
        run_many(session, sql, rows)

    monkeypatch.setattr(ServerSession, "run_many", dies)
    version = own_store.write("t", numbers(1), "Second")
    assert messages(own_store) == ["Second", "First"]
    assert own_store.read(version)["x"].tolist() == [1, 1, 1]


def test_a_server_that_stays_away_is_said(
    own_store: DoltServerStore, own_server: DoltServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = own_store.write("t", numbers(0), "First", card=CARD)
    monkeypatch.setattr(doltserver, "PATIENCE_SECONDS", 1.0)
    monkeypatch.setattr(doltserver, "RETURN_SECONDS", 0.3)
    hook(monkeypatch, own_server.kill)
    with pytest.raises(StoreError, match=r"was lost while it committed [0-9a-v]{32}") as caught:
        own_store.write("t", numbers(1), "Second")
    assert "no second commit" in caught.value.way_out
    with pytest.raises(StoreError, match="no server answers at"):
        own_store.read(version)
    own_server.start()
    assert messages(own_store) == ["First"]
    assert own_store.read(own_store.write("t", numbers(1), "Second"))["x"].tolist() == [1, 1, 1]


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_by_kills_at_any_time(
    own_store: DoltServerStore, own_server: DoltServer
) -> None:
    own_store.write("t", numbers(0, 2000), "Write 0", card=CARD)
    stop, acknowledged = threading.Event(), [0]

    def write() -> None:
        while not stop.is_set():
            number = acknowledged[-1] + 1
            try:
                own_store.write("t", numbers(number, 2000), f"Write {number}")
            except StoreError as problem:
                assert "run this again" in problem.way_out  # as the next turn does
            else:
                acknowledged.append(number)

    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(write)
        for attempt in range(8):
            time.sleep(0.1 + 0.037 * attempt)
            own_server.kill()
            own_server.start()
        stop.set()
        writer.result(timeout=120)
    log = messages(own_store)
    assert log == [f"Write {number}" for number in acknowledged][::-1]
    assert len(log) > 3
    for version in (own_store.resolve("t"), own_store.resolve("t", "main~1")):
        assert own_store.read(version)["x"].nunique() == 1


def test_drafts_of_killed_writers_are_taken_away(store: DoltServerStore) -> None:
    store.write("t", numbers(0), "First", card=CARD)
    writing = store.backend.writing("main")
    session = writing.__enter__()
    session.run("DELETE FROM t")
    # As when the process is killed: both connections break, and nothing more is said.
    session.connection._force_close()
    session._target.connection._force_close()
    with store.backend.managing() as looking:
        left = looking.rows("SELECT name FROM dolt_branches WHERE name <> 'main'")
    assert len(left) == 1
    assert list(store.branches()) == ["main"]
    store.write("t", numbers(1), "Second")
    with store.backend.managing() as looking:
        assert looking.rows("SELECT name FROM dolt_branches") == [("main",)]
    assert messages(store) == ["Second", "First"]


def test_many_writes_leave_no_lines_behind(
    store: DoltServerStore, shared_server: DoltServer, database: str
) -> None:
    for number in range(4):
        store.write("t", numbers(number), f"Write {number}", card=CARD)
    lines = "SELECT count(*) FROM dolt_branch_control WHERE `database` = %s"
    assert shared_server.sql(lines, database, database=database) == [(1,)]


# What a server cannot hold, and what it is not.


def test_a_key_too_long_for_a_server_is_refused_and_the_server_lives(
    store: DoltServerStore,
) -> None:
    card = DatasetCard(name="t", target="x", key=("id",))
    fits = pd.DataFrame({"id": ["é" * 768, "b"], "x": 1})
    assert store.read(store.write("t", fits, "Fits", card=card)).index[1] == "é" * 768
    with pytest.raises(InputError, match=r"'id' is longer than a server's key can be \(768"):
        store.write("t", pd.DataFrame({"id": ["é" * 769], "x": 1}), "Too long")
    wide = [f"k{n}" for n in range(20)]
    frame = pd.DataFrame({name: ["😀" * 340] for name in wide} | {"x": 1})
    store.write("wide", frame, "Many", card=DatasetCard("wide", "x", tuple(wide)))
    longer = frame.assign(k0="😀" * 600)
    with pytest.raises(InputError, match="'k0' is longer"):
        store.write("wide", longer, "Too long together")
    assert store.datasets() == ["t", "wide"]


def test_what_is_wrong_at_the_server_is_said_in_a_line(
    server_url: str, shared_server: DoltServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = server_url.rpartition("/")[0].replace("writer", ADMIN)
    shared_server.sql("CREATE USER IF NOT EXISTS stranger@'127.0.0.1' IDENTIFIED BY %s", PASSWORD)
    wrong = {
        f"{base}/nodb": r"no database 'nodb' on the server at [^,]*CREATE DATABASE `nodb`",
        server_url.replace("writer", "stranger"): "'stranger' may not do this .*README",
        server_url.replace("writer", "nobody"): "refuses the password of the user 'nobody'.*Set",
        f"{server_url}?ssl_mode=verify_ca": "do not agree on TLS",
    }
    for url, message in wrong.items():
        with pytest.raises(StoreError, match=message) as caught:
            open_store(url).datasets()
        assert "\n" not in str(caught.value)
        assert PASSWORD not in str(caught.value)
    monkeypatch.delenv("LIMELIGHT_STORE_PASSWORD")
    with pytest.raises(StoreError, match="wants a password of the user 'writer'"):
        open_store(server_url).datasets()


def test_a_server_that_is_not_dolt_is_refused(store: DoltServerStore) -> None:
    for text, way_out in {"1.82.9": "Update the server", "3.0.0": "Update this program"}.items():
        with pytest.raises(StoreError, match=f"is Dolt {text}.*1.83 to 2.x") as caught:
            _mysql.check_version(text, store.address)
        assert way_out in caught.value.way_out
    for text in ("1.83.2", "1.83", "2.3.1"):
        _mysql.check_version(text, store.address)

    class Plain:
        """MySQL 8.4's answer."""

        def __enter__(self) -> Plain:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        cursor = __enter__

        def execute(self, _: str) -> None:
            raise _mysql.pymysql.err.OperationalError(1305, "FUNCTION dolt_version does not exist")

    with pytest.raises(StoreError, match="is a MySQL server, but not Dolt"):
        _mysql.check_server(Plain(), store.address)


def test_a_store_travels_to_other_processes(store: DoltServerStore) -> None:
    version = store.write("t", numbers(4), "First", card=CARD)
    again, same = pickle.loads(pickle.dumps((store, version)))
    assert again.read(same)["x"].tolist() == [4, 4, 4]
    assert PASSWORD not in version.store


def test_names_that_are_taken_by_the_store_are_refused(store: DoltServerStore) -> None:
    store.write("t", numbers(0), "First", card=CARD)
    with pytest.raises(InputError, match="not a valid branch name"):
        store.branch("limelight/mine")


def test_values_come_back_to_the_bit(store: DoltServerStore) -> None:
    frame = pd.DataFrame(
        {
            "id": range(6),
            "real": [0.0, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, 1 / 3, float("nan")],
            "whole": [2**63 - 1, -(2**63), 0, 1, -1, 2**53 + 1],
            "text": ["", "a\0b", "😀'\"\\%s`\r\n\x1a", " x ", "e\u0301", None],
            "bytes": [b"", b"\0\xff'\\", b"%s", b"x", b"y", None],
        }
    )
    read = store.read(store.write("t", frame, "First", card=DatasetCard("t", "real", ("id",))))
    pd.testing.assert_frame_equal(read, frame.astype({"text": "str"}).set_index("id"))


def test_dates_do_not_depend_on_where_the_server_is(store: DoltServerStore) -> None:
    # The shared server's clock is in another zone.
    store.write("t", numbers(0), "First", card=CARD)
    (entry,) = store.log("t")
    assert abs((pd.Timestamp.now("UTC") - entry.date).total_seconds()) < 60


# Merges that Dolt itself refuses.


@pytest.mark.parametrize("theirs_too", [False, True])
def test_another_key_on_one_side_merges(store: DoltServerStore, theirs_too: bool) -> None:
    frame = pd.DataFrame({"id": [1, 2, 3], "k": [7, 8, 9], "x": [0, 1, 0]})
    store.write("t", frame, "First", card=CARD)
    store.branch("dev")
    card = DatasetCard(name="t", target="x", key=("k",))
    store.write("t", frame, "Another key", card=card, branch="dev")
    ours = store.write("t", frame.assign(x=1), "Ours") if theirs_too else None
    other = store.write("u", numbers(5), "Beside it", card=DatasetCard("u", "x", ("id",)))
    merged = store.merge("dev", take="theirs")
    (entry,) = [entry for entry in store.log() if entry.commit == merged]
    assert entry.parents[0] == other.commit
    assert len(entry.parents) == 2
    assert store.read(store.resolve("t")).index.name == "k"
    assert store.resolve("u").table_hash == other.table_hash
    assert ours is None or store.read(ours)["x"].tolist() == [1, 1, 1]
    assert set(store.branches()) == {"dev", "main"}


# Users and encryption.


def test_the_rights_of_each_role_are_enough(
    store: DoltServerStore, shared_server: DoltServer, database: str, tmp_path: Path
) -> None:
    keepers = ("dolt_gc", "dolt_remote", "dolt_fetch", "dolt_push", "dolt_backup")
    rights = {
        "a_reader": [f"SELECT ON {database}.*"],
        "a_keeper": [
            f"{WRITERS_RIGHTS} ON {database}.*",
            *(f"EXECUTE ON PROCEDURE {database}.{name}" for name in keepers),
        ],
    }
    for user, grants in rights.items():
        account = f"{user}@'127.0.0.1'"
        shared_server.sql(f"CREATE USER IF NOT EXISTS {account} IDENTIFIED BY %s", PASSWORD)
        for grant in grants:
            shared_server.sql(f"GRANT {grant} TO {account}")
    first = store.write("t", numbers(0), "First", card=CARD)
    second = store.write("t", numbers(1), "Second")
    store.branch("dev")
    store.tag("v1", first)

    reader = DoltServerStore(shared_server.url(database, "a_reader"))
    assert reader.read(reader.resolve("t", "v1"))["x"].tolist() == [0, 0, 0]
    assert reader.diff(first, second).modified == 3
    assert len(reader.changes(first, second).after) == 3
    assert reader.query("SELECT count(*) AS n FROM t")["n"].tolist() == [3]
    assert [entry.tags for entry in reader.log("t")] == [(), ("v1",)]
    assert all(finding.ok for finding in reader.doctor())
    for forbidden in (
        lambda: reader.write("t", numbers(2), "Third"),
        lambda: reader.tag("v2", first),
        lambda: reader.branch("mine"),
        reader.gc,
    ):
        with pytest.raises(StoreError, match="the user 'a_reader' may not do this"):
            forbidden()

    keeper = DoltServerStore(shared_server.url(database, "a_keeper"))
    keeper.add_remote("origin", f"file://{tmp_path / 'backup'}")
    keeper.push()
    assert keeper.pull() == second.commit
    keeper.gc()
    assert keeper.read(keeper.write("t", numbers(2), "Third"))["x"].tolist() == [2, 2, 2]
    with pytest.raises(StoreError, match="the user 'writer' may not do this"):
        store.gc()
    assert messages(store) == ["Third", "Second", "First"]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a server's certificate for ``localhost``, its key, and another authority."""
    folder = tmp_path_factory.mktemp("tls")
    for name in ("server", "other"):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"Test {name}")])
        today = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(today - timedelta(days=1))
            .not_valid_after(today + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(x509.KeyUsage(*[True] * 7, False, False), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
            .sign(key, hashes.SHA256())
        )
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        (folder / f"{name}.key").write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
    return folder


def test_a_server_is_known_by_its_certificate(
    dolt: Path, certificates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIMELIGHT_STORE_PASSWORD", PASSWORD)
    right, other = certificates / "server.pem", certificates / "other.pem"
    settings = (
        f"  tls_cert: {right}\n  tls_key: {certificates / 'server.key'}\n"
        "  require_secure_transport: true\n"
    )
    server = DoltServer(dolt, tmp_path / "tls", settings)
    try:
        url = server.start().url(server.make_database())
        named = url.replace("127.0.0.1", "localhost")
        monkeypatch.setenv("LIMELIGHT_STORE_TLS_CA", str(right))
        store = DoltServerStore(named)
        version = store.write("t", numbers(1), "First", card=CARD)
        assert store.read(version)["x"].tolist() == [1, 1, 1]
        found = {finding.about: finding.text for finding in store.doctor()}
        assert found["connection"] == "encrypted; the server's certificate is checked"
        monkeypatch.delenv("LIMELIGHT_STORE_TLS_CA")
        assert DoltServerStore(f"{named}?ssl_ca={right}").datasets() == ["t"]
        assert DoltServerStore(f"{url}?ssl_ca={right}&ssl_mode=verify_ca").datasets() == ["t"]
        for wrong in (
            f"{named}?ssl_ca={other}",  # not who signed it
            f"{url}?ssl_ca={right}",  # not the name in it
            f"{named}?ssl_mode=verify_identity",  # none that this machine knows
            f"{named}?ssl_mode=disabled",
        ):
            with pytest.raises(StoreError, match=r"do not agree on TLS.*LIMELIGHT_STORE_TLS_CA"):
                DoltServerStore(wrong).datasets()
    finally:
        server.stop()
