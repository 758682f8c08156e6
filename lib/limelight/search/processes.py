"""Keeping hold of a child process: its threads, its memory, its death."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

import limelight


def child_environment(cores: int) -> dict[str, str]:
    """Variables for a child: a share of the cores, no chatter, and this same package.

    Example:
        >>> child_environment(2)["OMP_NUM_THREADS"]
        '2'
    """
    threads = dict.fromkeys(
        (
            "OMP_NUM_THREADS",
            "OPENBLAS_NUM_THREADS",
            "MKL_NUM_THREADS",
            "VECLIB_MAXIMUM_THREADS",
            "NUMEXPR_NUM_THREADS",
            "TF_NUM_INTRAOP_THREADS",
        ),
        str(cores),
    )
    root = str(Path(limelight.__file__).parents[1])
    inherited = os.environ.get("PYTHONPATH")
    return {
        **os.environ,
        **threads,
        # Spinning threads on cores that others need made a fit 15 times slower.
        "OMP_WAIT_POLICY": "PASSIVE",
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "PYTHONHASHSEED": "0",
        "PYTHONWARNINGS": "ignore",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join([root, inherited] if inherited else [root]),
    }


def use_one_thread() -> None:
    """Keep the libraries below the calling thread from starting threads of their own.

    OpenMP has a limit for each thread: one set by the thread that starts a pool does not reach
    the pool's, so this is for ``ThreadPoolExecutor(initializer=use_one_thread)``.
    """
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)


def die_with(parent: int) -> None:
    """See to it that this process does not outlive the process ``parent``.

    Linux tells at once; a thread that looks every second does it elsewhere, and takes what this
    process has started along.
    """
    if sys.platform == "linux":
        set_signal_at_parents_death = 1
        ctypes.CDLL(None).prctl(set_signal_at_parents_death, signal.SIGKILL)
    signal.signal(signal.SIGTERM, lambda *_: kill_group(os.getpid()))

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        kill_group(os.getpid())

    threading.Thread(target=watch, daemon=True).start()


def kill_group(leader: int) -> None:
    """Kill a process and all of its group, if it leads one and is still there."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def at(deadline: float, action: Callable[[], None]) -> None:
    """Call an action in a thread when ``time.monotonic()`` reaches the deadline."""

    def wait() -> None:
        time.sleep(max(0.0, deadline - time.monotonic()))
        action()

    threading.Thread(target=wait, daemon=True).start()


def memory_mb(process: psutil.Process) -> float:
    """Resident memory of a process and its children, in MB; 0 if it is gone."""
    try:
        family = [process, *process.children(recursive=True)]
        return sum(float(member.memory_info().rss) for member in family) / 1e6
    except psutil.Error:
        return 0.0
