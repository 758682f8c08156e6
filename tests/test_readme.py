"""What the README says can be done can be done."""

import re
import shlex
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
        exec(snippet, names)
    assert (tmp_path / "credit.limelight").exists()
    assert "baseline" in set(names["data"].leaderboard["engine"])
    assert names["data"].predictor.predict_proba(names["rows"]).shape == (2, 2)


@pytest.mark.slow
def test_the_options_it_names_exist(flow, tmp_path):
    known = flow(tmp_path, "run", "--help").output
    table = TEXT[TEXT.index("| option |") : TEXT.index("has them all")]
    for option in set(re.findall(r"--[a-z][a-z-]+", table)) - {"--help"}:
        assert option in known, option
