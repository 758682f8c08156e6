"""Boosted trees that stop by themselves, and CatBoost: what they see, and what they take."""

import itertools
import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.base import clone

from limelight.search.boosting import (
    CatBoostTreesClassifier,
    CatBoostTreesRegressor,
    StoppedClassifier,
    StoppedRegressor,
    split_inside,
)
from limelight.search.budget import Budget
from limelight.search.engine import SearchProblem
from limelight.search.evaluate import EncodedFolds, cross_validate, fit, predict
from limelight.search.features import FrameEncoder
from limelight.search.portfolio import further, portfolio
from limelight.search.target import LogTarget, are_amounts
from limelight.search.task import Task

LIGHTGBM: dict[str, Any] = {"n_estimators": 300, "n_jobs": 1, "verbosity": -1}
CLASSIFIERS = [
    pytest.param(StoppedClassifier(lightgbm.LGBMClassifier(**LIGHTGBM)), id="lightgbm"),
    pytest.param(
        StoppedClassifier(xgboost.XGBClassifier(n_estimators=300, n_jobs=1)), id="xgboost"
    ),
    pytest.param(CatBoostTreesClassifier(iterations=30), id="catboost"),
]
REGRESSORS = [
    pytest.param(StoppedRegressor(lightgbm.LGBMRegressor(**LIGHTGBM)), id="lightgbm"),
    pytest.param(StoppedRegressor(xgboost.XGBRegressor(n_estimators=300, n_jobs=1)), id="xgboost"),
    pytest.param(CatBoostTreesRegressor(iterations=30), id="catboost"),
]


def _numbers(rows: int = 240) -> tuple[Any, Any]:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(rows, 3))
    return x, x[:, 0] + x[:, 1] * x[:, 2] + rng.normal(0, 0.5, rows)


def test_an_eighth_is_held_out_evenly_over_the_target() -> None:
    x, values = _numbers(800)
    kept, held = split_inside(x, values, seed=1)
    assert sorted([*kept, *held]) == list(range(800))
    assert len(held) == 100
    quarters = np.quantile(values, [0.25, 0.5, 0.75])
    assert set(np.bincount(np.digitize(values[held], quarters))) <= {24, 25, 26}
    assert not np.array_equal(held, split_inside(x, values, seed=2)[1])
    assert np.array_equal(held, split_inside(x, values, seed=1)[1])


def test_equal_rows_are_on_one_side() -> None:
    x, values = _numbers(200)
    copies = np.random.default_rng(0).permutation(np.tile(np.arange(200), 3))
    kept, held = split_inside(x[copies], values[copies], seed=0)
    assert set(copies[kept]).isdisjoint(copies[held])
    assert len(held) == 75


@pytest.mark.parametrize("kind", ["binary", "regression"])
@pytest.mark.parametrize("name", ["LightGBM, extra trees", "XGBoost"])
def test_stopping_never_sees_the_validation_rows(kind: Any, name: str) -> None:
    x, values = _numbers()
    target = (values > 0).astype("int64") if kind == "binary" else values
    classes = ("no", "yes") if kind == "binary" else ()
    task = Task(kind, "roc_auc" if kind == "binary" else "rmse", "y", classes)
    rows = np.arange(len(x))
    folds = [(rows[rows % 4 != k], rows[rows % 4 == k]) for k in range(4)]
    frame = pd.DataFrame(x, columns=["a", "b", "c"])
    one = next(one for one in portfolio(task, len(x), 3) if one.description == name)

    def predicted(truth: Any) -> Any:
        problem = SearchProblem(frame, truth, task, folds[:1])
        encoded = EncodedFolds(problem, one.encoder)
        return cross_validate(one.estimator, encoded, Budget(trials=1).start()).out_of_fold

    spoilt = target.copy()
    spoilt[folds[0][1]] = np.random.default_rng(0).permutation(target[folds[0][1]])
    np.testing.assert_array_equal(predicted(target), predicted(spoilt))


