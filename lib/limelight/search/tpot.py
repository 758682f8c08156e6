"""The search of TPOT: pipelines that evolve, scored by the shared protocol on the shared folds."""

from __future__ import annotations

import json
import statistics
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.errors import SearchError
from limelight.search.attempt import Attempt
from limelight.search.budget import Budget, Clock
from limelight.search.candidate import Candidate, Trial
from limelight.search.engine import SearchProblem
from limelight.search.evaluate import EncodedFolds
from limelight.search.ledger import Ledger
from limelight.search.processes import use_one_thread

if TYPE_CHECKING:
    from limelight.search.tpot_space import NodeIndividual

POPULATION = 10
_RANKED_FOR_BAR = 10
_FRUITLESS_GENERATIONS = 10
# A pipeline that takes longer keeps the search from trying enough others.
_MOST_OF_BUDGET = 0.2


class TpotEngine:
    """Evolves pipelines with TPOT, from known good ones.

    The number of the search chooses the space: even ones tune boosted trees and forests on
    ordinal codes, odd ones evolve pipelines of scaling, selection and models on one-hot columns.
    Each core evaluates one pipeline at a time. A killed search that starts again in the same
    folder takes the scores that its ledger has.
    """

    name = "tpot"

    def search(
        self,
        problem: SearchProblem,
        budget: Budget,
        ledger: Ledger,
        *,
        seed: int,
        number: int,
        cores: int,
        workdir: Path,  # noqa: ARG002
    ) -> None:
        """Evolve until the budget ends; see `limelight.search.engine.Engine`.

        Raises:
            SearchError: No pipeline could be evaluated.
        """
        from limelight.search.tpot_evolution import Evolution
        from limelight.search.tpot_models import build_space

        clock = budget.start()
        space = build_space(problem, seed, number)
        encoded = EncodedFolds(problem, space.encoder)
        rng = np.random.default_rng([seed, number])
        with ThreadPoolExecutor(cores, initializer=use_one_thread) as threads:
            generations = _Generations(encoded, clock, ledger, threads)
            evolution = Evolution(space.individuals(rng), generations.evaluate, POPULATION, rng)
            while not generations.over:
                evolution.next_generation()
        if not evolution.is_alive:
            raise SearchError(_why_nothing(ledger))


def _why_nothing(ledger: Ledger) -> str:
    reasons = [trial.error for trial in ledger.trials if trial.error]
    last = f"; the last: {reasons[-1]}" if reasons else ""
    return f"none of the {len(ledger.trials)} pipelines could be evaluated{last}."


