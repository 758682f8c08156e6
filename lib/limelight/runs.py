"""The one door to Metaflow: what the flows and whoever looks at runs need of it."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaflow.exception import MetaflowException

from limelight import lineage
from limelight.errors import InputError, LimelightError, did_you_mean

if TYPE_CHECKING:
    import psutil
    from metaflow import Run

    from limelight.data.store import DataVersion
    from limelight.search.engine import SearchProblem
    from limelight.search.plan import PlannedSearch

DEFAULT_WORKERS = 16


class UserError(MetaflowException):
    """Shown by Metaflow as one line, without a traceback."""

    headline = "Limelight cannot go on"


@contextmanager
def user_errors() -> Iterator[None]:
    """Inside a step: an error that the user can act on ends it in one line."""
    try:
        yield
    except LimelightError as error:
        raise UserError(str(error)) from None  # type: ignore[no-untyped-call]


def launch(flow: Callable[[], Any]) -> None:
    """Run a flow by its command line, unless that holds a password.

    Metaflow keeps every parameter with the run, for all who can read it; and whoever is on the
    machine can read a command line.

    Args:
        flow: The class of the flow.

    Example:
        >>> secret_in(["run", "--store", "mysql+pymysql://ada:horse@db/loans"])
        'mysql+pymysql://ada:***@db/loans'
    """
    parameters = [text for name, text in os.environ.items() if name.startswith("METAFLOW_RUN_")]
    found = secret_in([*sys.argv[1:], *parameters])
    if found:
        print(
            f"There is a password in {found}, and the run would keep it. Leave it out, and set"
            " LIMELIGHT_STORE_PASSWORD (or LIMELIGHT_SOURCE_PASSWORD for a source), or one with"
            " _FILE behind its name to the path of a file that holds it.",
            file=sys.stderr,
        )
        raise SystemExit(2)
    flow()


def secret_in(words: Iterable[str]) -> str:
    """The first URL that holds a password, with stars in its place; empty if there is none."""
    for word in words:
        url = re.search(r"([A-Za-z][A-Za-z0-9+.-]*://[^/\s:@]*:)([^/\s]+)(@\S*)", word)
        if url:
            return f"{url[1]}***{url[3]}"
    return ""


def launched_at() -> float:
    """Epoch seconds at which the user's command started, as far as this task can know.

    A local task's parent is the command itself; on a remote machine it is now.
    """
    command = _command()
    return time.time() if command is None else float(command.create_time())


def max_workers() -> int:
    """How many tasks of this run may run at the same time (``--max-workers``)."""
    command = _command()
    words = [] if command is None else command.cmdline()
    for place, word in enumerate(words):
        if word == "--max-workers" and place + 1 < len(words):
            return int(words[place + 1])
        if word.startswith("--max-workers="):
            return int(word.partition("=")[2])
    return DEFAULT_WORKERS


def _command() -> psutil.Process | None:
    """The ``run`` or ``resume`` command that started this task, if it is its parent."""
    import psutil

    try:
        parent = psutil.Process(os.getppid())
        words = parent.cmdline()
    except psutil.Error:
        return None
    script = Path(sys.argv[0]).name
    named = any(Path(word).name == script for word in words)
    return parent if named and {"run", "resume"} & set(words) else None


def cores() -> int:
    """The cores this task may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def find_run(flow: str = "TrainFlow", run_id: str | None = None) -> Run:
    """A run of a flow by its id, or the latest successful one, whoever ran it.

    Raises:
        InputError: There is no such flow or run; says which there are.
    """
    from metaflow import Flow, namespace
    from metaflow.exception import MetaflowNotFound

    namespace(None)
    try:
        found = Flow(flow)
    except MetaflowNotFound:
        raise InputError(
            f"there is no run of {flow} here.",
            f"Run it first, or look from the folder of the runs: this is {Path.cwd()}.",
        ) from None
    if run_id is None:
        if found.latest_successful_run is None:
            raise InputError(f"no run of {flow} has succeeded yet.", "Run it, or resume it.")
        return found.latest_successful_run
    known = {Path(run.pathspec).name: run for run in found.runs()}
    if run_id not in known:
        raise InputError(f"run {run_id!r} of {flow} is unknown.", did_you_mean(run_id, known))
    return known[run_id]


def searched(planned: PlannedSearch | None, problem: SearchProblem) -> bytes | None:
    """The packed result of a planned search, made in a child process; None for none planned.

    What the search has found so far stays in ``.limelight/searches/<run>`` until it has ended, so
    that a retried task goes on with it.
    """
    from metaflow import current

    from limelight.search.child import run_search
    from limelight.search.packing import pack_result

    if planned is None:
        return None
    run = Path(".limelight/searches", pathspec())
    workdir = run / f"{planned.engine}-{planned.number}"
    result = run_search(
        planned.engine,
        problem,
        planned.budget(retried=current.retry_count > 0),
        seed=planned.seed,
        number=planned.number,
        cores=planned.cores,
        workdir=workdir.absolute(),
        environment=planned.environment,
    )
    packed = pack_result(result)
    shutil.rmtree(workdir)
    with suppress(OSError):  # the last search of the run leaves nothing behind
        run.rmdir()
    return packed


def gathered(inputs: Any) -> tuple[list[bytes], list[str]]:
    """The packed results of the branches of a join, and what ``catch`` caught in a line each.

    Goes on with what there is: a branch that failed has no result.
    """
    results: list[bytes] = []
    lost: list[str] = []
    for branch in inputs:
        results += getattr(branch, "results", [])
        lost += getattr(branch, "lost", [])
        if getattr(branch, "result", None) is not None:
            results.append(branch.result)
        if getattr(branch, "failed", None):
            reason = f"{branch.failed}".strip().splitlines()[-1]
            lost.append(f"a search was lost: {reason}")
    return results, lost


def code_facts(flow: Any, version: DataVersion) -> dict[str, Any]:
    """What the lineage says of a run beside its packages: rows, run, code and parameters."""
    from metaflow import current

    import limelight

    names: Iterable[str] = current.get("parameter_names") or ()
    folders = [Path(limelight.__file__).parent, Path(sys.argv[0]).resolve()]
    return {
        "data": asdict(version),
        "run": pathspec(),
        "code": lineage.code_version(folders),
        "parameters": {n.removesuffix("_option"): getattr(flow, n) for n in sorted(names)},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def pathspec() -> str:
    """The current run, e.g. ``"TrainFlow/12"``."""
    from metaflow import current

    return f"{current.flow_name}/{current.run_id}"


def waited() -> float:
    """Seconds since the user's command started, as far as this task can know."""
    return time.time() - launched_at()


def say(line: str) -> None:
    """Print a line of progress at once."""
    print(line, flush=True)
