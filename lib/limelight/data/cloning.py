"""A store that starts as the copy of another, with all its history."""

from __future__ import annotations

from pathlib import Path

from limelight.data._remotes import remote_url
from limelight.data.dolt import DoltStore
from limelight.data.location import open_store
from limelight.data.store import Store


def clone_store(url: str, location: str | Path) -> Store:
    """Make a store that is a copy of the one at a URL: commits, tags and the branch ``main``.

    Its other branches are there as ``origin/<branch>``, and the remote ``origin`` is where it came
    from. Only stores of one kind can be cloned; `copy_history` copies between kinds.

    Args:
        url: What a remote's URL can be: of the kind that the new store takes.
        location: Path or URL of the new store.

    Raises:
        InputError: The URL or the location is not valid.
        StoreError: There is a store already, or nothing to copy. Nothing is left behind.

    Example:
        >>> import tempfile
        >>> import pandas as pd
        >>> from limelight.data import DatasetCard
        >>> folder = tempfile.TemporaryDirectory()
        >>> store = open_store(f"{folder.name}/store.db")
        >>> frame = pd.DataFrame({"id": [1, 2], "default": ["no", "yes"]})
        >>> card = DatasetCard(name="loans", target="default", key=("id",))
        >>> version = store.write("loans", frame, "First import", card=card)
        >>> copy = clone_store(f"{folder.name}/store.db", f"{folder.name}/copy.db")
        >>> copy.resolve("loans").commit == version.commit
        True
    """
    store = open_store(location)
    assert isinstance(store, DoltStore), "every kind of store is one of Dolt"
    store.backend.clone(remote_url(url, store.backend.remote_schemes, local=store.backend.local))
    return store
