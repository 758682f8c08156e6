"""The forward pass of trained networks in NumPy, so that predicting needs no Keras.

Importing Keras takes seconds, and its first prediction compiles; the networks that are searched
for tables are chains of a few kinds of layers, which are as fast in NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_ACTIVATIONS = ("linear", "relu", "silu", "selu", "sigmoid", "softmax")
_SELU_SCALE, _SELU_ALPHA = 1.05070098, 1.67326324
#: Rows times networks that are computed at once: more would leave the processor's cache.
_ROWS_AT_ONCE = 8_192


@dataclass(frozen=True)
class Layer:
    """One layer of some networks: an activation by name, ``"dense"`` or ``"columns"``.

    Args:
        kind: Its kind.
        arrays: Values of all networks, the first axis counts them. Dense: kernel and bias.
            Columns: scale, and by ``form`` what the embedding has learnt.
        form: ``numbers``, ``flags`` and ``codes`` of the columns, and the kind of embedding.
    """

    kind: str
    arrays: tuple[Array, ...] = field(default=())
    form: tuple[Any, ...] = field(default=())

    def __call__(self, x: Array) -> Array:
        """The layer's output for (n, d) or (networks, n, d); float32, (networks, n, units)."""
        if self.kind == "dense":
            kernel, bias = self.arrays
            product: Array = np.matmul(x, kernel)
            product += bias[:, None]
            return product
        if self.kind == "columns":
            return _columns(x, self.arrays, *self.form)
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
        return np.maximum(x, 0, out=x)
    if kind == "sigmoid":
        # The usual formula overflows on one side; this one does on none.
        return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))
    if kind == "silu":
        return np.asarray(x * (0.5 * (1.0 + np.tanh(0.5 * x))))
    if kind == "selu":
        below = _SELU_ALPHA * np.expm1(np.minimum(x, 0))
        return np.asarray(_SELU_SCALE * (np.maximum(x, 0) + below))
    if kind == "softmax":
        powers = np.exp(x - x.max(axis=-1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
    return x


def _columns(
    x: Array, arrays: tuple[Array, ...], numbers: int, flags: int, codes: int, kind: str
) -> Array:
    """`limelight.search.autokeras_layers.ColumnEmbedding`, for (n, d)."""
    scale, *learnt = arrays
    out = np.empty((len(scale), len(x), scale.shape[1]), dtype="float32")
    out[:, :, :numbers] = given = x[:, :numbers]
    end = numbers
    if kind == "pieces":
        lower, factor = learnt[0][0], learnt[1][0]  # of the rows, not of a network
        wide = np.clip((given[:, :, None] - lower) * factor, 0.0, 1.0)
        end += lower.size
        out[:, :, numbers:end] = wide.reshape(len(x), -1)
    elif kind == "waves":
        for place, (frequency, phase, mixture) in enumerate(zip(*learnt[:3], strict=True)):
            waves = np.cos(given[:, :, None] * frequency + phase)
            mixed = np.matmul(waves.swapaxes(0, 1), mixture).swapaxes(0, 1)
            end = numbers + mixture.shape[0] * mixture.shape[2]
            out[place, :, numbers:end] = mixed.reshape(len(x), -1)
    out[:, :, end : end + flags] = x[:, numbers : numbers + flags]
    if codes:
        places = x[:, numbers + flags :].astype("int64")
        out[:, :, end + flags :] = learnt[-1][:, places].reshape(len(scale), len(x), -1)
    out *= scale[:, None]
    return out


def forward(layers: list[Layer], x: Array) -> Array:
    """The mean output of the networks; float32, shape (n, units of the last layer).

    Example:
        >>> ones = np.ones((1, 2, 1), dtype="float32")
        >>> forward([Layer("dense", (ones, np.zeros((1, 1))))], np.array([[1.0, 2.0]])).tolist()
        [[3.0]]
    """
    parts = []
    size = max(64, _ROWS_AT_ONCE // len(layers[0].arrays[0]))
    for start in range(0, max(len(x), 1), size):
        part = np.asarray(x[start : start + size], dtype="float32")
        for layer in layers:
            part = layer(part)
        parts.append(part.mean(axis=0))
    return np.concatenate(parts).astype("float32", copy=False)


def layers_of(model: Any, values: dict[str, Array]) -> list[Layer]:
    """The layers of a Keras model with the values of some networks.

    Args:
        model: A chain of layers. Dropout does nothing when predicting.
        values: Path of a variable to its values, shape (networks, ...).

    Raises:
        ValueError: A layer or activation is none that is known here.
    """
    found: list[Layer] = []
    for layer in model.layers:
        found += _parts_of(layer, values)
    return found


def _parts_of(layer: Any, values: dict[str, Array]) -> list[Layer]:
    kind = type(layer).__name__
    if kind in ("InputLayer", "TunedDropout", "Identity"):
        return []
    if kind == "ColumnEmbedding":
        return [_embedding(layer, values)]
    if kind == "Softmax":
        return [Layer("softmax")]
    if kind not in ("Dense", "Activation", "ReLU"):
        raise ValueError(f"a layer is {kind}, which has no forward pass in NumPy")
    activation = "relu" if kind == "ReLU" else layer.activation.__name__
    if activation not in _ACTIVATIONS:
        raise ValueError(f"an activation is {activation}, which has no forward pass in NumPy")
    parts = [] if activation == "linear" else [Layer(activation)]
    if kind != "Dense":
        return parts
    return [Layer("dense", (values[layer.kernel.path], values[layer.bias.path])), *parts]


def _embedding(layer: Any, values: dict[str, Array]) -> Layer:
    from limelight.search.autokeras_layers import SCALE_RATE

    names = {"pieces": ("lower", "factor"), "waves": ("frequency", "phase", "mixture")}
    learnt = [values[getattr(layer, name).path] for name in names.get(layer.kind, ())]
    if layer.codes:
        learnt.append(values[layer.table.path])
    scale = (1.0 + SCALE_RATE * values[layer.scale.path]).astype("float32")
    return Layer("columns", (scale, *learnt), (layer.numbers, layer.flags, layer.codes, layer.kind))
