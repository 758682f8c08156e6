"""The AutoKeras engine: a search for networks, each scored on the shared folds."""

from __future__ import annotations

import contextlib
import io
import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limelight.search.attempt import Attempt
from limelight.search.autokeras_backend import load_keras
from limelight.search.autokeras_effort import Effort, Pace
from limelight.search.autokeras_space import auto_model, loss_of, output_units, space
from limelight.search.autokeras_tuner import MOST_FAILURES, SearchOver, scored_tuner
from limelight.search.budget import Budget
from limelight.search.candidate import Trial
from limelight.search.configuration import class_weight
from limelight.search.engine import SearchProblem
from limelight.search.evaluate import EncodedFolds, OutOfTime
from limelight.search.features import FrameEncoder
from limelight.search.ledger import Ledger
from limelight.search.network import (
    KerasClassifier,
    KerasNetworks,
    KerasRegressor,
    Watch,
    encoded_classes,
    training_until,
)
from limelight.search.network_input import NetworkInput

Array = NDArray[Any]

#: Spaces that one search goes through, one after another; the budget ends it long before.
MOST_SPACES = 30
#: A network must be among so many best on the first fold, once as many as the second are known.
RANKED, LEAST_FOR_BAR = 8, 5


class AutoKerasEngine:
    """Searches with AutoKeras for networks, and scores each on the shared folds.

    AutoKeras' greedy tuner chooses embedding, layers and rates; what it makes small is the loss of
    the metric on the shared folds. A candidate is the mean of some networks of one architecture,
    each stopped by rows that it held out of its own training rows: what is predicted out of fold
    had no say. A network that is not among the best on the first fold is pruned.
    The number of the search chooses the networks that it begins with
    (`limelight.search.autokeras_space.space`). A killed search that starts again in the same
    folder takes the scores that its ledger has: with a budget of trials it then is as if it had
    not been killed.

    Keras computes on a GPU where its backend finds one; nothing needs to be set.

    Example:
        >>> AutoKerasEngine().name
        'autokeras'
    """

    name = "autokeras"

    def search(
        self,
        problem: SearchProblem,
        budget: Budget,
        ledger: Ledger,
        *,
        seed: int,
        number: int,
        cores: int,
        workdir: Path,
    ) -> None:
        """Search until the budget ends; see `limelight.search.engine.Engine`.

        Raises:
            InputError: ``KERAS_BACKEND`` names a backend that is unknown or not installed.
        """
        clock = budget.start()
        load_keras(cores)
        with (
            warnings.catch_warnings(),
            training_until(clock) as watch,
            contextlib.suppress(SearchOver),
        ):
            warnings.simplefilter("ignore")
            search = _Search(problem, watch, ledger, seed)
            # AutoKeras ends when it comes upon nothing new in a space; there are others.
            for further in range(MOST_SPACES):
                search.run(number + further, workdir / f"space-{further}")


