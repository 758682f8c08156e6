"""The network estimator: what it predicts is Keras' own, and it needs no Keras to do so."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from limelight.errors import InputError
from limelight.search.autokeras_backend import chosen_backend, load_keras
from limelight.search.autokeras_forward import forward, layers_of
from limelight.search.autokeras_training import Recipe, Rows, train
from limelight.search.boosting import split_inside
from limelight.search.budget import Budget
from limelight.search.evaluate import OutOfTime
from limelight.search.network import (
    KerasClassifier,
    KerasRegressor,
    for_layout,
    model_of,
    training_until,
)
from limelight.search.network_input import Layout, NetworkInput

if TYPE_CHECKING:
    from pathlib import Path

ROWS, COLUMNS = 160, 3


def architecture(
    outputs: int, activation: str, kind: str = "pieces", hidden: str = "relu", codes: int = 0
) -> str:
    """A network as the search builds it."""
    layers = load_keras().layers
    from limelight.search.autokeras_layers import ColumnEmbedding, TunedDropout

    layout = Layout(numbers=4, flags=16, codes=codes, rows=64)
    inputs = layers.Input((layout.columns,))
    x = ColumnEmbedding(**asdict(layout), kind=kind, size=4)(inputs)
    x = TunedDropout()(layers.Dense(8, activation=hidden)(x))
    x = layers.Activation(activation)(layers.Dense(outputs)(x))
    return str(load_keras().Model(inputs, x).to_json())


def rows(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(ROWS, COLUMNS))


def frame(seed: int = 0) -> pd.DataFrame:
    """Numbers with gaps, a category of few levels, and one of many."""
    rng = np.random.default_rng(seed)
    few, many = rng.integers(0, 3, ROWS), rng.integers(-1, 20, ROWS)
    numbers = rows(seed)
    numbers[::7, 1] = np.nan
    return pd.DataFrame(numbers, columns=list("abc")).assign(
        few=pd.Categorical.from_codes(few, categories=pd.RangeIndex(3)),
        many=pd.Categorical.from_codes(many, categories=pd.RangeIndex(20)),
    )


BINARY = "binary_crossentropy"


@pytest.fixture(scope="module")
def binary() -> KerasClassifier:
    network = KerasClassifier(architecture(1, "sigmoid"), BINARY, batch_size=32, members=2)
    return network.fit(rows(), (rows()[:, 0] > 0).astype("int64"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "hidden", "last"),
    [("pieces", "relu", "softmax"), ("waves", "silu", "sigmoid"), ("plain", "selu", "linear")],
)
def test_predictions_are_the_mean_of_those_of_keras(kind: str, hidden: str, last: str) -> None:
    encoder = NetworkInput().fit(frame())
    whole = for_layout(architecture(3, last, kind, hidden), encoder.layout_)
    x = encoder.transform(frame(1))
    generator = np.random.default_rng(0)
    models = [model_of(whole) for _ in range(2)]
    for model in models:
        for variable in model.weights:
            variable.assign(generator.normal(size=variable.shape))
        if kind == "pieces":  # where a range is cut is the same for all networks
            for name in ("lower", "factor"):
                ours, first = (getattr(m.layers[1], name) for m in (model, models[0]))
                ours.assign(np.array(first))
    paths = [variable.path for variable in models[0].weights]
    stacked = [np.stack(every) for every in zip(*(m.get_weights() for m in models), strict=True)]
    ours = forward(layers_of(models[0], dict(zip(paths, stacked, strict=True))), x)
    theirs = np.mean([model.predict(x, verbose=0) for model in models], axis=0)
    np.testing.assert_allclose(ours, theirs, atol=2e-3, rtol=1e-3)


@pytest.mark.slow
def test_a_layer_without_a_forward_pass_is_refused() -> None:
    network = KerasClassifier(architecture(1, "sigmoid", hidden="gelu"), BINARY, 1, members=1)
    with pytest.raises(ValueError, match="gelu"):
        network.fit(rows(), (rows()[:, 0] > 0).astype("int64"))


@pytest.mark.slow
def test_learns_and_gives_probabilities(binary: KerasClassifier) -> None:
    unseen = rows(1)
    probability = binary.predict_proba(unseen)
    assert probability.shape == (ROWS, 2)
    np.testing.assert_allclose(probability.sum(axis=1), 1.0)
    assert (binary.predict(unseen) == (unseen[:, 0] > 0)).mean() > 0.85
    assert 1 <= binary.epochs_ <= binary.epochs


@pytest.mark.slow
def test_predicts_in_a_fresh_process_without_keras(binary: KerasClassifier, tmp_path: Path) -> None:
    path = tmp_path / "network.pkl"
    path.write_bytes(pickle.dumps((binary, rows(1))))
    program = (
        "import pickle, sys; from pathlib import Path\n"
        f"network, x = pickle.loads(Path({str(path)!r}).read_bytes())\n"
        "p = network.predict_proba(x)\n"
        "assert not {'keras', 'jax', 'tensorflow', 'torch'} & set(sys.modules)\n"
        "import json; print(json.dumps(p[:, 1].tolist()))"
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
def test_one_compiled_program_trains_what_other_backends_train_in_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoder = NetworkInput().fit(frame())
    whole = for_layout(architecture(1, "linear", "waves"), encoder.layout_)
    x = encoder.transform(frame())
    y = rows()[:, :1].astype("float32")
    weights = np.linspace(0.5, 1.5, ROWS, dtype="float32")
    data = Rows(x, y, weights, [split_inside(x, y[:, 0], seed) for seed in range(2)])
    recipe = Recipe("mean_squared_error", 2, 32, learning_rate=3e-3, weight_decay=3.0)

    def trained() -> Any:
        return train(
            lambda: model_of(whole),
            whole,
            recipe,
            data,
            {"dropout_rate": np.zeros(())},
            3,
            lambda: None,
        )

    one = trained()
    monkeypatch.setattr("limelight.search.autokeras_training.chosen_backend", lambda: "torch")
    other = trained()
    assert one.epochs == other.epochs
    for path, value in one.values.items():
        if "seed" not in path:
            # A step of Adam follows the sign of a slope near zero: some weights differ by chance.
            assert np.abs(value - other.values[path]).mean() < 1e-3, path


@pytest.mark.slow
def test_what_is_held_out_ends_the_training_where_nothing_can_be_learnt() -> None:
    noise = np.random.default_rng(9).integers(0, 2, ROWS)
    network = KerasClassifier(
        architecture(1, "sigmoid"), BINARY, epochs=120, batch_size=32, learning_rate=1e-2
    )
    assert network.fit(rows(), noise).epochs_ < 40


@pytest.mark.slow
def test_an_absent_class_keeps_its_column_and_inputs_may_be_wider() -> None:
    network = KerasClassifier(architecture(3, "softmax"), "categorical_crossentropy", 2, members=1)
    wide = pd.concat([frame(), pd.DataFrame(rows(2))], axis=1)
    network.fit(wide, (rows()[:, 0] > 0) * 2, sample_weight=np.ones(ROWS))
    assert network.classes_.tolist() == [0, 1, 2]
    assert network.predict_proba(wide).shape == (ROWS, 3)


@pytest.mark.slow
def test_weights_and_balance_count() -> None:
    # Two labels contradict each other in every row; the heavy one must win.
    x = np.vstack([rows(), rows()])
    y = np.repeat([0, 1], ROWS)
    weight = np.repeat([0.01, 1.0], ROWS)
    network = KerasClassifier(architecture(1, "sigmoid"), BINARY, 10, members=1)
    assert network.fit(x, y, sample_weight=weight).predict(rows()).mean() > 0.9
    balanced = clone(network).set_params(balanced=True).fit(x, y, sample_weight=weight)
    assert balanced.predict_proba(rows())[:, 1].mean() > 0.7, "weights count within a class"
    rare = (np.arange(ROWS) % 10 == 0).astype("int64")
    plain = network.fit(rows(), rare).predict_proba(rows())[:, 1].mean()
    assert plain < 0.3 < balanced.fit(rows(), rare).predict_proba(rows())[:, 1].mean()


@pytest.mark.slow
def test_values_come_in_the_targets_own_units_and_range() -> None:
    network = KerasRegressor(architecture(1, "linear"), "mean_squared_error", 40, batch_size=16)
    target = 50_000 + 9_000 * rows()[:, 0]
    network.fit(rows(), target)
    error = network.predict(rows(1)) - (50_000 + 9_000 * rows(1)[:, 0])
    assert np.sqrt((error**2).mean()) < 4_500
    far = network.predict(rows(1) * 1e6)
    assert target.min() <= far.min()
    assert far.max() <= target.max()


@pytest.mark.slow
def test_a_few_rows_are_enough() -> None:
    network = KerasRegressor(architecture(1, "linear"), "mean_squared_error", 3, members=1)
    assert np.isfinite(network.fit(rows()[:3], np.arange(3.0)).predict(rows())).all()


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
