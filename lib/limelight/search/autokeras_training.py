"""Networks of one architecture, trained side by side, each stopped by rows of its own.

Several small networks on other rows, averaged, are worth more than a large one, and side by side
they cost little more than one: on jax a whole round of steps is one compiled call for all of
them. Other backends train them in turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
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
    least = min(len(kept) for kept, _ in data.splits)
    size = min(recipe.batch_size, least)
    rounds = -(-(least // size) // MOST_STEPS)
    steps = least // size // rounds
    trainer = _trainer(make, key, recipe, data, constants, rng)
    held = any(len(some) for _, some in data.splits)
    patience = max(LEAST_PATIENCE, round(PATIENCE * recipe.epochs))
    best, best_loss, best_epoch = trainer.snapshot(), np.inf, 0
    took: list[float] = []
    for epoch in range(recipe.epochs):
        order = [rng.permutation(kept)[: rounds * steps * size] for kept, _ in data.splits]
        shuffled = np.stack(order, axis=1).reshape(rounds, steps, size, -1).swapaxes(2, 3)
        for place, chosen in enumerate(shuffled):
            check()
            done = (np.arange(steps) + (epoch * rounds + place) * steps) / (
                recipe.epochs * rounds * steps
            )
            rates = recipe.learning_rate * schedule(done)
            begun = time.perf_counter()
            losses = trainer.round(chosen.astype("int32"), rates.astype("float32"))
            took.append(time.perf_counter() - begun)
        loss = float(losses.mean())
        if not np.isfinite(loss):
            raise ValueError(f"its loss is {loss}")
        if loss < best_loss or not held:
            best, best_loss, best_epoch = trainer.snapshot(), loss, epoch + 1
        elif epoch + 1 - best_epoch >= patience:
            break
    further = float(np.mean(took[1:])) if len(took) > 1 else 0.0
    return Trained(trainer.model, trainer.values(best), best_epoch, took[0], further, rounds)


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
