"""The file of an embedded store: its health, and how it becomes the copy of another."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from limelight.data._connection import ENGINE_FORMAT, opened
from limelight.data._remotes import without_password
from limelight.data.store import Finding
from limelight.errors import StoreError

_CLONING = ".cloning-"
# What sqlite, the engine's gc and `clone_file` leave beside a file where they are killed.
_LEFT = ("-journal", "-wal", "-shm", "-gc-tmp")


def clone_file(path: Path, url: str) -> None:
    """Make a store's file a copy of the store at a URL, whole or not at all.

    Raises:
        StoreError: There is a file already, or the store at the URL cannot be copied.
    """
    if path.exists():
        raise _taken(path)
    draft = path.with_name(f"{path.name}{_CLONING}{os.getpid()}")
    try:
        with opened(draft) as connection:
            _clone(connection, url)
        # Taken first: a rename alone would replace a file that somebody made meanwhile.
        path.open("x").close()
        draft.replace(path)
    except FileExistsError as problem:
        raise _taken(path) from problem
    finally:
        draft.unlink(missing_ok=True)
        _lock_of(draft).unlink(missing_ok=True)


def _taken(path: Path) -> StoreError:
    return StoreError(
        f"there is something at {path} already, and a copy is made whole.",
        "Choose another path, or pull into the store that is there.",
    )


def _clone(connection: Any, url: str) -> None:
    try:
        connection.execute("SELECT dolt_clone(?)", (url,)).fetchall()
    except connection.Error as problem:
        raise StoreError(
            f"the store at {without_password(url)} cannot be copied: {problem}.",
            "Check the URL, and that it is a store that you may read.",
        ) from problem


def file_findings(path: Path) -> Iterator[Finding]:
    """What there is to say of the file, its folder and the engine."""
    with opened(path) as connection:
        ((version,),) = connection.execute("SELECT dolt_version()")
        problems = [text for (text,) in connection.execute("PRAGMA integrity_check")]
    yield Finding("engine", True, f"doltlite {version}, file format {ENGINE_FORMAT}")
    yield _integrity(problems)
    yield _leftovers(path)
    yield _disk(path)


def _integrity(problems: list[str]) -> Finding:
    if problems == ["ok"]:
        return Finding(
            "integrity", True, "every piece of the file is there, and is what was written"
        )
    text = " ".join(" ".join(problems).split())
    return Finding(
        "integrity",
        False,
        f"the file is damaged: {text[:300]}",
        "Keep a copy of it, and clone the store anew from a remote: limelight data clone.",
    )


def _leftovers(path: Path) -> Finding:
    found = sorted(
        beside
        for beside in path.parent.glob(f"{_escaped(path.name)}*")
        if beside.name[len(path.name) :].startswith((*_LEFT, _CLONING))
    )
    if not found:
        return Finding("leftovers", True, "no files of an interrupted command lie beside the store")
    size = sum(file.stat().st_size for file in found)
    names = ", ".join(file.name for file in found[:5])
    return Finding(
        "leftovers",
        False,
        f"{len(found)} files of interrupted commands lie beside the store"
        f" ({size / 2**20:.1f} MiB): {names}",
        "If nothing uses the store now, remove them.",
    )


def _disk(path: Path) -> Finding:
    free, size = shutil.disk_usage(path.parent).free, path.stat().st_size
    text = f"the store has {size / 2**20:,.1f} MiB, and {free / 2**30:,.1f} GiB are free"
    if free < 2 * size:
        return Finding("disk", False, text, "Free some space: gc needs as much again for a while.")
    return Finding("disk", True, text)


def _lock_of(path: Path) -> Path:
    """The empty file that the engine makes beside each of its own, to lock it."""
    return path.with_name(f".{path.name}-lock")


def _escaped(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
