import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from limelight.explain.importance import permutation_importance
from limelight.search.task import Task

RMSE = Task("regression", "rmse", "y")


def table(n: int = 500) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(n, 3)), columns=["strong", "weak", "none"])
    frame["level"] = pd.Categorical(rng.choice(["a", "b"], n))
    return frame


def model(frame: pd.DataFrame) -> NDArray[Any]:
    value = 3 * frame["strong"] + frame["weak"] + 1.5 * (frame["level"] == "a")
    return value.to_numpy(dtype="float64")


def test_columns_are_ranked_by_what_their_shuffling_costs() -> None:
    frame = table()
    noise = np.random.default_rng(2).normal(size=len(frame))
    found = permutation_importance(model, frame, model(frame) + noise, RMSE)
    assert found["feature"].tolist()[0] == "strong"
    assert found["feature"].tolist()[-1] == "none"
    assert found["rank"].tolist() == [1, 2, 3, 4]
    drop = found.set_index("feature")["importance"]
    # Shuffling adds the variance twice to that of the noise, which is there anyhow.
    expected = np.sqrt(2 * 9 * frame["strong"].var() + 1) - 1
    assert drop["strong"] == pytest.approx(expected, rel=0.1)
    assert drop["none"] == 0.0


def test_the_sign_follows_the_metric_and_the_seed_decides() -> None:
    frame = table()
    task = Task("binary", "roc_auc", "y", ("no", "yes"))

    def odds(rows: pd.DataFrame) -> NDArray[Any]:
        p = 1 / (1 + np.exp(-model(rows)))
        return np.column_stack([1 - p, p])

    target = (odds(frame)[:, 1] > 0.5).astype("int64")
    found = permutation_importance(odds, frame, target, task, seed=5)
    assert found["importance"].iloc[0] > 0.1
    assert found.equals(permutation_importance(odds, frame, target, task, seed=5))
    assert not found.equals(permutation_importance(odds, frame, target, task, seed=6))


def test_rows_and_time_are_bounded_and_it_is_said() -> None:
    frame = table(3000)

    def slow(rows: pd.DataFrame) -> NDArray[Any]:
        time.sleep(len(rows) * 1e-4)
        return model(rows)

    begun = time.monotonic()
    found = permutation_importance(slow, frame, model(frame), RMSE, seconds=1.0)
    assert time.monotonic() - begun < 2.5  # in full: 2,000 rows, 12 times, 2.6 s
    done = found.attrs["measured"]
    assert done["repeats"] < 3 or done["rows"] < 2000
    assert set(found["feature"]) == set(frame.columns)


def test_no_rows_give_an_empty_table() -> None:
    frame = table().iloc[:0]
    assert permutation_importance(model, frame, np.zeros(0), RMSE).empty
