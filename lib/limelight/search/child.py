"""A search in a process of its own, which keeps its budget because it can be killed.

`run_search` is the parent's side, `main` the child's. The folder between them holds the problem,
the order, the ledger, what the libraries said (``chatter.log``) and how it ended.
"""

from __future__ import annotations

import json
import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import psutil

from limelight.errors import LimelightError
from limelight.search.budget import Budget
from limelight.search.candidate import SearchResult
from limelight.search.ledger import Ledger
from limelight.search.processes import at, child_environment, die_with, kill_group, memory_mb

if TYPE_CHECKING:
    from limelight.search.engine import SearchProblem

MOST_CANDIDATES = 30
"""As many of the best candidates of a search are handed on."""
MOST_BYTES = 150e6
"""No more than these of them together, where there are many rows."""

# What it takes to leave the process and to read the candidates.
_RESERVE_SECONDS = 0.5


@dataclass(frozen=True)
class _Order:
    """What the child is to do; ``started`` is on ``time.monotonic``, which all processes share."""

    engine: str
    seed: int
    number: int
    cores: int
    seconds: float | None
    trials: int | None
    started: float
    parent: int


def run_search(
    engine: str,
    problem: SearchProblem,
    budget: Budget,
    *,
    seed: int,
    number: int,
    cores: int,
    workdir: Path,
    grace: float = 5.0,
    environment: Mapping[str, str] | None = None,
) -> SearchResult:
    """Run an engine in a child process; progress lines go to stdout as they come.

    Seconds count from this call: what the child takes to start is part of the budget. At their
    end the child leaves; if it cannot, it is killed ``grace`` seconds later. Either way the
    result is what the ledger holds. A budget of trials has no limit of time. A folder that a
    killed attempt at the same search left is continued; anything else in it is thrown away.

    Args:
        engine: A name that `limelight.search.engine.get_engine` knows.
        problem, budget, seed, number, cores: As in `limelight.search.engine.Engine.search`.
        workdir: Where the child works; made if it is not there.
        grace: Seconds after the budget's end at which the child is killed.
        environment: Variables for the child, on top of `child_environment`.
    """
    started = time.monotonic()
    order = _Order(engine, seed, number, cores, budget.seconds, budget.trials, started, os.getpid())
    _settle_in(workdir, order, pickle.dumps(problem))
    deadline = float("inf") if budget.seconds is None else started + budget.seconds + grace
    with (workdir / "chatter.log").open("ab") as chatter:
        child = subprocess.Popen(
            # -P: modules of the working directory must not stand in for libraries.
            [sys.executable, "-P", "-m", "limelight.search.child", str(workdir)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=chatter,
            env={**child_environment(cores), **(environment or {})},
            start_new_session=True,
        )
        try:
            peak, killed = _wait(child, chatter, f"{engine} {number} |", deadline)
        finally:
            kill_group(child.pid)
            child.wait()
    return _result(order, problem, workdir, child.returncode, peak, killed)


def _settle_in(workdir: Path, order: _Order, problem: bytes) -> None:
    """Write down what is to be done, in a folder that holds nothing of another search."""
    if workdir.exists() and not _is_of(workdir, order, problem):
        shutil.rmtree(workdir)
    workdir.mkdir(parents=True, exist_ok=True)
    _status_file(workdir).unlink(missing_ok=True)
    (workdir / "problem.pkl").write_bytes(problem)
    (workdir / "order.json").write_text(json.dumps(asdict(order)), encoding="utf-8")


def _is_of(workdir: Path, order: _Order, problem: bytes) -> bool:
    """Whether a folder is of this very search: scores of other rows or seeds do not count."""
    try:
        left = _Order(**json.loads((workdir / "order.json").read_text(encoding="utf-8")))
        same_problem = (workdir / "problem.pkl").read_bytes() == problem
    except (FileNotFoundError, ValueError, TypeError):
        return False  # not even its order was written whole: nothing was done yet
    return same_problem and all(
        getattr(left, name) == getattr(order, name) for name in ("engine", "seed", "number")
    )


def _wait(
    child: subprocess.Popen[bytes], chatter: IO[bytes], prefix: str, deadline: float
) -> tuple[float, bool]:
    """Wait for the end; the peak of memory in MB, and whether the child had to be killed."""
    relay = threading.Thread(target=_relay, args=(child.stdout, chatter, prefix), daemon=True)
    relay.start()
    process, peak, looked = psutil.Process(child.pid), 0.0, 0.0
    killed = False
    while child.poll() is None:
        now = time.monotonic()
        if now >= deadline:
            killed = True
            kill_group(child.pid)
        if now - looked >= 0.5:
            looked = now
            peak = max(peak, memory_mb(process))
        time.sleep(0.05)
    relay.join(timeout=2.0)
    return peak, killed


def _relay(lines: IO[bytes], chatter: IO[bytes], prefix: str) -> None:
    """Progress lines to stdout, everything else that the child prints to its log."""
    for line in lines:
        text = line.decode("utf-8", errors="replace")
        if text.startswith(prefix):
            print(text, end="", flush=True)
        else:
            chatter.write(line)
            chatter.flush()


def _result(
    order: _Order,
    problem: SearchProblem,
    workdir: Path,
    returncode: int,
    peak: float,
    killed: bool,
) -> SearchResult:
    ledger = _ledger(order, problem, workdir)
    pickled = ledger.pickled(MOST_CANDIDATES, MOST_BYTES)
    failed = _what_happened(order, workdir, returncode, peak, killed)
    if not pickled and not failed:
        failed = f"the {order.engine} search ended before a candidate was finished."
    return SearchResult(
        engine=order.engine,
        search=order.number,
        pickled=pickled,
        trials=sorted(ledger.trials, key=lambda trial: trial.number),
        wall_seconds=time.monotonic() - order.started,
        peak_memory_mb=peak,
        failed=failed,
    )


def _what_happened(order: _Order, workdir: Path, returncode: int, peak: float, killed: bool) -> str:
    """Why the search did not end as planned, in a sentence; empty if it did."""
    name = f"the {order.engine} search {order.number}"
    if killed:
        return f"{name} did not end with its budget of {order.seconds:g} s, and was killed."
    status = _status_file(workdir)
    if status.exists():
        error = str(json.loads(status.read_text(encoding="utf-8"))["error"])
        return f"{name} failed: {error}" if error else ""
    if returncode < 0:
        guess = "; perhaps for lack of memory" if returncode == -signal.SIGKILL else ""
        by = signal.Signals(-returncode).name
        return f"{name} was ended by {by} at {peak:.0f} MB{guess}.{_last_words(workdir)}"
    return f"{name} ended with exit code {returncode}.{_last_words(workdir)}"


def _last_words(workdir: Path) -> str:
    log = (workdir / "chatter.log").read_text(encoding="utf-8", errors="replace")
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return f" Its last words: {' / '.join(lines[-3:])[-600:]}" if lines else ""


def _status_file(workdir: Path) -> Path:
    return workdir / "status.json"


def _ledger(order: _Order, problem: SearchProblem, workdir: Path) -> Ledger:
    return Ledger(workdir / "ledger", order.engine, order.number, problem.task.scorer)


def main(workdir: Path) -> int:
    """The child: search as ordered, and say how it ended; the exit code of the process."""
    order = _Order(**json.loads((workdir / "order.json").read_text(encoding="utf-8")))
    die_with(order.parent)
    problem: SearchProblem = pickle.loads((workdir / "problem.pkl").read_bytes())
    ledger = _ledger(order, problem, workdir)
    ledger.started = order.started
    if order.seconds is not None:
        at(order.started + order.seconds, lambda: _leave(ledger, workdir))
    try:
        _search(order, problem, ledger, workdir)
    except Exception as problem_met:
        traceback.print_exc()
        known = isinstance(problem_met, LimelightError)
        kind = "" if known else f"{type(problem_met).__name__}: "
        _say_how_it_ended(workdir, f"{kind}{problem_met}")
        return 1
    ledger.close()
    _say_how_it_ended(workdir, "")
    return 0


def _search(order: _Order, problem: SearchProblem, ledger: Ledger, workdir: Path) -> None:
    import numpy as np

    from limelight.search.engine import get_engine

    random.seed(order.seed)
    np.random.seed(order.seed % 2**32)  # noqa: NPY002 - libraries draw from it
    engine = get_engine(order.engine)
    folder = workdir / "engine"
    folder.mkdir(exist_ok=True)
    engine.search(
        problem,
        _budget_left(order),
        ledger,
        seed=order.seed,
        number=order.number,
        cores=order.cores,
        workdir=folder,
    )


def _budget_left(order: _Order) -> Budget:
    if order.seconds is None:
        return Budget(trials=order.trials)
    left = order.started + order.seconds - _RESERVE_SECONDS - time.monotonic()
    # A budget is positive; the watch ends a search that has no time left.
    return Budget(seconds=max(0.01, left))


def _leave(ledger: Ledger, workdir: Path) -> None:
    """The budget has ended: leave at once, whatever still runs."""
    ledger.close()
    _say_how_it_ended(workdir, "")
    sys.stdout.flush()
    os._exit(0)


def _say_how_it_ended(workdir: Path, error: str) -> None:
    partial = _status_file(workdir).with_suffix(".part")
    partial.write_text(json.dumps({"error": error}), encoding="utf-8")
    partial.replace(_status_file(workdir))


if __name__ == "__main__":
    code = main(Path(sys.argv[1]))
    sys.stdout.flush()
    # Threads of the libraries must not hold the process up.
    os._exit(code)
