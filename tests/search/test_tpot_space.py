"""The spaces of TPOT's search: ranges, steps, encodings, and where they begin."""

import copy
import json
from dataclasses import replace
from itertools import islice

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from test_engines import make_problem

from limelight.search.boosting import StoppedClassifier
from limelight.search.features import FrameEncoder
from limelight.search.portfolio import portfolio
from limelight.search.tpot_models import build_space
from limelight.search.tpot_space import ENCODING, Beginning, Node, Range, Space


@pytest.mark.parametrize("log", [True, False])
@pytest.mark.parametrize("whole", [True, False])
def test_ranges_hold_and_small_steps_are_small(log: bool, whole: bool) -> None:
    kind = Range(2, 2000, 50, log=log, whole=whole)
    rng = np.random.default_rng(0)
    drawn = [kind.draw(rng) for _ in range(500)]
    assert min(drawn) >= 2
    assert max(drawn) <= 2000
    assert (np.median(drawn) < 200) == log
    assert all(isinstance(value, int) for value in drawn) == whole
    steps = [kind.near(2000, rng) for _ in range(500)]
    assert max(steps) <= 2000
    assert np.median(steps) > (800 if log else 1800)


def _space(**encoders: FrameEncoder) -> Space:
    steps = tuple(Node(name, dict, {"size": Range(1, 9, 5)}) for name in ("scale", "select"))
    tuned = {name: Range(0, 1, 0.5) for name in "abc"}
    one = Node("one", dict, tuned, encoders or {"onehot": FrameEncoder()}, (steps,))
    other = Node("other", dict, {"d": Range(0, 1, 0.5)}, {"onehot": FrameEncoder()})
    return Space((one, other), (Beginning(one, {"a": 0.1}), Beginning(other)))


def test_mutation_mostly_stays_near_and_sometimes_goes_elsewhere() -> None:
    space, rng = _space(), np.random.default_rng(1)
    kinds, moved = [], []
    for _ in range(300):
        recipe = space.begin(space.beginnings[0])
        before = recipe.unique_id()
        child = copy.deepcopy(recipe)
        assert child.space is space
        assert child.mutate(rng)
        kinds.append(child.kind)
        assert recipe.unique_id() == before, "a parent stays as it was"
        if child.kind == "one":
            moved.append(abs(child.model.values["b"] - 0.5))
    assert 3 <= kinds.count("other") <= 40
    assert np.median(moved) < 0.1


def test_crossover_mixes_recipes_of_one_model() -> None:
    space, rng = _space(), np.random.default_rng(2)
    one, far = space.begin(space.beginnings[0]), space.begin(space.beginnings[0])
    far.model.values.update(a=0.9, b=0.9, c=0.9)
    far.steps[0] = space.nodes[0].slots[0][1].begin()
    found = set()
    for _ in range(50):
        child = copy.deepcopy(one)
        assert child.crossover(far, rng)
        found.add((*child.model.values.values(), child.description))
    assert (0.1, 0.9, 0.5, "select > one") in found
    assert all({*values[:3]} <= {0.1, 0.5, 0.9} for values in found)
    assert not one.crossover(space.begin(space.beginnings[1]), rng)
    assert far.steps[0].values == {"size": 5}


def test_a_recipe_carries_the_encoding_that_it_takes() -> None:
    native, ordinal = FrameEncoder("native"), FrameEncoder("ordinal")
    space = _space(native=native, ordinal=ordinal)
    recipe = space.begin(Beginning(space.nodes[0], {ENCODING: "ordinal"}))
    assert recipe.encoder is ordinal
    assert recipe.parameters[ENCODING] == "ordinal"
    assert ENCODING not in recipe.export_pipeline()
    drawn = [space.nodes[0].draw(np.random.default_rng(seed)).values for seed in range(20)]
    assert {values[ENCODING] for values in drawn} == {"native", "ordinal"}
    only = _space(native=native)
    recipe = only.begin(Beginning(only.nodes[0], {ENCODING: "ordinal"}))
    assert recipe.encoder is native
    assert ENCODING not in recipe.parameters
    with pytest.raises(ValueError, match="one does not tune e"):
        only.begin(Beginning(only.nodes[0], {"e": 1}))


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("number", [0, 1])
def test_every_beginning_fits_on_what_it_says_it_takes(kind: str, number: int) -> None:
    problem = make_problem(kind, rows=60)
    space = build_space(problem, seed=3, number=number)
    rng = np.random.default_rng(0)
    recipes = list(islice(space.recipes(rng), len(space.beginnings) + 12))
    starts = recipes[: len(space.beginnings)]
    assert len({recipe.unique_id() for recipe in starts}) == len(starts) >= 7
    assert len({recipe.kind for recipe in starts}) >= 4
    for recipe in recipes:
        json.dumps(recipe.parameters)
        assert recipe.cost > 0
    for recipe in starts:
        x = clone(recipe.encoder).fit_transform(problem.features, problem.target)
        model = clone(recipe.export_pipeline()).fit(x, problem.target)
        assert len(model.predict(x)) == 60


