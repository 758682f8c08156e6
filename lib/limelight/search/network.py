"""Networks that AutoKeras found, as one scikit-learn estimator that predicts without Keras."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.class_weight import compute_sample_weight

from limelight.search.autokeras_backend import load_keras
from limelight.search.autokeras_forward import forward, layers_of
from limelight.search.autokeras_training import Recipe, Rows, Trained, train
from limelight.search.boosting import split_inside
from limelight.search.budget import Clock
from limelight.search.evaluate import OutOfTime
from limelight.search.network_input import Layout, NetworkInput, pieces

Array = NDArray[Any]

#: Columns that numbers are embedded in, at most: a wide table has fewer of each.
MOST_EMBEDDED = 1024

_WATCH: ContextVar[Watch | None] = ContextVar("watch", default=None)


@dataclass
class Watch:
    """Looks at trainings: ends them with `OutOfTime`, and notes how long they took.

    Args:
        clock: When it has run out, they end.
        trained: How long they took, in their order; without models and values.
    """

    clock: Clock
    trained: list[Trained] = field(default_factory=list)


@contextmanager
def training_until(clock: Clock) -> Iterator[Watch]:
    """Trainings inside it end with `OutOfTime` when the clock has run out."""
    watch = Watch(clock)
    token = _WATCH.set(watch)
    try:
        yield watch
    finally:
        _WATCH.reset(token)


class KerasNetworks(BaseEstimator):  # type: ignore[misc]
    """Some networks of one architecture, each trained on other rows, and averaged.

    Each network holds an eighth of the training rows out; all stop when they get no better on
    these, and keep the weights of their best epoch. Rows of a validation fold never come near
    them. The weights are kept as NumPy arrays: pickles are small, load without Keras and on any
    backend, and predict at once. On jax the networks are trained side by side, on a GPU where jax
    (or another backend) finds one.

    Args:
        architecture: The model as JSON (`keras.Model.to_json`) for any
            `limelight.search.network_input.Layout`.
        loss: Name of a Keras loss.
        epochs: Passes over the rows, at most.
        batch_size: Rows a step; all rows where there are fewer.
        learning_rate, weight_decay: As `limelight.search.autokeras_training.Recipe` has them.
        dropout: Share of the units that are left out of a step.
        members: How many networks.
        balanced: Whether every class weighs the same.
        seed: Seed of the held-out rows, first weights, the order of the rows and dropout.

    Attributes:
        layers_: The forward pass.
        epochs_: After how many epochs the networks were best.
    """

    def __init__(
        self,
        architecture: str = "",
        loss: str = "",
        epochs: int = 50,
        batch_size: int = 64,
        learning_rate: float = 3e-3,
        weight_decay: float = 0.03,
        dropout: float = 0.1,
        members: int = 4,
        balanced: bool = False,
        seed: int = 0,
    ) -> None:
        self.architecture = architecture
        self.loss = loss
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.members = members
        self.balanced = balanced
        self.seed = seed

    def _train(self, features: Any, target: Array, outputs: Array, weights: Any) -> None:
        self.input_ = NetworkInput().fit(features)
        self.n_features_in_ = self.input_.n_features_in_
        inputs = self.input_.transform(features)
        if self.balanced:
            given = 1.0 if weights is None else np.asarray(weights, dtype="float64")
            weights = given * compute_sample_weight("balanced", target)
        every = np.ones(len(inputs)) if weights is None else np.asarray(weights, dtype="float64")
        splits = [split_inside(inputs, target, self.seed + i) for i in range(self.members)]
        data = Rows(inputs, outputs, (every / every.mean()).astype("float32"), splits)
        architecture = for_layout(self.architecture, self.input_.layout_)
        trained = train(
            lambda: model_of(architecture),
            architecture,
            Recipe(self.loss, self.epochs, self.batch_size, self.learning_rate, self.weight_decay),
            data,
            self._constants(architecture, inputs),
            self.seed,
            _check_clock,
        )
        watch = _WATCH.get()
        if watch is not None:
            watch.trained.append(replace(trained, model=None, values={}))
        self.epochs_ = trained.epochs
        self.layers_ = layers_of(trained.model, trained.values)

    def _constants(self, architecture: str, inputs: Array) -> dict[str, Array]:
        """What a network is told: its dropout, and where numbers are cut into pieces."""
        told = {"dropout_rate": np.asarray(self.dropout)}
        config = _columns_of(json.loads(architecture))
        if config["kind"] == "pieces":
            numbers = inputs[:, : config["numbers"]]
            told["lower"], told["factor"] = pieces(numbers, config["size"])
        return told

    def _output(self, features: Any) -> Array:
        return forward(self.layers_, self.input_.transform(features)).astype("float64")


class KerasClassifier(ClassifierMixin, KerasNetworks):  # type: ignore[misc]
    """The networks for classes: one output (sigmoid) for two, else one for each (softmax).

    The target holds codes 0..k-1; a class that is absent when training keeps its column.
    """

    def fit(self, features: Any, target: Any, sample_weight: Any = None) -> Self:
        """Train on a frame or matrix, shape (n, d); see `NetworkInput` for its columns.

        Raises:
            OutOfTime: Inside `training_until`, its clock has run out.
            ValueError: The training diverged.
        """
        codes = np.asarray(target, dtype="int64")
        outputs = outputs_of(self.architecture)
        self.classes_ = np.arange(max(outputs, 2))
        self._train(features, codes, encoded_classes(codes, outputs), sample_weight)
        return self

    def predict_proba(self, features: Any) -> Array:
        """Probabilities in the order of ``classes_``; float64, shape (n, k)."""
        output = self._output(features)
        return np.hstack([1.0 - output, output]) if output.shape[1] == 1 else output

    def predict(self, features: Any) -> Array:
        """The most probable codes; int64, shape (n,)."""
        return np.asarray(self.predict_proba(features).argmax(axis=1))


class KerasRegressor(RegressorMixin, KerasNetworks):  # type: ignore[misc]
    """The networks for values; the target is standardised inside, and its range is kept to."""

    def fit(self, features: Any, target: Any, sample_weight: Any = None) -> Self:
        """Train on a frame or matrix; as `KerasClassifier.fit`."""
        values = np.asarray(target, dtype="float64")
        self.mean_ = float(values.mean())
        self.scale_ = float(values.std()) or 1.0
        self.range_ = float(values.min()), float(values.max())
        outputs = ((values - self.mean_) / self.scale_).astype("float32")[:, None]
        self._train(features, values, outputs, sample_weight)
        return self

    def predict(self, features: Any) -> Array:
        """Values; float64, shape (n,)."""
        values = self._output(features)[:, 0] * self.scale_ + self.mean_
        return np.asarray(np.clip(values, *self.range_))


def model_of(architecture: str) -> Any:
    """The Keras model of an architecture; its weights are zero."""
    keras = load_keras()
    import limelight.search.autokeras_layers  # noqa: F401 - registers what the JSON names

    return keras.models.model_from_json(architecture)


def for_layout(architecture: str, layout: Layout) -> str:
    """The architecture for a matrix of another layout: each fold has its own."""
    whole = json.loads(architecture)
    # Shapes that layers were built for would stand against the new ones.
    for layer in whole["config"]["layers"]:
        layer.pop("build_config", None)
    whole.pop("build_config", None)
    whole["config"]["layers"][0]["config"]["batch_shape"] = [None, layout.columns]
    config = _columns_of(whole)
    config.update(asdict(layout))
    config["size"] = max(1, min(config["size"], MOST_EMBEDDED // layout.numbers))
    return json.dumps(whole)


def outputs_of(architecture: str) -> int:
    """How many outputs the networks have."""
    layers = json.loads(architecture)["config"]["layers"]
    return int([one for one in layers if one["class_name"] == "Dense"][-1]["config"]["units"])


def encoded_classes(codes: Array, outputs: int) -> Array:
    """Class codes as one column of 0 and 1, or one column for each class; float32.

    Example:
        >>> encoded_classes(np.array([0, 2]), 3).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if outputs == 1:
        return codes.astype("float32")[:, None]
    return np.eye(outputs, dtype="float32")[codes]


def _columns_of(whole: dict[str, Any]) -> dict[str, Any]:
    """The settings of the layer that takes the columns."""
    layers = whole["config"]["layers"]
    found: dict[str, Any] = next(
        one["config"] for one in layers if one["class_name"] == "ColumnEmbedding"
    )
    return found


def _check_clock() -> None:
    watch = _WATCH.get()
    if watch is not None and watch.clock.expired:
        raise OutOfTime
