"""What is predicted, read off the target."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pytest

from limelight.search.task import infer_task


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ([Decimal(f"{i}.25") for i in range(100)], "regression"),
        ([Decimal(i % 4) for i in range(100)], "multiclass"),
        ([float(i) for i in range(100)], "regression"),
        ([0.5, 1.5, 2.5] * 33, "regression"),
        ([1, 2, 3, 4, 5, 6, 7] * 14, "multiclass"),
        ([True, False] * 50, "binary"),
        (["a", "b", "c"] * 33, "multiclass"),
    ],
)
def test_the_problem_follows_from_the_values(values: list[object], problem: str) -> None:
    target = pd.Series(values, name="y")
    task = infer_task(target)
    assert task.problem == problem
    codes = task.encode(target)
    assert codes.dtype == ("float64" if problem == "regression" else "int64")
    assert list(task.decode(codes)) == [float(v) if problem == "regression" else v for v in values]
