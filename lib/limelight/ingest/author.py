"""Who a commit is by."""

from __future__ import annotations

import getpass
import os
import re
import subprocess

VARIABLE = "LIMELIGHT_AUTHOR"
"""The environment variable that says once for all who commits."""

_VALID = re.compile(r"[^<>\n]+ <[^<>\s]*>")


def author_of(given: str = "") -> str:
    """The author as ``Name <e-mail>``: the one given, ``$LIMELIGHT_AUTHOR``, git's, or the user.

    A name alone is enough to be given.

    Example:
        >>> author_of("Ada <ada@example.org>")
        'Ada <ada@example.org>'
    """
    given = given or os.environ.get(VARIABLE, "")
    if "<" in given:
        return given
    author = f"{_git('user.name')} <{_git('user.email')}>"
    if not given and _VALID.fullmatch(author) and not author.startswith(" "):
        return author
    user = re.sub(r"[<>\s]", "", os.environ.get("METAFLOW_USER", "")) or _user()
    return f"{given or user} <{user}@localhost>"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "limelight"


def _git(setting: str) -> str:
    """A setting of git; empty where there is none, or no git."""
    try:
        ran = subprocess.run(
            ["git", "config", "--get", setting], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return ran.stdout.strip()
