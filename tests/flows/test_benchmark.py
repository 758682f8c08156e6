"""The benchmark flow, run for real on two small tasks, of which one cannot be trained on."""

import json

import numpy as np
import pandas as pd
import pytest


def write_task(folder, rows):
    rng = np.random.default_rng(0)
    number = rng.normal(size=rows + 60)
    frame = pd.DataFrame({"number": number, "y": np.where(number > 0.5, "bad", "good")})
    folder.mkdir(parents=True)
    frame[:rows].to_csv(folder / "train.csv.gz", index=False)
    frame[rows:].to_csv(folder / "test.csv.gz", index=False)
    (folder / "task.json").write_text(json.dumps({"target": "y", "problem_type": "binary"}))


@pytest.mark.slow
def test_each_task_is_run_scored_and_compared(flow, client, tmp_path):
    write_task(tmp_path / "tasks" / "loans", 150)
    write_task(tmp_path / "tasks" / "tiny", 10)
    ran = flow(
        tmp_path,
        *("run", "--tasks", "tasks", "--trials", "1", "--engines", "", "--seeds", "3"),
        flow="benchmark.py",
    )
    assert ran.code == 0, ran.output
    data = client(tmp_path, "BenchmarkFlow")
    results = data.results.set_index(["task", "tool"])
    assert set(results.index) == {
        (task, tool) for task in ("loans", "tiny") for tool in ("limelight", "constant", "hgb")
    }
    ours = results.loc[("loans", "limelight")]
    assert (ours["status"], ours["seed"], ours["metric"]) == ("ok", 3, "roc_auc")
    assert ours["score"] > 0.95
    assert ours["low"] <= ours["score"] <= ours["high"]
    assert ours["cpu_seconds"] > 1
    assert ours["peak_mb"] > 100
    # A task that cannot be trained on is a row, and the user's own words say why.
    lost = results.loc[("tiny", "limelight")]
    assert lost["status"] == "failed"
    assert "the table has 10 rows, and at least 20 are needed" in lost["reason"]
    assert lost["normalised"] == 0
    assert data.summary.loc["limelight", "ok"] == 1
    assert set(data.comparisons["tool"]) == {"constant", "hgb"}
    assert "at least 20 are needed" in data.report
    assert "look at it" in ran.output
    assert {path.name for path in tmp_path.iterdir()} == {"tasks", ".metaflow"}


def test_a_benchmark_of_nothing_is_refused_in_a_line(flow, tmp_path):
    ran = flow(tmp_path, "run", "--only", "sales", flow="benchmark.py")
    assert ran.code != 0
    assert "no task sales is bundled. There are ames, credit_g." in ran.output
    assert "Traceback" not in ran.output