class _Generations:
    """Evaluates generations of individuals, and knows when the search is over."""

    def __init__(
        self,
        encoded: EncodedFolds,
        clock: Clock,
        ledger: Ledger,
        threads: ThreadPoolExecutor,
    ) -> None:
        self.encoded = encoded
        self.clock = clock
        self.ledger = ledger
        self.threads = threads
        self.proposed = 0
        self.fruitless = 0
        self.known = {_key(t.description, t.parameters): t for t in ledger.trials}
        self.known_gains = {found.number: self._first_gain(found) for found in ledger.candidates()}
        self.first_gains: list[float] = []
        self.fold_seconds: dict[str, list[float]] = defaultdict(list)

    @property
    def over(self) -> bool:
        """Whether the budget is spent, or no proposal can be evaluated within what is left."""
        trials = self.clock.budget.trials
        spent = self.proposed >= trials if trials is not None else self.clock.expired
        return spent or self.fruitless >= _FRUITLESS_GENERATIONS

    def evaluate(self, individuals: list[Any]) -> list[float | None]:
        """The gains of a generation, None for who failed, was pruned or came too late.

        Numbers are given, and the bar is set, before any thread starts: what happens does not
        depend on which thread is faster.
        """
        trials = self.clock.budget.trials
        allowed = len(individuals) if trials is None else max(0, trials - self.proposed)
        chosen = individuals[:allowed]
        self.proposed += len(chosen)
        bar = self._bar()
        jobs = [self.threads.submit(*self._job(individual, bar)) for individual in chosen]
        results = [job.result() for job in jobs]
        self.fruitless = 0 if any(trial for trial, _ in results) else self.fruitless + 1
        self.first_gains += [first for _, first in results if first is not None]
        gains = [self._gain(trial) for trial, _ in results]
        return gains + [None] * (len(individuals) - len(chosen))

    def _job(self, individual: Any, bar: float | None) -> tuple[Any, ...]:
        from limelight.search.tpot_space import parts

        nodes = parts(individual)
        description = " > ".join(node.name for node in nodes)
        parameters = _parameters(nodes)
        known = self.known.get(_key(description, parameters))
        if known is not None and known.outcome != "timeout":
            return (lambda: (known, self.known_gains.get(known.number)),)
        attempt = Attempt(
            self.ledger.next_number(), description, parameters, _without_gaps(individual)
        )
        return self._run, attempt, bar

    def _run(self, attempt: Attempt, bar: float | None) -> tuple[Trial | None, float | None]:
        if self._is_too_long(attempt.description):
            return None, None
        trial, candidate = attempt.run(
            self.encoded,
            self._clock_of_one(),
            self.ledger,
            bar=bar,
            cpu_clock=time.thread_time,
        )
        if trial.outcome == "ok":
            self.fold_seconds[attempt.description].append(
                trial.wall_seconds / len(self.encoded.folds)
            )
        elif trial.outcome == "timeout":
            # It ended after a fold or two: they took no longer than this.
            self.fold_seconds[attempt.description].append(trial.wall_seconds)
        return trial, self._first_gain(candidate) if candidate else None

    def _is_too_long(self, description: str) -> bool:
        """Whether a pipeline is foreseen not to end in time, going by others like it."""
        if self.clock.expired:
            return True
        folds, same = len(self.encoded.folds), self.fold_seconds.get(description)
        if same:
            return statistics.median(same) * folds > self._clock_of_one().left
        every = [seconds for several in list(self.fold_seconds.values()) for seconds in several]
        return bool(every) and statistics.median(every) * folds > self.clock.left

    def _clock_of_one(self) -> Clock:
        """The clock of one attempt: a share of the budget, once there is a candidate.

        The share grows to twice what the candidates took, where that is more.
        """
        seconds = self.clock.budget.seconds
        took = [t.wall_seconds for t in list(self.ledger.trials) if t.outcome == "ok"]
        if seconds is None or not took or self.clock.expired:
            return self.clock
        share = max(seconds * _MOST_OF_BUDGET, 2 * statistics.median(took))
        return Budget(seconds=max(0.001, min(self.clock.left, share))).start()

    def _bar(self) -> float | None:
        """What the first fold must gain: as far below the tenth best as that is below the best."""
        if len(self.first_gains) < _RANKED_FOR_BAR:
            return None
        best = sorted(self.first_gains, reverse=True)[:_RANKED_FOR_BAR]
        return best[-1] - 2 * (best[0] - best[-1])

    def _gain(self, trial: Trial | None) -> float | None:
        if trial is None or trial.score is None:
            return None
        return self.ledger.metric.sign * trial.score

    def _first_gain(self, candidate: Candidate) -> float:
        return self.ledger.metric.sign * candidate.fold_scores[0]


def _key(description: str, parameters: dict[str, Any]) -> str:
    return json.dumps([description, parameters], sort_keys=True)


def _parameters(nodes: list[NodeIndividual]) -> dict[str, Any]:
    """The tuned parameters; those of steps before the model carry the step's name."""
    found: dict[str, Any] = {}
    for node in nodes:
        prefix = "" if node is nodes[-1] else f"{node.name}."
        found.update({f"{prefix}{name}": value for name, value in node.values.items()})
    return found


def _without_gaps(individual: Any) -> Any:
    """The estimator of an individual, without steps that do nothing."""
    from sklearn.pipeline import Pipeline, make_pipeline

    exported = individual.export_pipeline()
    if not isinstance(exported, Pipeline):
        return exported
    steps = [step for _, step in exported.steps if step != "passthrough"]
    return make_pipeline(*steps) if len(steps) > 1 else steps[0]
