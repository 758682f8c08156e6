"""Trying a list of configurations within a budget: side by side, and none that cannot end."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from limelight.search.attempt import Attempt
from limelight.search.budget import Budget, Clock
from limelight.search.candidate import Trial
from limelight.search.configuration import Configuration
from limelight.search.engine import SearchProblem
from limelight.search.evaluate import EncodedFolds
from limelight.search.features import FrameEncoder
from limelight.search.foresight import Foresight
from limelight.search.ledger import Ledger
from limelight.search.processes import use_one_thread

#: Of what the best has gained over the worst on the first fold, a model must have gained this much.
LEAST_SHARE = 0.5
#: One that takes a larger share of the budget keeps the race from trying enough others.
MOST_OF_BUDGET = 0.3
#: Drawn to find one that fits into the time left.
_MOST_DRAWN = 20


class Race:
    """Tries configurations in their order, one on each core.

    With a clock, who is foreseen to take more than his share of the time waits until the others
    have been tried, and who takes more nevertheless is stopped.

    Args:
        problem: The training rows, task and folds.
        clock: The running budget.
        ledger: Where trials and candidates go; what it holds already is not tried again.
        cores: How many are tried at the same time, on one thread each.
    """

    def __init__(self, problem: SearchProblem, clock: Clock, ledger: Ledger, cores: int) -> None:
        self.clock = clock
        self.ledger = ledger
        self.cores = cores
        self.folds = len(problem.folds)
        self.encodings = Encodings(problem)
        self.sign = problem.task.scorer.sign
        self.first_gains: list[float] = []
        self.foresight = Foresight()
        self.waiting: list[_Entrant] = []
        self._turn = threading.Lock()

    def run(
        self,
        first: Sequence[Configuration],
        then: Sequence[Configuration],
        further: Iterable[Configuration] = (),
    ) -> None:
        """Try all of ``first``; of ``then``, who is far behind those stops after its first fold.

        Args:
            first: What all others are compared with.
            then: What is tried after it.
            further: What to go on with while there is time; not looked at without a clock, where
                the bar follows from ``first`` alone, so that what happens does not depend on
                which thread is faster.
        """
        counted = self.clock.budget.trials is not None
        done = {trial.description for trial in self.ledger.trials if trial.outcome != "timeout"}
        known = {one.description for one in first} if counted else done
        self.first_gains = [
            self.sign * found.fold_scores[0]
            for found in self.ledger.candidates()
            if found.description in known
        ]
        entrants = [
            # Without a clock the number is the place, also where a killed search goes on.
            _Entrant(self._attempt(one, place if counted else None), one, place >= len(first))
            for place, one in enumerate([*first, *then])
            if one.description not in done
        ]
        self.encodings.announce([entrant.one for entrant in entrants])
        with ThreadPoolExecutor(self.cores, initializer=use_one_thread) as threads:
            if counted:
                _finish([threads.submit(self._try, e) for e in entrants if not e.barred])
                bar = self._bar()
                _finish([threads.submit(self._try, e, bar) for e in entrants if e.barred])
                return
            self.waiting = entrants
            for entrant in entrants:
                entrant.attempt.expect(self.ledger)
            more = iter(one for one in further if one.description not in done)
            _finish([threads.submit(self._work, more) for _ in range(self.cores)])
        for entrant in self.waiting:
            entrant.attempt.skip(self.ledger, "its folds are foreseen not to end in time")

    def _attempt(self, one: Configuration, number: int | None = None) -> Attempt:
        number = self.ledger.next_number() if number is None else number
        return Attempt(number, one.description, one.parameters, one.estimator)

    def _work(self, further: Iterator[Configuration]) -> None:
        """What a thread does with a clock: one after another, until nothing fits the time left."""
        while (entrant := self._next(further)) is not None:
            self._try(entrant, self._bar() if entrant.barred else None)

    def _next(self, further: Iterator[Configuration]) -> _Entrant | None:
        """Who is next: the first in the order within its share of the time, else within what is
        left of it, else one more.
        """
        with self._turn:
            if self.clock.expired:
                return None
            share = self._share()
            for limit in (share, self.clock.left):
                for place, entrant in enumerate(self.waiting):
                    if self._expected(entrant.one) * self.folds <= min(limit, self.clock.left):
                        return self.waiting.pop(place)
            for one in itertools.islice(further, _MOST_DRAWN):
                if self._expected(one) * self.folds <= min(share, self.clock.left):
                    self.encodings.announce([one])
                    return _Entrant(self._attempt(one), one, True)
            return None

    def _share(self) -> float:
        """The most seconds that one may take while others wait."""
        return MOST_OF_BUDGET * (self.clock.budget.seconds or math.inf)

    def _try(self, entrant: _Entrant, bar: float | None = None) -> None:
        timed = self.clock.budget.trials is None
        clock = self.clock
        foreseen = self._expected(entrant.one) * self.folds
        # Who was foreseen to need more than a share has waited for the others, and may have it.
        if timed and self.waiting and not clock.expired and foreseen <= self._share():
            clock = Budget(seconds=min(max(clock.left, 0.001), self._share())).start()
        trial, candidate = entrant.attempt.run(
            self.encodings.take(entrant.one.encoder),
            clock,
            self.ledger,
            bar=bar,
            expected=self._expected(entrant.one) if timed else 0.0,
            cpu_clock=time.thread_time,
        )
        self._learn(entrant.one, trial, foreseen / self.folds)
        if candidate is not None:
            self.first_gains.append(self.sign * candidate.fold_scores[0])
        self.encodings.give_back(entrant.one.encoder)

    def _expected(self, one: Configuration) -> float:
        """Seconds of a fold, going by what was seen; 0 where nothing is known."""
        return self.foresight.foresee(one.kind, one.cost) or 0.0

    def _learn(self, one: Configuration, trial: Trial, foreseen: float) -> None:
        """Note how long a fold took; who was stopped before its first fold tells nothing."""
        told = trial.outcome in ("ok", "pruned")
        if one.cost > 0 and (
            told or (trial.outcome == "timeout" and trial.wall_seconds > foreseen)
        ):
            folds = self.folds if trial.outcome == "ok" else 1
            self.foresight.learn(one.kind, one.cost, trial.wall_seconds / folds)

    def _bar(self) -> float | None:
        """What the first fold must gain, once there is something to compare with."""
        gains = [gain for gain in list(self.first_gains) if math.isfinite(gain)]
        if len(gains) < 2:
            return None
        return min(gains) + LEAST_SHARE * (max(gains) - min(gains))


@dataclass(frozen=True)
class _Entrant:
    """Who waits for a turn; ``barred`` says whether a bar holds for its first fold."""

    attempt: Attempt
    one: Configuration
    barred: bool


class Encodings:
    """The encoded folds that attempts share: made when first asked for, kept until last used."""

    def __init__(self, problem: SearchProblem) -> None:
        self.problem = problem
        self._waiting: Counter[str] = Counter()
        self._made: dict[str, EncodedFolds] = {}
        self._locks: dict[str, threading.Lock] = {}

    def announce(self, configurations: Sequence[Configuration]) -> None:
        """Say who will ask."""
        self._waiting.update(repr(one.encoder) for one in configurations)
        for key in self._waiting:
            self._locks.setdefault(key, threading.Lock())

    def take(self, encoder: FrameEncoder) -> EncodedFolds:
        """The folds for an encoder; encoded once, whoever asks first."""
        key = repr(encoder)
        with self._locks[key]:
            if key not in self._made:
                self._made[key] = EncodedFolds(self.problem, encoder)
            return self._made[key]

    def give_back(self, encoder: FrameEncoder) -> None:
        """Say that one is done; the folds go when nobody else will ask for them."""
        key = repr(encoder)
        with self._locks[key]:
            self._waiting[key] -= 1
            if self._waiting[key] == 0:
                self._made.pop(key, None)


def _finish(jobs: Sequence[Future[None]]) -> None:
    for job in jobs:
        job.result()
