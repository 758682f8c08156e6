"""A network that AutoKeras found, as a scikit-learn estimator that predicts without Keras."""

from __future__ import annotations

import json
import random
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from limelight.search.autokeras_backend import load_keras
from limelight.search.autokeras_forward import forward, layers_of
from limelight.search.budget import Clock
from limelight.search.evaluate import OutOfTime

Array = NDArray[Any]

_CLOCK: ContextVar[Clock | None] = ContextVar("clock", default=None)
_RANDOMNESS = threading.Lock()
_TOLERANCE = 1e-4
_WIDTH = 32


@contextmanager
def training_until(clock: Clock) -> Iterator[None]:
    """Trainings inside it end with `OutOfTime` when the clock has run out."""
    token = _CLOCK.set(clock)
    try:
        yield
    finally:
        _CLOCK.reset(token)


class KerasNetwork(BaseEstimator):  # type: ignore[misc]
    """A network of given architecture, trained anew by ``fit`` for a given number of epochs.

    The weights are kept as NumPy arrays: pickles are small, load without Keras and on any
    backend, and predict at once. A network with other layers than those of
    `limelight.search.autokeras_forward` keeps itself as the bytes of a ``.keras`` file instead.

    Args:
        architecture: The model as JSON (`keras.Model.to_json`).
        optimizer: The optimizer as JSON (`keras.optimizers.serialize`).
        loss: Name of a Keras loss.
        epochs: Passes over the rows.
        batch_size: Rows a step; all rows where there are fewer.
        seed: Seed of the first weights, the order of the rows and dropout.
        clip: Inputs are cut at this many standard deviations; they should come standardised.

    Attributes:
        layers_: The forward pass, or None.
        keras_bytes_: A ``.keras`` file, where ``layers_`` is None.
    """

    def __init__(
        self,
        architecture: str = "",
        optimizer: str = "",
        loss: str = "",
        epochs: int = 10,
        batch_size: int = 32,
        seed: int = 0,
        clip: float = 3.0,
    ) -> None:
        self.architecture = architecture
        self.optimizer = optimizer
        self.loss = loss
        self.epochs = epochs
        self.batch_size = batch_size
        self.seed = seed
        self.clip = clip

    def fit(self, features: Array, target: Array, sample_weight: Array | None = None) -> Self:
        """Train on standardised features, shape (n, d).

        Raises:
            OutOfTime: Inside `training_until`, its clock has run out.
        """
        x = network_input(features, self.clip)
        weights = None if sample_weight is None else np.asarray(sample_weight, dtype="float32")
        self.n_features_in_ = features.shape[1]
        keras = load_keras()
        # All that is random in a training is drawn, or seeded, when its model is made.
        with _own_randomness(keras, self.seed):
            model = keras.models.model_from_json(for_inputs(self.architecture, x.shape[1]))
            model.compile(
                optimizer=keras.optimizers.deserialize(json.loads(self.optimizer)), loss=self.loss
            )
        batches = _full_batches(
            keras, (x, self._fit_target(target, model), weights), self.batch_size, self.seed
        )
        model.fit(batches, epochs=self.epochs, verbose=0, shuffle=False, callbacks=[_watch(keras)])
        self._keep(model, x[:256])
        return self

    def with_model(self, model: Any, target: Array) -> Self:
        """The estimator as ``fit`` would leave it, with a model that was trained elsewhere."""
        self._fit_target(target, model)
        columns = int(model.input_shape[-1])
        self._keep(model, np.linspace(-1, 1, 4 * columns, dtype="float32").reshape(4, columns))
        return self

    def _fit_target(self, target: Array, model: Any) -> Array:
        """The target as the network's output is to be; float32, shape (n, outputs)."""
        raise NotImplementedError

    def _keep(self, model: Any, sample: Array) -> None:
        """Take the weights out of the model, if that gives what the model itself gives."""
        keras = load_keras()
        expected = keras.ops.convert_to_numpy(model(sample, training=False))
        layers = layers_of(model)
        same = layers is not None and np.allclose(
            forward(layers, sample), expected, atol=_TOLERANCE, rtol=_TOLERANCE
        )
        self.layers_ = layers if same else None
        self.keras_bytes_ = None if same else _to_bytes(model)

    def _output(self, features: Array) -> Array:
        x = network_input(features, self.clip)
        if self.layers_ is not None:
            return forward(self.layers_, x)
        return np.asarray(_from_bytes(self.keras_bytes_).predict(x, batch_size=4096, verbose=0))


