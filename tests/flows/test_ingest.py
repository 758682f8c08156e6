"""The ingest flow, run for real: commits, refusals, kills, and what it leaves."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pandas as pd
import pytest

from limelight.data import open_store

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
FIRST = ["--key", "id", "--target", "default", "--author", "Ada <ada@example.org>"]


def loans(rows: int = 120) -> pd.DataFrame:
    ids = range(1, rows + 1)
    return pd.DataFrame(
        {
            "id": ids,
            "age": [20 + (7 * n) % 50 for n in ids],
            "city": [("Bern", "Oslo", "Rome")[n % 3] for n in ids],
            "default": ["yes" if n % 5 == 0 else "no" for n in ids],
        }
    )


def store_of(folder: Path):
    return open_store(folder / ".limelight" / "store.db")


def run_of(entry) -> str:
    """The run in a commit's message."""
    return re.search(r"^Run: (IngestFlow/\d+)$", entry.message, re.MULTILINE)[1]


@pytest.fixture(scope="module")
def first_ingest(flow, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ingest")
    loans().to_csv(folder / "loans.csv", index=False)
    words = ["--source", "loans.csv", *FIRST, "--tag", "v1", "--tag", "team:risk"]
    ran = flow(folder, "run", *words, flow="ingest.py")
    assert ran.code == 0, ran.output
    return ran


def test_a_file_becomes_a_commit_that_knows_its_run(first_ingest, client) -> None:
    store = store_of(first_ingest.folder)
    (entry,) = store.log("loans")
    data = client(first_ingest.folder, "IngestFlow")
    from limelight.runs import find_run

    run = find_run("IngestFlow")
    assert run_of(entry) == run.pathspec
    assert (entry.author, entry.tags) == ("Ada <ada@example.org>", ("v1",))
    assert run.user_tags >= {"v1", "team:risk"}
    assert data.data_version == store.resolve("loans")
    assert (data.dataset, data.committed, data.changes) == ("loans", True, None)
    assert data.data_card.key == ("id",)
    assert data.profile["name"].tolist() == ["id", "age", "city", "default"]
    assert set(data.checks["severity"]) == {"ok"}


def test_the_end_says_what_was_done_and_how_to_go_on(first_ingest) -> None:
    commit = store_of(first_ingest.folder).resolve("loans").commit
    for word in (
        "read loans.csv: 120 rows, 4 columns",
        "checks: all passed",
        f"commit {commit[:10]} on main: 120 rows",
        "limelight data show loans",
        "flows/train.py run --dataset loans",
    ):
        assert word in first_ingest.output, word


def test_the_next_file(first_ingest, flow, client) -> None:
    folder = first_ingest.folder
    changed = loans(123)
    changed.loc[changed["id"] == 7, "age"] = 66
    changed.drop(index=[4]).to_parquet(folder / "next.parquet")
    words = ["run", "--source", "next.parquet", "--dataset", "loans"]
    second = flow(folder, *words, flow="ingest.py")
    assert second.code == 0, second.output
    assert "on main: 3 rows added, 1 changed, 1 removed" in second.output
    data = client(folder, "IngestFlow")
    assert (data.changes.added, data.changes.modified, data.changes.removed) == (3, 1, 1)
    assert data.version_before.commit == store_of(folder).log("loans")[1].commit
    from metaflow.cards import get_cards

    from limelight.runs import find_run

    run = find_run("IngestFlow")
    page = get_cards(run["commit"].task)[0].get()
    for word in ("3 rows added, 1 changed", "Cells changed", "<ins>66</ins>", "Columns"):
        assert word in page, word
    assert "<script" not in page


def test_a_failed_check_stops_the_commit_and_names_the_rows(first_ingest, flow, client) -> None:
    folder = first_ingest.folder
    before = store_of(folder).branches()
    bad = loans(123)
    bad.loc[bad["id"] == 42, "age"] = 9999
    bad["was_default"] = bad["default"]
    bad.to_csv(folder / "bad.csv", index=False)
    ran = flow(folder, "run", "--source", "bad.csv", "--dataset", "loans", flow="ingest.py")
    assert ran.code != 0
    assert "Traceback" not in ran.output
    assert "/commit/" not in ran.output
    for word in ("(id 42)", "'was_default' is the target", "--allow range,leakage."):
        assert word in ran.output, word
    assert store_of(folder).branches() == before
    client(folder, "IngestFlow")
    from metaflow import Flow
    from metaflow.cards import get_cards

    page = get_cards(Flow("IngestFlow").latest_run["start"].task)[0].get()
    assert "Nothing was committed: 2 errors found" in page


def test_a_part_goes_to_a_branch_of_its_own_with_another_card(first_ingest, flow) -> None:
    folder = first_ingest.folder
    loans(130).drop(columns="city").to_json(folder / "new.jsonl", orient="records", lines=True)
    (folder / "card.toml").write_text('licence = "CC0"\ndescription = "Loans of June"\n')
    words = ["--source", "new.jsonl", "--dataset", "loans", "--card", "card.toml"]
    branch = ["--branch", "june", "--new-branch", "True", "--mode", "upsert"]
    main = store_of(folder).resolve("loans")
    ran = flow(folder, "run", *words, *branch, flow="ingest.py")
    assert ran.code == 0, ran.output
    assert re.search(r"commit \w+ on june: \d+ rows added", ran.output)
    assert "flows/train.py run --dataset loans --ref june" in ran.output
    store = store_of(folder)
    june = store.resolve("loans", "june")
    assert store.resolve("loans") == main
    assert june.rows == 130
    assert store.card(june).licence == "CC0"
    assert store.card(june).key == ("id",)
    assert store.read(june)["city"].isna().sum() == june.rows - main.rows


def test_bad_input_ends_in_one_line(flow, tmp_path) -> None:
    ran = flow(tmp_path, "run", "--source", "nowhere.csv", flow="ingest.py")
    assert ran.code != 0
    assert "nowhere.csv" in ran.output
    assert "Traceback" not in ran.output
    assert not (tmp_path / ".limelight").exists()


def test_a_password_in_a_url_is_refused_before_anything_is_kept(flow, tmp_path) -> None:
    ran = flow(tmp_path, "run", "--source", "mysql+pymysql://ada:horse@db/x", flow="ingest.py")
    assert ran.code != 0
    assert "LIMELIGHT_SOURCE_PASSWORD" in ran.output
    assert "horse" not in ran.output
    assert not list(tmp_path.iterdir())


def test_a_commit_step_that_is_killed_is_done_again_and_leaves_one_commit(tmp_path) -> None:
    loans(2000).to_csv(tmp_path / "loans.csv", index=False)
    environment = {**os.environ, "METAFLOW_USER": "tester", "LIMELIGHT_CACHE": "off"}
    environment.pop("LIMELIGHT_STORE", None)
    running = subprocess.Popen(
        [sys.executable, str(ROOT / "flows/ingest.py"), "run", "--source", "loans.csv", *FIRST],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    killed, lines = [], []
    assert running.stdout is not None
    for line in running.stdout:
        lines.append(line)
        started = re.search(r"/commit/\d+ \(pid (\d+)\)\] Task is starting", line)
        if started and not killed:
            killed.append(int(started[1]))
            threading.Thread(target=_kill_at_the_commit, args=(killed[0], tmp_path)).start()
    output = "".join(lines)
    assert running.wait() == 0, output
    assert len(re.findall(r"/commit/\d+ \(pid \d+\)\] Task is starting", output)) == 2, output
    (entry,) = store_of(tmp_path).log("loans")
    assert f"commit {entry.commit[:10]} on main: 2,000 rows" in output, "it knows its own commit"
    assert store_of(tmp_path).resolve("loans").rows == 2000


def _kill_at_the_commit(task: int, folder: Path) -> None:
    """Kill a task as soon as its commit is made, or shortly before."""
    store = folder / ".limelight" / "store.db"
    deadline = time.monotonic() + 60
    while not store.exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(task, signal.SIGKILL)


def test_a_run_that_is_killed_is_resumed_without_its_source(flow, tmp_path, client) -> None:
    loans().to_csv(tmp_path / "loans.csv", index=False)
    words = ["run", "--source", "loans.csv", "--tag", "v1", *FIRST]
    killed = flow(tmp_path, *words, flow="ingest.py", kill_at="/commit/")
    assert killed.code != 0
    (tmp_path / "loans.csv").unlink()
    resumed = flow(tmp_path, "resume", flow="ingest.py")
    assert resumed.code == 0, resumed.output
    data = client(tmp_path, "IngestFlow")
    assert data.data_version.rows == 120
    assert store_of(tmp_path).tags() == {"v1": data.data_version.commit}
    assert len(store_of(tmp_path).log("loans")) == 1
