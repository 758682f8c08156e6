"""Scoring on a Dask cluster that is there already: one search on more than one machine.

The rows are encoded here; the encoded folds go to the workers once, then every attempt is a task.
What comes back is entered here, where the clock and the ledger are.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import platform
import threading
import time
from collections import defaultdict
from concurrent.futures import CancelledError
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import limelight
from limelight.errors import InputError, SearchError
from limelight.search.attempt import Scored, score
from limelight.search.budget import Budget, Clock
from limelight.search.engine import SearchProblem
from limelight.search.evaluate import EncodedFolds
from limelight.search.features import FrameEncoder

if TYPE_CHECKING:
    from distributed import Client, Future

_CONNECT_SECONDS = 5.0
#: Workers are started anew after they died; a cluster without any for so long is given up.
_WITHOUT_WORKERS_SECONDS = 60.0
_LOOK_SECONDS = 5.0
#: It takes the scheduler a moment to notice that a worker is gone.
_NOTICED_SECONDS = 0.5
#: Folds that all their holders took with them are sent again so often.
_TIMES_SENT = 3
#: What has a say in the scores: the same here and on the workers, or they do not compare.
_PACKAGES = ("numpy", "pandas", "scikit-learn", "lightgbm", "xgboost", "catboost")


class Cluster:
    """Scores on the workers of a Dask cluster, one estimator on each of their threads.

    A worker that dies takes nothing along: its attempts are done by another one. An attempt that
    kills its workers has failed.

    Args:
        problem: What is searched for.
        address: Of the scheduler, e.g. ``"tcp://10.0.0.7:8786"``.

    Raises:
        InputError: Nobody is there, or the workers are not like this process.
    """

    def __init__(self, problem: SearchProblem, address: str) -> None:
        self._problem = problem
        self._address = address
        self._client = _connect(address)
        self._sent: dict[str, Future] = {}
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self._lock = threading.Lock()
        self.slots = _threads(self._client, address)

    def score(
        self,
        estimator: Any,
        encoder: FrameEncoder,
        clock: Clock,
        *,
        bar: float | None,
        expected: float,
    ) -> Scored:
        """See `limelight.search.scoring.Place`.

        Raises:
            SearchError: The cluster is gone.
        """
        for _ in range(_TIMES_SENT):
            folds = self._folds(encoder)
            seconds = None if clock.budget.seconds is None else clock.left
            try:
                task = self._client.submit(
                    score_there, estimator, folds, seconds, bar, expected, pure=False
                )
                return self._result(task)
            except CancelledError:
                self._forget(encoder, folds)
        return Scored("failed", "the workers that had its folds died", None, 0.0, 0.0)

    def _result(self, task: Future) -> Scored:
        """Wait for a result, and for workers if there are none."""
        from distributed import KilledWorker

        seen = time.monotonic()
        while True:
            try:
                found: Scored = task.result(timeout=_LOOK_SECONDS)
                return found
            except KilledWorker as error:
                return Scored("failed", f"KilledWorker: {error}"[:500], None, 0.0, 0.0)
            except TimeoutError:
                now = time.monotonic()
                seen = now if self._client.nthreads() else seen
                if now - seen > _WITHOUT_WORKERS_SECONDS:
                    raise self._gone("has no workers any more") from None

    def _folds(self, encoder: FrameEncoder) -> Future:
        """The encoded folds on the workers; who asks while they are sent waits for them."""
        key = repr(encoder)
        with self._lock:
            sending = self._locks[key]
        with sending:
            if key not in self._sent:
                encoded = EncodedFolds(self._problem, encoder)
                # The workers need no raw rows.
                encoded.problem = replace(self._problem, features=self._problem.features.iloc[:0])
                self._sent[key] = self._send(encoded)
            return self._sent[key]

    def _send(self, encoded: EncodedFolds) -> Future:
        """Send folds to the workers; again, if one of them dies while it gets them.

        Raises:
            SearchError: That did not help.
        """
        for _ in range(_TIMES_SENT):
            try:
                found: Future = self._client.scatter(encoded, broadcast=True, hash=False)
                return found
            except OSError:
                time.sleep(_NOTICED_SECONDS)
        raise self._gone("does not take the rows")

    def _forget(self, encoder: FrameEncoder, folds: Future) -> None:
        """Have lost folds sent again.

        Raises:
            SearchError: It was not the folds that were lost.
        """
        if self._client.status != "running":
            raise self._gone("does not answer any more")
        with self._locks[repr(encoder)]:
            if self._sent.get(repr(encoder)) is folds:
                del self._sent[repr(encoder)]

    def _gone(self, what: str) -> SearchError:
        return SearchError(f"the Dask cluster at {self._address} {what}.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close(timeout=2)


def score_there(
    estimator: Any,
    encoded: EncodedFolds,
    seconds: float | None,
    bar: float | None,
    expected: float,
) -> Scored:
    """The task of a worker: score an estimator on one thread.

    Args:
        estimator, encoded, bar, expected: As in `limelight.search.attempt.score`.
        seconds: How long it may take, from when it starts; None for a budget of trials.
    """
    from threadpoolctl import threadpool_limits

    # Another machine has another clock: the time that is left counts from now.
    budget = Budget(trials=1) if seconds is None else Budget(seconds=max(0.001, seconds))
    with threadpool_limits(1):
        return score(
            estimator,
            encoded,
            budget.start(),
            bar=bar,
            expected=expected,
            cpu_clock=time.thread_time,
        )


def check_cluster(address: str) -> None:
    """See that a Dask cluster is there and can do what it will be asked to.

    Raises:
        InputError: Nobody is there, it has no workers, or they are not like this process.
    """
    client = _connect(address)
    try:
        _threads(client, address)
    finally:
        client.close(timeout=2)


def _connect(address: str) -> Client:
    """A client of the scheduler.

    Raises:
        InputError: No scheduler answers.
    """
    from distributed import Client

    # A client that finds nobody keeps trying, and says so at length.
    try:
        found = asyncio.run(asyncio.wait_for(_who_is(address), _CONNECT_SECONDS))
    except (OSError, ValueError, TypeError) as error:
        found = f"({type(error).__name__}: {error})"[:200]
    if found != "Scheduler":
        raise InputError(
            f"no Dask scheduler answers at {address!r} {found}.",
            "Give its address as in tcp://10.0.0.7:8786 (`dask scheduler` prints it), or leave"
            " --dask out.",
        )
    return Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)


async def _who_is(address: str) -> str:
    """The kind of Dask's servers that answers."""
    from distributed.core import rpc
    from distributed.security import Security

    arguments = Security().get_connection_args("client")
    async with rpc(address, timeout=_CONNECT_SECONDS, connection_args=arguments) as server:
        return str((await server.identity())["type"])


def _threads(client: Client, address: str) -> int:
    """How many threads the workers have, all of them like this process."""
    threads = client.nthreads()
    if not threads:
        raise InputError(
            f"the Dask cluster at {address} has no workers.", f"Start some: dask worker {address}"
        )
    ours = environment()
    for worker, theirs in client.run(environment, on_error="return").items():
        if not isinstance(theirs, dict):
            raise InputError(
                f"the worker {worker} cannot run a search ({theirs}).",
                f"Install limelight {limelight.__version__} where it runs.",
            )
        other = [name for name in ours if theirs.get(name) != ours[name]]
        if other:
            name = other[0]
            raise InputError(
                f"the worker {worker} has {name} {theirs.get(name)}, and here it is {ours[name]}.",
                "Install the same packages there: scores would not compare.",
            )
    return sum(threads.values())


def environment() -> dict[str, str]:
    """Versions of what has a say in the scores, by package.

    Example:
        >>> sorted(environment())[:3]
        ['catboost', 'lightgbm', 'limelight']
    """
    found = {name: importlib.metadata.version(name) for name in _PACKAGES}
    python = ".".join(platform.python_version_tuple()[:2])
    return {"limelight": limelight.__version__, "python": python, **found}
