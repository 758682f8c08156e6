"""Run a program on so many cores, watch the memory of all it starts, and end it when it must."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from limelight.errors import InputError

_EVERY = 0.25
_MARK = "LIMELIGHT_BENCHMARK"
_THREADS = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM", "RAYON", "POLARS_MAX")


@dataclass(frozen=True)
class Ended:
    """How a program ended.

    Args:
        code: Exit status, or None where it was killed for its time.
        seconds: From its start to its end.
        peak_mb: The most resident memory that it and its descendants had together. Pages that
            processes share count for each of them.
        cpu_seconds: What it and its descendants took of all cores together.
    """

    code: int | None
    seconds: float
    peak_mb: float
    cpu_seconds: float


def check_cores(cores: int) -> None:
    """Refuse more cores than there are.

    Raises:
        InputError: We may not use so many.
    """
    if not 1 <= cores <= (ours := our_cores()):
        raise InputError(f"{cores} cores are asked for, and there are {ours}.")


def our_cores() -> int:
    """How many cores we may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def limits(cores: int) -> dict[str, str]:
    """Environment variables that hold libraries to so many threads, and to no GPU."""
    threads = {f"{name}_NUM_THREADS": str(cores) for name in _THREADS[:4]}
    threads |= {f"{name}_THREADS": str(cores) for name in _THREADS[4:]}
    threads["RAYON_NUM_THREADS"] = threads["LOKY_MAX_CPU_COUNT"] = str(cores)
    # Idle OpenMP threads sleep: spinning ones take the cores from the processes beside them.
    return threads | {"OMP_WAIT_POLICY": "PASSIVE", "CUDA_VISIBLE_DEVICES": ""}


def run(
    words: Sequence[str],
    *,
    environment: Mapping[str, str],
    log: Path,
    cores: int,
    overdue: Callable[[float], bool],
    folder: Path | None = None,
    look: Callable[[list[psutil.Process]], None] | None = None,
) -> Ended:
    """Run a program to its end, or until it is overdue; leaves none of its processes behind.

    Args:
        words: The command.
        environment: Its whole environment.
        log: Gets what it prints.
        cores: How many of our cores it may use.
        overdue: Asked several times a second with the seconds since its start.
        folder: Where it runs; here if not given.
        look: Gets all its processes as often, to watch more than their memory.
    """
    mark = uuid.uuid4().hex
    begun, cpu = time.monotonic(), _cpu_seconds()
    with log.open("wb") as out, _cores(cores):
        program = subprocess.Popen(
            words,
            cwd=folder,
            env={**environment, _MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    seen: dict[int, psutil.Process] = {}
    peak, killed = 0.0, False
    with _ended_in_order():
        try:
            while program.poll() is None and not killed:
                peak = max(peak, _memory(program.pid, seen))
                if look:
                    look(list(seen.values()))
                killed = overdue(time.monotonic() - begun)
                time.sleep(_EVERY)
            seconds = time.monotonic() - begun
        finally:
            _end(program, [*seen.values(), *_marked(mark)])
    code = None if killed else program.returncode
    return Ended(code, seconds, round(peak, 1), round(_cpu_seconds() - cpu, 2))


def _cpu_seconds() -> float:
    """CPU seconds of all processes that we started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextlib.contextmanager
def _ended_in_order() -> Iterator[None]:
    """A SIGTERM inside becomes an exception, so that what was started does not live on."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _cores(amount: int) -> Iterator[None]:
    """What is started inside may use the first so many of our cores; where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(ours)[:amount])
    try:
        yield
    finally:
        os.sched_setaffinity(0, ours)


def _memory(pid: int, seen: dict[int, psutil.Process]) -> float:
    """MB of a process and all that it started, also what lost its parent since."""
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            seen.setdefault(process.pid, process)
    total = 0
    for process in list(seen.values()):
        try:
            total += process.memory_info().rss if process.is_running() else 0
        except psutil.Error:
            del seen[process.pid]
    return total / 2**20


def _marked(mark: str) -> list[psutil.Process]:
    """The processes that bear our mark in their environment, whoever is their parent now."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(_MARK) == mark:
                found.append(process)
    return found


def _end(program: subprocess.Popen[bytes], others: Sequence[psutil.Process]) -> None:
    for process in others:
        with contextlib.suppress(psutil.Error):
            # is_running() knows a reused process id from the process that had it.
            if process.is_running():
                process.kill()
    if program.poll() is None:
        program.kill()
    program.wait()
