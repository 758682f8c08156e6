"""Input that cannot be used: one line, the way out, before any search, and nothing stored."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from limelight.data import open_store
from limelight.errors import LimelightError
from limelight.training.load import load
from limelight.training.prepare import prepare
from limelight.training.request import Request

BUNDLED = Path(__file__).resolve().parents[2] / "data"


def good_frame(rows: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "id": np.arange(rows),
            "age": rng.integers(18, 80, rows),
            "city": rng.choice(["Bern", "Oslo", "Rome"], rows),
            "bought": rng.choice(["yes", "no"], rows),
        }
    )


@pytest.fixture
def attempt(tmp_path):
    """Write a frame as a CSV, ask for a run on it, and return the error's text."""

    def ask(frame: pd.DataFrame | None = None, **wishes: object) -> str:
        store = tmp_path / "store.db"
        if frame is not None:
            path = tmp_path / "rows.csv"
            frame.to_csv(path, index=False)
            wishes = {"source": str(path), "target": "bought"} | wishes
        with pytest.raises(LimelightError) as caught:
            request = Request(bundled=BUNDLED, store=str(store), **wishes)
            table = load(request)
            prepare(table.frame, table.card, request)
        if store.exists() and caught.value:
            assert "rows" not in open_store(store).datasets(), "a refused file was stored"
        text = str(caught.value)
        assert "\n" not in text
        assert caught.value.way_out, "the error does not say what to do"
        return text

    return ask


def test_a_good_frame_is_taken(tmp_path):
    path = tmp_path / "rows.csv"
    good_frame().to_csv(path, index=False)
    request = Request(BUNDLED, source=str(path), target="bought", store=str(tmp_path / "s.db"))
    table = load(request)
    prepared = prepare(table.frame, table.card, request)
    assert prepared.task.classes in (("no", "yes"), ("yes", "no"))
    assert len(prepared.problem.features) + len(prepared.holdout.features) == 60
    assert "bought" not in prepared.problem.features


def test_missing_file(attempt, tmp_path):
    assert "nowhere.csv" in attempt(source=str(tmp_path / "nowhere.csv"), target="bought")


@pytest.mark.parametrize("ending", ["csv", "parquet", "feather", "csv.gz"])
def test_a_file_that_is_not_what_its_ending_says(attempt, tmp_path, ending):
    path = tmp_path / f"rows.{ending}"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)))
    assert f"rows.{ending}" in attempt(source=str(path), target="bought")


def test_target_that_is_not_there(attempt):
    text = attempt(good_frame(), target="bougth")
    assert "'bougth'" in text
    assert "'bought'" in text


def test_new_source_without_target(attempt):
    assert "--target" in attempt(good_frame(), target="")


def test_constant_target(attempt):
    text = attempt(good_frame().assign(bought="yes"))
    assert "'bought'" in text
    assert "yes" in text


def test_missing_values_in_the_target(attempt):
    frame = good_frame()
    frame.loc[[3, 9, 14], "bought"] = None
    text = attempt(frame)
    assert "3" in text
    assert "--drop-missing-target" in text


def test_one_class_too_rare(attempt):
    frame = good_frame()
    frame.loc[0, "bought"] = "perhaps"
    assert "perhaps" in attempt(frame)


def test_duplicate_keys(attempt):
    frame = good_frame()
    frame.loc[5, "id"] = 4
    text = attempt(frame, key=("id",))
    assert "'id'" in text
    assert "4" in text


def test_missing_keys(attempt):
    frame = good_frame()
    frame["id"] = frame["id"].astype("Int64")
    frame.loc[5, "id"] = pd.NA
    assert "'id'" in attempt(frame, key=("id",))


def test_column_of_only_missing_values(attempt):
    assert "'empty'" in attempt(good_frame().assign(empty=np.nan))


def test_fewer_than_20_rows(attempt):
    assert "19" in attempt(good_frame(19))


