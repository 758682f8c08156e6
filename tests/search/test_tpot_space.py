"""The space of TPOT's search: ranges, steps, and where it begins."""

import copy
import json
from itertools import islice

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from test_engines import make_problem

from limelight.search.tpot_models import build_space
from limelight.search.tpot_space import Node, Range, parts


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
    assert np.median(steps) > (500 if log else 1500)


def test_mutation_and_crossover_keep_to_the_node() -> None:
    node = Node(dict, {"fixed": 1}, {name: Range(0, 1, 0.5) for name in "abc"})
    rng = np.random.default_rng(1)
    one, other = node.begin(), node.generate(rng)
    before = one.unique_id()
    assert one.mutate(rng)
    assert one.unique_id() != before
    child = copy.deepcopy(one)
    assert child.node is node
    assert child.crossover(other, rng)
    assert all(child.values[name] in (one.values[name], other.values[name]) for name in "abc")
    assert child.export_pipeline()["fixed"] == 1
    assert not Node(dict).begin().mutate(rng)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("number", [0, 1])
def test_searches_begin_with_what_is_known_to_be_good(kind: str, number: int) -> None:
    problem = make_problem(kind, rows=60)
    space = build_space(problem, seed=3, number=number)
    rng = np.random.default_rng(0)
    individuals = list(islice(space.individuals(rng), 20))
    count = len(space.beginnings)
    assert count >= 4
    starts = {str(one.unique_id()) for one in individuals[:count]}
    assert len(starts) == count
    for one in individuals[:count]:
        for part in parts(one):
            assert part.values == {name: r.start for name, r in part.node.tuned.items()}
    for one in individuals:
        assert parts(one)
        json.dumps([part.values for part in parts(one)])
    x = np.random.default_rng(0).normal(size=(60, 5))
    for one in individuals[:count]:
        make_pipeline(one.export_pipeline()).fit(x, problem.target).predict(x)


def test_regressors_minimise_what_the_metric_measures() -> None:
    from dataclasses import replace

    problem = make_problem("regression")
    absolute = replace(problem, task=replace(problem.task, metric="mae"))
    space = build_space(absolute, seed=0, number=0)
    fixed = {place.method.__name__: place.fixed for place in space.root.search_spaces}
    assert fixed["LGBMRegressor"]["objective"] == "regression_l1"
    assert fixed["XGBRegressor"]["objective"] == "reg:absoluteerror"
    assert fixed["HistGradientBoostingRegressor"]["loss"] == "absolute_error"
