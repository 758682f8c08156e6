"""The comparison with peers: what is run, how it is scored, and what the tables make of it."""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from benchmarks.peers import __main__ as peers
from benchmarks.peers import environments
from benchmarks.peers.measure import measure
from benchmarks.peers.report import report
from benchmarks.peers.runner import Request, aligned, certain
from benchmarks.peers.tools import TOOLS, Tool
from limelight.benchmark.results import Key, Result, Results
from limelight.benchmark.scores import against, normalised, ranks, summary
from limelight.benchmark.tasks import find_tasks, load_task
from limelight.errors import InputError

ROWS = 60


def write_task(folder: Path, problem: str) -> Path:
    """A task of two columns, whose number tells the target."""
    rng = np.random.default_rng(0)
    number = rng.normal(size=2 * ROWS)
    frame = pd.DataFrame({"number": number, "text": np.where(number > 1, "NA", "low")})
    target = {
        "binary": np.where(number + rng.normal(size=len(number)) > 0.5, "bad", "good"),
        "multiclass": np.array(["10", "9", "z"])[np.digitize(number, [-0.5, 0.5])],
        "regression": 3 * number,
    }
    frame["y"] = target[problem]
    folder = folder / problem
    folder.mkdir(parents=True)
    frame[:ROWS].to_csv(folder / "train.csv.gz", index=False)
    frame[ROWS:].to_csv(folder / "test.csv.gz", index=False)
    about = {"target": "y", "problem_type": problem, "numeric": ["number"], "categorical": ["text"]}
    (folder / "task.json").write_text(json.dumps(about))
    return folder


@pytest.fixture
def folder(tmp_path):
    return write_task(tmp_path / "tasks", "binary")


@pytest.fixture
def store(tmp_path):
    return Results(tmp_path / "out" / "peers.jsonl")


SHORT = 0.005

# A tool that learns: the classes' shares on either side of 0.
LEARNS = """
import os
import numpy as np
from benchmarks.peers.runner import main

class Model:
    def __init__(self, request, train):
        assert train.text.isin(["NA", "low"]).all(), "a text was taken for a missing value"
        is_bad = train[request.target] == "bad"
        self.shares = [is_bad[train.number < 0].mean(), is_bad[train.number >= 0].mean()]
        self.about = f"{len(os.sched_getaffinity(0))} cores, {os.environ['OMP_NUM_THREADS']} thread"

    def predict(self, rows):
        assert list(rows.columns) == ["number", "text"], "the target was shown"
        bad = np.where(rows.number < 0, *self.shares)
        return np.stack([1 - bad, bad], axis=1)

main(Model, ["pandera"])
"""

# A tool without a clock, which leaves a process behind that lost its parent.
HANGS = """
import subprocess, sys, time
nap = [sys.executable, "-c", "import time; time.sleep(600)"]
code = f"import subprocess; print(subprocess.Popen({nap!r}).pid, flush=True)"
subprocess.run([sys.executable, "-c", code])
time.sleep(600)
"""

ANSWERS = """
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1]).parent
(folder / "fitted.json").write_text(json.dumps({"fit_seconds": 0.1, "waited_seconds": 0.1}))
(folder / "predictions.csv").write_text(%r)
(folder / "answer.json").write_text(json.dumps({"about": "", "versions": {}}))
"""


def fake(tmp_path: Path, code: str, **more) -> Tool:
    """A tool that is a script, in the environment of the tests."""
    script = tmp_path / f"tool{len(list(tmp_path.glob('tool*')))}.py"
    script.write_text(code)
    return Tool("fake", "a script", (str(script),), **more)


def run(
    tmp_path: Path, code: str, folder: Path, store: Results, minutes: float = 1.0, **more
) -> Result:
    key = Key("fake", folder.name, 0, minutes, 1)
    return measure(fake(tmp_path, code, **more), load_task(folder), key, store, tmp_path / "cache")


# What is run


def test_a_task_is_read_with_the_rarer_class_last(folder):
    task = load_task(folder)
    assert task.task.classes == ("good", "bad")
    assert task.metric.name == "roc_auc"
    assert task.floor.sum() == pytest.approx(1)
    assert task.floor[0] > task.floor[1]


def test_labels_that_look_like_numbers_stay_text(tmp_path):
    task = load_task(write_task(tmp_path, "multiclass"))
    assert task.task.classes == ("10", "9", "z")
    assert set(task.truth) == {0, 1, 2}


def test_tasks_are_found_by_name_and_unknown_ones_named(folder):
    assert find_tasks(folder.parent) == [folder]
    with pytest.raises(InputError, match=r"no task sales in .*There are binary"):
        find_tasks(folder.parent, ["sales"])
    with pytest.raises(InputError, match="no task at all"):
        find_tasks(folder)


