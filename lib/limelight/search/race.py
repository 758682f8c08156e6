"""Trying a list of configurations within a budget: side by side, and none that cannot end."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from limelight.search.attempt import Attempt
from limelight.search.budget import Clock
from limelight.search.candidate import Trial
from limelight.search.configuration import Configuration
from limelight.search.engine import SearchProblem
from limelight.search.evaluate import EncodedFolds
from limelight.search.features import FrameEncoder
from limelight.search.ledger import Ledger
from limelight.search.processes import use_one_thread

#: Of what the best has gained over the worst on the first fold, a model must have gained this much.
LEAST_SHARE = 0.5
#: A time foreseen from other models is often too long, and a first fold corrects it soon.
TRUST = 0.5


class Race:
    """Tries configurations in their order, one on each core.

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
        self.first_gains = [self.sign * found.fold_scores[0] for found in ledger.candidates()]
        self.seen: list[tuple[Configuration, float]] = []

    def run(self, first: Sequence[Configuration], then: Sequence[Configuration]) -> None:
        """Try all of ``first``; of ``then``, who is far behind those stops after its first fold.

        Without a clock the bar follows from ``first`` alone, so that what happens does not depend
        on which thread is faster.
        """
        done = {trial.description for trial in self.ledger.trials if trial.outcome != "timeout"}
        first, then = (
            [one for one in some if one.description not in done] for some in (first, then)
        )
        self.encodings.announce([*first, *then])
        with ThreadPoolExecutor(self.cores, initializer=use_one_thread) as threads:
            jobs = [threads.submit(self._try, one, self._attempt(one), False) for one in first]
            if self.clock.budget.trials is not None:
                _finish(jobs)
                bar = self._bar()
                jobs = [
                    threads.submit(self._try, one, self._attempt(one), True, bar) for one in then
                ]
            else:
                jobs += [threads.submit(self._try, one, self._attempt(one), True) for one in then]
            _finish(jobs)

    def _attempt(self, one: Configuration) -> Attempt:
        return Attempt(self.ledger.next_number(), one.description, one.parameters, one.estimator)

    def _try(
        self, one: Configuration, attempt: Attempt, barred: bool, bar: float | None = None
    ) -> None:
        timed = self.clock.budget.trials is None
        expected = TRUST * self._foreseen(one) if timed else 0.0
        if self.clock.left < expected * self.folds:
            attempt.skip(self.ledger, "its folds are foreseen not to end in time")
        else:
            trial, candidate = attempt.run(
                self.encodings.take(one.encoder),
                self.clock,
                self.ledger,
                bar=self._bar() if barred and timed else bar,
                expected=expected,
                cpu_clock=time.thread_time,
            )
            self._learn(one, trial)
            if candidate is not None:
                self.first_gains.append(self.sign * candidate.fold_scores[0])
        self.encodings.give_back(one.encoder)

    def _foreseen(self, one: Configuration) -> float:
        """Seconds of a fold, from the one most like it; 0 where nothing is known."""
        known = list(self.seen)
        alike = [seen for seen in known if seen[0].kind == one.kind] or known
        if one.cost == 0 or not alike:
            return 0.0
        other, seconds = min(alike, key=lambda seen: abs(math.log(seen[0].cost / one.cost)))
        return seconds * one.cost / other.cost

    def _learn(self, one: Configuration, trial: Trial) -> None:
        """Note how long a fold took."""
        if one.cost > 0 and trial.outcome in ("ok", "pruned", "timeout"):
            folds = self.folds if trial.outcome == "ok" else 1
            self.seen.append((one, trial.wall_seconds / folds))

    def _bar(self) -> float | None:
        """What the first fold must gain, once there is something to compare with."""
        gains = list(self.first_gains)
        if len(gains) < 2:
            return None
        return min(gains) + LEAST_SHARE * (max(gains) - min(gains))


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
        self._locks.update({key: threading.Lock() for key in self._waiting})

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
