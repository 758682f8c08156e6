"""URLs of servers: what they must hold, and that no password gets out of them."""

from __future__ import annotations

import pickle
import sys
import warnings
from pathlib import Path

import pytest

from limelight.data import _address as addresses
from limelight.data import open_store
from limelight.data._address import parse
from limelight.errors import InputError, LimelightError

SECRET = "horse battery"
IN_A_URL = "horse%20battery"
PASSWORD = "LIMELIGHT_STORE_PASSWORD"


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (PASSWORD, f"{PASSWORD}_FILE", "LIMELIGHT_STORE_TLS_CA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(addresses, "_given", {})


def test_a_url_has_one_spelling() -> None:
    full = "mysql+pymysql://ada@db.example.org:3306/loans"
    for text in (
        full,
        "mysql://ada@db.example.org/loans",
        f"mysql://ada:{IN_A_URL}@db.example.org/loans",
    ):
        assert open_store(text).url == full
    odd = parse("mysql://a%40b@[::1]:99/a%20b?ssl_mode=disabled&ssl_ca=/x/y")
    assert parse(odd.url) == odd
    assert (odd.user, odd.host, odd.port, odd.database) == ("a@b", "::1", 99, "a b")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://host/db", "has no user"),
        ("mysql://ada@/db", "has no host"),
        ("mysql://ada@host", "has no database"),
        ("mysql://ada:horse@", "has no host and no database"),
        ("mysql://ada:horse@host:port/db", "is not valid"),
        ("mysql://ada@host/db/main", "has a '/'"),
        ("mysql://ada:horse@host/db?charset=latin1", "no option 'charset'"),
        ("mysql://ada@host/db?ssl_mode=prefered", "Did you mean 'preferred'"),
    ],
)
def test_what_is_missing_or_wrong_is_named(url: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        open_store(url)
    assert "horse" not in repr(caught.value)
    assert caught.value.__cause__ is None


def test_a_password_stays_in_the_process() -> None:
    store = open_store(f"mysql://ada:{IN_A_URL}@127.0.0.1:1/loans")
    address = parse(store.url)
    assert address.password() == SECRET
    shown = [store.url, repr(store), str(vars(store)), repr(address), repr(pickle.dumps(store))]
    with pytest.raises(LimelightError) as caught:
        store.datasets()
    shown.append(repr(caught.value))
    for text in shown:
        assert SECRET not in text
        assert IN_A_URL not in text
    assert pickle.loads(pickle.dumps(store)).url == store.url


def test_the_password_is_found_where_it_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = parse("mysql://ada@host/loans")
    assert address.password() == ""
    path = tmp_path / "password"
    path.write_text(f"{SECRET}\nfor the database\n")
    path.chmod(0o600)
    monkeypatch.setenv(f"{PASSWORD}_FILE", str(path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert address.password() == SECRET
    monkeypatch.setenv(PASSWORD, "of the environment")
    assert address.password() == "of the environment"
    assert parse("mysql://ada:of%20the%20url@host/loans").password() == "of the url"
    assert parse("mysql://bob@host/loans").password() == "of the environment"


def test_a_password_file_that_does_not_do_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, path = parse("mysql://ada@host/loans"), tmp_path / "password"
    monkeypatch.setenv(f"{PASSWORD}_FILE", str(path))
    with pytest.raises(InputError, match=r"password file .* cannot be read: No such file"):
        address.password()
    path.touch(mode=0o600)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not text"):
        address.password()
    path.write_text(SECRET)
    path.chmod(0o644)
    with pytest.warns(UserWarning, match="every user .* can read .* chmod 600"):
        assert address.password() == SECRET


def test_a_password_on_the_command_line_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"mysql://ada:{IN_A_URL}@host/loans"
    monkeypatch.setattr(sys, "argv", ["limelight", "data", "list", f"--store={url}"])
    with pytest.warns(UserWarning, match="on the command line") as found:
        open_store(url)
    assert IN_A_URL not in str(found[0].message)
    monkeypatch.setattr(sys, "argv", ["limelight"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_store(url)


def test_encryption_is_what_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse("mysql://ada@127.0.0.1/x").tls() is False
    assert parse("mysql://ada@localhost/x").tls() is False
    assert parse("mysql://ada@host/x").tls() is True
    assert parse("mysql://ada@host/x?ssl_mode=disabled").tls() is False
    checked = parse("mysql://ada@127.0.0.1/x?ssl_mode=verify_identity").tls()
    assert not isinstance(checked, bool)
    assert checked.check_hostname
    missing = tmp_path / "ca.pem"
    with pytest.raises(InputError, match=f"{missing}.* cannot be read: No such file"):
        parse(f"mysql://ada@host/x?ssl_ca={missing}").tls()
    missing.write_text("no certificate")
    monkeypatch.setenv("LIMELIGHT_STORE_TLS_CA", str(missing))
    with pytest.raises(InputError, match="cannot be read"):
        parse("mysql://ada@host/x").tls()


def test_nobody_there_is_said_at_once() -> None:
    with pytest.raises(LimelightError, match=r"no server answers at 127\.0\.0\.1:1") as caught:
        open_store("mysql://ada@127.0.0.1:1/loans").datasets()
    assert "dolt sql-server" in caught.value.way_out
    with pytest.raises(LimelightError, match=r"the host 'no\.such\.invalid' is not known"):
        open_store("mysql://ada@no.such.invalid/loans").datasets()
