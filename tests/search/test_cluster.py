"""A search on a Dask cluster: the same as here, whatever happens to a worker."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_engines import make_problem

from limelight.errors import InputError, SearchError
from limelight.search.budget import Budget
from limelight.search.cluster import check_cluster, environment
from limelight.search.ledger import Ledger
from limelight.search.plan import DASK, make_plan
from limelight.search.processes import child_environment
from limelight.search.tpot import TpotEngine
from limelight.training.request import Request

TRIALS = 6


def _start(*words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", *words]
    return subprocess.Popen(command, env=child_environment(1), stderr=subprocess.DEVNULL)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of a scheduler, and its two workers."""
    import json

    file = tmp_path / "scheduler.json"
    scheduler = _start(
        "distributed.cli.dask_scheduler",
        *("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)),
    )
    workers: list[subprocess.Popen[bytes]] = []
    try:
        while not file.exists():
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        with pytest.raises(InputError, match="has no workers"):
            check_cluster(address)
        for _ in range(2):
            options = ("--no-nanny", "--no-dashboard", "--nthreads", "1")
            where = ("--local-directory", str(tmp_path))
            workers.append(_start("distributed.cli.dask_worker", address, *options, *where))
        yield address, workers
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


def _search(folder: Path) -> Ledger:
    problem = make_problem("regression", rows=60)
    ledger = Ledger(folder, "tpot", 0, problem.task.scorer)
    TpotEngine().search(
        problem, Budget(trials=TRIALS), ledger, seed=2, number=0, cores=1, workdir=folder
    )
    return ledger


def _essence(ledger: Ledger) -> list[Any]:
    trials = sorted(ledger.trials, key=lambda trial: trial.number)
    return [(t.number, t.description, t.parameters, t.outcome, t.score) for t in trials]


@pytest.mark.slow
def test_a_cluster_finds_what_is_found_here_also_when_a_worker_is_killed(
    tmp_path: Path, cluster: tuple[str, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, workers = cluster
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=30)
    trials = tmp_path / "there" / "trials.jsonl"

    def kill_one() -> None:
        while not trials.exists() or len(trials.read_text().splitlines()) < 2:
            time.sleep(0.05)
        os.kill(workers[0].pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    monkeypatch.setenv(DASK, address)
    there = _search(tmp_path / "there")
    killer.join()
    assert workers[0].wait() == -signal.SIGKILL
    monkeypatch.delenv(DASK)
    here = _search(tmp_path / "here")
    assert _essence(there) == _essence(here)
    assert len(there.trials) == TRIALS
    for one, other in zip(there.candidates(), here.candidates(), strict=True):
        np.testing.assert_array_equal(one.out_of_fold, other.out_of_fold)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://x", "somewhere"])
def test_a_wrong_address_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("limelight.search.cluster._CONNECT_SECONDS", 0.2)
    with pytest.raises(InputError, match=f"no Dask scheduler answers at '{address}'"):
        check_cluster(address)


def test_workers_with_other_packages_are_refused() -> None:
    from limelight.search import cluster

    class Workers:
        """What a client tells of a worker."""

        def __init__(self, answer: Any) -> None:
            self.answer = answer

        def nthreads(self) -> dict[str, int]:
            return {"tcp://10.0.0.7:1": 4}

        def run(self, *_: Any, **__: Any) -> dict[str, Any]:
            return {"tcp://10.0.0.7:1": self.answer}

    ours = environment()
    assert cluster._threads(Workers(ours), "tcp://x") == 4
    with pytest.raises(InputError, match=r"has lightgbm 1\.0, and here it is"):
        cluster._threads(Workers({**ours, "lightgbm": "1.0"}), "tcp://x")
    with pytest.raises(InputError, match=r"cannot run a search .*No module named"):
        cluster._threads(Workers(ModuleNotFoundError("No module named 'limelight'")), "tcp://x")


def test_the_address_reaches_the_search_that_can_use_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for amount in ({"minutes": 1.0}, {"trials": 3}):
        plan = make_plan(["tpot", "autokeras"], **amount, dask="tcp://10.0.0.7:8786")
        assert {one.engine: one.environment[DASK] for one in plan.searches} == {
            "baseline": "",
            "tpot": "tcp://10.0.0.7:8786",
            "autokeras": "",
        }
        assert "tpot 0" in str(plan)
        assert "tcp://10.0.0.7:8786" in str(plan)
    with pytest.raises(InputError, match="--engines has no tpot"):
        Request(tmp_path, dask="tcp://10.0.0.7:8786", engines=("autokeras",))
    monkeypatch.setattr("limelight.search.cluster._CONNECT_SECONDS", 0.2)
    with pytest.raises(InputError, match="no Dask scheduler answers"):
        Request(tmp_path, dask="tcp://127.0.0.1:1")
    monkeypatch.setenv(DASK, "tcp://127.0.0.1:1")
    with pytest.raises(InputError, match="no Dask scheduler answers"):
        Request(tmp_path)
    assert Request(tmp_path, engines=("autokeras",)).cluster == "tcp://127.0.0.1:1"


def test_rows_are_sent_again_where_a_worker_dies_while_it_gets_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from limelight.search import cluster

    class Client:
        """Its connection to a worker breaks some times."""

        def __init__(self, breaks: int) -> None:
            self.breaks = breaks

        def scatter(self, data: Any, **_: Any) -> Any:
            self.breaks -= 1
            if self.breaks >= 0:
                raise OSError("Stream is closed")
            return data

    monkeypatch.setattr(cluster, "_NOTICED_SECONDS", 0.0)
    place = object.__new__(cluster.Cluster)
    place._address = "tcp://there"
    folds: Any = object()
    place._client = Client(breaks=2)  # type: ignore[assignment]
    assert place._send(folds) is folds
    place._client = Client(breaks=3)  # type: ignore[assignment]
    with pytest.raises(SearchError, match="does not take the rows"):
        place._send(folds)
