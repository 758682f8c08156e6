"""Whole training runs, as a user starts them: promised and real time, scores, trials, memory.

    python benchmarks/runs.py --minutes 1 5                        the bundled data
    python benchmarks/runs.py --minutes 2 --tasks FOLDER [NAME..]  tasks with a test split

A task is a folder with train.csv.gz, test.csv.gz and task.json (target, positive). Every run has
a store and a datastore of its own. One line of JSON a run goes to --out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pandas as pd
import psutil

ROOT = Path(__file__).resolve().parent.parent


class PeakMemory(threading.Thread):
    """The most resident memory that a process and its descendants had together, in MB."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.root = psutil.Process(pid)
        self.peak = 0.0

    def run(self) -> None:
        while self.root.is_running() and self.root.status() != psutil.STATUS_ZOMBIE:
            total = 0
            try:
                for process in [self.root, *self.root.children(recursive=True)]:
                    try:
                        total += process.memory_info().rss
                    except psutil.NoSuchProcess:
                        continue
            except psutil.NoSuchProcess:
                return
            self.peak = max(self.peak, total / 2**20)
            time.sleep(0.5)


def train(folder: Path, minutes: float, options: list[str]) -> dict[str, Any]:
    """One run in a folder of its own; what it took."""
    environment = {**os.environ, "METAFLOW_USER": "benchmark", "LIMELIGHT_STORE": "store.db"}
    words = [sys.executable, str(ROOT / "flows/train.py"), "run", "--run-id-file", "run"]
    begun = time.monotonic()
    with (folder / "log").open("w") as log:
        running = subprocess.Popen(
            [*words, "--minutes", str(minutes), *options],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
        )
        memory = PeakMemory(running.pid)
        memory.start()
        code = running.wait()
    seconds = time.monotonic() - begun
    if code:
        sys.exit(f"the run failed:\n{(folder / 'log').read_text()[-3000:]}")
    return {"promised": 60 * minutes, "real": seconds, "peak_mb": round(memory.peak)}


def found(folder: Path, task: Path | None) -> dict[str, Any]:
    """What the run found, read back as a user would: with the client, in a fresh process."""
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r});"
        f"import runs; runs.report({str(task) if task else None!r})"
    )
    environment = {**os.environ, "METAFLOW_USER": "benchmark"}
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True
    )
    if ran.returncode:
        sys.exit(f"the run cannot be read:\n{ran.stderr[-3000:]}")
    answer: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return answer


def report(task: str | None) -> None:
    """Print what the latest run in this folder found, as a line of JSON."""
    from limelight.runs import find_run

    run = find_run("TrainFlow", Path("run").read_text().strip())
    data: Any = run.data
    trials, board = data.trials, data.leaderboard
    span = trials.assign(end=trials.started + trials.wall_seconds).groupby("engine")["end"].max()
    ok = trials[trials.outcome == "ok"].groupby("engine").size()
    best = board.iloc[0]
    answer = {
        "metric": data.task.metric,
        "best": f"{best.id} {best.description}",
        "score": best.score,
        "holdout": data.metrics[data.task.metric],
        "trials": trials.groupby("engine").size().to_dict(),
        "ok": ok.to_dict(),
        "trials_per_minute": (60 * trials.groupby("engine").size() / span).round(1).to_dict(),
        "search_seconds": max(search["seconds"] for search in data.searches),
        "notes": data.notes,
        "steps": {Path(step.pathspec).name: step_seconds(run, step) for step in run},
        "leaderboard": board[board["rank"] <= 8].to_dict("records"),
    }
    if task:
        answer["test"] = test_score(data.predictor, Path(task))
    print(json.dumps(answer, default=str))


def step_seconds(run: Any, step: Any) -> list[float]:
    """When a step began and ended, in seconds since the run began."""
    return [(at - run.created_at).total_seconds() for at in (step.created_at, step.finished_at)]


def test_score(predictor: Any, task: Path) -> float:
    """The metric of the task on its test split, by the published predictor."""
    from limelight.search.metrics import METRICS

    about = json.loads((task / "task.json").read_text())
    test = pd.read_csv(task / "test.csv.gz", keep_default_na=False, na_values=[""])
    if predictor.task.is_classification:
        # labels as the predictor knows them, whatever type the file gives them here
        names = {str(label): code for code, label in enumerate(predictor.classes_)}
        target = test[about["target"]].astype(str).map(names).to_numpy()
    else:
        target = test[about["target"]].to_numpy(dtype="float64")
    prediction = predictor.predict_array(test.drop(columns=[about["target"]]))
    return METRICS[about["metric"]](target, prediction)


def options_of(task: Path) -> list[str]:
    """The parameters a user would give for a task's training data."""
    about = json.loads((task / "task.json").read_text())
    options = ["--source", str(task / "train.csv.gz"), "--dataset", about["name"]]
    options += ["--target", about["target"], "--metric", about["metric"]]
    return options + (["--positive", about["positive"]] if about.get("positive") else [])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, nargs="+", default=[1.0])
    parser.add_argument("--tasks", nargs="+", default=[], metavar="FOLDER [NAME ...]")
    parser.add_argument("--out", type=Path, default=Path("runs.jsonl"))
    given = parser.parse_args()
    tasks: list[Path | None] = [None]
    if given.tasks:
        folder, names = Path(given.tasks[0]).resolve(), given.tasks[1:]
        every = sorted(path.parent for path in folder.glob("*/task.json"))
        tasks = [task for task in every if task.name in names or not names]
    for minutes in given.minutes:
        for task in tasks:
            with tempfile.TemporaryDirectory() as work:
                took = train(Path(work), minutes, options_of(task) if task else [])
                line: dict[str, Any] = {"task": task.name if task else "bundled"}
                line |= {"load": os.getloadavg()[0]} | took | found(Path(work), task)
            with given.out.open("a") as out:
                out.write(json.dumps(line) + "\n")
            line["outside"] = line["real"] - line["search_seconds"]
            shown = ("task", "metric", "score", "test", "promised", "real", "outside", "peak_mb")
            print({name: _short(line[name]) for name in shown if name in line})
            print("   ", line["best"], line["trials_per_minute"], line["notes"], flush=True)


def _short(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
