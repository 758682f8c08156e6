"""Where attempts are scored: on this machine, or elsewhere."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from types import TracebackType
from typing import Any, Protocol, Self

import psutil

from limelight.search.attempt import Scored, score
from limelight.search.budget import Clock
from limelight.search.engine import SearchProblem
from limelight.search.evaluate import EncodedFolds
from limelight.search.features import FrameEncoder

#: Bytes of encoded folds that are kept, and the share of the free memory that they may take.
_MOST_BYTES = 1e9
_SHARE_OF_MEMORY = 0.1


class Place(Protocol):
    """Something that scores estimators, several at a time; called from as many threads."""

    slots: int
    """How many it scores at the same time."""

    def score(
        self,
        estimator: Any,
        encoder: FrameEncoder,
        clock: Clock,
        *,
        bar: float | None,
        expected: float,
    ) -> Scored:
        """Score an estimator on the folds of the problem, encoded by an encoder.

        Args:
            estimator, clock, bar, expected: As in `limelight.search.attempt.score`.
            encoder: Unfitted; what it gives is what the estimator takes.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Here:
    """Scores in the threads of this process.

    Args:
        problem: What is searched for.
        cores: How many estimators at a time.
    """

    def __init__(self, problem: SearchProblem, cores: int) -> None:
        self.slots = cores
        self._shelf = Shelf(problem)

    def score(
        self,
        estimator: Any,
        encoder: FrameEncoder,
        clock: Clock,
        *,
        bar: float | None,
        expected: float,
    ) -> Scored:
        """See `Place`."""
        return score(
            estimator,
            self._shelf.take(encoder),
            clock,
            bar=bar,
            expected=expected,
            cpu_clock=time.thread_time,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class Shelf:
    """Encoded folds by their encoder: made when first asked for, the latest kept.

    Args:
        problem: Its training rows and folds.
        most_bytes: What is kept takes no more; by default a tenth of the free memory, and
            no more than 1 GB.
    """

    def __init__(self, problem: SearchProblem, most_bytes: float | None = None) -> None:
        free = psutil.virtual_memory().available
        self.problem = problem
        self.most_bytes = most_bytes or min(_MOST_BYTES, _SHARE_OF_MEMORY * free)
        self._kept: dict[str, EncodedFolds] = {}
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def take(self, encoder: FrameEncoder) -> EncodedFolds:
        """The folds for an encoder; who asks while they are made waits for them."""
        key = repr(encoder)
        with self._lock:
            making = self._locks[key]
        with making:
            folds = self._kept.get(key) or EncodedFolds(self.problem, encoder)
            self._keep(key, folds)
        return folds

    def _keep(self, key: str, folds: EncodedFolds) -> None:
        """Put folds on top, and let go of the longest unused that there is no room for."""
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = folds
            room = self.most_bytes
            for name, kept in reversed(list(self._kept.items())):
                room -= size_of(kept)
                if room < 0 and name != key:
                    del self._kept[name]


def size_of(folds: EncodedFolds) -> int:
    """Bytes of the matrices of encoded folds."""
    matrices = [x for fold in folds.folds for x in (fold.x_training, fold.x_validation)]
    return sum(
        int(x.memory_usage(index=False).sum()) if hasattr(x, "memory_usage") else x.nbytes
        for x in matrices
    )
