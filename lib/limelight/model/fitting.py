"""Fitting chosen candidates side by side, within the time there is."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Container, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from limelight.search.candidate import Candidate
from limelight.search.evaluate import fit, predict
from limelight.search.memory import check_memory, free_bytes
from limelight.search.processes import use_one_thread
from limelight.search.task import Task

Array = NDArray[Any]

#: Seconds that the first fit of an engine costs on top in a process: importing keras and its
#: backend takes 3 s on a quiet machine, compiling the first network one more. A candidate's
#: own fit_seconds do not know of it.
FIRST_FIT_SECONDS = {"autokeras": 4.0}
#: Seconds kept for scoring on the holdout after the last fit.
SCORING_SECONDS = 1.0


@dataclass(frozen=True)
class Rows:
    """Raw features, encoded target, and sample weights or None."""

    features: pd.DataFrame
    target: Array
    weights: Array | None = None

    def __len__(self) -> int:
        return len(self.target)


@dataclass(frozen=True)
class Job:
    """One fit that is asked for.

    Args:
        candidate: What to fit.
        rows: On what.
        asked: Raw features to predict then; may have no rows.
        passes: How much longer it takes than the candidate's fit_seconds say.
        again: 0 for the seed that the candidate was found with; another number, another seed.
        required: It is begun whatever the clock says.
    """

    candidate: Candidate
    rows: Rows
    asked: pd.DataFrame
    passes: float = 1.0
    again: int = 0
    required: bool = False


@dataclass(frozen=True)
class Fitted:
    """A fitted candidate and its prediction of the rows that were asked for."""

    model: Any
    prediction: Array


@dataclass
class Fitter:
    """Fits candidates on threads, and keeps an eye on the clock.

    A fit cannot be interrupted, so one is not begun that would end after the deadline.

    Args:
        task: What is predicted.
        cores: Fits that run at the same time, on one core each.
        seconds: Time for all of it, from now; None for no limit.
        notes: What was left out, and why; is added to.
        say: Takes lines of progress.
    """

    task: Task
    cores: int
    seconds: float | None
    notes: list[str]
    say: Callable[[str], None]
    begun: float = field(default_factory=time.monotonic)
    warm: set[str] = field(default_factory=set)
    measured: dict[str, float] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)

    @property
    def left(self) -> float:
        """Seconds until the deadline; infinite without one."""
        if self.seconds is None:
            return float("inf")
        return self.seconds - (time.monotonic() - self.begun)

    def foresee(self, fits: Sequence[tuple[Candidate, float]]) -> float:
        """Seconds of some fits side by side: candidates and their passes over the training rows.

        Who was fitted already takes as long again; of the others their fit_seconds are known.
        """
        costs = [passes * self._of_one_pass(candidate) for candidate, passes in fits]
        cold = {candidate.engine for candidate, _ in fits} - self.warm
        start = sum(FIRST_FIT_SECONDS.get(engine, 0.0) for engine in cold)
        return start + max(max(costs, default=0.0), sum(costs) / self.cores)

    def run(self, jobs: Sequence[Job]) -> list[Fitted | None]:
        """Do the jobs in their order; None where one failed, which is noted, or came too late.

        A candidate that has failed is not tried again.
        """

        def work(job: Job) -> Fitted | str | None:
            late = self.foresee([(job.candidate, job.passes)]) + SCORING_SECONDS > self.left
            if (late and not job.required) or job.candidate.id in self.failed:
                return None
            return self._fit(job)

        # Threads share the warning filters and the limit of BLAS: both are put back here, when all
        # threads are done.
        with (
            warnings.catch_warnings(),
            threadpool_limits(1),
            ThreadPoolExecutor(self.cores, initializer=use_one_thread) as pool,
        ):
            results = list(pool.map(work, jobs))
        for job, result in zip(jobs, results, strict=True):
            if isinstance(result, str):
                self.note(f"{job.candidate.id} ({job.candidate.description}) {result}.")
        return [None if isinstance(result, str) else result for result in results]

    def note(self, text: str) -> None:
        """Keep a note, and say it."""
        self.notes.append(text)
        self.say(text)

    def _of_one_pass(self, candidate: Candidate) -> float:
        return self.measured.get(candidate.id, candidate.fit_seconds)

    def _fit(self, job: Job) -> Fitted | str:
        candidate, begun = job.candidate, time.monotonic()
        start = 0.0 if candidate.engine in self.warm else FIRST_FIT_SECONDS.get(candidate.engine, 0)
        try:
            estimator = reseeded(candidate.pipeline, job.again)
            self._check_memory(estimator, job.rows)
            model = fit(estimator, job.rows.features, job.rows.target, job.rows.weights)
            # Also where there is nothing to predict: a model that cannot predict is no use.
            asked = job.asked if len(job.asked) else job.rows.features.iloc[:1]
            prediction = predict(model, asked, self.task)[: len(job.asked)]
        except Exception as error:  # a candidate is anybody's code; the note says what it did
            self.failed.add(candidate.id)
            return f"failed on {len(job.rows)} rows: {type(error).__name__}: {error}"
        self.warm.add(candidate.engine)
        # What is paid once does not count for the next fit.
        seconds = time.monotonic() - begun
        alone = max(seconds - start, min(seconds, candidate.fit_seconds * job.passes))
        self.measured[candidate.id] = alone / job.passes
        return Fitted(model, prediction)

    def _check_memory(self, estimator: Any, rows: Rows) -> None:
        """Raise where a fit would not find its share of the memory: others run beside it."""
        outputs = max(1, len(self.task.classes))
        check_memory(estimator, rows.features, outputs, free_bytes() / self.cores)


def reseeded(pipeline: Any, again: int) -> Any:
    """A clone, with other seeds where it has any; with 0 the same ones.

    Example:
        >>> from sklearn.tree import DecisionTreeClassifier
        >>> reseeded(DecisionTreeClassifier(random_state=5), 2).random_state
        2005
    """
    estimator = clone(pipeline)
    if again == 0:
        return estimator
    seeds = {
        name: int(value) + 1000 * again
        for name, value in estimator.get_params().items()
        if name.rpartition("__")[2] in ("random_state", "seed") and isinstance(value, int)
    }
    return estimator.set_params(**seeds)


def normalised_weights(weights: Mapping[str, float], kept: Container[str]) -> dict[str, float]:
    """The weights of those that are kept, summing to 1 again.

    Example:
        >>> normalised_weights({"a": 0.5, "b": 0.25, "c": 0.25}, {"a", "c"})
        {'a': 0.6666666666666666, 'c': 0.3333333333333333}
    """
    total = sum(weight for name, weight in weights.items() if name in kept)
    return {name: weight / total for name, weight in weights.items() if name in kept}
