"""A password on the command line of a flow would be kept with the run: it is refused there."""

from __future__ import annotations

from pathlib import Path

import pytest

from limelight.runs import launch, secret_in


@pytest.mark.parametrize(
    "words",
    [
        ["--store", "mysql+pymysql://ada:horse@db:3306/loans"],
        ["--store=mysql+pymysql://ada:ho:r@se@db/loans"],
        ["--source", "postgresql://:horse@db/x"],
    ],
)
def test_a_password_is_found_and_not_shown(words: list[str]) -> None:
    found = secret_in(["run", *words])
    assert "***" in found
    assert "horse" not in found
    assert "ho:r" not in found


@pytest.mark.parametrize(
    "word", ["loans.csv", "mysql+pymysql://ada@db:3306/loans", "a:b@c", "Ada <a@b.org>", "http://x"]
)
def test_what_is_no_password_passes(word: str) -> None:
    assert secret_in([word]) == ""


def test_no_run_starts_with_a_password(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    started = []
    monkeypatch.setenv("METAFLOW_RUN_STORE", "mysql+pymysql://ada:horse@db/loans")
    with pytest.raises(SystemExit):
        launch(lambda: started.append(1))
    said = capsys.readouterr().err
    assert "LIMELIGHT_STORE_PASSWORD" in said
    assert "horse" not in said
    assert not started


def test_the_flow_itself_refuses(flow, tmp_path: Path) -> None:
    ran = flow(tmp_path, "run", "--store", "mysql+pymysql://ada:horse@db/loans")
    assert ran.code == 2
    assert "horse" not in ran.output
    assert list(tmp_path.iterdir()) == []