def test_a_search_begins_elsewhere_than_the_portfolio_and_than_another_search() -> None:
    problem = make_problem("binary", rows=60)
    tried = [one.parameters for one in portfolio(problem.task, 60, 6)]
    ids = []
    for number in (0, 2):
        space = build_space(problem, seed=0, number=number)
        rng = np.random.default_rng(0)
        recipes = space.recipes(rng, exact=number < 2)
        started = list(islice(recipes, len(space.beginnings)))
        for recipe in started:
            plain = {n: v for n, v in recipe.parameters.items() if n != ENCODING}
            assert plain not in tried
        ids.append({recipe.unique_id() for recipe in started})
    assert len(ids[0] & ids[1]) <= 2


def test_without_categories_there_is_no_choice_of_encoding() -> None:
    problem = make_problem("binary", rows=60)
    numbers = replace(problem, features=problem.features[["amount", "age"]])
    for given, expected in ((problem, {"native", "ordinal"}), (numbers, {"native"})):
        nodes = {node.name: node for node in build_space(given, 0, 0).nodes}
        assert set(nodes["LightGBM"].encoders) == expected
        assert set(nodes["CatBoost"].encoders) == {"levels"}


def test_boosters_find_their_rounds_and_wait_longer_with_small_steps() -> None:
    problem = make_problem("binary", rows=60)
    space = build_space(problem, seed=0, number=0)
    lightgbm = next(node for node in space.nodes if node.name == "LightGBM")
    low, high = lightgbm.tuned["learning_rate"].low, lightgbm.tuned["learning_rate"].high
    slow, quick = (lightgbm.begin(learning_rate=step).make() for step in (low, high))
    assert isinstance(slow, StoppedClassifier)
    assert slow.patience > quick.patience
    assert slow.booster.n_estimators == quick.booster.n_estimators > 1000
    costs = [lightgbm.cost(lightgbm.begin(learning_rate=step).values) for step in (low, high)]
    assert costs[0] > 4 * costs[1]


def test_amounts_get_losses_with_a_logarithmic_link() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.uniform(-1, 1, (600, 3)), columns=list("abc"))
    mean = np.exp(2 * frame["a"] + 2 * frame["b"] + frame["c"]).to_numpy()
    amounts = replace(make_problem("regression"), features=frame, target=rng.gamma(2.0, mean / 2.0))
    nodes = {node.name: node for node in build_space(amounts, 0, 0).nodes}
    assert nodes["LightGBM"].tuned["loss"].options == ("squared", "poisson", "tweedie")
    x = clone(FrameEncoder("native")).fit_transform(frame)
    for name in ("LightGBM", "XGBoost", "CatBoost"):
        given = {"iterations": 150} if name == "CatBoost" else {}
        errors = {}
        for loss in ("squared", "poisson", "tweedie"):
            model = nodes[name].begin(loss=loss, **given).make()
            small, large = (
                clone(model).fit(x[:400], scale * amounts.target[:400]).predict(x[400:])
                for scale in (1.0, 1e6)
            )
            np.testing.assert_allclose(large / 1e6, small, rtol=0.05, atol=0.05)
            assert loss == "squared" or small.min() > 0
            errors[loss] = np.sqrt(np.mean((small - mean[400:]) ** 2))
        if name != "CatBoost":
            assert max(errors["poisson"], errors["tweedie"]) < errors["squared"]
    below = replace(amounts, target=amounts.target - 100)
    narrow = replace(amounts, target=amounts.target + 1e6)
    for given in (below, narrow):
        assert "loss" not in build_space(given, 0, 0).nodes[0].tuned


def test_estimators_follow_the_metric_and_the_weights() -> None:
    problem = make_problem("regression", rows=60)
    absolute = replace(problem, task=replace(problem.task, metric="mae"))
    nodes = {node.name: node.begin().make() for node in build_space(absolute, 0, 0).nodes}
    assert nodes["LightGBM"].booster.objective == "regression_l1"
    assert nodes["XGBoost"].booster.objective == "reg:absoluteerror"
    assert nodes["CatBoost"].loss_function == "MAE"
    even = make_problem("multiclass", rows=60)
    even = replace(even, task=replace(even.task, metric="balanced_accuracy"))
    nodes = {node.name: node.begin().make() for node in build_space(even, 0, 0).nodes}
    assert nodes["LightGBM"].balanced
    assert nodes["CatBoost"].balanced
    assert nodes["ExtraTrees"].forest.class_weight == "balanced"
    assert nodes["LogisticRegression"].class_weight == "balanced"
    weighted = replace(even, weights=np.ones(60))
    assert "KNeighbors" in nodes
    assert "KNeighbors" not in {node.name for node in build_space(weighted, 0, 0).nodes}