@pytest.mark.parametrize("model", [*CLASSIFIERS[:2], *REGRESSORS[:2]])
def test_noise_stops_early_and_structure_late(model: Any) -> None:
    x, values = _numbers(600)
    noise = np.random.default_rng(1).permutation(values)
    rounds = []
    for target in (values, noise):
        labels = (target > 0).astype(int) if hasattr(model, "predict_proba") else target
        rounds.append(clone(model).fit(x, labels).rounds_)
    assert 5 < rounds[0] < 300
    assert rounds[1] < rounds[0] / 2


@pytest.mark.parametrize("model", CLASSIFIERS)
def test_classes_with_gaps_and_with_a_single_row(model: Any) -> None:
    x, values = _numbers()
    codes = np.array([0, 2, 5])[np.digitize(values, [-0.5, 0.5])]
    codes[7] = 3
    fitted = fit(clone(model), x, codes, None)
    assert fitted.classes_.tolist() == [0, 2, 3, 5]
    task = Task("multiclass", "log_loss", "y", tuple("abcdef"))
    given = predict(fitted, x, task)
    assert not given[:, [1, 4]].any()
    np.testing.assert_allclose(given.sum(axis=1), 1.0, atol=1e-6)
    assert (fitted.predict(x) == codes).mean() > 0.7


@pytest.mark.parametrize("model", CLASSIFIERS)
def test_balanced_classes_and_weights_count(model: Any) -> None:
    x, values = _numbers()
    codes = (values > 1.2).astype(int)
    plain = clone(model).fit(x, codes).predict_proba(x)[:, 1].mean()
    even = clone(model).set_params(balanced=True).fit(x, codes).predict_proba(x)[:, 1].mean()
    assert even > plain + 0.05
    weighted = clone(model).fit(x, codes, sample_weight=np.where(codes, 20.0, 1.0))
    assert weighted.predict_proba(x)[:, 1].mean() > plain + 0.05


@pytest.mark.parametrize("model", [*CLASSIFIERS, *REGRESSORS])
def test_the_same_seed_gives_the_same_and_copies_too(model: Any) -> None:
    x, values = _numbers(120)
    target = (values > 0).astype(int) if hasattr(model, "predict_proba") else values
    ask = "predict_proba" if hasattr(model, "predict_proba") else "predict"
    first = clone(model).fit(x, target)
    for other in (clone(first).fit(x, target), pickle.loads(pickle.dumps(first))):
        np.testing.assert_array_equal(getattr(first, ask)(x), getattr(other, ask)(x))


def test_catboost_learns_from_hundreds_of_levels_and_takes_new_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    effect = rng.normal(size=400)
    town = rng.integers(400, size=4000)
    frame = pd.DataFrame({"town": [f"town {i}" for i in town], "x": rng.normal(size=4000)})
    frame.loc[:50, "town"] = None
    value = effect[town]
    encoder = FrameEncoder("levels").fit(frame)
    model = CatBoostTreesRegressor(iterations=80).fit(encoder.transform(frame[:3000]), value[:3000])
    error = value[3000:] - model.predict(encoder.transform(frame[3000:]))
    assert error.std() < 0.7 * value.std()
    new = pd.DataFrame({"town": ["nowhere", None], "x": [0.0, None]})
    assert np.isfinite(model.predict(encoder.transform(new))).all()
    assert list(tmp_path.iterdir()) == []


def test_every_configuration_has_a_name_and_parameters_that_are_json() -> None:
    import json

    for kind, metric, classes in (
        ("binary", "f1", (0, 1)),
        ("multiclass", "log_loss", (0, 1, 2)),
        ("regression", "mae", ()),
    ):
        task = Task(kind, metric, "y", classes)  # type: ignore[arg-type]
        found = portfolio(task, rows=100, columns=9)
        assert len({one.description for one in found}) == len(found)
        assert json.loads(json.dumps([one.parameters for one in found]))
        for one in found:
            clone(one.estimator)


