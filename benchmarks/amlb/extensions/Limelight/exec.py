"""One task of the AutoML Benchmark, in our environment: the command as a user types it.

The benchmark's own helpers (``frameworks.shared``) hand the task over and take the predictions.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd
from frameworks.shared.callee import call_run, measure_inference_times, result

FLOW = Path(__file__).resolve().parents[4] / "flows" / "train.py"
#: The benchmark's names of metrics, and ours.
METRICS = {
    "auc": "roc_auc",
    "logloss": "log_loss",
    "acc": "accuracy",
    "balacc": "balanced_accuracy",
    "f1": "f1",
    "rmse": "rmse",
    "mae": "mae",
    "r2": "r2",
}


def command(dataset: Any, config: Any) -> list[str]:
    """The training command for a task; the framework's ``params`` are more options of it.

    Raises:
        ValueError: The benchmark's metric is none that we can choose by.
    """
    if config.metric not in METRICS:
        raise ValueError(f"metric {config.metric!r} is none of {', '.join(METRICS)}.")
    options = {
        "source": dataset.train.path,
        "dataset": "task",
        "target": dataset.target.name,
        "task": dataset.problem_type,
        "metric": METRICS[config.metric],
        "minutes": config.max_runtime_seconds / 60,
        "seed": config.seed % 2**31,
        # A name with an underscore is for this file, as everywhere in the benchmark.
        **{n: v for n, v in config.framework_params.items() if not n.startswith("_")},
    }
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return [sys.executable, str(FLOW), "run", "--run-id-file", "run", *words]


def run(dataset: Any, config: Any) -> Any:
    """Train within the time there is, and predict the test rows."""
    if hasattr(os, "sched_setaffinity"):
        ours = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, ours[: config.cores])
    with tempfile.TemporaryDirectory(prefix="limelight") as folder:
        begun = time.monotonic()
        environment = {**os.environ, "METAFLOW_USER": "amlb", "LIMELIGHT_STORE": "store.db"}
        # The benchmark's own code is on it.
        environment.pop("PYTHONPATH", None)
        subprocess.run(command(dataset, config), cwd=folder, env=environment, check=True)
        seconds = time.monotonic() - begun
        data = published(Path(folder))
    return answer(data, dataset, config, seconds)


def published(folder: Path) -> dict[str, Any]:
    """What the run in a folder left, through the Metaflow client."""
    from limelight.runs import find_run

    os.environ["METAFLOW_USER"] = "amlb"
    before = Path.cwd()
    os.chdir(folder)
    try:
        data: Any = find_run("TrainFlow", Path("run").read_text(encoding="utf-8").strip()).data
        return {"predictor": data.predictor, "models": len(data.leaderboard)}
    finally:
        os.chdir(before)


def answer(data: dict[str, Any], dataset: Any, config: Any, seconds: float) -> Any:
    """The test rows' predictions, as the benchmark takes them."""
    predictor = data["predictor"]

    def infer(rows: Any) -> Any:
        frame = pd.read_parquet(rows) if isinstance(rows, str) else rows
        is_regression = config.type == "regression"
        return predictor.predict(frame) if is_regression else predictor.predict_proba(frame)

    test = pd.read_parquet(dataset.test.path).drop(columns=[dataset.target.name], errors="ignore")
    begun = time.monotonic()
    found = infer(test)
    predict_seconds = time.monotonic() - begun
    more: dict[str, Any] = {}
    if config.measure_inference_time:
        times = measure_inference_times(infer, dataset.inference_subsample_files)
        more["inference_times"] = {"file": times}
    if isinstance(found, pd.DataFrame):
        labels = [str(label) for label in found.columns]
        more |= {"probabilities": found.to_numpy(), "probabilities_labels": labels}
        predictions = pd.Index(labels)[found.to_numpy().argmax(axis=1)].to_numpy(dtype=object)
    else:
        predictions = found.to_numpy()
    return result(
        output_file=config.output_predictions_file,
        predictions=predictions,
        target_is_encoded=False,
        models_count=data["models"],
        training_duration=seconds,
        predict_duration=predict_seconds,
        **more,
    )


if __name__ == "__main__":
    call_run(run)
