"""The forward pass of a trained network in NumPy, so that predicting needs no Keras.

Importing Keras takes seconds, and its first prediction compiles; the networks that AutoKeras
finds for tables are chains of a few kinds of layers, which are as fast in NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_ACTIVATIONS = ("linear", "relu", "sigmoid", "softmax")
_ROWS_AT_ONCE = 16_384


@dataclass(frozen=True)
class Layer:
    """One layer: an activation by name, ``"dense"`` (x @ a + b) or ``"affine"`` (x * a + b)."""

    kind: str
    arrays: tuple[Array, ...] = field(default=())

    def __call__(self, x: Array) -> Array:
        """The layer's output; float32, shape (n, units)."""
        if self.kind == "dense":
            return np.asarray(x @ self.arrays[0] + self.arrays[1])
        if self.kind == "affine":
            return np.asarray(x * self.arrays[0] + self.arrays[1])
        return _activate(self.kind, x)


def _activate(kind: str, x: Array) -> Array:
    """An activation function, by name.

    Example:
        >>> _activate("sigmoid", np.array([[0.0, 1000.0]])).tolist()
        [[0.5, 1.0]]
        >>> _activate("softmax", np.array([[1000.0, 1000.0]])).tolist()
        [[0.5, 0.5]]
    """
    if kind == "relu":
        return np.maximum(x, 0)
    if kind == "sigmoid":
        # The usual formula overflows on one side; this one does on none.
        return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))
    if kind == "softmax":
        powers = np.exp(x - x.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))
    return x


def forward(layers: list[Layer], x: Array) -> Array:
    """The network's output for standardised rows; float32, shape (n, units of the last layer).

    Example:
        >>> ones = np.ones((2, 1), dtype="float32")
        >>> forward([Layer("dense", (ones, np.zeros(1)))], np.array([[1.0, 2.0]])).tolist()
        [[3.0]]
    """
    parts = []
    for start in range(0, max(len(x), 1), _ROWS_AT_ONCE):
        part = np.asarray(x[start : start + _ROWS_AT_ONCE], dtype="float32")
        for layer in layers:
            part = layer(part)
        parts.append(part)
    return np.concatenate(parts).astype("float32", copy=False)


def layers_of(model: Any) -> list[Layer] | None:
    """A trained Keras model as layers, or None if it is no chain of known ones.

    Dropout does nothing when predicting, and normalisations become one factor and one summand.
    """
    found: list[Layer] = []
    last = None
    for layer in model.layers:
        inputs = [] if type(layer).__name__ == "InputLayer" else layer.input
        if last is not None and inputs is not last.output:
            return None
        last = layer
        parts = _parts_of(layer)
        if parts is None:
            return None
        found.extend(parts)
    return found


def _parts_of(layer: Any) -> list[Layer] | None:
    kind = type(layer).__name__
    if kind in ("InputLayer", "Dropout", "Identity", "CastToFloat32"):
        return []
    if kind == "ReLU":
        plain = layer.max_value is None and not layer.negative_slope and not layer.threshold
        return [Layer("relu")] if plain else None
    if kind == "Softmax":
        return [Layer("softmax")]
    if kind == "BatchNormalization":
        return [_batch_normalization(layer)]
    if kind not in ("Dense", "Activation"):
        return None
    activation = layer.activation.__name__
    if activation not in _ACTIVATIONS:
        return None
    parts = [] if activation == "linear" else [Layer(activation)]
    return [_dense(layer), *parts] if kind == "Dense" else parts


def _dense(layer: Any) -> Layer:
    kernel = _array(layer.kernel)
    bias = _array(layer.bias) if layer.use_bias else np.zeros(kernel.shape[1], dtype="float32")
    return Layer("dense", (kernel, bias))


def _batch_normalization(layer: Any) -> Layer:
    factor = 1.0 / np.sqrt(_array(layer.moving_variance) + layer.epsilon)
    if layer.scale:
        factor = factor * _array(layer.gamma)
    shift = -_array(layer.moving_mean) * factor
    if layer.center:
        shift = shift + _array(layer.beta)
    return Layer("affine", (factor.astype("float32"), shift.astype("float32")))


def _array(variable: Any) -> Array:
    import keras

    # A copy: the model goes on training, and its buffers are the backend's.
    return np.array(keras.ops.convert_to_numpy(variable), dtype="float32")
