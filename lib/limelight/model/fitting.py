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
from limelight.search.processes import use_one_thread
from limelight.search.task import Task

Array = NDArray[Any]

#: Seconds that the first fit of an engine costs on top in a process: importing keras and its
#: backend takes 3 s on a quiet machine, compiling the first network one more. A candidate's
#: own fit_seconds do not know of it.
FIRST_FIT_SECONDS = {"autokeras": 4.0}


@dataclass(frozen=True)
class Rows:
    """Raw features, encoded target, and sample weights or None."""

    features: pd.DataFrame
    target: Array
    weights: Array | None = None

    def __len__(self) -> int:
        return len(self.target)


@dataclass(frozen=True)
class Fitted:
    """A fitted candidate, its prediction of the other rows, and the seconds of another such fit."""

    model: Any
    prediction: Array
    seconds: float


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

    @property
    def left(self) -> float:
        """Seconds until the deadline; infinite without one."""
        if self.seconds is None:
            return float("inf")
        return self.seconds - (time.monotonic() - self.begun)

    def foresee(self, candidates: Sequence[Candidate], passes: float = 1.0) -> float:
        """Seconds to fit all of them on the training rows, ``passes`` times.

        Args:
            candidates: Who is fitted; each on one core.
            passes: 2.25 for a fit on the training rows and one on a quarter more of them.
        """
        costs = [passes * candidate.fit_seconds for candidate in candidates]
        cold = {candidate.engine for candidate in candidates} - self.warm
        start = sum(FIRST_FIT_SECONDS.get(engine, 0.0) for engine in cold)
        return start + max(max(costs, default=0.0), sum(costs) / self.cores)

    def fit_all(
        self,
        required: Sequence[Candidate],
        wanted: Sequence[Candidate],
        training: Rows,
        others: pd.DataFrame,
        *,
        passes: float = 1.0,
        reserve: float = 0.0,
    ) -> dict[str, Fitted]:
        """Fit candidates and predict other rows; who fails or comes too late is noted.

        Args:
            required: Are begun whatever the clock says.
            wanted: Are begun, in this order, as long as they are foreseen to end in time.
            training: What to fit on.
            others: Raw features to predict; may have no rows.
            passes: How much longer a fit takes than a candidate's fit_seconds say.
            reserve: Seconds that must be left at the end.

        Returns:
            Candidate id to its fit, without those that failed or were not begun.
        """

        def work(candidate: Candidate) -> Fitted | str:
            late = self.foresee([candidate], passes) + reserve > self.left
            if late and candidate.id in optional:
                return "was not fitted: there was no time left for it"
            return self._fit(candidate, training, others)

        optional = {candidate.id for candidate in wanted}
        everyone = [*required, *wanted]
        found: dict[str, Fitted] = {}
        # Threads share the warning filters and the limit of BLAS: both are put back here, when all
        # threads are done.
        with (
            warnings.catch_warnings(),
            threadpool_limits(1),
            ThreadPoolExecutor(self.cores, initializer=use_one_thread) as pool,
        ):
            for candidate, result in zip(everyone, pool.map(work, everyone), strict=True):
                if isinstance(result, str):
                    self.note(f"{candidate.id} ({candidate.description}) {result}.")
                else:
                    found[candidate.id] = result
        return found

    def note(self, text: str) -> None:
        """Keep a note, and say it."""
        self.notes.append(text)
        self.say(text)

    def _fit(self, candidate: Candidate, training: Rows, others: pd.DataFrame) -> Fitted | str:
        begun = time.monotonic()
        start = 0.0 if candidate.engine in self.warm else FIRST_FIT_SECONDS.get(candidate.engine, 0)
        try:
            model = fit(
                clone(candidate.pipeline), training.features, training.target, training.weights
            )
            # Also where there is nothing to predict: a model that cannot predict is no use.
            asked = others if len(others) else training.features.iloc[:1]
            prediction = predict(model, asked, self.task)[: len(others)]
        except Exception as error:  # a candidate is anybody's code; the note says what it did
            return f"failed on {len(training)} rows: {type(error).__name__}: {error}"
        self.warm.add(candidate.engine)
        # What is paid once does not count for the next fit.
        seconds = time.monotonic() - begun
        return Fitted(model, prediction, max(seconds - start, min(seconds, candidate.fit_seconds)))


def normalised_weights(weights: Mapping[str, float], kept: Container[str]) -> dict[str, float]:
    """The weights of those that are kept, summing to 1 again.

    Example:
        >>> normalised_weights({"a": 0.5, "b": 0.25, "c": 0.25}, {"a", "c"})
        {'a': 0.6666666666666666, 'c': 0.3333333333333333}
    """
    total = sum(weight for name, weight in weights.items() if name in kept)
    return {name: weight / total for name, weight in weights.items() if name in kept}
