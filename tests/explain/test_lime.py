from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from limelight.explain.lime import COLUMNS, explain_rows
from limelight.search.task import Task

Array = NDArray[Any]
BINARY = Task("binary", "roc_auc", "y", ("no", "yes"))
REGRESSION = Task("regression", "rmse", "y")


def table(n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(n, 4)), columns=["up", "down", "idle", "weak"])
    frame["job"] = rng.choice(["cook", "smith", "clerk"], n)
    frame["since"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D")
    frame.loc[::7, "idle"] = np.nan
    frame.loc[::9, "job"] = None
    frame.index = pd.Index([f"r{at}" for at in range(n)])
    return frame


def linear(frame: pd.DataFrame) -> Array:
    value = 3 * frame["up"] - 2 * frame["down"] + 0.1 * frame["weak"]
    value = value + 4.0 * (frame["job"] == "cook")
    return value.to_numpy(dtype="float64")


def chance(frame: pd.DataFrame) -> Array:
    p = 1 / (1 + np.exp(-linear(frame)))
    return np.column_stack([1 - p, p])


def test_a_linear_models_strongest_columns_come_first_with_their_signs() -> None:
    frame = table()
    row = frame.iloc[[1]].assign(up=1.5, down=1.0, job="cook")
    found = explain_rows(linear, frame, row, REGRESSION, n_samples=1000)
    assert list(found.columns) == list(COLUMNS)
    weights = found.set_index("feature")["weight"]
    assert set(weights.index[:3]) == {"up", "down", "job"}
    assert weights["up"] == pytest.approx(3 * (1.5 - frame["up"].mean()), rel=0.1)
    assert weights["down"] == pytest.approx(-2 * (1.0 - frame["down"].mean()), rel=0.1)
    assert weights["job"] == pytest.approx(4.0 * (frame["job"] != "cook").mean(), rel=0.1)
    assert found["fit_r2"].iloc[0] > 0.9
    assert found["stability"].iloc[0] > 0.6
    assert found["prediction"].iloc[0] == pytest.approx(linear(row)[0])


def test_weights_and_intercept_add_up_to_the_local_prediction() -> None:
    frame = table()
    found = explain_rows(chance, frame, frame.iloc[:7], BINARY, n_samples=300, repeats=1)
    for _, lines in found.groupby("row_key"):
        assert len(lines) == 6
        total = lines["intercept"].iloc[0] + lines["weight"].sum()
        assert total == pytest.approx(lines["local_prediction"].iloc[0])


def test_a_binary_task_explains_the_positive_class() -> None:
    frame = table()
    found = explain_rows(chance, frame, frame.iloc[:3], BINARY, n_samples=200, repeats=1)
    assert set(found["class"]) == {"yes"}
    first = found.drop_duplicates("row_key")
    assert first["prediction"].tolist() == pytest.approx(chance(frame.iloc[:3])[:, 1].tolist())
    assert found["stability"].isna().all()


def test_a_multiclass_task_explains_the_class_predicted_for_the_row() -> None:
    frame = table()
    task = Task("multiclass", "log_loss", "y", (10, 20, 30))

    def three(rows: pd.DataFrame) -> Array:
        score = np.column_stack([rows["up"], rows["down"], -rows["up"] - rows["down"]])
        odds = np.exp(score)
        return odds / odds.sum(axis=1, keepdims=True)

    found = explain_rows(three, frame, frame.iloc[:5], task, n_samples=1000)
    said = [str(task.classes[code]) for code in three(frame.iloc[:5]).argmax(axis=1)]
    assert found.drop_duplicates("row_key")["class"].tolist() == said
    assert set(found.drop_duplicates("row_key")["feature"]) <= {"up", "down"}


def test_the_same_seed_gives_the_same_and_rows_do_not_depend_on_each_other() -> None:
    frame = table()
    together = explain_rows(chance, frame, frame.iloc[:4], BINARY, seed=3, n_samples=300)
    again = explain_rows(chance, frame, frame.iloc[:4], BINARY, seed=3, n_samples=300)
    pd.testing.assert_frame_equal(together, again)
    alone = explain_rows(chance, frame, frame.iloc[[2]], BINARY, seed=3, n_samples=300)
    third = together[together["row_key"] == "r2"].reset_index(drop=True)
    pd.testing.assert_frame_equal(third, alone)
    other = explain_rows(chance, frame, frame.iloc[[2]], BINARY, seed=4, n_samples=300)
    assert not np.allclose(other["fit_r2"], alone["fit_r2"])


def test_missing_values_are_told_and_the_prediction_is_of_the_raw_row() -> None:
    frame = table()
    row = frame.iloc[[0]]  # idle and job are missing

    def by_missing(rows: pd.DataFrame) -> Array:
        return rows["idle"].isna().to_numpy() * 10.0 + rows["job"].isna().to_numpy() * 5.0

    found = explain_rows(by_missing, frame, row, REGRESSION, n_samples=800)
    assert found["prediction"].iloc[0] == 15.0
    assert found["condition"].tolist()[:2] == ["idle is missing", "job is missing"]
    assert found["value"].tolist()[:2] == ["missing", "missing"]
    assert found["weight"].iloc[0] == pytest.approx(10.0 * frame["idle"].notna().mean(), rel=0.1)


def test_a_level_that_training_does_not_have_is_explained_too() -> None:
    frame = table()
    row = frame.iloc[[1]].assign(job="diver")

    def by_job(rows: pd.DataFrame) -> Array:
        return (rows["job"] == "diver").to_numpy() * 10.0

    found = explain_rows(by_job, frame, row, REGRESSION, n_samples=300, repeats=1)
    assert found["prediction"].iloc[0] == 10.0
    assert found["condition"].iloc[0] == "job = diver"
    assert found["weight"].iloc[0] > 1.0


def test_each_row_has_draws_of_its_own() -> None:
    frame = table()
    twins = frame.iloc[[1, 1]].set_axis(["one", "two"])
    found = explain_rows(chance, frame, twins, BINARY, n_samples=300, repeats=1)
    assert found["fit_r2"].nunique() == 2


def test_the_index_is_the_row_key() -> None:
    frame = table()
    rows = frame.iloc[:2].set_index(pd.MultiIndex.from_tuples([(1, "a"), (2, "b")]))
    found = explain_rows(linear, frame, rows, REGRESSION, n_samples=200, repeats=1)
    assert found["row_key"].drop_duplicates().tolist() == ["1|a", "2|b"]


def test_no_rows_give_an_empty_table() -> None:
    found = explain_rows(linear, table(), table().iloc[:0], REGRESSION)
    assert list(found.columns) == list(COLUMNS)
    assert found.attrs["explained"]["rows"] == 0


def test_a_slow_model_is_asked_less_often_and_it_is_said() -> None:
    import time

    frame = table()

    def slow(rows: pd.DataFrame) -> Array:
        time.sleep(len(rows) * 1e-4)
        return linear(rows)

    begun = time.monotonic()
    found = explain_rows(slow, frame, frame.iloc[:8], REGRESSION, n_samples=2000, seconds=2.0)
    assert time.monotonic() - begun < 3.5  # 8 rows, 3 repeats, 2,000 samples would take 5
    done = found.attrs["explained"]
    assert done["n_samples"] < 2000
    assert done["rows_asked"] == 8
    assert done["rows"] == found["row_key"].nunique() >= 1


def test_with_time_to_spare_nothing_is_left_out() -> None:
    frame = table()
    found = explain_rows(linear, frame, frame.iloc[:2], REGRESSION, n_samples=300, seconds=60)
    done = found.attrs["explained"]
    assert (done["rows"], done["repeats"], done["n_samples"]) == (2, 3, 300)
