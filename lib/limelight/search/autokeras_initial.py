"""What a training begins with: first weights and the optimizer, the same on every backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from limelight.search.autokeras_backend import load_keras

Array = NDArray[Any]

#: Deviation of the first frequencies of waves, in radians on a quartile's distance.
_FREQUENCY = 1.0
_SECOND_MOMENT = 0.95


def first_weights(model: Any, constants: dict[str, Array], rng: np.random.Generator) -> list[Array]:
    """First values of all of a model's variables, drawn with NumPy: the same on every backend.

    Kernels are as He et al., *Delving Deep into Rectifiers*, ICCV 2015, have them, the last one
    smaller.
    """
    last = [variable for variable in model.trainable_variables if _name(variable) == "kernel"][-1]
    return [
        _first(variable, 1.0 if variable is last else 2.0, constants, rng)
        for variable in model.variables
    ]


def _first(
    variable: Any, gain: float, constants: dict[str, Array], rng: np.random.Generator
) -> Array:
    name, shape = _name(variable), tuple(variable.shape)
    if name in constants:
        return np.asarray(constants[name], dtype="float32")
    if name in ("kernel", "mixture"):
        return rng.normal(0.0, np.sqrt(gain / shape[-2]), shape).astype("float32")
    if name == "frequency":
        return rng.normal(0.0, _FREQUENCY, shape).astype("float32")
    if name == "phase":
        return rng.uniform(-np.pi, np.pi, shape).astype("float32")
    if name == "table":
        return rng.normal(0.0, shape[-1] ** -0.5, shape).astype("float32")
    if name == "seed_generator_state":
        return rng.integers(0, 2**32, shape).astype("uint32")
    return np.zeros(shape, dtype="float32")


def _name(variable: Any) -> str:
    return str(variable.path).rpartition("/")[2]


def optimizer_for(model: Any) -> Any:
    """Adam (Kingma and Ba, ICLR 2015), built for the model; rate and decay come with each step."""
    found = load_keras().optimizers.Adam(learning_rate=0.0, beta_2=_SECOND_MOMENT)
    found.build(model.trainable_variables)
    return found


def decayed(model: Any) -> list[bool]:
    """Which of the learnt variables are subject to weight decay.

    It is decoupled from the slopes (Loshchilov and Hutter, *Decoupled Weight Decay
    Regularization*, ICLR 2019).
    """
    return [_name(one) in ("kernel", "mixture", "table") for one in model.trainable_variables]


def row_losses(name: str) -> Callable[[Any, Any], Any]:
    """The loss of each row."""
    found: Callable[[Any, Any], Any] = load_keras().losses.get(name)
    return found
