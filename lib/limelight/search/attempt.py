"""One attempt of a search: score a pipeline, and enter what came of it in the ledger."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sklearn.pipeline import Pipeline

from limelight.search.budget import Clock
from limelight.search.candidate import Candidate, Outcome, Trial
from limelight.search.evaluate import (
    EncodedFolds,
    Evaluation,
    Hopeless,
    OutOfTime,
    cross_validate,
)
from limelight.search.ledger import Ledger
from limelight.search.memory import TooLarge


@dataclass(frozen=True)
class Scored:
    """What came of scoring an estimator, wherever that was done.

    Args:
        outcome, error, wall_seconds, cpu_seconds: As in `limelight.search.candidate.Trial`.
        evaluation: The evidence, where the outcome is ``"ok"``.
    """

    outcome: Outcome
    error: str
    evaluation: Evaluation | None
    wall_seconds: float
    cpu_seconds: float


def score(
    estimator: Any,
    encoded: EncodedFolds,
    clock: Clock,
    *,
    bar: float | None = None,
    expected: float = 0.0,
    cpu_clock: Callable[[], float] = time.process_time,
) -> Scored:
    """Score an estimator on the folds; a failure is an outcome, with its reason.

    Args:
        estimator: An unfitted estimator or pipeline that takes encoded matrices.
        encoded, clock, bar, expected, cpu_clock: As in `limelight.search.evaluate.cross_validate`.
    """
    begun, cpu = time.perf_counter(), cpu_clock()
    outcome: Outcome = "ok"
    error, evaluation = "", None
    try:
        evaluation = _finite(
            cross_validate(
                estimator, encoded, clock, bar=bar, expected=expected, cpu_clock=cpu_clock
            )
        )
    except OutOfTime:
        outcome, error = "timeout", "its folds would not have ended in time"
    except Hopeless:
        outcome, error = "pruned", "its first fold was far behind the best"
    except TooLarge as problem:
        outcome, error = "failed", str(problem)
    except Exception as problem:
        # Searches try much that cannot work: the reason goes to the ledger, the search on.
        outcome, error = "failed", f"{type(problem).__name__}: {problem}"[:500]
    return Scored(outcome, error, evaluation, time.perf_counter() - begun, cpu_clock() - cpu)


@dataclass(frozen=True)
class Attempt:
    """What is tried, before it is known what comes of it.

    Args:
        number: Number of the trial, from `Ledger.next_number`.
        description, parameters: As in `limelight.search.candidate.Trial`.
        estimator: An unfitted estimator or pipeline that takes encoded matrices.
    """

    number: int
    description: str
    parameters: dict[str, Any]
    estimator: Any

    def run(
        self,
        encoded: EncodedFolds,
        clock: Clock,
        ledger: Ledger,
        *,
        bar: float | None = None,
        expected: float = 0.0,
        cpu_clock: Callable[[], float] = time.process_time,
    ) -> tuple[Trial, Candidate | None]:
        """Score the estimator on the folds; a failure becomes a trial, with its reason.

        Args:
            encoded, clock, bar, expected: As in `limelight.search.evaluate.cross_validate`.
            ledger: Where the trial, and the candidate if it is one, are entered.
            cpu_clock: ``time.thread_time`` where attempts run side by side in threads.
        """

        def here() -> Scored:
            return score(
                self.estimator, encoded, clock, bar=bar, expected=expected, cpu_clock=cpu_clock
            )

        return self.record(ledger, encoded.encoder, here)

    def record(
        self, ledger: Ledger, encoder: Any, scored: Callable[[], Scored]
    ) -> tuple[Trial, Candidate | None]:
        """Have the estimator scored, and enter what came of it.

        Args:
            ledger: Where the trial, and the candidate if it is one, are entered.
            encoder: The unfitted encoder of the folds that it is scored on.
            scored: Does it, here or on another machine.
        """
        ledger.begin(self.number, self.description, self.parameters)
        started = ledger.elapsed
        found = scored()
        trial = Trial(
            engine=ledger.engine,
            search=ledger.search,
            number=self.number,
            description=self.description,
            parameters=self.parameters,
            outcome=found.outcome,
            score=found.evaluation.score if found.evaluation else None,
            started=started,
            wall_seconds=found.wall_seconds,
            cpu_seconds=found.cpu_seconds,
            error=found.error,
        )
        candidate = self._candidate(encoder, ledger, found.evaluation) if found.evaluation else None
        ledger.enter(trial, candidate)
        return trial, candidate

    def expect(self, ledger: Ledger) -> None:
        """Note that it waits for its turn."""
        ledger.expect(self.number, self.description, self.parameters)

    def skip(self, ledger: Ledger, reason: str) -> None:
        """Enter it as one that would not have ended in time, without trying it."""
        ledger.enter(
            Trial(
                engine=ledger.engine,
                search=ledger.search,
                number=self.number,
                description=self.description,
                parameters=self.parameters,
                outcome="timeout",
                score=None,
                started=ledger.elapsed,
                wall_seconds=0.0,
                cpu_seconds=0.0,
                error=reason,
            )
        )

    def _candidate(self, encoder: Any, ledger: Ledger, evaluation: Evaluation) -> Candidate:
        return Candidate(
            id=ledger.candidate_id(self.number),
            engine=ledger.engine,
            search=ledger.search,
            number=self.number,
            description=self.description,
            parameters=self.parameters,
            pipeline=with_encoder(encoder, self.estimator),
            out_of_fold=evaluation.out_of_fold,
            fold_scores=evaluation.fold_scores,
            score=evaluation.score,
            fit_seconds=evaluation.fit_seconds,
            predict_seconds=evaluation.predict_seconds,
            constant=evaluation.constant,
        )


def with_encoder(encoder: Any, estimator: Any) -> Pipeline:
    """One flat pipeline from the raw frame to the prediction; its last step is ``"model"``.

    Example:
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.preprocessing import StandardScaler
        >>> from sklearn.linear_model import Ridge
        >>> from limelight.search.features import FrameEncoder
        >>> whole = with_encoder(FrameEncoder(), make_pipeline(StandardScaler(), Ridge()))
        >>> [name for name, _ in whole.steps]
        ['encode', 'standardscaler', 'model']
    """
    inner = estimator.steps if isinstance(estimator, Pipeline) else [("model", estimator)]
    return Pipeline([("encode", encoder), *inner[:-1], ("model", inner[-1][1])])


def _finite(evaluation: Evaluation) -> Evaluation:
    if not math.isfinite(evaluation.score):
        raise ValueError(f"the score is {evaluation.score}")
    return evaluation
