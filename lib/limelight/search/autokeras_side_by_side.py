"""Networks of one architecture as one compiled program of jax. Importing it imports jax."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from limelight.search.autokeras_initial import decayed, first_weights, optimizer_for, row_losses
from limelight.search.autokeras_training import MOST_HELD, Recipe, Rows

Array = NDArray[Any]

#: Architectures whose programs a process keeps.
_KEPT = 16
# Folds differ by some rows: they share a program where these are rounded up.
_ROUND_ROWS, _ROUND_HELD = 256, 64


class Compiled:
    """The steps of an architecture, compiled when first taken.

    All rates and first weights come from outside: trials that differ in them alone share it.
    """

    def __init__(self, model: Any, loss: str) -> None:
        self.model = model
        self.optimizer = optimizer_for(model)
        self.decayed = decayed(model)
        self.loss = row_losses(loss)
        names = [variable.name for variable in self.optimizer.variables]
        self.rate = names.index("learning_rate")
        # A third of the time of compiling, and steps of this size gain nothing from more.
        on_cpu = jax.default_backend() == "cpu"
        options: Any = {"xla_backend_optimization_level": 1} if on_cpu else None
        self.round = jax.jit(self._round, compiler_options=options)

    def _round(
        self, state: Any, data: Any, rows: Any, rates: Any, decay: Any, held: Any, share: Any
    ) -> Any:
        """Some steps of all networks, and the loss of each on its held-out rows."""

        def step(state: Any, given: Any) -> tuple[Any, None]:
            chosen, rate = given
            every = jax.vmap(self._step, in_axes=(0, None, 0, None, None))
            return every(state, data, chosen, rate, decay), None

        state, _ = jax.lax.scan(step, state, (rows, rates))
        return state, jax.vmap(self._held, in_axes=(0, None, 0, 0))(state, data, held, share)

    def _step(self, state: Any, data: Any, chosen: Any, rate: Any, decay: Any) -> Any:
        learnt, fixed, moments = state
        moments = [rate if i == self.rate else value for i, value in enumerate(moments)]
        inputs, outputs, weights = (part[chosen] for part in data)

        def mean_loss(learnt: Any) -> Any:
            predicted, after = self.model.stateless_call(learnt, fixed, inputs, training=True)
            return (self.loss(outputs, predicted) * weights).mean(), after

        slopes, fixed = jax.grad(mean_loss, has_aux=True)(learnt)
        kept = [
            value * (1.0 - rate * decay) if decayed else value
            for value, decayed in zip(learnt, self.decayed, strict=True)
        ]
        learnt, moments = self.optimizer.stateless_apply(moments, slopes, kept)
        return learnt, fixed, moments

    def _held(self, state: Any, data: Any, held: Any, share: Any) -> Any:
        inputs, outputs, weights = (part[held] for part in data)
        predicted, _ = self.model.stateless_call(state[0], state[1], inputs, training=False)
        share = share * weights
        return (self.loss(outputs, predicted) * share).sum() / jnp.maximum(share.sum(), 1e-12)


class SideBySide:
    """Networks that take each step together; see `limelight.search.autokeras_training.Trainer`."""

    def __init__(
        self,
        compiled: Compiled,
        recipe: Recipe,
        data: Rows,
        constants: dict[str, Array],
        rng: np.random.Generator,
    ) -> None:
        self.compiled = compiled
        self.decay = np.float32(recipe.weight_decay)
        self.model = model = compiled.model
        count = len(data.splits)
        drawn = [first_weights(model, constants, rng) for _ in range(count)]
        first = {
            variable.path: np.stack(values)
            for variable, values in zip(model.variables, zip(*drawn, strict=True), strict=True)
        }
        moments = [
            np.zeros((count, *variable.shape), dtype=str(variable.dtype))
            for variable in compiled.optimizer.variables
        ]
        self.state = (
            [first[variable.path] for variable in model.trainable_variables],
            [first[variable.path] for variable in model.non_trainable_variables],
            moments,
        )
        more = -len(data.inputs) % _ROUND_ROWS
        parts = (data.inputs, data.outputs, data.weights)
        self.data = [
            jnp.asarray(np.concatenate([part, np.zeros((more, *part.shape[1:]), part.dtype)]))
            for part in parts
        ]
        self.held, self.share = _padded([held[:MOST_HELD] for _, held in data.splits])

    def round(self, rows: Array, rates: Array) -> Array:
        self.state, losses = self.compiled.round(
            self.state, self.data, rows, rates, self.decay, self.held, self.share
        )
        return np.asarray(losses, dtype="float64")

    def snapshot(self) -> Any:
        return self.state[:2]

    def values(self, snapshot: Any) -> dict[str, Array]:
        variables = [*self.model.trainable_variables, *self.model.non_trainable_variables]
        arrays = [*snapshot[0], *snapshot[1]]
        return {
            variable.path: np.array(value)
            for variable, value in zip(variables, arrays, strict=True)
        }


def compiled(make: Callable[[], Any], key: str, loss: str) -> Compiled:
    """The steps of an architecture, made once in a process.

    Args:
        make: Makes the Keras model.
        key: Tells architectures apart.
        loss: Name of a Keras loss.
    """
    whole = f"{loss}/{key}"
    with _LOCK:
        if whole not in _PROGRAMS:
            while len(_PROGRAMS) >= _KEPT:
                del _PROGRAMS[next(iter(_PROGRAMS))]
            _PROGRAMS[whole] = Compiled(make(), loss)
        return _PROGRAMS[whole]


_LOCK = threading.Lock()
_PROGRAMS: dict[str, Compiled] = {}


def _padded(some: list[Array]) -> tuple[Any, Any]:
    """Rows of several networks as one matrix of positions, and 1 where one stands, else 0."""
    longest = max(len(rows) for rows in some)
    width = max(1, -(-longest // _ROUND_HELD)) * _ROUND_HELD
    positions, share = np.zeros((len(some), width), "int32"), np.zeros((len(some), width), "f4")
    for place, rows in enumerate(some):
        positions[place, : len(rows)] = rows
        share[place, : len(rows)] = 1.0
    return jnp.asarray(positions), jnp.asarray(share)
