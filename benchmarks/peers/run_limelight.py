"""Ourselves, through the door of any user: the command, then the Metaflow client.

The time is that from the command to the prompt. The run is read back here, in a process that had
no part in it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.peers.runner import Array, Request, main

FLOW = Path(__file__).resolve().parents[2] / "flows" / "train.py"


def command(request: Request) -> list[str]:
    """What a user would type for a task."""
    words = [sys.executable, str(FLOW), "run", "--run-id-file", "run"]
    words += ["--source", request.train, "--dataset", request.task, "--target", request.target]
    words += ["--task", request.problem, "--metric", request.metric]
    words += ["--minutes", str(request.seconds / 60), "--seed", str(request.seed)]
    return words + (["--positive", request.classes[1]] if request.problem == "binary" else [])


class Limelight:
    def __init__(self, request: Request, train: pd.DataFrame) -> None:
        self.request = request
        del train  # the command reads the file
        os.environ |= {"METAFLOW_USER": "benchmark", "LIMELIGHT_STORE": "store.db"}
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        ran = subprocess.run(command(request), env=environment)
        if ran.returncode:
            raise RuntimeError(f"the run ended with status {ran.returncode}; its output is above")
        self.predictor: Any = None
        self.about = "a run of flows/train.py"

    def predict(self, rows: pd.DataFrame) -> Array:
        if self.predictor is None:
            from limelight.runs import find_run

            data: Any = find_run("TrainFlow", Path("run").read_text(encoding="utf-8").strip()).data
            best = data.leaderboard.iloc[0]
            self.about = f"{best['id']} {best['description']}"
            self.predictor = data.predictor
        found = self.predictor.predict_array(rows)
        if not self.request.is_classification:
            return np.asarray(found)
        # Imported here: our own environment has it, and this process starts as any tool's.
        from limelight.benchmark.read_back import aligned

        return aligned(found, self.predictor.classes_, self.request.classes)


if __name__ == "__main__":
    packages = ["limelight", "metaflow", "tpot", "autokeras", "keras", "jax", "lightgbm", "xgboost"]
    main(Limelight, packages)