class _Search:
    """One search, as the scorer of its tuner."""

    def __init__(self, problem: SearchProblem, watch: Watch, ledger: Ledger, seed: int) -> None:
        self.problem = problem
        self.task = problem.task
        self.watch = watch
        self.clock = clock = watch.clock
        self.ledger = ledger
        self.seed = seed
        self.encoded = EncodedFolds(problem, FrameEncoder("native"))
        first = self.encoded.folds[0]
        self.layout = NetworkInput().fit(first.x_training).layout_
        self.pace = Pace(len(first.training), len(self.encoded.folds), clock)
        self.known = {_key(trial.parameters): trial for trial in ledger.trials}
        self.first_gains: list[float] = []
        self.first_gain_of = {c.number: self._first_gain(c) for c in ledger.candidates()}
        #: What was chosen in this run, whether its score was known or not.
        self.chosen: set[str] = set()
        self.asked = 0
        self.measured: set[str] = set()

    def run(self, number: int, workdir: Path) -> None:
        """Let AutoKeras search one space until the budget ends, or it finds nothing new.

        Raises:
            SearchOver: The budget has ended.
        """
        self.before()
        # AutoKeras lists the networks that it has tried on stdout, where our lines stand.
        with contextlib.redirect_stdout(io.StringIO()):
            model = auto_model(
                self.task,
                space(number),
                self.layout,
                tuner=scored_tuner(self),
                max_trials=1_000_000,
                directory=str(workdir),
                project_name="autokeras",
                overwrite=True,
                # None would be drawn, and so would be zero.
                seed=1 + self.seed % 2**31,
            )
        oracle = model.tuner.oracle
        oracle.max_retries_per_trial = 0
        oracle.max_consecutive_failed_trials = MOST_FAILURES
        inputs, outputs = self._example()
        with contextlib.suppress(SearchOver):  # of this space
            model.fit(inputs, outputs, validation_data=(inputs, outputs), epochs=1, verbose=0)

    def _example(self) -> tuple[Array, Array]:
        """Rows from which AutoKeras reads what goes into a network and what comes out."""
        codes = np.arange(max(2, len(self.task.classes)))
        outputs = (
            encoded_classes(codes, output_units(self.task))
            if self.task.is_classification
            else codes[:, None].astype("float32")
        )
        return np.zeros((len(codes), self.layout.columns), dtype="float32"), outputs

    def before(self) -> None:
        """End the search where the budget is spent, else see to it that the choice is repeatable.

        Raises:
            SearchOver: It is spent.
        """
        trials = self.clock.budget.trials
        spent = len(self.chosen) >= trials if trials is not None else self.pace.is_over
        if spent:
            if not self.ledger.trials:
                self._enter_nothing()
            raise SearchOver
        self.asked += 1
        # AutoKeras draws from the global generators of Python and NumPy.
        load_keras().utils.set_random_seed((self.seed + 7919 * self.asked) % 2**31)

    def score(self, values: dict[str, Any], architecture: str, weights: int) -> float | None:
        """Score a network on the shared folds; see `limelight.search.autokeras_tuner.Scorer`."""
        key = _key(values)
        known = self.known.get(key)
        if known is not None and known.outcome != "timeout":
            if key not in self.chosen:
                self.chosen.add(key)
                self._note(self.first_gain_of.get(known.number))
            return self._loss(known)
        self.chosen.add(key)
        number = self.ledger.next_number()
        if self.clock.budget.trials is None:
            self._measure(values, architecture, weights)
        effort = self.pace.effort(weights)
        attempt = Attempt(
            number,
            describe(values),
            {**values, **effort.parameters},
            self._network(values, architecture, effort, number),
        )
        if effort.seconds > self.clock.left:
            attempt.skip(self.ledger, "its folds are foreseen not to end in time")
            return math.inf
        trial, candidate = attempt.run(
            self.encoded, self.clock, self.ledger, bar=self._bar(), expected=effort.seconds_of_fold
        )
        self.known[key] = trial
        if candidate is not None:
            self._note(self._first_gain(candidate))
        return self._loss(trial)

    def _enter_nothing(self) -> None:
        attempt = Attempt(self.ledger.next_number(), "network", {}, None)
        attempt.skip(self.ledger, "the budget ended before the first trial")

    def _measure(self, values: dict[str, Any], architecture: str, weights: int) -> None:
        """Learn on the first fold how long an epoch of a new architecture takes here.

        What is compiled for it is used again: no fold is held for slower than it is.
        """
        if architecture in self.measured:
            return
        self.measured.add(architecture)
        fold = self.encoded.folds[0]
        effort = self.pace.effort(weights)
        given = None if self.problem.weights is None else self.problem.weights[fold.training]
        self.watch.trained.clear()
        with contextlib.suppress(OutOfTime, ValueError):  # the trial will say
            self._network(values, architecture, effort, 0).set_params(epochs=2).fit(
                fold.x_training, self.problem.target[fold.training], sample_weight=given
            )
        self.pace.learn(effort, weights, self.watch.trained)

    def _network(
        self, values: dict[str, Any], architecture: str, effort: Effort, number: int
    ) -> KerasNetworks:
        kind = KerasClassifier if self.task.is_classification else KerasRegressor
        return kind(
            architecture=architecture,
            loss=loss_of(self.task),
            learning_rate=values["learning_rate"],
            weight_decay=values["weight_decay"],
            dropout=values["dropout"],
            balanced=class_weight(self.task) is not None and self.task.is_classification,
            # Its own seed: candidates that differ in their weights too are better averaged.
            seed=(self.seed + number) % 2**31,
            **effort.parameters,
        )

    def _bar(self) -> float | None:
        """What the first fold must gain: as much as the last of the best."""
        if len(self.first_gains) < LEAST_FOR_BAR:
            return None
        return sorted(self.first_gains, reverse=True)[:RANKED][-1]

    def _note(self, gain: float | None) -> None:
        if gain is not None:
            self.first_gains.append(gain)

    def _first_gain(self, candidate: Any) -> float:
        return float(self.ledger.metric.sign * candidate.fold_scores[0])

    def _loss(self, trial: Trial) -> float | None:
        if trial.outcome == "failed":
            return None
        return math.inf if trial.score is None else -self.ledger.metric.sign * trial.score


def describe(values: dict[str, Any]) -> str:
    """A network in a few words.

    Example:
        >>> describe({"hidden": "128-64", "embedding": "pieces-16", "dropout": 0.1})
        'network 128-64, pieces-16, dropout 0.1'
    """
    embedding = "" if values["embedding"] == "plain" else f", {values['embedding']}"
    activation = "" if values.get("activation", "relu") == "relu" else f", {values['activation']}"
    dropout = f", dropout {values['dropout']:g}" if values["dropout"] else ""
    return f"network {values['hidden']}{embedding}{activation}{dropout}"


def _key(parameters: dict[str, Any]) -> str:
    """What tells networks apart: how much is spent on one follows from the machine."""
    chosen = {name: value for name, value in parameters.items() if name not in Effort.NAMES}
    return json.dumps(chosen, sort_keys=True)