def test_losses_and_weights_of_classes_follow_the_metric() -> None:
    absolute = portfolio(Task("regression", "mae", "y"), rows=100, columns=9)
    found = {one.description: one.estimator for one in absolute}
    assert found["LightGBM, small leaves"].booster.objective == "regression_l1"
    assert found["XGBoost"].booster.objective == "reg:absoluteerror"
    assert found["CatBoost"].loss_function == "MAE"
    assert found["ExtraTrees"].criterion == "squared_error"
    even = portfolio(Task("binary", "balanced_accuracy", "y", (0, 1)), rows=100, columns=9)
    for one in even:
        told = one.estimator.get_params(deep=True)
        weighted = [value for name, value in told.items() if name.endswith("class_weight")]
        assert told.get("balanced") or "balanced" in weighted


def test_a_skewed_target_is_also_tried_on_its_logarithm() -> None:
    task = Task("regression", "rmse", "y")
    plain = [one.description for one in portfolio(task, 500, 9)]
    both = portfolio(task, 500, 9, skewed=True)
    added = [one for one in both if one.description not in plain]
    assert [one.description for one in both if one not in added] == plain
    assert {"Nystroem, on the log", "LightGBM, extra trees on the log"} <= {
        one.description for one in added
    }
    assert all(isinstance(one.estimator, LogTarget) and one.estimator.smear for one in added)
    x, values = _numbers()
    for one in added[:2]:
        predicted = (
            clone(one.estimator).fit(pd.DataFrame(x), np.exp(values)).predict(pd.DataFrame(x))
        )
        assert predicted.min() > 0


def test_amounts_are_also_tried_with_a_loss_whose_link_is_a_logarithm() -> None:
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"a": rng.normal(size=600), "b": rng.normal(size=600)})
    counts = rng.poisson(np.exp(1 + x["a"] + 0.5 * x["b"])).astype("float64")
    task = Task("regression", "rmse", "y")
    assert not any("Poisson" in one.description for one in portfolio(task, 600, 2))
    found = {
        one.description: one for one in portfolio(task, 600, 2, amounts=are_amounts(task, counts))
    }
    for name in ("LightGBM, Poisson", "CatBoost, Poisson"):
        model = clone(found[name].estimator).fit(x, counts)
        assert model.predict(x).min() > 0
        assert np.corrcoef(model.predict(x), counts)[0, 1] > 0.8


def test_what_is_drawn_is_never_the_same_twice_and_follows_from_the_seed() -> None:
    task = Task("multiclass", "log_loss", "y", ("a", "b", "c"))

    def drawn(seed: int) -> list[str]:
        found = itertools.islice(further(task, 500, seed), 12)
        return [f"{one.description} {json.dumps(one.parameters)}" for one in found]

    assert len(set(drawn(0))) == 12
    assert drawn(0) == drawn(0) != drawn(1)


def test_a_support_vector_machine_is_left_out_where_pairs_of_rows_are_too_many() -> None:
    task = Task("binary", "roc_auc", "y", (0, 1))
    assert "SVM" in [one.description for one in portfolio(task, 4_000, 9)]
    assert "SVM" not in [one.description for one in portfolio(task, 40_000, 9)]


def test_forests_on_many_rows_stay_small_enough_to_keep() -> None:
    x, values = _numbers(20_000)
    task = Task("regression", "rmse", "y")
    configuration = next(
        one for one in portfolio(task, 400_000, 3) if one.description == "ExtraTrees"
    )
    small = next(one for one in portfolio(task, 500, 3) if one.description == "ExtraTrees")
    assert small.estimator.min_samples_leaf == 1
    configuration = replace(
        configuration, estimator=clone(configuration.estimator).set_params(n_estimators=2)
    )
    size = len(pickle.dumps(configuration.estimator.fit(x, values)))
    # 20 times the rows and 100 times the trees.
    assert size * 2000 < 200e6
