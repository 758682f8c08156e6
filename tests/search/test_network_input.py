"""What a network takes: every number finite and near zero, every level in its place."""

from __future__ import annotations

import numpy as np
import pandas as pd

from limelight.search.network_input import FARTHEST, NetworkInput, pieces


def codes(values: list[int], count: int) -> pd.Categorical:
    return pd.Categorical.from_codes(values, categories=pd.RangeIndex(count))


def test_outliers_come_near_and_keep_their_order() -> None:
    numbers = np.concatenate([np.linspace(-1, 1, 99), [1e6], [1e30]])[:, None]
    encoded = NetworkInput().fit(numbers[:99]).transform(numbers)[:, 0]
    assert encoded.dtype == "float32"
    assert np.abs(encoded).max() <= FARTHEST
    assert (np.diff(encoded[:99]) > 0).all()
    assert encoded[98] < encoded[99] <= encoded[100]


def test_a_number_that_is_mostly_one_value_is_scaled_by_its_range() -> None:
    numbers = np.array([[0.0]] * 9 + [[4.0]])
    encoded = NetworkInput().fit_transform(numbers)[:, 0]
    assert encoded[0] == 0.0
    assert 1.0 < encoded[-1] < 2.0


def test_a_column_without_values_or_with_one_value_says_nothing() -> None:
    frame = pd.DataFrame({"none": [np.nan] * 3, "one": [7.0] * 3})
    encoded = NetworkInput().fit_transform(frame)
    assert np.isfinite(encoded).all()
    assert (encoded == encoded[0]).all()


def test_few_levels_are_flags_and_what_is_missing_or_new_is_one_of_its_own() -> None:
    frame = pd.DataFrame({"c": codes([0, 1, 2, 0], 3)})
    encoder = NetworkInput().fit(frame)
    assert encoder.layout_.codes == 0
    start = encoder.layout_.numbers
    given = encoder.transform(pd.DataFrame({"c": codes([2, -1], 3)}))[:, start : start + 4]
    assert given.tolist() == [[0, 0, 1, 0], [0, 0, 0, 1]]
    new = encoder.transform(pd.DataFrame({"c": codes([4], 5)}))[:, start : start + 4]
    assert new.tolist() == [[0, 0, 0, 1]]


def test_many_levels_are_rows_of_one_table() -> None:
    frame = pd.DataFrame({"a": codes([0, 19, -1], 20), "b": codes([0, 29, 3], 30)})
    encoder = NetworkInput().fit(frame)
    assert (encoder.layout_.codes, encoder.layout_.flags) == (2, 16)
    assert encoder.layout_.rows >= 21 + 31
    assert encoder.transform(frame)[:, -2:].tolist() == [[0, 21], [19, 50], [20, 24]]


def test_folds_that_differ_in_a_column_have_one_layout() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=9), "b": codes([0, 1, 2] * 3, 3)})
    other = frame.assign(c=frame["a"], a=frame["a"].where(frame["a"] > 0))
    assert NetworkInput().fit(frame).layout_ == NetworkInput().fit(other).layout_


def test_pieces_hold_as_many_rows_each_and_are_fewer_where_values_are_alike() -> None:
    values = np.array([[0.0, 1.0], [1.0, 1.0], [4.0, 1.0], [9.0, 2.0], [9.5, 2.0]])
    lower, factor = pieces(values, 4)
    assert lower[0].tolist() == [0.0, 1.0, 4.0, 9.0]
    np.testing.assert_allclose(factor[0], [1.0, 1 / 3, 1 / 5, 2.0])
    assert (factor[1] > 0).sum() == 1
