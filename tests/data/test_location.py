from __future__ import annotations

from pathlib import Path

import pytest

from limelight.data import default_location, open_store
from limelight.errors import InputError


def test_a_path_and_a_url_are_one_store(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    assert open_store(path).url == open_store(f"doltlite://{path}").url == f"doltlite://{path}"
    assert open_store(open_store(path).url).url == open_store(path).url


@pytest.mark.parametrize("location", ["postgresql://u@host/db", "s3://bucket/x", "", "doltlite://"])
def test_other_locations_are_named(location: str) -> None:
    with pytest.raises(InputError, match=r"doltlite://|--store"):
        open_store(location)


def test_a_password_in_a_url_is_not_repeated() -> None:
    with pytest.raises(InputError) as caught:
        open_store("postgresql://me:secret@host/db")
    assert "secret" not in str(caught.value)


def test_the_store_is_beside_the_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIMELIGHT_STORE", raising=False)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert Path(default_location()) == below / ".limelight" / "store.db"
    (tmp_path / ".metaflow").mkdir()
    assert Path(default_location()) == tmp_path / ".limelight" / "store.db"
    monkeypatch.setenv("LIMELIGHT_STORE", "doltlite:///elsewhere/s.db")
    assert open_store(default_location()).url == "doltlite:///elsewhere/s.db"
