"""How cost grows: the made tables, the watch over a run's processes, and the exponents."""

import sys

import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import cross_val_score

from benchmarks.scaling import PHASES, Watch, exponent, made_table, table_of
from limelight.benchmark import processes


def test_made_tables_have_the_shape_asked_for_and_a_signal():
    table = made_table(600, 12, 3)
    assert table.equals(made_table(600, 12, 3))
    assert table.shape == (600, 13)
    assert table["y"].nunique() == 3
    assert table.isna().any().any()
    assert not table.select_dtypes(exclude="number").drop(columns="y").empty
    numbers = table.select_dtypes("number")
    assert cross_val_score(HistGradientBoostingClassifier(), numbers, table["y"]).mean() > 0.45
    assert made_table(1000, 10, 100)["y"].value_counts().eq(10).all()


def test_a_process_counts_for_the_step_of_its_parents(tmp_path):
    busy = "import time\nwhile time.process_time() < 0.8: pass\ntime.sleep(0.6)"
    task = tmp_path / "flow.py"
    task.write_text(f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {busy!r}])")
    watch = Watch()
    ended = processes.run(
        [sys.executable, str(task), "step", "choose", "--run-id", "1"],
        environment={},
        log=tmp_path / "log",
        cores=1,
        overdue=lambda _: False,
        look=watch.look,
    )
    assert ended.code == 0
    found = watch.phase(PHASES["choose"])
    assert 0.7 < found["cpu"] < 2 * ended.cpu_seconds
    assert found["wall"] > 0.5
    assert found["peak_mb"] > 5
    assert watch.phase(PHASES["explain"])["cpu"] == 0


def test_the_exponent_is_that_of_the_growth():
    rows = [1_000, 10_000, 100_000]
    assert exponent(rows, [n**1.5 for n in rows]) == pytest.approx(1.5)
    assert exponent(rows, [7.0] * 3) == pytest.approx(0.0)
    assert exponent([1_000], [1.0]) != exponent([1_000], [1.0])  # NaN


def test_the_table_tells_each_point_and_how_it_grows():
    def run(rows, status="ok"):
        phase = {"cpu": rows / 1000, "wall": 5.0, "peak_mb": 200.0}
        more = {"wall": 60.0, "overrun": -1.0, "cpu": 100.0, "outside": 2.0, "status": status}
        phases = dict.fromkeys(PHASES, phase)
        return {"rows": rows, "peak_mb": 400, "frame_mb": rows / 1000, "phases": phases, **more}

    text = table_of("rows", [run(1_000), run(10_000), run(100_000, "killed")])
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    told = dict(zip(lines[0], lines[5], strict=True))
    assert (told["rows"], told["start CPU s"], told["start s"]) == ("exponent", "1.00", "0.00")
    assert lines[4][:2] == ["100,000", "killed"]
    assert dict(zip(lines[0], lines[2], strict=True))["peak in frames"] == "400.0"
