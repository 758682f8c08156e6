from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from limelight.report.sketch import BINS, LEVELS, sketch


def test_both_versions_share_their_bars_and_every_row_is_in_one() -> None:
    rng = np.random.default_rng(0)
    before, after = pd.Series(rng.normal(0, 1, 900)), pd.Series(rng.normal(1, 2, 1000))
    found = sketch(after, before)
    assert found.ordered
    assert len(found.labels) == len(found.after) == len(found.before) <= BINS
    assert (sum(found.after), sum(found.before)) == (1000, 900)
    assert float(found.ends[1]) == pytest.approx(max(before.max(), after.max()), rel=1e-3)


def test_far_values_do_not_squeeze_the_others_into_one_bar() -> None:
    values = pd.Series([*np.linspace(0, 1, 999), 1e9])
    found = sketch(values)
    assert sum(found.after) == 1000
    assert max(found.after) < 200
    assert found.ends == ("0", "1000000000")


def test_few_whole_numbers_are_themselves() -> None:
    found = sketch(pd.Series(pd.array([1, 2, 2, None], "Int64")), pd.Series([1.0, 3.0]))
    assert found.labels == ("1", "2", "3")
    assert (found.after, found.before) == ((1, 2, 0), (1, 0, 1))


def test_rare_categories_are_put_together() -> None:
    values = pd.Series([f"c{n}" for n in range(30) for _ in range(30 - n)])
    found = sketch(values)
    assert len(found.labels) == LEVELS
    assert found.labels[0] == "c0"
    assert found.labels[-1] == "23 others"
    assert sum(found.after) == len(values)


@pytest.mark.parametrize(
    "values",
    [
        [None, None],
        [7, 7],
        [1.7e308, -1.7e308],
        [float("inf"), 1.0],
        [2**63, 2**64 - 1],
        [Decimal("1.5"), None],
        [date(2024, 1, 1), date(9999, 1, 1)],
        [True, None],
        [b"a", b"b"],
        pd.to_datetime(["2024-01-01", None], utc=True),
        np.array(["0000-01-01", "20000-12-31"], dtype="datetime64[s]"),
        pd.to_timedelta([1, 2], "h"),
        pd.period_range("2024-01", periods=2, freq="M"),
        pd.Categorical([3, 1]),
        ["<b>", ""],
    ],
)
def test_every_kind_of_values_has_bars(values) -> None:
    series = pd.Series(values)
    found = sketch(series, series)
    assert found.after == found.before
    known = series.dropna()
    if pd.api.types.is_float_dtype(known):
        known = known[np.isfinite(known)]
    assert sum(found.after) == len(known)


def test_a_column_that_changed_its_type_has_bars() -> None:
    found = sketch(pd.Series(["1", "x"]), pd.Series([1, 2]))
    assert found.labels == ("1", "2", "x")
    assert sketch(pd.Series([1, 2]), pd.Series([None, None])).before in ((0, 0), ())
