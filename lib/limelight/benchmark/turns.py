"""Runs that measure take turns on a machine: beside another one, both would be measured wrongly."""

from __future__ import annotations

import fcntl
import getpass
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def turn(say: Callable[[str], None] = print, folder: Path | None = None) -> Iterator[None]:
    """Wait until no other process of this user on this machine is inside, and keep others out.

    The system ends the turn of a process that is killed.

    Args:
        say: Takes a line where there is to be waited.
        folder: Of the lock's file; the system's folder for temporary files if not given.

    Example:
        >>> with turn():
        ...     print("alone")
        alone
    """
    name = f"limelight-benchmark-{getpass.getuser()}.lock"
    with (Path(folder or tempfile.gettempdir()) / name).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for the run before it to end")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
