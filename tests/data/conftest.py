"""The stores that shared checks run on: whoever asks for ``store`` is run once on each kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from limelight.data import Store, open_store


@pytest.fixture(params=["doltlite", pytest.param("server", marks=pytest.mark.server)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store."""
    if request.param == "server":
        return open_store(request.getfixturevalue("server_url"))
    return open_store(tmp_path / "new folder" / "store.db")
