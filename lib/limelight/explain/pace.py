"""How long a model takes for a row, without taking long to find out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

#: Rows of a first look, and the most of a second one, which is to take no longer than this.
_FEW, _MANY, _SECONDS = 50, 2_000, 0.5


def seconds_a_row(predict: Callable[[pd.DataFrame], NDArray[Any]], frame: pd.DataFrame) -> float:
    """Seconds that a model takes for one of many rows.

    Args:
        predict: Takes a raw frame.
        frame: Rows to try it on; at least one.

    Example:
        >>> 0 < seconds_a_row(lambda frame: frame["a"].to_numpy(), pd.DataFrame({"a": [1]})) < 1
        True
    """
    first = _seconds(predict, frame, _FEW)
    more = int(np.clip(_FEW * _SECONDS / max(first, 1e-9), 2 * _FEW, _MANY))
    second = _seconds(predict, frame, more)
    # What a call takes whatever its rows does not count: with many columns, that is most of it.
    return max((second - first) / (more - _FEW), 0.1 * second / more)


def _seconds(
    predict: Callable[[pd.DataFrame], NDArray[Any]], frame: pd.DataFrame, rows: int
) -> float:
    pilot = frame.iloc[np.arange(rows) % len(frame)].reset_index(drop=True)
    begun = time.monotonic()
    predict(pilot)
    return time.monotonic() - begun
