"""Real runs of the flows, in temporary folders, read back through the client."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from dolt_server import dolt, own_server, server_url, shared_server, store  # noqa: F401

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Ran:
    """A command that has ended."""

    folder: Path
    code: int
    output: str


def run_flow(
    folder: Path, *words: str, flow: str = "train.py", kill_at: str = "", **extra: str
) -> Ran:
    """Run ``python flows/<flow> <words>`` in a folder that is its datastore too.

    With ``kill_at``, the run and all its tasks get a SIGKILL at the first line that has this text.
    """
    environment = {
        **os.environ,
        "METAFLOW_USER": "tester",
        "METAFLOW_DEFAULT_DATASTORE": "local",
        "METAFLOW_DEFAULT_METADATA": "local",
        **extra,
    }
    running = subprocess.Popen(
        [sys.executable, str(ROOT / "flows" / flow), *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    lines: list[str] = []
    assert running.stdout is not None
    for line in running.stdout:
        lines.append(line)
        if kill_at and kill_at in line:
            os.killpg(running.pid, signal.SIGKILL)
    return Ran(folder, running.wait(), "".join(lines))


@pytest.fixture(scope="session", autouse=True)
def _own_environment(tmp_path_factory):
    """What whoever runs the tests has set for their own stores does not reach them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("LIMELIGHT_")]:
            patch.delenv(name)
        patch.setenv("LIMELIGHT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def flow() -> Callable[..., Ran]:
    return run_flow


@pytest.fixture(scope="session")
def first_run(tmp_path_factory) -> Ran:
    """The main job as a newcomer starts it, with a budget of two trials a search."""
    ran = run_flow(tmp_path_factory.mktemp("first"), "run", "--trials", "2", "--seed", "7")
    assert ran.code == 0, ran.output
    return ran


@pytest.fixture
def client(monkeypatch):
    """``client(folder)``: the latest run's data in a folder, through the Metaflow client."""

    def data_of(folder: Path, flow: str = "TrainFlow"):
        from metaflow.plugins.datastores.local_storage import LocalStorage

        from limelight.runs import find_run

        monkeypatch.chdir(folder)
        monkeypatch.setenv("METAFLOW_USER", "tester")
        # The client keeps the root that it found first.
        monkeypatch.setattr(LocalStorage, "datastore_root", str(folder / ".metaflow"))
        return find_run(flow).data

    return data_of
