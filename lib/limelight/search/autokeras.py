"""The AutoKeras engine: a search for networks, the promising ones scored on the shared folds."""

from __future__ import annotations

import contextlib
import io
import json
import math
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limelight.search.attempt import Attempt
from limelight.search.autokeras_backend import keep_compiled, load_keras
from limelight.search.autokeras_space import (
    auto_model,
    batch_size,
    loss_of,
    output_units,
    space,
)
from limelight.search.autokeras_tuner import Finished, SearchOver, Training, observed_tuner
from limelight.search.budget import Budget, Clock
from limelight.search.candidate import Outcome, Trial
from limelight.search.engine import SearchProblem
from limelight.search.evaluate import EncodedFolds, predict
from limelight.search.features import FrameEncoder
from limelight.search.ledger import Ledger
from limelight.search.network import (
    KerasClassifier,
    KerasNetwork,
    KerasRegressor,
    encoded_classes,
    network_input,
    standardised,
    training_until,
)

Array = NDArray[Any]

MOST_EPOCHS = 100
#: Spaces that one search goes through, one after another; the budget ends it long before.
MOST_SPACES = 30
#: A trial is scored on all folds if its loss is among so many lowest when it ends.
SCORED_RANKS = 3
_CLIP = 3.0


class AutoKerasEngine:
    """Searches with AutoKeras on the first shared fold, and scores what is good on all of them.

    A trial that is among the best when it ends is trained anew in each fold, for the number of
    epochs that was its best, and becomes a candidate; others count as pruned, with their score on
    the first fold. The number of the search chooses the space
    (`limelight.search.autokeras_space.space`).

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
        keep_compiled(workdir / "compiled")
        search = _Search(problem, clock, ledger, seed)
        with (
            warnings.catch_warnings(),
            training_until(clock),
            contextlib.suppress(SearchOver),
        ):
            warnings.simplefilter("ignore")
            # AutoKeras ends when it comes upon nothing new in a space; there are others.
            for further in range(MOST_SPACES):
                search.run(number + further, workdir / f"space-{further}")


class _Search:
    """One search, as the observer of its tuner."""

    def __init__(self, problem: SearchProblem, clock: Clock, ledger: Ledger, seed: int) -> None:
        self.problem = problem
        self.task = problem.task
        self.clock = clock
        self.ledger = ledger
        self.seed = seed
        self.encoded = EncodedFolds(problem, FrameEncoder(kind="onehot", scale="standard"))
        self.batch = min(
            batch_size(len(self.encoded.folds[0].training)), len(self.encoded.folds[0].training)
        )
        self.losses: list[float] = []
        self.number = 0
        self.waiting = False
        self.slowest = 0.0
        # Seconds of a fold, as a share of the same training in the trial: compiled code is shared.
        self.fold_share = 0.7

    def run(self, number: int, workdir: Path) -> None:
        """Let AutoKeras search one space until the budget ends, or it finds nothing new.

        Raises:
            SearchOver: The budget has ended.
        """
        self._check_time()
        wanted = (self.clock.budget.trials or 1_000_000) - len(self.ledger.trials)
        if wanted <= 0:
            raise SearchOver
        # What it has to say when it goes on with a killed search would stand among our lines.
        with contextlib.redirect_stdout(io.StringIO()):
            model = auto_model(
                self.task,
                space(number),
                tuner=observed_tuner(self, self.batch, self._validation_weights()),
                max_trials=wanted,
                directory=str(workdir),
                project_name="autokeras",
                overwrite=False,
                seed=self.seed,
            )
        oracle = model.tuner.oracle
        oracle.max_retries_per_trial = 0
        oracle.max_consecutive_failed_trials = 10
        oracle.max_trials = wanted + len(oracle.trials)
        known = [trial.score for trial in oracle.trials.values()]
        self.losses += [loss for loss in known if loss is not None and math.isfinite(loss)]
        training, validation, weights = self._data()
        with contextlib.suppress(SearchOver):  # of this space
            model.fit(
                *training,
                validation_data=validation,
                validation_batch_size=len(validation[0]),
                epochs=MOST_EPOCHS,
                batch_size=self.batch,
                verbose=0,
                **weights,
            )

    def _data(self) -> tuple[tuple[Array, Array], tuple[Array, Array], dict[str, Array]]:
        """Training and validation rows of the first fold, and weights where there are any.

        As many training rows as make full batches: a last smaller one would be compiled for
        itself in every trial.
        """
        fold = self.encoded.folds[0]
        full = len(fold.training) // self.batch * self.batch
        kept = np.random.default_rng(self.seed).permutation(len(fold.training))[:full]
        target = self._network_target(fold.training)
        x_training = network_input(fold.x_training, _CLIP)[kept]
        x_validation = network_input(fold.x_validation, _CLIP)
        weights = self.problem.weights
        return (
            (x_training, target[fold.training][kept]),
            (x_validation, target[fold.validation]),
            {} if weights is None else {"sample_weight": weights[fold.training][kept]},
        )

    def _validation_weights(self) -> Array | None:
        weights = self.problem.weights
        return None if weights is None else weights[self.encoded.folds[0].validation]

    def _network_target(self, training: Array) -> Array:
        """The target as a network's output, scaled by the training rows; shape (n, outputs)."""
        target = self.problem.target
        if self.task.is_classification:
            return encoded_classes(target, output_units(self.task))
        spread = float(target[training].std()) or 1.0
        return standardised(target, float(target[training].mean()), spread)

    def _check_time(self) -> None:
        """End the search where another trial would not end in time."""
        if self.clock.left < 1.2 * self.slowest + 0.5:
            if not self.ledger.trials:
                self._enter({}, "timeout", None, 0.0, "the budget ended before the first trial")
            raise SearchOver

    def before(self) -> None:
        """Number the next trial and seed it, if there is time for one."""
        self._check_time()
        if not self.waiting:  # where a space has nothing new, its number goes to the next one
            self.number = self.ledger.next_number()
        self.waiting = True
        # Its own seed: what comes before a trial has no influence on its weights.
        load_keras().utils.set_random_seed((self.seed + 7919 * self.number) % 2**31)

    def begin(self, values: dict[str, Any]) -> None:
        """Start the trial's clocks."""
        self.waiting = False
        self.ledger.begin(self.number, describe(values), values)
        self.started, self.cpu = time.perf_counter(), time.process_time()
        self.left = self.clock.left

    def must_stop(self, first: float | None, seconds: float) -> bool:
        """Leave so much time that the folds can follow; see `autokeras_tuner.Observer`."""
        if first is None:
            return self.clock.expired or seconds > self.left / 2
        folds = len(self.encoded.folds)
        starts = first * (1 + folds * self.fold_share)
        return self.clock.expired or seconds - first > (0.9 * self.left - starts) / (1 + folds)

    def finish(self, finished: Finished) -> None:
        """Score a promising trial on all folds; enter the others as they are."""
        training = finished.training
        if training is None or finished.loss is None or not math.isfinite(finished.loss):
            # A training that diverged has no error, and nothing that could be scored.
            error = finished.error or f"its validation loss is {finished.loss}"
            self._enter(finished.values, "failed", None, self._wall, error)
            return
        self.slowest = max(self.slowest, self._wall)
        self.losses.append(finished.loss)
        rank = sorted(self.losses).index(finished.loss)
        network = self._network(training)
        values = {**finished.values, "epochs": network.epochs, "batch_size": network.batch_size}
        expected = self._fold_seconds(training)
        if rank < SCORED_RANKS and self.clock.left > expected * len(self.encoded.folds):
            attempt = Attempt(self.number, describe(values), values, network)
            trial, candidate = attempt.run(self.encoded, self.clock, self.ledger, expected=expected)
            if candidate is not None:
                share = self.fold_share * trial.wall_seconds / len(self.encoded.folds) / expected
                self.fold_share = min(max(share, 0.3), 1.5)
            return
        cut = training.cut and self.clock.expired
        self._enter(
            values,
            "timeout" if cut else "pruned",
            self._first_fold_score(network, training),
            self._wall,
            "the budget ended during it" if cut else self._why_pruned(rank),
        )

    def _network(self, training: Training) -> KerasNetwork:
        """The trial's network, to be trained anew."""
        keras = load_keras()
        kind = KerasClassifier if self.task.is_classification else KerasRegressor
        return kind(
            architecture=architecture_of(training.model),
            optimizer=json.dumps(keras.optimizers.serialize(training.model.optimizer)),
            loss=loss_of(self.task),
            epochs=training.epochs,
            batch_size=self.batch,
            seed=self.seed,
            clip=_CLIP,
        )

    def _fold_seconds(self, training: Training) -> float:
        """Foreseen seconds of training it anew on one fold."""
        further = training.epoch_seconds * (training.epochs - 1)
        return self.fold_share * (training.first_seconds + further)

    def _first_fold_score(self, network: KerasNetwork, training: Training) -> float:
        fold = self.encoded.folds[0]
        fitted = network.with_model(training.model, self.problem.target[fold.training])
        prediction = predict(fitted, fold.x_validation, self.task)
        return self.task.scorer(self.problem.target[fold.validation], prediction)

    def _why_pruned(self, rank: int) -> str:
        if rank < SCORED_RANKS:
            return "no time was left to score it on all folds"
        return f"its loss on the first fold was not among the {SCORED_RANKS} lowest"

    @property
    def _wall(self) -> float:
        return time.perf_counter() - self.started

    def _enter(
        self,
        values: dict[str, Any],
        outcome: Outcome,
        score: float | None,
        seconds: float,
        error: str,
    ) -> None:
        trial = Trial(
            engine=self.ledger.engine,
            search=self.ledger.search,
            number=self.number,
            description=describe(values),
            parameters=values,
            outcome=outcome,
            score=score,
            started=self.ledger.elapsed - seconds,
            wall_seconds=seconds,
            cpu_seconds=time.process_time() - self.cpu if seconds else 0.0,
            error=error,
        )
        self.ledger.enter(trial)


def describe(values: dict[str, Any]) -> str:
    """A network in a few words.

    Example:
        >>> describe({"num_layers": 2, "units_0": 64, "units_1": 32, "use_batchnorm": True})
        'network 64-32, batch norm'
    """
    if not values:
        return "network"
    # A first network of so many layers takes the default for a width not yet in the space.
    widths = (values.get(f"units_{place}", "default") for place in range(values["num_layers"]))
    units = "-".join(map(str, widths))
    dropout = f", dropout {values['dropout']:g}" if values.get("dropout") else ""
    return f"network {units}{', batch norm' if values.get('use_batchnorm') else ''}{dropout}"


def architecture_of(model: Any) -> str:
    """The layers of a Keras model as JSON, without how it was compiled.

    AutoKeras' cast of the input, which is float32 here, becomes Keras' own ``Identity``: the
    network is then built, fitted and loaded where AutoKeras is not imported.
    """
    whole = json.loads(model.to_json())
    for layer in whole["config"]["layers"]:
        if layer["class_name"] == "CastToFloat32":
            layer.update(module="keras.layers", class_name="Identity", registered_name=None)
    return json.dumps({key: value for key, value in whole.items() if key != "compile_config"})
