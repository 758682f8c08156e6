"""What is predicted, read off the target."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pytest

from limelight.errors import InputError
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


@pytest.mark.parametrize(
    ("values", "positive", "expected"),
    [([True, False], "true", True), ([True, False], "FALSE", False), ([1.0, 0.0], "0", 0.0)],
)
def test_the_positive_class_is_named_as_in_the_file(
    values: list[object], positive: str, expected: object
) -> None:
    assert infer_task(pd.Series(values * 9, name="y"), positive=positive).classes[1] == expected
    with pytest.raises(InputError, match="no value of 'y'"):
        infer_task(pd.Series(["Yes", "yes"] * 9, name="y"), positive="YES")
