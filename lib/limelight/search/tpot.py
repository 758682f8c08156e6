"""The search of TPOT: recipes that evolve, scored by the shared protocol on the shared folds."""

from __future__ import annotations

import json
import math
import os
import statistics
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from limelight.errors import SearchError
from limelight.search.attempt import Attempt
from limelight.search.budget import Budget, Clock
from limelight.search.candidate import Candidate, Trial
from limelight.search.engine import SearchProblem
from limelight.search.evaluate import fit, predict
from limelight.search.foresight import Foresight
from limelight.search.ledger import Ledger
from limelight.search.plan import DASK
from limelight.search.processes import use_one_thread
from limelight.search.scoring import Here, Place

if TYPE_CHECKING:
    from limelight.search.tpot_space import Recipe

_BROOD = 8
_LEAST_BROOD = 4
_FRUITLESS_GENERATIONS = 10
# A recipe that is foreseen to take longer keeps the search from trying enough others...
_MOST_OF_BUDGET = 0.25
# ...but one that has begun has paid for a part: it may take this much.
_MOST_ONCE_BEGUN = 0.5
# Of what the best gains over a constant on the first fold, a recipe must gain this share.
_LEAST_SHARE = 0.6
_RANKED_FOR_BAR = 10


class TpotEngine:
    """Evolves recipes with TPOT, from known good ones.

    The number of the search chooses the space: even ones tune models that choose their encoding,
    odd ones evolve pipelines of scaling, selection and models on one-hot columns. Each core
    evaluates one recipe at a time; with ``LIMELIGHT_DASK`` set, each thread of the workers of
    that Dask cluster does. A killed search that starts again in the same folder takes the scores
    that its ledger has: with a budget of trials it then is as if it had not been killed.
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
            SearchError: No recipe could be evaluated.
        """
        from limelight.search.tpot_evolution import Evolution
        from limelight.search.tpot_models import build_space

        clock = budget.start()
        space = build_space(problem, seed, number)
        rng = np.random.default_rng([seed, number])
        first, brood = space.first, _BROOD
        with _place(problem, cores) as place:
            if budget.trials is None:
                # How many there are may follow from the machine: when they end does, too.
                first, brood = max(first, place.slots), max(_LEAST_BROOD, 2 * place.slots)
            with ThreadPoolExecutor(place.slots, initializer=use_one_thread) as threads:
                generations = _Generations(problem, place, clock, ledger, threads)
                recipes = space.recipes(rng, exact=number < 2)
                evolution = Evolution(recipes, generations.evaluate, first, brood, rng)
                while not generations.over:
                    evolution.next_generation()
        if not evolution.is_alive:
            raise SearchError(_why_nothing(ledger))


def _place(problem: SearchProblem, cores: int) -> Place:
    """The Dask cluster that is asked for, or this machine."""
    address = os.environ.get(DASK)
    if not address:
        return Here(problem, cores)
    from limelight.search.cluster import Cluster

    return Cluster(problem, address)


def _why_nothing(ledger: Ledger) -> str:
    reasons = [trial.error for trial in ledger.trials if trial.error]
    last = f"; the last: {reasons[-1]}" if reasons else ""
    return f"none of the {len(ledger.trials)} pipelines could be evaluated{last}."


