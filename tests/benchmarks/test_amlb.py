"""The integration for the AutoML Benchmark's runner, with stand-ins for what the runner hands over.

The stand-ins have the fields that its documentation and its other integrations use. The runner
itself is not installed here.
"""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeClassifier

from limelight.model.predictor import Predictor
from limelight.search.task import Task

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "amlb"
MODULE = FOLDER / "extensions" / "Limelight"

#: The part of frameworks/shared/callee.py that we call: it gives back what it got.
CALLEE = """
import time

def result(**facts):
    return facts

def measure_inference_times(infer, files):
    return {size: [len(infer(path))] for size, path in files}

def call_run(run):
    raise AssertionError("not as a script")
"""


@pytest.fixture
def integration(tmp_path, monkeypatch):
    """``exec.py``, imported with the runner's helpers on the path."""
    shared = tmp_path / "amlb" / "frameworks" / "shared"
    shared.mkdir(parents=True)
    (shared / "callee.py").write_text(CALLEE)
    monkeypatch.syspath_prepend(tmp_path / "amlb")
    spec = importlib.util.spec_from_file_location("limelight_exec", MODULE / "exec.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    for name in ("frameworks.shared.callee", "frameworks.shared", "frameworks"):
        sys.modules.pop(name, None)


def config(**more) -> SimpleNamespace:
    facts = {"type": "classification", "metric": "auc", "max_runtime_seconds": 600, "cores": 2}
    facts |= {"seed": 3, "framework_params": {}, "output_predictions_file": "predictions.csv"}
    return SimpleNamespace(**facts | {"measure_inference_time": False} | more)


def dataset(folder: Path, problem: str = "binary") -> SimpleNamespace:
    """What the runner's process gives to ours: paths of Parquet files and the target's name."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"number": rng.normal(size=40)})
    frame["kind"] = pd.Categorical(np.where(frame.number > 0, "up", "down"))
    labels = pd.Categorical(np.where(frame.number > 0, "yes", "no"))
    frame["y"] = labels if problem == "binary" else 2 * frame.number
    frame[:30].to_parquet(folder / "train.parquet")
    frame[30:].to_parquet(folder / "test.parquet")
    return SimpleNamespace(
        train=SimpleNamespace(path=str(folder / "train.parquet")),
        test=SimpleNamespace(path=str(folder / "test.parquet")),
        target=SimpleNamespace(name="y"),
        problem_type=problem,
    )


class Numbers:
    """A model of the one column of numbers."""

    def __init__(self, model, frame, target):
        self.model = model.fit(frame[["number"]], target)
        self.classes_ = getattr(model, "classes_", None)

    def predict(self, frame):
        return self.model.predict(frame[["number"]])

    def predict_proba(self, frame):
        return self.model.predict_proba(frame[["number"]])


def predictor_for(data: SimpleNamespace) -> Predictor:
    train = pd.read_parquet(data.train.path)
    features = train.drop(columns="y")
    if data.problem_type == "regression":
        model = Numbers(LinearRegression(), features, train.y)
        return Predictor(model, Task("regression", "rmse", "y"), features, {})
    model = Numbers(DecisionTreeClassifier(), features, (train.y == "no").astype(int))
    return Predictor(model, Task("binary", "roc_auc", "y", ("yes", "no")), features, {})


def test_the_command_is_the_one_of_a_user(integration, tmp_path):
    given = config(framework_params={"engines": "tpot", "_for_us": 1}, seed=2**31 + 5)
    words = integration.command(dataset(tmp_path), given)
    assert Path(words[1]).name == "train.py"
    assert Path(words[1]).exists()
    assert " ".join(words[2:]) == (
        f"run --run-id-file run --source {tmp_path}/train.parquet --dataset task --target y"
        " --task binary --metric roc_auc --minutes 10.0 --seed 5 --engines tpot"
    )


def test_a_metric_that_we_cannot_choose_by_is_refused(integration, tmp_path):
    with pytest.raises(ValueError, match="metric 'rmsle' is none of auc, "):
        integration.command(dataset(tmp_path), config(metric="rmsle"))


def test_metrics_have_our_names(integration):
    from limelight.search.metrics import METRICS

    assert set(integration.METRICS.values()) <= set(METRICS)


def test_classes_are_answered_with_labels_and_probabilities(integration, tmp_path):
    data = dataset(tmp_path)
    found = integration.answer(
        {"predictor": predictor_for(data), "models": 7}, data, config(), seconds=61.5
    )
    truth = pd.read_parquet(data.test.path).y.astype(str)
    assert found["predictions"].tolist() == truth.tolist()
    assert found["probabilities_labels"] == ["yes", "no"]
    assert found["probabilities"].shape == (10, 2)
    assert (found["probabilities"][:, 1] == (truth == "no")).all()
    assert found["target_is_encoded"] is False
    assert (found["models_count"], found["training_duration"]) == (7, 61.5)
    assert found["output_file"] == "predictions.csv"
    assert found["predict_duration"] >= 0
    assert "inference_times" not in found


def test_a_regression_is_answered_with_values(integration, tmp_path):
    data = dataset(tmp_path, "regression")
    made = {"predictor": predictor_for(data), "models": 1}
    found = integration.answer(made, data, config(type="regression"), seconds=1.0)
    assert found["predictions"] == pytest.approx(pd.read_parquet(data.test.path).y.to_numpy())
    assert "probabilities" not in found


def test_inference_is_timed_on_the_files_that_the_runner_gives(integration, tmp_path):
    data = dataset(tmp_path)
    pd.read_parquet(data.test.path)[:1].drop(columns="y").to_parquet(tmp_path / "one.parquet")
    data.inference_subsample_files = [(1, str(tmp_path / "one.parquet"))]
    made = {"predictor": predictor_for(data), "models": 1}
    found = integration.answer(made, data, config(measure_inference_time=True), seconds=1.0)
    assert found["inference_times"] == {"file": {1: [1]}}


def test_the_runner_finds_setup_and_run(tmp_path):
    """``__init__.py`` as the runner imports it: with its user directory on the path."""
    calls = tmp_path / "calls"
    (tmp_path / "amlb").mkdir()
    (tmp_path / "amlb" / "utils.py").write_text(
        "def call_script_in_same_dir(file, script, *args):\n    return file, script, args\n"
    )
    shared = tmp_path / "frameworks" / "shared"
    shared.mkdir(parents=True)
    (shared / "caller.py").write_text(
        "def run_in_venv(file, script, **given):\n    return script, given\n"
    )
    program = f"""
import sys
sys.path[:0] = [{str(FOLDER)!r}, {str(tmp_path)!r}]
from types import SimpleNamespace as Space
from extensions import Limelight
Limelight.setup("stable")
split = Space(data_path=lambda kind: f"rows.{{kind}}")
data = Space(train=split, test=split, target=Space(name="y"), type=Space(name="binary"))
script, given = Limelight.run(data, Space(measure_inference_time=False))
assert script == "exec.py", script
assert given["input_data"]["train"] == {{"path": "rows.parquet"}}
assert given["input_data"]["problem_type"] == "binary"
open({str(calls)!r}, "w").write("ran")
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    assert calls.read_text() == "ran"


def test_the_setup_script_is_sound():
    assert (MODULE / "setup.sh").stat().st_mode & 0o100, "setup.sh cannot be run"
    bash = shutil.which("bash")
    assert bash
    subprocess.run([bash, "-n", str(MODULE / "setup.sh")], check=True)
