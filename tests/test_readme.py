"""What the README says can be done can be done."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return [block.strip() for block in re.findall(rf"```{language}\n(.*?)```", TEXT, re.S)]


def test_every_file_it_points_at_is_there():
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", TEXT):
        assert (ROOT / target).exists(), target


def test_ci_runs_its_test_command():
    assert "readme-command 2" in (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert "nox" in blocks("bash")[1]


@pytest.mark.slow
def test_its_commands_for_a_table_of_ones_own_and_its_python_work(flow, tmp_path, client):
    rng = np.random.default_rng(1)
    loans = pd.DataFrame({"income": rng.normal(50, 10, 120), "job": rng.choice(list("abc"), 120)})
    loans["default"] = np.where(loans["income"] + rng.normal(0, 5, 120) < 45, "yes", "no")
    loans.to_csv(tmp_path / "loans.csv", index=False)
    (command,) = [block for block in blocks("console") if "--source" in block]
    words = shlex.split(command.replace("--minutes 10", "--trials 1 --engines ''"))
    ran = flow(tmp_path, *words[2:])
    assert ran.code == 0, ran.output
    client(tmp_path)
    names = {"rows": loans.head(2)}
    for snippet in blocks("python"):
        if "open_store" not in snippet:
            exec(snippet, names)
    assert (tmp_path / "credit.limelight").exists()
    assert "baseline" in set(names["data"].leaderboard["engine"])
    assert names["data"].predictor.predict_proba(names["rows"]).shape == (2, 2)


def tour_data(folder: Path) -> None:
    """The two files of the tour: loans, and in June 80 new ones and 5 corrected."""
    rng = np.random.default_rng(7)
    loans = pd.DataFrame(
        {
            "id": range(1, 1201),
            "amount": rng.lognormal(7.5, 0.6, 1200).round(2),
            "purpose": rng.choice(["car", "home", "study"], 1200),
            "term": rng.choice([12, 24, 36, 60], 1200),
        }
    )
    late = rng.random(1200) < 0.12 + 0.1 * (loans["term"] == 60)
    loans["default"] = np.where(late, "yes", "no")
    loans.to_csv(folder / "loans.csv", index=False)
    corrected = loans.sample(5, random_state=1)
    corrected["amount"] = (corrected["amount"] * 1.1).round(2)
    new = pd.DataFrame(
        {
            "id": range(1201, 1281),
            "amount": rng.lognormal(7.5, 0.6, 80).round(2),
            "purpose": rng.choice(["car", "home", "study", "boat"], 80, p=[0.4, 0.3, 0.25, 0.05]),
            "term": rng.choice([12, 24, 36, 60], 80),
            "default": rng.choice(["no", "yes"], 80, p=[0.85, 0.15]),
        }
    )
    pd.concat([corrected, new]).to_csv(folder / "june.csv", index=False)


def plain(text: str) -> str:
    """Without what differs from run to run: hashes and times; spaces count once."""
    text = re.sub(r"\b[0-9a-f]{8,40}\b", "HASH", text)
    text = re.sub(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}(:[\d.]+)?", "TIME", text)
    return " ".join(text.split())


@pytest.mark.slow
def test_its_tour_of_versions_prints_what_it_shows(tmp_path, monkeypatch):
    tour_data(tmp_path)
    environment = {
        **os.environ,
        "METAFLOW_USER": "ada",
        "LIMELIGHT_AUTHOR": "Ada <ada@example.org>",
        "COLUMNS": "200",
    }
    (tour,) = [block for block in blocks("text") if "$ limelight" in block]
    for part in tour.split("$ ")[1:]:
        command, *shown = part.strip().splitlines()
        words = shlex.split(command)
        if words[0] == "python":
            words = [sys.executable, str(ROOT / words[1]), *words[2:]]
        else:
            words = [sys.executable, "-m", "limelight.cli", *words[1:]]
        ran = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        for line in filter(None, shown):
            assert plain(line) in plain(ran.stdout), f"{command} does not print: {line}"
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    (snippet,) = [snippet for snippet in blocks("python") if "open_store" in snippet]
    exec(snippet, names)
    assert names["store"].diff(names["old"], names["new"]).added == 80
    assert len(names["frame"]) == 1200


@pytest.mark.slow
def test_the_options_it_names_exist(flow, tmp_path):
    known = flow(tmp_path, "run", "--help").output
    table = TEXT[TEXT.index("| option |") : TEXT.index("has them all")]
    for option in set(re.findall(r"--[a-z][a-z-]+", table)) - {"--help"}:
        assert option in known, option
