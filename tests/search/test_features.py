"""The encoder of raw frames: what comes in however it comes, what goes out is a clean matrix."""

import datetime
import decimal
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from limelight.errors import InputError
from limelight.search.category_block import MAX_ONEHOT_LEVELS
from limelight.search.features import FrameEncoder


@pytest.fixture
def mixed() -> pd.DataFrame:
    n = 60
    day = datetime.date(2020, 1, 1)
    return pd.DataFrame(
        {
            "decimal": [decimal.Decimal("1.50") * i if i % 7 else None for i in range(n)],
            "date": [day + datetime.timedelta(days=17 * i) if i % 9 else None for i in range(n)],
            "zoned": pd.date_range("2024-03-01", periods=n, freq="7h", tz="Europe/Berlin"),
            "stamp": pd.date_range("2024-03-01", periods=n, freq="D"),
            "nullable": pd.array([True, None, False] * 20, dtype="boolean"),
            "truth": np.array([True, None, False] * 20, dtype=object),
            "whole": pd.array([1, None, 3] * 20, dtype="Int64"),
            "codes": pd.Categorical([1, 2, 3] * 20),
            "text": pd.Series(["x", "y", None] * 20, dtype="str"),
            "bytes": [b"a", b"b"] * 30,
            "endless": [np.inf, 1.0, 2.0] * 20,
            "far": [datetime.datetime(9000 + i, 1, 1) for i in range(n)],
        }
    )


@pytest.mark.parametrize("kind", ["onehot", "ordinal"])
def test_a_value_means_the_same_in_every_dtype(mixed: pd.DataFrame, kind: str) -> None:
    encoder = FrameEncoder(kind, "standard").fit(mixed)
    as_text = mixed.drop(columns="bytes").astype(object).map(str, na_action="ignore")
    as_text["bytes"] = mixed["bytes"]
    expected = encoder.transform(mixed)
    assert expected.std(axis=0, where=~np.isnan(expected)).min() > 0
    np.testing.assert_array_equal(encoder.transform(as_text), expected)


def test_onehot_has_no_gaps_and_says_where_they_were(mixed: pd.DataFrame) -> None:
    encoder = FrameEncoder().fit(mixed)
    matrix = pd.DataFrame(encoder.transform(mixed), columns=encoder.get_feature_names_out())
    assert matrix.notna().all(axis=None)
    assert matrix["whole (missing)"].sum() == 20
    assert matrix["text (missing)"].sum() == 20
    assert matrix["endless (missing)"].sum() == 20
    assert matrix.loc[1, "whole"] == 2.0  # the median of 1 and 3


def test_ordinal_keeps_gaps_and_marks_categories(mixed: pd.DataFrame) -> None:
    encoder = FrameEncoder("ordinal").fit(mixed)
    matrix = pd.DataFrame(encoder.transform(mixed), columns=encoder.get_feature_names_out())
    assert matrix["whole"].isna().sum() == 20
    named = set(encoder.get_feature_names_out()[encoder.categorical_features_])
    assert named == {"codes", "text", "bytes"}
    assert encoder.transform(mixed).dtype == "float32"


def test_what_tells_nothing_is_left_out() -> None:
    frame = pd.DataFrame(
        {
            "constant": 1,
            "empty": [None] * 50,
            "nan": np.nan,
            "same": "x",
            "id": [f"id{i}" for i in range(50)],
            "x": range(50),
        }
    )
    assert FrameEncoder().fit(frame).get_feature_names_out().tolist() == ["x"]
    assert FrameEncoder("ordinal").fit(frame).get_feature_names_out().tolist() == ["x"]
    nothing = FrameEncoder().fit_transform(frame[["constant", "same"]])
    assert nothing.shape == (50, 1)


def test_a_constant_with_gaps_tells_where_they_are() -> None:
    frame = pd.DataFrame({"x": [5.0, np.nan] * 10, "t": ["a", None] * 10})
    assert FrameEncoder().fit_transform(frame)[:2].tolist() == [[0.0, 0.0], [1.0, 1.0]]
    np.testing.assert_array_equal(
        FrameEncoder("ordinal").fit_transform(frame)[:2], [[5.0, 0.0], [np.nan, np.nan]]
    )


