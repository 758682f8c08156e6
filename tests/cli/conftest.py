"""A store with two datasets, a branch and a tag; and ways to run commands on it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from limelight.data import DatasetCard, open_store

FIRST = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
ADA = "Ada L <ada@example.org>"
LOANS = DatasetCard(
    name="loans",
    target="default",
    key=("id",),
    description="Loans of a small bank.\nOne row a contract.",
    ignore=("note",),
)


def october() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [1, 2, 3, 4],
            "amount": [10.5, 1200.25, 7.0, None],
            "grade": pd.Categorical(["a", "b", "a", "c"]),
            "since": pd.to_datetime(["2025-01-01", "2025-01-02", "2025-01-03", "2025-01-04"]),
            "note": ["", "two\nlines", None, "naïve \x1b[31m"],
            "default": ["no", "yes", "no", "no"],
        }
    )


def november() -> pd.DataFrame:
    """One row removed, one added, one changed in two cells."""
    frame = october().drop(index=2).astype({"grade": str})
    frame.loc[0, ["amount", "note"]] = [11.0, "seen"]
    new = [5, 99.0, "b", pd.Timestamp("2026-02-01"), "new", "yes"]
    frame.loc[9] = pd.Series(new, index=frame.columns)
    return frame.astype({"grade": pd.CategoricalDtype(["a", "b", "c"]), "id": "int64"})


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store: October, tagged v1; then November on main, and a rate on a branch."""
    path = tmp_path_factory.mktemp("built") / "store.db"
    store = open_store(path)
    days = [FIRST + timedelta(days=day) for day in range(4)]
    first = store.write("loans", october(), "Rows of October", card=LOANS, author=ADA, date=days[0])
    store.tag("v1", first, "What the first model saw")
    houses = pd.DataFrame({"price": [1.5, 2.25], "rooms": [3, 4]})
    card = DatasetCard(name="houses", target="price")
    store.write("houses", houses, "Houses", card=card, date=days[1])
    store.branch("rates")
    rated = october().assign(rate=[0.1, 0.2, 0.3, 0.4])
    rated.loc[1, "amount"] = 1300.0
    store.write("loans", rated, "Rates", branch="rates", date=days[2])
    store.write("loans", november(), "Rows of November", author=ADA, date=days[3])
    return path


@pytest.fixture
def path(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the store, which is the one that commands mean if nobody says."""
    copied = tmp_path / "stores" / "store.db"
    shutil.copytree(built.parent, copied.parent)
    monkeypatch.setenv("LIMELIGHT_STORE", str(copied))
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    return copied


@pytest.fixture
def limelight(path: Path) -> Callable[..., str]:
    """``limelight("log")``: what ``limelight data log`` says; if it fails, what is wrong."""

    def run(*words: str, code: int = 0) -> str:
        from limelight.cli.app import app

        assert path.is_file()
        result = CliRunner().invoke(app, ["data", *words], prog_name="limelight")
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result.stdout if code == 0 else result.stderr or result.stdout

    return run


@pytest.fixture
def document(limelight: Callable[..., str]) -> Callable[..., Any]:
    """``document("log", "loans")``: the same with ``--json``, parsed."""

    def run(*words: str, code: int = 0) -> Any:
        return json.loads(limelight(*words, "--json", code=code))

    return run