def test_a_test_split_of_another_shape_is_refused(folder):
    pd.read_csv(folder / "test.csv.gz").drop(columns="text").to_csv(folder / "test.csv.gz")
    with pytest.raises(InputError, match="train and test need the same columns"):
        load_task(folder)


def test_a_tool_is_run_scored_and_kept(tmp_path, folder, store):
    result = run(tmp_path, LEARNS, folder, store)
    assert result.status == "ok", result.tail
    assert store.all() == [result]
    truth, prediction = store.predictions(result)
    assert result.score == pytest.approx(roc_auc_score(truth, prediction[:, 1]))
    assert result.low < result.score < result.high
    assert (result.floor, result.test_rows) == (0.5, ROWS)
    assert result.about == "1 cores, 1 thread"
    assert result.overrun_seconds == pytest.approx(result.fit_seconds - 60)
    assert result.waited_seconds > result.fit_seconds
    assert result.seconds_per_1000 > 0
    assert result.peak_mb > 20
    assert result.versions["pandera"]


def test_an_error_is_a_row(tmp_path, folder, store):
    result = run(tmp_path, LEARNS.replace('"bad"', "undefined"), folder, store)
    assert (result.status, result.score) == ("failed", None)
    assert result.reason == "NameError: name 'undefined' is not defined"
    assert "Traceback" in result.tail


def test_a_crash_is_a_row(tmp_path, folder, store):
    result = run(tmp_path, "import sys; sys.exit('no licence')", folder, store)
    assert (result.status, result.reason) == ("failed", "ended with status 1: no licence")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("good,bad\n" + "0.5,0.5\n" * 3, "3 predictions of"),
        ("bad,good\n" + "0.5,0.5\n" * ROWS, "were asked for"),
        ("good,bad\n" + "0.5,\n" + "0.5,0.5\n" * (ROWS - 1), "1 rows have no prediction"),
    ],
)
def test_predictions_that_do_not_fit_are_a_failure(tmp_path, folder, store, answer, reason):
    result = run(tmp_path, ANSWERS % answer, folder, store)
    assert result.status == "failed"
    assert reason in result.reason


def test_a_tool_without_end_is_killed_with_all_that_it_started(tmp_path, folder, store):
    result = run(tmp_path, HANGS, folder, store, SHORT)
    assert (result.status, result.score) == ("killed", None)
    assert result.reason.startswith("no model after")
    assert 0.6 < result.overrun_seconds < 30
    left = int(result.tail)
    deadline = time.monotonic() + 10
    while psutil.pid_exists(left) and psutil.Process(left).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the orphan lives on"
        time.sleep(0.05)


def test_a_tool_that_lacks_a_program_is_absent_and_tried_again(tmp_path, folder, store):
    result = run(tmp_path, "", folder, store, programs=("no-such-program",))
    assert (result.status, result.reason) == ("absent", "no-such-program not found on PATH")
    assert store.done() == set()


@pytest.mark.slow
def test_an_environment_that_cannot_be_made_leaves_nothing(tmp_path, folder, store):
    pinned = tmp_path / "broken.txt"
    pinned.write_text(f"{tmp_path / 'no-such-1.0-py3-none-any.whl'}\n")
    result = run(tmp_path, "", folder, store, requirements=pinned)
    assert (result.status, result.reason) == ("absent", "its environment could not be made")
    assert "no-such-1.0" in result.tail
    assert list((tmp_path / "cache").iterdir()) == []


def test_other_pins_are_another_environment(tmp_path):
    pinned = tmp_path / "tool.txt"
    places = set()
    for text in ("flaml==1", "flaml==2", "flaml==2"):
        pinned.write_text(text)
        places.add(environments.place_of(pinned, tmp_path))
    assert len(places) == 2


def test_every_tool_has_its_runner_and_its_pins():
    for tool in TOOLS.values():
        module = Path(peers.__file__).parent / f"{tool.words[1].rpartition('.')[2]}.py"
        assert module.exists()
        if tool.requirements:
            pins = tool.requirements.read_text().split("\n")
            assert all("==" in line for line in pins if line and not line.startswith("#"))


def test_what_is_done_is_not_run_again(tmp_path, folder, store):
    counter = tmp_path / "counter"
    count = f"open({str(counter)!r}, 'a').write('x')"
    tool, other = fake(tmp_path, count), fake(tmp_path, count)

    def go(done):
        peers.run_all([tool], [folder], store, done, minutes=[1.0], seeds=[0, 1], cores=1)

    go(store.done())
    assert len(counter.read_text()) == 2
    go(Results(store.path).done())
    assert len(counter.read_text()) == 2
    go(set())
    assert len(counter.read_text()) == 4
    assert len(store.all()) == 2
    assert other.name == tool.name


