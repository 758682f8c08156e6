"""Where a store is, and which kind of store it is."""

from __future__ import annotations

import os
import re
from pathlib import Path

from limelight.data.doltlite import DoltliteStore
from limelight.data.store import Store
from limelight.errors import InputError, did_you_mean

VARIABLE = "LIMELIGHT_STORE"
"""The environment variable that names the store."""

_SERVERS = ("mysql+pymysql", "mysql")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://(.*)", re.DOTALL)


def open_store(location: str | Path) -> Store:
    """The store at a path, or at a URL; nothing is made or read yet.

    Args:
        location: A path, ``doltlite:///path``, or ``mysql+pymysql://user@host/database``.

    Raises:
        InputError: The location is empty, its scheme is unknown, or a part of it is not valid.

    Example:
        >>> open_store("/data/store.db").url
        'doltlite:///data/store.db'
    """
    text = str(location)
    url = _SCHEME.fullmatch(text)
    if url and url[1].lower() in _SERVERS:
        from limelight.data.doltserver import DoltServerStore

        return DoltServerStore(text)
    if url and url[1].lower() != "doltlite":
        known = ["doltlite://", *(f"{scheme}://" for scheme in _SERVERS)]
        raise InputError(
            f"a store's URL cannot start with {url[1] + '://'!r}.",
            did_you_mean(url[1] + "://", known) + " A path works as well.",
        )
    path = url[2] if url else text
    if not path.strip():
        raise InputError("the store's location is empty.", "Give a path, e.g. --store store.db.")
    return DoltliteStore(path)


def default_location() -> str:
    """Where the store is if nobody says: ``$LIMELIGHT_STORE``, or a file beside the runs.

    The runs are in the nearest ``.metaflow`` folder from the working directory upwards; the file
    is ``.limelight/store.db`` next to it, or in the working directory where there is none.
    """
    given = os.environ.get(VARIABLE, "")
    if given:
        return given
    here = Path.cwd()
    home = next(
        (folder for folder in (here, *here.parents) if (folder / ".metaflow").is_dir()), here
    )
    return str(home / ".limelight" / "store.db")
