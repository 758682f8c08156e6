import numpy as np
import pandas as pd

from limelight.report.profile import profile_columns


def test_each_column_says_what_it_holds() -> None:
    frame = pd.DataFrame(
        {
            "n": [1.5, np.nan, 4.0, 4.0],
            "t": pd.to_datetime(["2024-01-01", "2024-02-01", None, None]),
            "c": pd.Categorical(["b", "a", "b", None]),
            "void": [None] * 4,
        }
    )
    profile = profile_columns(frame).set_index("name")
    assert profile["role"].tolist()[:3] == ["number", "datetime", "category"]
    assert profile["missing"].tolist() == [0.25, 0.5, 0.25, 1.0]
    assert profile["distinct"].tolist() == [2, 2, 2, 0]
    assert profile["holds"].tolist() == ["1.5 to 4", "2024-01-01 to 2024-02-01", "b, a", "nothing"]


def test_many_values_are_cut_short() -> None:
    profile = profile_columns(pd.DataFrame({"c": list("aabcdefg")}))
    assert profile["holds"].iloc[0].startswith("a, ")
    assert profile["holds"].iloc[0].endswith(", …")
