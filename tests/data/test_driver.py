"""The private sqlite driver, each time in a fresh process."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from limelight.data import _sqlite
from limelight.errors import StoreError

PROBE = """
import sqlite3, sys
from limelight.data._sqlite import driver
private = driver()
print(private.connect(":memory:").execute("SELECT dolt_version()").fetchone()[0])
assert "doltlite" not in sys.modules
try:
    sqlite3.connect(":memory:").execute("SELECT dolt_version()")
except sqlite3.OperationalError:
    print(private.__file__)
"""


def run(script: str, **environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_the_standard_library_stays_as_it_was(tmp_path: Path) -> None:
    version, place = run(PROBE, XDG_CACHE_HOME=str(tmp_path))
    assert version.startswith("v0.")
    assert Path(place).is_relative_to(tmp_path / "limelight")


def test_a_cache_that_cannot_be_written_gives_way_to_the_temporary_folder(tmp_path: Path) -> None:
    _, place = run(PROBE, XDG_CACHE_HOME="/proc/none", TMPDIR=str(tmp_path))
    assert Path(place).is_relative_to(tmp_path)


def test_no_place_at_all_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setattr(_sqlite, "_cache_folders", lambda: iter([blocked / "a", blocked / "b"]))
    with pytest.raises(StoreError, match=r"cannot be placed.*XDG_CACHE_HOME"):
        _sqlite.driver.__wrapped__()


@pytest.mark.slow
def test_a_damaged_cache_is_mended(tmp_path: Path) -> None:
    _, place = run(PROBE, XDG_CACHE_HOME=str(tmp_path))
    Path(place).write_bytes(b"cut short")
    assert run(PROBE, XDG_CACHE_HOME=str(tmp_path))[1] == place


@pytest.mark.slow
def test_processes_may_start_together(tmp_path: Path) -> None:
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    command = [sys.executable, "-c", PROBE]
    started = [subprocess.Popen(command, env=environment, stdout=-3) for _ in range(2)]
    assert [process.wait(timeout=60) for process in started] == [0] * 2


def test_a_statically_linked_sqlite_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec

    def without_file(name: str) -> ModuleSpec | None:
        return ModuleSpec(name, None, origin="built-in") if name == "_sqlite3" else found(name)

    monkeypatch.setattr(importlib.util, "find_spec", without_file)
    with pytest.raises(StoreError, match=r"linked in statically.*pyenv"):
        _sqlite.driver.__wrapped__()


def test_a_python_without_sqlite_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "_sqlite3" else found(name)
    )
    with pytest.raises(StoreError, match="built without sqlite3"):
        _sqlite.driver.__wrapped__()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(StoreError, match="pip install doltlite=="):
        _sqlite.driver.__wrapped__()


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_systems_are_told(monkeypatch: pytest.MonkeyPatch, platform: str) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    with pytest.raises(StoreError, match=f"does not run on {platform} yet"):
        _sqlite.driver.__wrapped__()


def test_another_c_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_: str) -> str:
        raise ValueError

    monkeypatch.setattr(os, "confstr", unknown)
    with pytest.raises(StoreError, match="musl"):
        _sqlite.driver.__wrapped__()
