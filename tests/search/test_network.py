"""The network estimator: what it predicts is Keras' own, and it needs no Keras to do so."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from limelight.errors import InputError
from limelight.search.autokeras_backend import chosen_backend, load_keras
from limelight.search.autokeras_forward import forward, layers_of
from limelight.search.budget import Budget
from limelight.search.evaluate import OutOfTime
from limelight.search.network import KerasClassifier, KerasRegressor, training_until

ROWS, COLUMNS = 120, 6


def architecture(outputs: int, activation: str, hidden: str = "relu") -> str:
    """A network as AutoKeras builds it, with one of each kind of layer."""
    layers = load_keras().layers
    inputs = layers.Input((COLUMNS,))
    x = layers.Dense(8)(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x) if hidden == "relu" else layers.Activation(hidden)(x)
    x = layers.Dropout(0.25)(x)
    x = layers.Activation(activation)(layers.Dense(outputs)(x))
    return str(load_keras().Model(inputs, x).to_json())


def adam() -> str:
    optimizers = load_keras().optimizers
    return json.dumps(optimizers.serialize(optimizers.Adam(0.01)))


def rows(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(ROWS, COLUMNS))


@pytest.fixture(scope="module")
def binary() -> KerasClassifier:
    network = KerasClassifier(
        architecture(1, "sigmoid"), adam(), "binary_crossentropy", epochs=20, batch_size=32
    )
    return network.fit(rows(), (rows()[:, 0] > 0).astype("int64"))


@pytest.mark.slow
def test_predictions_are_those_of_keras() -> None:
    keras = load_keras()
    model = keras.models.model_from_json(architecture(3, "softmax"))
    # Moving averages as they are after training, so that batch norm is no identity.
    generator = np.random.default_rng(0)
    model.set_weights([generator.uniform(0.1, 1.0, w.shape) for w in model.get_weights()])
    layers = layers_of(model)
    assert layers is not None
    assert [layer.kind for layer in layers] == ["dense", "affine", "relu", "dense", "softmax"]
    ours, theirs = forward(layers, rows()), model.predict(rows().astype("float32"), verbose=0)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.slow
def test_learns_and_gives_probabilities(binary: KerasClassifier) -> None:
    unseen = rows(1)
    probability = binary.predict_proba(unseen)
    assert probability.shape == (ROWS, 2)
    np.testing.assert_allclose(probability.sum(axis=1), 1.0)
    assert (binary.predict(unseen) == (unseen[:, 0] > 0)).mean() > 0.85


@pytest.mark.slow
def test_predicts_in_a_fresh_process_without_keras(binary: KerasClassifier, tmp_path: Path) -> None:
    path = tmp_path / "network.pkl"
    path.write_bytes(pickle.dumps((binary, rows(1))))
    program = (
        "import pickle, sys; from pathlib import Path\n"
        f"network, x = pickle.loads(Path({str(path)!r}).read_bytes())\n"
        "p = network.predict_proba(x)\n"
        "assert not {'keras', 'jax', 'tensorflow', 'torch'} & set(sys.modules)\n"
        "print(p[:, 1].tolist())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == binary.predict_proba(rows(1))[:, 1].tolist()


@pytest.mark.slow
def test_same_seed_same_weights_and_nobody_elses_randomness(binary: KerasClassifier) -> None:
    np.random.seed(5)  # noqa: NPY002
    expected = np.random.RandomState(5).random()
    again = clone(binary).fit(rows(), (rows()[:, 0] > 0).astype("int64"))
    assert np.random.random() == expected  # noqa: NPY002
    assert (again.predict_proba(rows(1)) == binary.predict_proba(rows(1))).all()
    other = clone(binary).set_params(seed=1, epochs=1).fit(rows(), (rows()[:, 0] > 0).astype(int))
    assert (other.predict_proba(rows(1)) != binary.predict_proba(rows(1))).any()


@pytest.mark.slow
def test_networks_fitted_side_by_side_are_those_fitted_alone(binary: KerasClassifier) -> None:
    target = (rows()[:, 0] > 0).astype("int64")

    def probabilities(seed: int) -> list[float]:
        network = clone(binary).set_params(seed=seed, epochs=1)
        return list(network.fit(rows(), target).predict_proba(rows(1))[:, 1])

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(probabilities, range(4))) == list(map(probabilities, range(4)))


@pytest.mark.slow
def test_an_absent_class_keeps_its_column_and_inputs_may_be_wider() -> None:
    network = KerasClassifier(architecture(3, "softmax"), adam(), "categorical_crossentropy", 2)
    wide = np.hstack([rows(), rows(2)])
    network.fit(wide, (rows()[:, 0] > 0) * 2, sample_weight=np.ones(ROWS))
    assert network.classes_.tolist() == [0, 1, 2]
    assert network.predict_proba(wide).shape == (ROWS, 3)


@pytest.mark.slow
def test_weights_count() -> None:
    # Two labels contradict each other in every row; the heavy one must win.
    x = np.vstack([rows(), rows()])
    y = np.repeat([0, 1], ROWS)
    weight = np.repeat([0.01, 1.0], ROWS)
    network = KerasClassifier(architecture(1, "sigmoid"), adam(), "binary_crossentropy", 10)
    assert network.fit(x, y, sample_weight=weight).predict(rows()).mean() > 0.9


@pytest.mark.slow
def test_values_come_in_the_targets_own_units() -> None:
    network = KerasRegressor(architecture(1, "linear"), adam(), "mean_squared_error", 40)
    target = 50_000 + 9_000 * rows()[:, 0]
    network.fit(rows(), target)
    error = network.predict(rows(1)) - (50_000 + 9_000 * rows(1)[:, 0])
    assert np.sqrt((error**2).mean()) < 4_500
    far = rows(1) * 1e6
    assert np.abs(network.predict(far)).max() < 1e6, "inputs are cut before the network"


@pytest.mark.slow
def test_an_unknown_layer_falls_back_to_keras() -> None:
    network = KerasClassifier(
        architecture(1, "sigmoid", hidden="gelu"), adam(), "binary_crossentropy", 1
    )
    network.fit(rows(), (rows()[:, 0] > 0).astype("int64"))
    assert network.layers_ is None
    copy: Any = pickle.loads(pickle.dumps(network))
    np.testing.assert_allclose(copy.predict_proba(rows()), network.predict_proba(rows()), atol=1e-6)


@pytest.mark.slow
def test_training_ends_with_the_clock(binary: KerasClassifier) -> None:
    long = clone(binary).set_params(epochs=1_000_000)
    with pytest.raises(OutOfTime), training_until(Budget(seconds=1.0).start()):
        long.fit(rows(), (rows()[:, 0] > 0).astype("int64"))


@pytest.mark.parametrize("name", ["theano", "torch"])
def test_a_backend_that_cannot_be_used_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", name)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(InputError, match=name) as caught:
        chosen_backend()
    assert "KERAS_BACKEND" in caught.value.way_out or "Set it to" in caught.value.way_out


def test_the_users_backend_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert chosen_backend() == "jax"
    monkeypatch.setenv("KERAS_BACKEND", "")
    assert chosen_backend() == "jax"
    assert os.environ["KERAS_BACKEND"] == ""
