from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from limelight.errors import InputError
from limelight.explain.codec import Codec


def mixed() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "whole": [1, 5, 9],
            "real": [0.5, np.nan, 2.5],
            "nullable": pd.array([1, None, 3], dtype="Int64"),
            "flag": [True, False, True],
            "maybe": pd.array([True, None, False], dtype="boolean"),
            "text": ["b", None, "a"],
            "level": pd.Categorical(["x", "y", None], categories=["y", "x", "z"]),
            "time": pd.to_datetime(["2024-01-01", None, "2024-03-01 06:00"], format="ISO8601"),
            "zone": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01"]).tz_localize(
                "Europe/Berlin"
            ),
            "day": [date(2024, 1, 1), None, date(2024, 2, 1)],
            "decimal": [Decimal("1.25"), None, Decimal("2")],
            "nothing": [np.nan, np.nan, np.nan],
        }
    )


def test_every_type_comes_back_as_it_was() -> None:
    frame = mixed()
    codec = Codec(frame)
    matrix = codec.encode(frame)
    assert matrix.dtype == np.float64
    assert np.isfinite(matrix).all()
    pd.testing.assert_frame_equal(codec.decode(matrix), frame)


def test_missing_numbers_are_flagged_and_categories_are_codes() -> None:
    codec = Codec(mixed())
    matrix = codec.encode(mixed())
    named = [codec.columns[at] for at in codec.source]
    assert named.count("real") == 2
    assert named.count("whole") == 1
    real = named.index("real")
    assert matrix[1, real] == 1.5  # the median
    assert matrix[:, real + 1].tolist() == [0.0, 1.0, 0.0]
    assert real not in codec.categorical
    assert real + 1 in codec.categorical
    assert named.index("text") in codec.categorical


def test_draws_are_rounded_and_stay_within_the_type() -> None:
    frame = pd.DataFrame({"n": np.array([1, 2, 10], dtype="uint8")})
    decoded = Codec(frame).decode(np.array([[-4.0], [3.4], [999.0]]))["n"]
    assert decoded.tolist() == [0, 3, 255]
    assert decoded.dtype == "uint8"


def test_unseen_level_and_infinity_can_be_encoded() -> None:
    codec = Codec(pd.DataFrame({"t": ["a", "b"], "x": [0.0, 1.0]}))
    matrix = codec.encode(pd.DataFrame({"t": ["new"], "x": [np.inf]}))
    assert matrix[0, 0] not in (0.0, 1.0)
    assert matrix[0, 1] == 1.0


def test_a_missing_column_is_named() -> None:
    with pytest.raises(InputError, match="'text'"):
        Codec(mixed()).encode(mixed().drop(columns="text"))


def test_conditions_are_readable() -> None:
    codec = Codec(mixed())
    position = {name: at for at, name in enumerate(codec.columns)}
    assert codec.condition(position["whole"], 9) == "whole = 9 (mean 5)"
    assert codec.condition(position["text"], "b") == "text = b"
    assert codec.condition(position["real"], np.nan) == "real is missing"
    assert codec.condition(position["text"], None) == "text is missing"
    assert codec.condition(position["text"], "missing") == "text = missing"
    when = codec.condition(position["time"], pd.Timestamp("2024-01-01"))
    assert when == "time = 2024-01-01 (mean 2024-01-31)"
