"""Passwords, which are given by the environment or by a file that it names."""

from __future__ import annotations

import os
import stat
import warnings
from pathlib import Path

from limelight.errors import InputError


def password(variable: str) -> str | None:
    """The password that an environment variable holds, or whose file a second one names.

    Args:
        variable: E.g. ``LIMELIGHT_STORE_PASSWORD``; the file's has ``_FILE`` behind it.

    Returns:
        The password; of a file, its first line. None if neither variable is set.

    Raises:
        InputError: The file cannot be read.
    """
    given, path = os.environ.get(variable), os.environ.get(f"{variable}_FILE")
    if given is not None:
        return given
    return None if path is None else _first_line(Path(path).expanduser(), f"{variable}_FILE")


def _first_line(path: Path, variable: str) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            _warn_if_open(path, os.fstat(file.fileno()))
            return file.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is not text in UTF-8"
        raise InputError(
            f"the password file {path} cannot be read: {reason}.",
            f"Set {variable} to a file with the password in its first line.",
        ) from None


def _warn_if_open(path: Path, status: os.stat_result) -> None:
    """Warn where its owner could shut it; a secret that a container mounts is another's."""
    if status.st_uid == os.getuid() and status.st_mode & stat.S_IROTH:
        warnings.warn(
            f"every user of this machine can read the password file {path}: chmod 600 it.",
            stacklevel=2,
        )
