"""The same commands on a Dolt server."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from limelight.cli.app import app
from limelight.data import open_store

pytestmark = pytest.mark.server


def without_places(found):
    """What a command says, but for what differs from store to store: hashes and the URL."""
    if isinstance(found, dict):
        own = {"store", "commit", "table_hash", "parents", "before"}
        return {name: without_places(value) for name, value in found.items() if name not in own}
    return [without_places(one) for one in found] if isinstance(found, list) else found


def test_a_server_says_what_the_file_said(limelight, document, path, server_url, monkeypatch):
    said = limelight("copy", str(path), server_url)
    assert f"4 commits copied to {open_store(server_url).url}." in said
    asked = [
        ("list",),
        ("show", "loans"),
        ("diff", "loans", "v1", "--rows"),
        ("diff", "loans", "v1", "rates", "--rows"),
        ("query", "SELECT grade, count(*) AS n FROM loans GROUP BY grade ORDER BY grade"),
        ("tag",),
        ("branch",),
    ]
    here = [without_places(document(*words)) for words in asked]
    monkeypatch.setenv("LIMELIGHT_STORE", server_url)
    assert [without_places(document(*words)) for words in asked] == here
    # How safely the server is set up is not what is asked here.
    found = json.loads(CliRunner().invoke(app, ["data", "doctor", "--json"]).stdout)["findings"]
    healthy = {one["about"]: one["ok"] for one in found}
    assert healthy["tables"]
    assert healthy["datasets"]
    assert "administrator" in limelight("gc", code=1)  # whom the server lets do it


def test_a_server_merges_and_takes_back(limelight, path, server_url, monkeypatch):
    limelight("copy", str(path), server_url)
    monkeypatch.setenv("LIMELIGHT_STORE", server_url)
    assert limelight("merge", "rates").startswith("rates is merged into main: ")
    assert limelight("log").splitlines()[1].startswith("├─╮")
    assert limelight("revert", "main~1").startswith("main~1 is taken back on main: ")


def test_a_server_that_is_away_is_said_in_a_line(limelight, document):
    away = "mysql+pymysql://me@127.0.0.1:1/datasets"
    said = limelight("log", "--store", away, code=1)
    assert len(said.splitlines()) == 1
    assert document("log", "--store", away, code=1)["error"]["type"] == "StoreError"
