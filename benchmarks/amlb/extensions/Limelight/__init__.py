"""The AutoML Benchmark's door to us: it calls `setup` once and `run` for every task and fold."""

from __future__ import annotations

from typing import Any


def setup(*args: Any, **options: Any) -> None:
    """Make our environment."""
    from amlb.utils import call_script_in_same_dir

    call_script_in_same_dir(__file__, "setup.sh", *args, **options)


def run(dataset: Any, config: Any) -> Any:
    """Run ``exec.py`` in our environment on the task's files; the runner scores what it gives."""
    from frameworks.shared.caller import run_in_venv

    data = {
        "train": {"path": dataset.train.data_path("parquet")},
        "test": {"path": dataset.test.data_path("parquet")},
        "target": {"name": dataset.target.name},
        "problem_type": dataset.type.name,
    }
    if config.measure_inference_time:
        data["inference_subsample_files"] = dataset.inference_subsample_files(fmt="parquet")
    return run_in_venv(__file__, "exec.py", input_data=data, dataset=dataset, config=config)