def test_column_name_given_twice(attempt, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("age,age,bought\n" + "1,2,yes\n3,4,no\n" * 20)
    assert "'age'" in attempt(source=str(path), target="bought")


def test_unknown_dataset_in_an_empty_store(attempt):
    text = attempt(dataset="loans")
    assert "'loans'" in text
    assert "credit_g" in text


def test_unknown_dataset_names_the_nearest(attempt, tmp_path):
    open_request = Request(BUNDLED, store=str(tmp_path / "store.db"))
    load(open_request)
    assert "'credit_g'" in attempt(dataset="credit-g")


def test_unknown_ref_names_the_nearest(attempt, tmp_path):
    table = load(Request(BUNDLED, store=str(tmp_path / "store.db")))
    open_store(tmp_path / "store.db").tag("v1", table.version)
    text = attempt(ref="v2")
    assert "'v2'" in text
    assert "v1" in text


def test_unknown_metric(attempt):
    assert "'roc_auc'" in attempt(good_frame(), metric="roc-auc")


def test_metric_of_another_task(attempt):
    assert "rmse" in attempt(good_frame(), metric="rmse")


def test_unknown_engine(attempt):
    assert "'tpot'" in attempt(engines=("tpott",))


def test_engine_given_twice(attempt):
    text = attempt(engines=("tpot", "tpot"))
    assert "'tpot'" in text
    assert "--searches" in text


@pytest.mark.parametrize("amount", [{"minutes": 0.0}, {"trials": 0}, {"searches": 0}])
def test_amounts_that_are_no_budget(tmp_path, amount):
    # In the request itself: before any data is read, and a dataset stored.
    with pytest.raises(LimelightError, match="--" + next(iter(amount))) as caught:
        Request(BUNDLED, store=str(tmp_path / "store.db"), **amount)
    assert caught.value.way_out


def test_minutes_and_trials_together(attempt):
    assert "--minutes 1" in attempt(good_frame(), minutes=1.0, trials=3)


def test_unknown_positive_class(attempt):
    assert "'yes'" in attempt(good_frame(), positive="maybe")


def test_unknown_group_column(attempt):
    assert "'city'" in attempt(good_frame(), group="citty")


@pytest.mark.parametrize("bound", [0.0, -5.0, float("inf"), float("nan")])
def test_a_bound_on_predictions_that_is_no_time(attempt, bound):
    assert "--infer-ms" in attempt(good_frame(), infer_ms=bound)


def test_holdout_that_is_no_share(attempt):
    assert "--holdout" in attempt(good_frame(), holdout=20.0)


def test_store_that_is_another_programs_file(tmp_path):
    import sqlite3

    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as connection:
        connection.execute("create table mine (a)")
    connection.close()
    before = foreign.read_bytes()
    with pytest.raises(LimelightError, match=r"foreign\.db"):
        load(Request(BUNDLED, store=str(foreign)))
    assert foreign.read_bytes() == before


def test_many_rare_classes_are_counted_and_not_named(attempt):
    frame = good_frame().assign(bought=[f"name {i}" for i in range(60)])
    text = attempt(frame)
    assert "59 other classes" in text or "other classes are as rare" in text
    assert "another --target" in text


def test_a_constant_number_is_shown_as_it_is(attempt):
    assert "has the one value 1 in all 60 rows" in attempt(good_frame().assign(bought=1))


@pytest.mark.parametrize("wish", ["group", "time", "ignore"])
def test_a_key_may_be_what_rows_are_split_by_and_be_ignored(tmp_path, wish):
    path = tmp_path / "rows.csv"
    good_frame().to_csv(path, index=False)
    wishes = {"source": str(path), "target": "bought", "key": ("id",), "store": str(tmp_path / "s")}
    request = Request(BUNDLED, **wishes, **{wish: ("id",) if wish == "ignore" else "id"})
    table = load(request)
    prepared = prepare(table.frame, table.card, request)
    assert prepared.split.kind == {"ignore": "key"}.get(wish, wish)
    if wish == "time":
        assert prepared.holdout.features.index.min() > prepared.problem.features.index.max()
