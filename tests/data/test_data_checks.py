from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from limelight.data.checks import check_training_data
from limelight.errors import InputError


def table(**changes: object) -> pd.DataFrame:
    return pd.DataFrame({"age": range(40), "city": "X", "y": [0.0, 1.0] * 20}).assign(**changes)


def test_good_data_passes() -> None:
    check_training_data(table(), "y")
    check_training_data(table(empty=None), "y", ignore=["empty"])
    check_training_data(table(age=[None, *range(39)]), "y")


MISSING = [None, None, *[0.0, 1.0] * 19]
INFINITE = [np.inf, -np.inf, *[0.0, 1.0] * 19]


@pytest.mark.parametrize(
    ("frame", "target", "ignore", "message"),
    [
        (table(), "z", (), "target 'z' is not in the table. .*Known: 'age', 'city', 'y'"),
        (table(), "agee", (), "Did you mean 'age'"),
        (table().set_index("age"), "age", (), "target 'age' is the dataset's key"),
        (table()[:19], "y", (), "19 rows, and at least 20"),
        (table(y=MISSING), "y", (), "missing in 2 of 40 rows. .*--drop-missing-target"),
        (table(y=np.nan), "y", (), "missing in 40 of 40 rows. Choose another"),
        (table(y=INFINITE), "y", (), "infinite in 2 of 40 rows"),
        (table(y=pd.Series(INFINITE, dtype="Float64")), "y", (), "infinite in 2 of 40 rows"),
        (table(), "city", (), "'city' has the one value 'X' in all 40 rows"),
        (table(e=None), "y", (), "column 'e' has only missing values in 40 rows.*--ignore e"),
        (table(e=None, f=pd.NaT), "y", (), "2 columns 'e', 'f' have only .*--ignore e,f"),
        (table(), "y", ["agee"], "'agee' to ignore is not in the table"),
        (table(), "y", ["y"], "target 'y' is to be ignored"),
        (table(), "y", ["age", "city"], "no column to predict from"),
        (pd.concat([table(), table()[["age"]]], axis=1), "y", (), "'age' given more than once"),
    ],
)
def test_bad_data_is_named(
    frame: pd.DataFrame, target: str, ignore: list[str], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        check_training_data(frame, target, ignore)
    assert caught.value.way_out