class KerasClassifier(ClassifierMixin, KerasNetwork):  # type: ignore[misc]
    """The network for classes: one output (sigmoid) for two, else one for each (softmax).

    The target holds codes 0..k-1; a class that is absent when training keeps its column.
    """

    def _fit_target(self, target: Array, model: Any) -> Array:
        codes = np.asarray(target, dtype="int64")
        outputs = int(model.output_shape[-1])
        self.classes_ = np.arange(max(outputs, 2))
        return encoded_classes(codes, outputs)

    def predict_proba(self, features: Array) -> Array:
        """Probabilities in the order of ``classes_``; float64, shape (n, k)."""
        output = self._output(features).astype("float64")
        return np.hstack([1.0 - output, output]) if output.shape[1] == 1 else output

    def predict(self, features: Array) -> Array:
        """The most probable codes; int64, shape (n,)."""
        return np.asarray(self.predict_proba(features).argmax(axis=1))


class KerasRegressor(RegressorMixin, KerasNetwork):  # type: ignore[misc]
    """The network for values; the target is standardised inside."""

    def _fit_target(self, target: Array, model: Any) -> Array:  # noqa: ARG002
        values = np.asarray(target, dtype="float64")
        self.mean_ = float(values.mean())
        self.scale_ = float(values.std()) or 1.0
        return standardised(values, self.mean_, self.scale_)

    def predict(self, features: Array) -> Array:
        """Values; float64, shape (n,)."""
        return np.asarray(self._output(features)[:, 0].astype("float64") * self.scale_ + self.mean_)


def for_inputs(architecture: str, columns: int) -> str:
    """The architecture with another number of input columns: an encoder finds its own per fold.

    Example:
        >>> for_inputs('{"config": {"layers": [{"config": {"batch_shape": [null, 7]}}]}}', 9)
        '{"config": {"layers": [{"config": {"batch_shape": [null, 9]}}]}}'
    """
    whole = json.loads(architecture)
    # Shapes that layers were built for would stand against the new ones.
    for layer in whole["config"]["layers"]:
        layer.pop("build_config", None)
    whole.pop("build_config", None)
    whole["config"]["layers"][0]["config"]["batch_shape"] = [None, columns]
    return json.dumps(whole)


def network_input(features: Array, limit: float) -> Array:
    """Features cut at the limit on both sides, with columns of zeros up to a multiple of 32.

    Encoders find some columns more or fewer in each fold. A backend compiles for each width
    anew, which takes longer than training: so the widths are made the same.

    Returns:
        float32, shape (n, the next multiple of 32).

    Example:
        >>> x = network_input(np.array([[-9.0, 0.5]]), 3.0)
        >>> x.shape, x[0, :3].tolist()
        ((1, 32), [-3.0, 0.5, 0.0])
    """
    rows, columns = features.shape
    wide = np.zeros((rows, -(-columns // _WIDTH) * _WIDTH), dtype="float32")
    np.clip(features, -limit, limit, out=wide[:, :columns], casting="unsafe")
    return wide


def encoded_classes(codes: Array, outputs: int) -> Array:
    """Class codes as one column of 0 and 1, or one column for each class; float32.

    Example:
        >>> encoded_classes(np.array([0, 2]), 3).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if outputs == 1:
        return codes.astype("float32")[:, None]
    return np.eye(outputs, dtype="float32")[codes]


def standardised(values: Array, mean: float, scale: float) -> Array:
    """Values of a regression target as the network's output; float32, shape (n, 1)."""
    return ((values - mean) / scale).astype("float32")[:, None]


@contextmanager
def _own_randomness(keras: Any, seed: int) -> Iterator[None]:
    """Seed everything random, and leave the global generators of others as they were.

    One thread at a time: networks that are made side by side would draw from each other's seeds.
    """
    with _RANDOMNESS:
        before, numpy_before = random.getstate(), np.random.get_state()  # noqa: NPY002
        keras.utils.set_random_seed(seed)
        try:
            yield
        finally:
            random.setstate(before)
            np.random.set_state(numpy_before)  # noqa: NPY002


def _full_batches(keras: Any, data: tuple[Array | None, ...], batch_size: int, seed: int) -> Any:
    """Batches in a new order each epoch, all of one size: another size would compile anew."""
    x = data[0]
    assert x is not None
    rows = len(x)
    size = min(batch_size, rows)
    generator = np.random.default_rng(seed)

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]
        order = generator.permutation(rows)

        def __len__(self) -> int:
            return rows // size

        def __getitem__(self, place: int) -> tuple[Array, ...]:
            chosen = self.order[place * size : (place + 1) * size]
            return tuple(part[chosen] for part in data if part is not None)

        def on_epoch_end(self) -> None:
            self.order = generator.permutation(rows)

    return Batches(workers=1, use_multiprocessing=False)


def _watch(keras: Any) -> Any:
    """A callback that ends the training when the clock of `training_until` has run out."""
    clock = _CLOCK.get()

    class Watch(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
            if clock is not None and clock.expired:
                raise OutOfTime

    return Watch()


def _to_bytes(model: Any) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.keras"
        model.save(path)
        return path.read_bytes()


def _from_bytes(content: bytes | None) -> Any:
    assert content is not None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.keras"
        path.write_bytes(content)
        # Compiling is for training, and took minutes where the backend was another.
        return load_keras().models.load_model(path, compile=False)