def test_ourselves_are_run_as_a_user_would(tmp_path):
    from benchmarks.peers.run_limelight import command

    more = {"numeric": (), "categorical": (), "cores": 2, "started": 0.0, "options": {}}
    request = Request(
        task="loans",
        train="train.csv.gz",
        rows="rows.csv",
        target="paid",
        problem="binary",
        metric="roc_auc",
        classes=("yes", "no"),
        seconds=300.0,
        seed=7,
        folder=str(tmp_path),
        **more,
    )
    assert command(request)[0] == sys.executable
    assert " ".join(command(request)[2:]) == (
        "run --run-id-file run --source train.csv.gz --dataset loans --target paid --task binary"
        " --metric roc_auc --minutes 5.0 --seed 7 --positive no"
    )
    request.write(tmp_path / "request.json")
    assert Request.read(tmp_path / "request.json") == request


# How it is scored


def test_probabilities_are_put_in_the_order_of_the_classes():
    found = aligned([[0.2, 0.8], [0.6, 0.4]], [2, 1], ("1", "2", "3"))
    assert found.tolist() == [[0.8, 0.2, 0.0], [0.4, 0.6, 0.0]]
    assert certain(np.array([2, 1]), ("1", "2")).tolist() == [[0.0, 1.0], [1.0, 0.0]]


def test_log_loss_is_that_of_scikit_learn(tmp_path, store):
    folder = write_task(tmp_path, "multiclass")
    rows = np.random.default_rng(1).dirichlet([1, 1, 1], size=ROWS)
    answer = "10,9,z\n" + "\n".join(",".join(map(repr, row.tolist())) for row in rows)
    result = run(tmp_path, ANSWERS % answer, folder, store)
    assert result.score == pytest.approx(log_loss(load_task(folder).truth, rows))


def test_the_floor_is_the_constant_predictor(tmp_path):
    folder = write_task(tmp_path, "regression")
    store = Results(tmp_path / "peers.jsonl")
    result = run(tmp_path, "", folder, store)
    train, test = (pd.read_csv(folder / f"{name}.csv.gz").y for name in ("train", "test"))
    assert result.floor == pytest.approx(np.sqrt(((test - train.mean()) ** 2).mean()))


# What the tables make of it


def result(tool, task, score, *, metric="roc_auc", floor=0.5, **more) -> Result:
    facts = {"status": "failed" if score is None else "ok", "low": score, "high": score}
    facts |= {"seed": 0, "minutes": 1.0, "cores": 2, "train_rows": 9, "test_rows": 9} | more
    return Result(tool=tool, task=task, metric=metric, floor=floor, score=score, **facts)


SOME = [
    result("a", "one", 0.9, overrun_seconds=4.0),
    result("b", "one", 0.7, overrun_seconds=-20.0),
    result("c", "one", None, overrun_seconds=60.0),
    result("a", "two", 30.0, metric="rmse", floor=50.0, overrun_seconds=1.0),
    result("b", "two", 10.0, metric="rmse", floor=50.0),
    result("c", "two", 170.0, metric="rmse", floor=50.0),
    result("a", "three", 0.6),
]


def test_scores_are_normalised_between_the_constant_and_the_best():
    table = normalised(SOME)
    assert table.loc[("one", 0)].tolist() == pytest.approx([1.0, 0.5, 0.0])
    assert table.loc[("two", 0)].tolist() == pytest.approx([0.5, 1.0, -3.0])
    assert table.loc[("three", 0)].isna().tolist() == [False, True, True]


def test_where_nobody_beats_the_constant_all_are_level_with_it():
    table = normalised([result("a", "one", 0.4), result("b", "one", None)])
    assert table.loc[("one", 0)].tolist() == [0.0, 0.0]


def test_ties_share_their_rank_and_a_failure_ranks_with_the_constant():
    table = ranks([*SOME[:3], result("d", "one", 0.7), result("constant", "one", 0.5)])
    assert table.loc[("one", 0)].to_dict() == {
        "constant": 4.5,
        "a": 1,
        "b": 2.5,
        "c": 4.5,
        "d": 2.5,
    }


def test_means_are_over_the_tasks_that_all_were_run_on():
    table = summary(SOME)
    assert table["common"].tolist() == [2, 2, 2]
    assert table["runs"].to_dict() == {"a": 3, "b": 2, "c": 2}
    assert table["ok"].to_dict() == {"a": 3, "b": 2, "c": 1}
    # the disaster of c counts as -1
    expected = {"a": 0.75, "b": 0.75, "c": -0.5}
    assert table["mean normalised"].to_dict() == pytest.approx(expected)
    assert table["mean rank"].to_dict() == {"a": 1.5, "b": 1.5, "c": 3.0}
    assert table["worst overrun s"].to_dict() == {"a": 4.0, "b": -20.0, "c": 60.0}