class _Generations:
    """Evaluates generations of recipes, and knows when the search is over."""

    def __init__(
        self,
        problem: SearchProblem,
        place: Place,
        clock: Clock,
        ledger: Ledger,
        threads: ThreadPoolExecutor,
    ) -> None:
        self.place = place
        self.clock = clock
        self.ledger = ledger
        self.threads = threads
        self.folds = len(problem.folds)
        self.proposed = 0
        self.fruitless = 0
        self.known = {_key(t.description, t.parameters): t for t in ledger.trials}
        self.taken = {trial.number for trial in ledger.trials}
        self.known_gains = {found.number: self._first_gain(found) for found in ledger.candidates()}
        self.worst = _constant_gain(problem)
        self.first_gains: list[float] = []
        self.foresight = Foresight()

    @property
    def timed(self) -> bool:
        return self.clock.budget.trials is None

    @property
    def over(self) -> bool:
        """Whether the budget is spent, or no proposal can be evaluated within what is left."""
        trials = self.clock.budget.trials
        spent = self.clock.expired if trials is None else self.proposed >= trials
        return spent or self.fruitless >= _FRUITLESS_GENERATIONS

    def evaluate(self, recipes: list[Recipe]) -> list[float | None]:
        """The gains of a generation, None for who failed, was pruned or came too late.

        With a budget of trials, numbers are given and the bar is set before any thread starts:
        what happens does not depend on which thread is faster.
        """
        trials = self.clock.budget.trials
        allowed = len(recipes) if trials is None else max(0, trials - self.proposed)
        chosen = recipes[:allowed]
        bar = None if self.timed else self._bar()
        jobs = [
            self.threads.submit(self._try, recipe, self.proposed + place, bar)
            for place, recipe in enumerate(chosen)
        ]
        self.proposed += len(chosen)
        done = [job.result() for job in jobs]
        self.fruitless = 0 if any(done) else self.fruitless + 1
        return [self._gain(trial) for trial in done] + [None] * (len(recipes) - len(chosen))

    def _try(self, recipe: Recipe, proposal: int, bar: float | None) -> Trial | None:
        """The trial of a recipe, perhaps of an earlier attempt; None if there is no time."""
        description, parameters = recipe.description, recipe.parameters
        known = self.known.get(_key(description, parameters))
        if known is not None and known.outcome != "timeout":
            if known.number in self.known_gains:
                self.first_gains.append(self.known_gains[known.number])
            return known
        expected = self._foreseen(recipe)
        if self._clock_of_one(_MOST_OF_BUDGET).left <= expected * self.folds:
            return None
        clock = self._clock_of_one(_MOST_ONCE_BEGUN)
        number = self._number(proposal)
        attempt = Attempt(number, description, parameters, recipe.export_pipeline())
        trial, candidate = attempt.record(
            self.ledger,
            recipe.encoder,
            lambda: self.place.score(
                attempt.estimator,
                recipe.encoder,
                clock,
                bar=self._bar() if self.timed else bar,
                expected=expected,
            ),
        )
        self._learn(recipe, trial)
        if candidate is not None:
            self.first_gains.append(self._first_gain(candidate))
        return trial

    def _number(self, proposal: int) -> int:
        """The number of a trial: with a budget of trials the place of the recipe among all."""
        number = self.ledger.next_number() if self.timed else proposal
        while number in self.taken:
            number = self.ledger.next_number()
        self.taken.add(number)
        return number

    def _foreseen(self, recipe: Recipe) -> float:
        """Seconds of a fold; 0 where nothing is known, or no clock counts."""
        foreseen = self.foresight.foresee(recipe.kind, recipe.cost) if self.timed else None
        return foreseen or 0.0

    def _learn(self, recipe: Recipe, trial: Trial) -> None:
        # Of one that came too late it is not known how many folds it did: perhaps one.
        folds = self.folds if trial.outcome == "ok" else 1
        if trial.outcome != "failed":
            self.foresight.learn(recipe.kind, recipe.cost, trial.wall_seconds / folds)

    def _clock_of_one(self, most: float) -> Clock:
        """The clock of one attempt: a share of the budget, once there is a candidate.

        The share grows to twice what the candidates took, where that is more.
        """
        seconds = self.clock.budget.seconds
        took = [t.wall_seconds for t in list(self.ledger.trials) if t.outcome == "ok"]
        if seconds is None or not took or self.clock.expired:
            return self.clock
        share = max(seconds * most, 2 * statistics.median(took))
        return Budget(seconds=max(0.001, min(self.clock.left, share))).start()

    def _bar(self) -> float | None:
        """What the first fold must gain, once there is something to compare with.

        A share of what the best does over a constant; and, when many are known, as far below the
        tenth best as that is below the best.
        """
        gains = [gain for gain in list(self.first_gains) if math.isfinite(gain)]
        best = sorted(gains, reverse=True)[:_RANKED_FOR_BAR]
        if not best or not math.isfinite(self.worst):
            return None
        bar = self.worst + _LEAST_SHARE * (best[0] - self.worst)
        if len(best) == _RANKED_FOR_BAR:
            bar = max(bar, best[-1] - 2 * (best[0] - best[-1]))
        return min(bar, best[0])

    def _gain(self, trial: Trial | None) -> float | None:
        if trial is None or trial.score is None:
            return None
        return self.ledger.metric.sign * trial.score

    def _first_gain(self, candidate: Candidate) -> float:
        return self.ledger.metric.sign * candidate.fold_scores[0]


def _constant_gain(problem: SearchProblem) -> float:
    """What a constant gains on the first fold."""
    from sklearn.dummy import DummyClassifier, DummyRegressor

    training, validation = problem.folds[0]
    task, target = problem.task, problem.target
    dummy = DummyClassifier(strategy="prior") if task.is_classification else DummyRegressor()
    weights = None if problem.weights is None else problem.weights[training]
    fit(dummy, np.zeros((len(training), 1)), target[training], weights)
    prediction = predict(dummy, np.zeros((len(validation), 1)), task)
    return task.scorer.gain(target[validation], prediction)


def _key(description: str, parameters: dict[str, Any]) -> str:
    return json.dumps([description, parameters], sort_keys=True)
