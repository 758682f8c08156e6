"""Fitting on the log of a skewed target: the mean comes back, not the median."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression

from limelight.search.target import LogTarget, is_skewed


def prices(rows: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 2))
    return x, np.exp(x[:, 0] + rng.normal(size=rows))


def test_smearing_predicts_the_mean_and_without_it_the_median() -> None:
    x, y = prices()
    mean = LogTarget(DummyRegressor()).fit(x, y).predict(x[:1])
    median = LogTarget(DummyRegressor(), smear=False).fit(x, y).predict(x[:1])
    assert mean[0] == pytest.approx(y.mean(), rel=0.15)
    assert median[0] == pytest.approx(np.median(y), rel=0.1)


def test_a_multiplicative_target_is_found_better_on_the_log_scale() -> None:
    x, y = prices()
    expected = np.exp(x[:, 0] + 0.5)
    on_log = LogTarget(LinearRegression()).fit(x, y).predict(x)
    plain = LinearRegression().fit(x, y).predict(x)
    assert np.mean((on_log - expected) ** 2) < 0.5 * np.mean((plain - expected) ** 2)


@pytest.mark.parametrize("shift", [0.0, -5.0])
def test_zeros_and_negative_values_come_back(shift: float) -> None:
    x = np.arange(40.0)[:, None]
    y = np.arange(40.0) ** 2 + shift * 10
    model = LogTarget(LinearRegression())
    model.fit(x, y)
    back = model.scale_.back(model.scale_.forward(y))
    np.testing.assert_allclose(back, y, atol=1e-9)
    assert np.isfinite(model.predict(x)).all()


def test_predictions_stay_near_the_values_there_were() -> None:
    x, y = prices()
    far = LogTarget(LinearRegression(), smear=False).fit(x, y).predict(np.array([[100.0, 0.0]]))
    assert far[0] < 10 * y.max()


def test_weights_reach_the_estimator() -> None:
    x = np.zeros((4, 1))
    model = LogTarget(DummyRegressor(), smear=False)
    weighted = model.fit(x, [1.0, 1.0, 9.0, 9.0], sample_weight=[0, 0, 1, 1])
    assert weighted.predict(x)[0] == pytest.approx(9.0)


def test_it_clones_and_pickles() -> None:
    x, y = prices(200)
    model = clone(LogTarget(LinearRegression(), smear=False)).fit(x, y)
    assert model.smear is False
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(x), model.predict(x))


def test_what_is_skewed() -> None:
    rng = np.random.default_rng(1)
    prices = np.exp(rng.normal(size=900))
    assert is_skewed(prices)
    assert is_skewed(np.r_[prices, np.zeros(50)])
    assert not is_skewed(-prices)
    assert not is_skewed(prices - 10), "values below zero have no logarithm"
    assert not is_skewed(rng.uniform(1, 2, 900))
    assert not is_skewed(np.full(900, 3.0))