def kept(store, tool, prediction, truth, **more) -> Result:
    made = result(tool, "sales", 1.0, metric="rmse", **more)
    path = store.keep(made.key, truth, prediction)
    made = Result(**(vars(made) | {"predictions": path}))
    store.append(made)
    return made


def test_ourselves_against_each_on_the_same_rows(store):
    rng = np.random.default_rng(0)
    truth = rng.normal(size=200)
    noise = rng.normal(size=200)
    for tool, scale in (("limelight", 0.5), ("flaml", 0.5), ("hgb", 2.0), ("h2o", 0.1)):
        kept(store, tool, truth + scale * noise, truth)
    store.append(result("tpot", "sales", None, metric="rmse"))
    table = against(store.all(), store.predictions, "limelight").set_index("tool")
    assert table["verdict"].to_dict() == {"flaml": "even", "hgb": "better", "h2o": "worse"}
    spread = np.sqrt((noise**2).mean())
    assert table.loc["hgb", "difference"] == pytest.approx(1.5 * spread)
    assert table.loc["h2o", "difference"] == pytest.approx(-0.4 * spread)
    assert table.loc["hgb", "low"] < table.loc["hgb", "difference"] < table.loc["hgb", "high"]


def test_predictions_of_other_rows_are_not_compared(store):
    truth = np.arange(5.0)
    pair = [kept(store, "limelight", truth, truth), kept(store, "hgb", truth, truth + 1)]
    with pytest.raises(InputError, match="other test rows"):
        against(pair, store.predictions, "limelight")


def test_the_last_result_counts(store):
    for score in (0.6, 0.8):
        store.append(result("a", "one", score))
    store.append(result("a", "one", 0.7, minutes=5.0))
    assert [(found.minutes, found.score) for found in store.all()] == [(1.0, 0.8), (5.0, 0.7)]


def test_a_line_that_is_no_result_is_named(store):
    store.append(result("a", "one", 0.6))
    with store.path.open("a") as out:
        out.write('{"tool": "a"')
    with pytest.raises(InputError, match="line 2 is no result"):
        store.all()
    with pytest.raises(SystemExit, match="line 2 is no result"):
        peers.main(["--report", str(store.path)])


def test_the_report_is_made_of_stored_results_alone(store, capsys):
    for one in SOME:
        store.append(one)
    store.append(result("a", "one", 0.8, minutes=5.0))
    store.append(result("hgb", "one", 0.5, status="killed", minutes=5.0))
    peers.main(["--report", str(store.path)])
    text = capsys.readouterr().out
    assert text.index("## 1 min, 2 cores") < text.index("## 5 min, 2 cores")
    assert (
        "| one | 0 | roc_auc (greater is better) | **0.9** [0.9, 0.9] | 0.7 [0.7, 0.7] | failed |"
        in text
    )
    assert "| two | 0 | rmse (less is better) | 30 [30, 30] | **10** [10, 10] |" in text
    assert "- c on one, seed 0: failed" in text
    assert "limelight against each" not in text


def test_the_report_counts_wins_and_draws(store, tmp_path, capsys):
    rng = np.random.default_rng(0)
    truth = rng.normal(size=200)
    for tool, scale in (("limelight", 0.5), ("hgb", 2.0)):
        kept(store, tool, truth + scale * rng.normal(size=200), truth, floor=5.0)
    store.append(result("flaml", "sales", 0.9, metric="rmse", floor=5.0))
    peers.main(["--report", str(store.path), "--plot", str(tmp_path / "peers.svg")])
    text = capsys.readouterr().out
    assert "| tool | wins | ties | losses | better | even | worse |" in text
    assert "| hgb | 0 | 1 | 0 | 1 | 0 | 0 |" in text
    assert "| flaml | 0 | 0 | 1 |  |  |  |" in text
    drawn = (tmp_path / "peers-1min-2cores.svg").read_text()
    assert drawn.startswith("<svg")
    assert "prefers-color-scheme" in drawn
    assert "var(--series-0)" in drawn


def test_a_report_may_be_of_some_tools(store):
    for one in SOME:
        store.append(one)
    assert "| c |" not in report(store, ["a", "b"])
    assert report(Results(store.path.with_name("none.jsonl"))) == "No results yet."


def test_more_cores_than_there_are_are_refused_before_any_work(folder, store):
    with pytest.raises(SystemExit, match="9999 cores are asked for, and there are"):
        peers.main(["--tasks", str(folder.parent), "--cores", "9999", "--out", str(store.path)])
    assert not store.path.exists()


def test_the_list_names_every_tool(capsys):
    peers.main(["--list"])
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(TOOLS)
