"""Tasks, references, scores and comparisons of the benchmark, without a run of a flow."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from limelight.benchmark import processes
from limelight.benchmark.conclude import conclude, gathered
from limelight.benchmark.measure import Measured, Wish, command, lost
from limelight.benchmark.read_back import aligned
from limelight.benchmark.references import REFERENCES
from limelight.benchmark.request import Request
from limelight.benchmark.results import Result, Results
from limelight.benchmark.scores import wins
from limelight.benchmark.tasks import (
    bundled_files,
    find_tasks,
    load_task,
    task_files,
    write_files,
)
from limelight.benchmark.turns import turn
from limelight.errors import InputError

BUNDLED = Path(__file__).resolve().parents[2] / "data"
WISH = Wish(1.0, None, "tpot", 1, 1)


@pytest.fixture(scope="module")
def credit():
    return bundled_files("credit_g", BUNDLED)


def test_a_bundled_dataset_is_divided_once_and_for_all(credit, tmp_path):
    task = load_task(write_files(credit, tmp_path / "credit_g"))
    assert bundled_files("credit_g", BUNDLED) == credit
    assert task.train_rows + len(task.truth) == 1000
    assert 150 < len(task.truth) < 250
    assert (task.task.metric, task.task.classes) == ("roc_auc", ("good", "bad"))
    train, test = (pd.read_csv(tmp_path / "credit_g" / f"{n}.csv.gz") for n in ("train", "test"))
    assert not len(train.merge(test, how="inner"))


def test_the_rows_left_for_training_can_be_divided_again(credit, tmp_path):
    from limelight.data.split import make_split
    from limelight.training.load import keyed

    rows = load_task(write_files(credit, tmp_path / "credit_g")).training_rows()
    codes = (rows["class"] == "bad").to_numpy().astype("int64")
    split = make_split(keyed(rows, ()).index, codes, stratify=True)
    assert 0.15 < len(split.holdout) / len(rows) < 0.25


def test_a_task_travels_as_its_files(credit, tmp_path):
    folder = write_files(credit, tmp_path / "credit_g")
    assert task_files(folder) == credit
    assert find_tasks(tmp_path) == [folder]
    (folder / "test.csv.gz").unlink()
    with pytest.raises(InputError, match=r"has no test\.csv\.gz"):
        task_files(folder)


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"target": "y"}, "does not say problem_type"),
        ({"target": "y", "problem_type": "ranking"}, "'ranking'"),
        ({"target": "y", "problem_type": "binary", "metric": "auc"}, "metric 'auc'"),
    ],
)
def test_a_description_that_lacks_something_is_refused(tmp_path, about, said):
    (tmp_path / "task.json").write_text(json.dumps(about))
    with pytest.raises(InputError, match=said):
        load_task(tmp_path)


@pytest.mark.parametrize("problem", ["binary", "multiclass", "regression"])
def test_the_references_are_as_good_as_they_should_be(tmp_path, problem):
    rng = np.random.default_rng(0)
    number = rng.normal(size=400)
    target = {
        "binary": np.where(number > 0, "TRUE", "FALSE"),
        "multiclass": np.array(["a", "b", "c"])[np.digitize(number, [-0.5, 0.5])],
        "regression": number**2,
    }[problem]
    frame = pd.DataFrame({"x": number, "text": np.where(number > 1, "NA", "low"), "y": target})
    files = {
        "task.json": json.dumps({"target": "y", "problem_type": problem}).encode(),
        "train.csv.gz": b"",
        "test.csv.gz": b"",
    }
    folder = write_files(files, tmp_path / "made")
    frame[:300].to_csv(folder / "train.csv.gz", index=False)
    frame[300:].to_csv(folder / "test.csv.gz", index=False)
    task = load_task(folder)
    gain = {
        name: task.metric.gain(task.truth, reference(task, 0).predict(task.test_rows()))
        for name, reference in REFERENCES.items()
    }
    assert gain["hgb"] > gain["constant"]
    assert gain["constant"] == task.metric.gain(task.truth, task.constant)


def test_labels_are_found_however_the_file_spells_them():
    rows = np.array([[0.2, 0.8]])
    assert aligned(rows, [False, True], ["FALSE", "TRUE"]).tolist() == [[0.2, 0.8]]
    assert aligned(rows, [2, 1], ["1.0", "2.0", "3.0"]).tolist() == [[0.8, 0.2, 0.0]]
    assert aligned(rows, ["a", "A"], ["A", "a"]).tolist() == [[0.8, 0.2]]
    with pytest.raises(InputError, match="'x' is none of the classes"):
        aligned(rows, ["x", "a"], ["a", "b"])


def test_a_task_is_run_as_a_user_would(credit, tmp_path):
    task = load_task(write_files(credit, tmp_path / "credit_g"))
    words = command(task, Path("flows/train.py"), 3) + WISH.options()
    assert words[:3] == [sys.executable, "flows/train.py", "run"]
    given = dict(zip(words[3::2], words[4::2], strict=True))
    assert given["--positive"] == "bad"
    assert (given["--target"], given["--seed"], given["--minutes"]) == ("class", "3", "1.0")
    assert "--metric" in given


def test_runs_on_one_machine_take_turns(tmp_path):
    order = []

    def second() -> None:
        with turn(order.append, tmp_path):
            order.append("second")

    with turn(order.append, tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        while not order:
            time.sleep(0.01)
        order.append("first")
    thread.join()
    assert order == ["waiting for the run before it to end", "first", "second"]


def test_a_run_that_is_ended_leaves_nothing_behind(tmp_path):
    code = (
        "import sys\nfrom pathlib import Path\nfrom limelight.benchmark import processes\n"
        "nap = [sys.executable, '-c', 'import os, time; print(os.getpid(), flush=True);"
        " time.sleep(600)']\n"
        f"processes.run(nap, environment={{}}, log=Path({str(tmp_path / 'log')!r}), cores=1,"
        " overdue=lambda _: False)\n"
    )
    running = subprocess.Popen([sys.executable, "-c", code])
    log = tmp_path / "log"
    while not (log.exists() and log.read_text().strip()):
        assert running.poll() is None
        time.sleep(0.05)
    running.send_signal(signal.SIGTERM)
    assert running.wait() == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(int(log.read_text()), 0)


def test_cpu_seconds_of_all_processes_are_counted(tmp_path):
    busy = "import time\nwhile time.process_time() < 0.5: pass"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])"
    ended = processes.run(
        [sys.executable, "-c", code],
        environment={},
        log=tmp_path / "log",
        cores=1,
        overdue=lambda _: False,
    )
    assert ended.code == 0
    assert ended.cpu_seconds > 0.5


# What is asked


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"seeds": ("0", "x")}, "no different whole numbers"),
        ({"seeds": ("1", "1")}, "no different whole numbers"),
        ({"minutes": 1.0, "trials": 2}, "both given"),
        ({"minutes": -1.0}, "must be positive"),
        ({"cores": 9999}, "9999 cores are asked for"),
        ({"engines": ("tpott",)}, "Did you mean 'tpot'"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(wrong, said):
    with pytest.raises(InputError, match=said):
        Request(BUNDLED, **wrong)


def test_unknown_tasks_are_named():
    with pytest.raises(InputError, match=r"no task sales is bundled.*ames, credit_g"):
        Request(BUNDLED, only=("sales",)).task_files()


def result(tool, task="sales", score=0.9, **more) -> Result:
    facts = {"status": "failed" if score is None else "ok", "low": score, "high": score}
    facts |= {"seed": 0, "minutes": 1.0, "cores": 1, "train_rows": 9, "test_rows": 4}
    facts |= {"metric": "roc_auc", "floor": 0.5} | more
    return Result(tool=tool, task=task, score=score, **facts)


def test_peers_of_another_budget_are_left_out_and_told(tmp_path):
    store = Results(tmp_path / "peers.jsonl")
    for minutes in (1.0, 5.0):
        store.append(result("flaml", minutes=minutes))
    store.append(result("limelight"))
    found, notes = Request(BUNDLED, cores=1, peers=str(store.path)).peer_results()
    assert [(peer.tool, peer.minutes) for peer in found] == [("flaml", 1.0)]
    assert "1 results in peers.jsonl are of another budget" in notes[0]
    with pytest.raises(InputError, match=r"no results of 2 min.*It has 1 min on 1 cores, 5 min"):
        Request(BUNDLED, cores=1, minutes=2.0, peers=str(store.path)).peer_results()


# What comes out

TRUTH = np.array([0, 1, 0, 1])
SURE = np.stack([1 - TRUTH, TRUTH], axis=1) * 0.8 + 0.1


def measured(**more) -> Measured:
    ours = result("limelight", predictions="limelight", **more)
    return Measured(
        [ours, result("hgb", score=0.7), result("constant", score=0.5)], TRUTH, {"limelight": SURE}
    )


def test_peers_stand_beside_us_with_their_predictions(tmp_path):
    store = Results(tmp_path / "peers.jsonl")
    peer = result("flaml", score=0.8)
    peer = replace(peer, predictions=store.keep(peer.key, TRUTH, 1 - SURE))
    others = [peer, result("hgb", score=0.6), result("h2o", task="other")]
    found = conclude([measured()], others, store.path)
    # hgb was run here, and the other task was not
    assert list(found.summary.index) == ["limelight", "flaml", "hgb", "constant"]
    assert found.results.set_index("tool").loc["flaml", "normalised"] == pytest.approx(0.75)
    assert found.comparisons["tool"].tolist() == ["flaml"]
    assert found.comparisons["verdict"].tolist() == ["better"]


def test_peers_without_their_predictions_are_compared_by_scores(tmp_path):
    peer = result("flaml", score=0.95, predictions="sales/flaml.parquet")
    found = conclude([measured()], [peer], tmp_path / "peers.jsonl")
    assert found.comparisons.empty
    assert found.wins.loc["flaml"].to_dict() == {"wins": 0, "ties": 0, "losses": 1}


def test_peers_that_were_scored_on_other_rows_are_refused():
    with pytest.raises(InputError, match="flaml was scored on other test rows of 'sales'"):
        conclude([measured()], [result("flaml", floor=0.6)])
    with pytest.raises(InputError, match="other test rows"):
        conclude([measured()], [result("flaml", test_rows=5)])


def test_a_branch_that_was_lost_is_a_row(credit):
    class Branch:
        input, wish = ("credit_g", 1), WISH
        places, task_0 = {"credit_g": "task_0"}, credit
        failed = RuntimeError("first line\nout of memory")

    found = conclude(gathered([Branch()]))
    assert found.results[["tool", "task", "seed", "status"]].to_numpy().tolist() == [
        ["limelight", "credit_g", 1, "failed"]
    ]
    assert found.notes == ["limelight on credit_g, seed 1: failed, out of memory"]
    assert lost("credit_g", credit, WISH, 1, "x").results[0].floor == 0.5


def test_wins_are_counted_by_the_scores_alone():
    some = [
        *(result("limelight", task, score) for task, score in (("a", 0.9), ("b", 0.7), ("c", 0.6))),
        *(result("hgb", task, score) for task, score in (("a", 0.8), ("b", 0.7), ("c", None))),
        result("h2o", "a", 0.95),
    ]
    assert wins(some, "limelight").to_numpy().tolist() == [[2, 1, 0], [0, 0, 1]]
