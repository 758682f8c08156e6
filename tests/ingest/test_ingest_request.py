"""What the user asks of an ingest, and who a commit is by."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from limelight.errors import InputError
from limelight.ingest.author import author_of
from limelight.ingest.request import Request


def given(**wishes: Any) -> SimpleNamespace:
    names = [name for name in Request.__dataclass_fields__ if name != "tags"]
    return SimpleNamespace(**{**dict.fromkeys(names), "branch": "main", **wishes})


def test_lists_are_texts_with_commas_and_what_is_not_given_is_left_to_decide() -> None:
    request = Request.from_parameters(given(source="x.csv", key="year, id", allow="range,"))
    assert (request.key, request.allow, request.target) == (("year", "id"), ("range",), "")
    assert (request.branch, request.mode) == ("main", "replace")


def test_a_tag_with_a_colon_is_the_runs_alone() -> None:
    request = Request.from_parameters(given(source="x.csv"), tags={"team:risk", "v3", "june"})
    assert request.tags == ("june", "v3")


@pytest.mark.parametrize(
    ("wishes", "problem"),
    [
        ({}, "no source"),
        ({"source": "  "}, "no source"),
        ({"source": "x.csv", "mode": "upser"}, "Did you mean 'upsert'"),
        ({"source": "x.csv", "problem": "binery"}, "Did you mean 'binary'"),
        ({"source": "x.csv", "types": "zip=txt"}, "Did you mean 'text'"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(wishes: dict[str, Any], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        Request.from_parameters(given(**wishes))


@pytest.mark.parametrize(
    ("source", "name"),
    [("a/loans.csv", "loans"), ("loans.2024.parquet", "loans"), ("parts/", "parts"), (".x", ".x")],
)
def test_a_dataset_is_called_like_its_source(source: str, name: str) -> None:
    assert Request(source).name == name


def test_a_query_needs_a_name() -> None:
    with pytest.raises(InputError, match="--dataset NAME"):
        _ = Request("sqlite:///x.db", query="SELECT 1").name


def test_the_author_is_the_one_given_or_gits_or_the_user(tmp_path, monkeypatch) -> None:
    config = tmp_path / "gitconfig"
    config.write_text("[user]\nname = Grace\nemail = grace@example.org\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("METAFLOW_USER", "tes<ter>")
    monkeypatch.chdir(tmp_path)
    assert author_of("Ada <ada@example.org>") == "Ada <ada@example.org>"
    assert author_of("Ada") == "Ada <tester@localhost>"
    assert author_of("") == "Grace <grace@example.org>"
    monkeypatch.setenv("LIMELIGHT_AUTHOR", "Cy <cy@example.org>")
    assert author_of() == "Cy <cy@example.org>"
    assert author_of("Ada") == "Ada <tester@localhost>"
    monkeypatch.delenv("LIMELIGHT_AUTHOR")
    config.write_text("")
    assert author_of("") == "tester <tester@localhost>"
    monkeypatch.setenv("PATH", "")
    assert author_of("") == "tester <tester@localhost>", "no git"


def test_a_user_without_a_name_has_one_as_an_author(monkeypatch) -> None:
    for name in ("METAFLOW_USER", "LIMELIGHT_AUTHOR", "LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("os.getuid", lambda: 2**31 - 7)
    assert author_of() == "limelight <limelight@localhost>"