def test_many_levels_share_a_column_and_keep_their_frequency() -> None:
    # Level i comes i + 2 times: the most frequent ones are kept.
    values = [f"v{i:03}" for i in range(120) for _ in range(i + 2)]
    frame = pd.DataFrame({"city": values})
    encoder = FrameEncoder().fit(frame)
    matrix = pd.DataFrame(encoder.transform(frame), columns=encoder.get_feature_names_out())
    assert matrix.shape[1] == MAX_ONEHOT_LEVELS + 2
    rare = matrix["city (infrequent)"].to_numpy(dtype=bool)
    assert set(frame.loc[rare, "city"]) == {f"v{i:03}" for i in range(120 - MAX_ONEHOT_LEVELS)}
    assert matrix.loc[0, "city (frequency)"] == pytest.approx(np.log(3))
    unseen = encoder.transform(pd.DataFrame({"city": ["nowhere"]}))
    assert unseen[0, -2:].tolist() == [1.0, 0.0]


def test_unseen_levels_are_no_known_level() -> None:
    frame = pd.DataFrame({"c": ["a", "a", "b", "b", "c", "c"]})
    new = pd.DataFrame({"c": pd.Categorical(["z", None])})
    assert not FrameEncoder().fit(frame).transform(new).any()
    assert np.isnan(FrameEncoder("ordinal").fit(frame).transform(new)).all()


def test_standard_scale_leaves_onehot_columns() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(100, 20, 300), "c": rng.choice(list("ab"), 300)})
    frame.loc[0, "x"] = 1e9
    scaled = FrameEncoder("onehot", "standard").fit_transform(frame)
    assert 2.9 < abs(scaled[:, 0]).max() <= 3.0
    assert np.median(scaled[:, 0]) == pytest.approx(0.0, abs=1e-6)
    assert np.subtract(*np.quantile(scaled[:, 0], [0.75, 0.25])) == pytest.approx(1.0, abs=0.05)
    assert set(scaled[:, 1]) == {0.0, 1.0}


def test_times_become_their_parts_in_their_own_zone() -> None:
    times = pd.date_range("2026-01-31 22:30", periods=40, freq="3h", tz="UTC")
    frame = pd.DataFrame({"at": times.tz_convert("Asia/Tokyo")})
    encoder = FrameEncoder().fit(frame)
    first = dict(zip(encoder.get_feature_names_out(), encoder.transform(frame)[0], strict=True))
    assert (first["at: day"], first["at: hour"], first["at: weekday"]) == (1.0, 7.5, 6.0)
    np.testing.assert_array_equal(
        encoder.transform(pd.DataFrame({"at": times})), encoder.transform(frame)
    )


def test_native_frames_have_the_same_categories_later() -> None:
    frame = pd.DataFrame({"c": ["a", "b", "a", "c"] * 5, "x": range(20)})
    encoder = FrameEncoder("native").fit(frame)
    later = encoder.transform(pd.DataFrame({"c": ["c", "new"], "x": [1, 2]}, index=[7, 8]))
    assert later["x0"].cat.categories.tolist() == [0, 1, 2]
    assert later["x0"].tolist()[0] == 2
    assert later["x0"].isna().tolist() == [False, True]
    assert later.index.tolist() == [7, 8]


def test_every_level_has_a_code_and_unseen_ones_share_one() -> None:
    towns = [f"town {i % 500:03}" for i in range(1500)]
    frame = pd.DataFrame({"town": towns, "note": [f"note {i}" for i in range(1500)]})
    encoder = FrameEncoder("levels").fit(frame)
    given = encoder.transform(frame)
    assert given.shape == (1500, 1), "a text of its own in every row tells nothing"
    assert given["x0"].nunique() == 500
    new = pd.DataFrame({"town": ["nowhere", "else", None, "town 007"], "note": None})
    codes = encoder.transform(new)["x0"].cat.codes.tolist()
    assert codes[:3] == [500, 500, -1]
    assert codes[3] == given["x0"].cat.codes[7]


@pytest.mark.parametrize("kind", ["onehot", "ordinal", "native", "levels"])
def test_clones_and_pickles_encode_the_same(mixed: pd.DataFrame, kind: str) -> None:
    encoder = FrameEncoder(kind)
    expected = np.asarray(encoder.fit_transform(mixed), dtype=float)
    again = pickle.loads(pickle.dumps(clone(encoder).fit(mixed)))
    shuffled = mixed[mixed.columns[::-1]].assign(more=1)
    np.testing.assert_array_equal(np.asarray(again.transform(shuffled), dtype=float), expected)
    assert again.transform(mixed.head(0)).shape == (0, expected.shape[1])


def test_missing_columns_are_named() -> None:
    encoder = FrameEncoder().fit(pd.DataFrame({"a": [1, 2], "b": [3, 4]}))
    with pytest.raises(InputError, match="'b' are missing"):
        encoder.transform(pd.DataFrame({"a": [1]}))
