"""From a table to a problem: what the request, the card and the key have to do with it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from limelight.data import DatasetCard
from limelight.training.load import load
from limelight.training.prepare import prepare
from limelight.training.request import Request

BUNDLED = Path(__file__).resolve().parents[2] / "data"


@pytest.fixture
def visits() -> pd.DataFrame:
    """Four visits of each of 50 patients, keyed by patient and day."""
    rng = np.random.default_rng(0)
    index = pd.MultiIndex.from_product([range(50), range(4)], names=["patient", "day"])
    return pd.DataFrame({"pulse": rng.normal(size=200), "ill": rng.integers(0, 2, 200)}, index)


def test_rows_can_be_grouped_by_a_part_of_their_key(visits):
    card = DatasetCard(name="visits", target="ill", key=("patient", "day"))
    prepared = prepare(visits, card, Request(BUNDLED, group="patient"))
    patients = visits.index.get_level_values("patient")
    split = prepared.split
    assert split.kind == "group"
    assert set(patients[split.holdout]).isdisjoint(patients[split.training])
    for groups, rows in (
        (prepared.problem.groups, split.training),
        (prepared.holdout.groups, split.holdout),
    ):
        assert len(set(zip(groups, patients[rows], strict=True))) == len(set(patients[rows]))


def test_rows_can_be_split_in_time_by_a_part_of_their_key(visits):
    card = DatasetCard(name="visits", target="ill", key=("patient", "day"))
    prepared = prepare(visits, card, Request(BUNDLED, time="day"))
    assert set(prepared.holdout.features.index.get_level_values("day")) == {3}


def test_another_target_is_not_what_the_card_says_of_its_own(tmp_path):
    request = Request(BUNDLED, store=str(tmp_path / "store.db"), target="duration")
    table = load(request)
    assert (table.card.problem, table.card.positive) == ("", "")
    assert prepare(table.frame, table.card, request).task.problem == "regression"


def test_to_name_the_baselines_asks_for_nothing_more():
    plan = Request(BUNDLED, engines=("baseline",)).plan(cells=0, cores=2, workers=4)
    assert [search.engine for search in plan.searches] == ["baseline"]
