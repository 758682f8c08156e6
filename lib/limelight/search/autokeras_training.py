"""Networks of one architecture, trained side by side, each stopped by rows of its own.

Several small networks on other rows, averaged, are worth more than a large one, and side by side
they cost little more than one: on jax a whole round of steps is one compiled call for all of
them. Other backends train them in turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from limelight.search.autokeras_backend import chosen_backend

Array = NDArray[Any]

#: Steps of a round, at most: between rounds the clock is looked at, and the held-out rows.
MOST_STEPS = 200
#: More held-out rows tell no more about when to stop.
MOST_HELD = 4096
#: Of all epochs, so many without a better loss on the held-out rows end a training.
PATIENCE = 1 / 6
LEAST_PATIENCE = 8


@dataclass(frozen=True)
class Recipe:
    """How networks are trained.

    Args:
        loss: Name of a Keras loss.
        epochs: Passes over the rows, see `schedule`.
        batch_size: Rows a step; all rows where there are fewer.
        learning_rate: The first rate.
        weight_decay: Of kernels and tables, as a share of the rate.
    """

    loss: str
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float


@dataclass(frozen=True)
class Rows:
    """What networks are trained on.

    Args:
        inputs: float32, shape (n, columns).
        outputs: What is to come out; float32, shape (n, outputs).
        weights: float32, shape (n,).
        splits: For each network the positions of the rows that it learns from, and of those that
            tell when to stop.
    """

    inputs: Array
    outputs: Array
    weights: Array
    splits: Sequence[tuple[Array, Array]]


@dataclass(frozen=True)
class Trained:
    """Networks as they were when they were best.

    Args:
        model: A Keras model of their architecture.
        values: Path of a variable to its values, float32, shape (networks, ...).
        epochs: After how many epochs that was.
        first_seconds: Of the first round of steps, which may have been compiled for it.
        round_seconds: Of each further round, on average; 0 where there was none.
        rounds: Of an epoch.
    """

    model: Any
    values: dict[str, Array]
    epochs: int
    first_seconds: float
    round_seconds: float
    rounds: int


class Trainer(Protocol):
    """Networks in training."""

    @property
    def model(self) -> Any:
        """A Keras model of their architecture."""

    def round(self, rows: Array, rates: Array) -> Array:
        """Take steps, and tell the loss of each network on its held-out rows; shape (networks,).

        Args:
            rows: Positions, shape (steps, networks, batch).
            rates: Learning rate of each step, shape (steps,).
        """

    def snapshot(self) -> Any:
        """The weights as they are."""

    def values(self, snapshot: Any) -> dict[str, Array]:
        """The weights of a snapshot by the path of their variable; shape (networks, ...)."""


def train(
    make: Callable[[], Any],
    key: str,
    recipe: Recipe,
    data: Rows,
    constants: dict[str, Array],
    seed: int,
    check: Callable[[], None],
) -> Trained:
    """Train networks side by side, and stop when they get no better on their held-out rows.

    All stop at the same epoch: the mean of their losses is less noisy than each.

    Args:
        make: Makes the Keras model.
        key: Tells architectures apart: of the same one, what was compiled is used again.
        recipe, data: How, and on what.
        constants: Values of variables that are not learnt, by the end of their path; the rate of
            dropout is one.
        seed: Seed of first weights, order of rows and dropout.
        check: Called between rounds; may raise to end the training.

    Raises:
        ValueError: The loss is not finite.
    """
    rng = np.random.default_rng(seed)
    steps = _Steps.of(recipe, data)
    progress = _Progress(_trainer(make, key, recipe, data, constants, rng), recipe, data)
    for epoch in range(recipe.epochs):
        for rows, rates in steps.rounds(epoch, rng):
            check()
            progress.round(rows, rates)
        if progress.is_over_after(epoch + 1):
            break
    return progress.trained(steps.rounds_of_epoch)


@dataclass(frozen=True)
class _Steps:
    """Which rows each step takes, and its rate; all rounds are of one size, to compile once."""

    recipe: Recipe
    data: Rows
    size: int
    rounds_of_epoch: int
    steps_of_round: int

    @classmethod
    def of(cls, recipe: Recipe, data: Rows) -> _Steps:
        least = min(len(kept) for kept, _ in data.splits)
        size = min(recipe.batch_size, least)
        rounds = -(-(least // size) // MOST_STEPS)
        return cls(recipe, data, size, rounds, least // size // rounds)

    def rounds(self, epoch: int, rng: np.random.Generator) -> Iterator[tuple[Array, Array]]:
        """Rows (steps, networks, batch) and rates (steps,) of each round of an epoch."""
        steps = self.rounds_of_epoch * self.steps_of_round
        order = [rng.permutation(kept)[: steps * self.size] for kept, _ in self.data.splits]
        rows = np.stack(order, axis=1).astype("int32").reshape(steps, self.size, -1)
        done = (epoch + np.arange(steps) / steps) / self.recipe.epochs
        rates = (self.recipe.learning_rate * schedule(done)).astype("float32")
        for start in range(0, steps, self.steps_of_round):
            part = slice(start, start + self.steps_of_round)
            yield rows[part].swapaxes(1, 2), rates[part]


class _Progress:
    """Notes when the networks of a trainer were best, and how long they take."""

    def __init__(self, trainer: Trainer, recipe: Recipe, data: Rows) -> None:
        self.trainer = trainer
        self.patience = max(LEAST_PATIENCE, round(PATIENCE * recipe.epochs))
        self.stops = any(len(held) for _, held in data.splits)
        self.best, self.best_epoch, self.least = trainer.snapshot(), 0, np.inf
        self.loss = np.inf
        self.seconds: list[float] = []

    def round(self, rows: Array, rates: Array) -> None:
        begun = time.perf_counter()
        self.loss = float(self.trainer.round(rows, rates).mean())
        self.seconds.append(time.perf_counter() - begun)

    def is_over_after(self, epochs: int) -> bool:
        """Keep the weights if they are the best so far; whether that was too long ago."""
        if not np.isfinite(self.loss):
            raise ValueError(f"its loss is {self.loss}")
        if self.loss < self.least or not self.stops:
            self.best, self.best_epoch, self.least = self.trainer.snapshot(), epochs, self.loss
        return self.stops and epochs - self.best_epoch >= self.patience

    def trained(self, rounds_of_epoch: int) -> Trained:
        first, *further = self.seconds
        return Trained(
            self.trainer.model,
            self.trainer.values(self.best),
            self.best_epoch,
            first,
            float(np.mean(further)) if further else 0.0,
            rounds_of_epoch,
        )


def schedule(done: Array) -> Array:
    """The learning rate as a share of the first one: flat, then down to zero along a cosine.

    Example:
        >>> schedule(np.array([0.0, 0.5, 0.75, 1.0])).round(2).tolist()
        [1.0, 1.0, 0.5, 0.0]
    """
    return np.asarray(0.5 * (1.0 + np.cos(np.pi * np.clip(2.0 * done - 1.0, 0.0, 1.0))))


def _trainer(
    make: Callable[[], Any],
    key: str,
    recipe: Recipe,
    data: Rows,
    constants: dict[str, Array],
    rng: np.random.Generator,
) -> Trainer:
    if chosen_backend() == "jax":
        from limelight.search.autokeras_side_by_side import SideBySide, compiled

        return SideBySide(compiled(make, key, recipe.loss), recipe, data, constants, rng)
    from limelight.search.autokeras_in_turn import InTurn

    return InTurn(make, recipe, data, constants, rng)
