"""Reading raw columns: whatever dtype the values arrive in, the same value reads the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[Any]

_TRUE = frozenset({"true", "t", "yes", "y", "1", "1.0"})
_FALSE = frozenset({"false", "f", "no", "n", "0", "0.0"})
# Keeps squares and float32 away from overflow; no measurement comes near.
_LARGEST = 1e30


def read_numbers(column: pd.Series) -> Array:
    """Numbers of any dtype, decimals and numbers written as text; float64, shape (n,).

    What is missing, infinite or no number is NaN.

    Example:
        >>> read_numbers(pd.Series([1, None, "2.5", float("inf")], dtype=object)).tolist()
        [1.0, nan, 2.5, nan]
    """
    if not pd.api.types.is_numeric_dtype(column):
        column = pd.to_numeric(column.astype(object), errors="coerce")
    values = column.to_numpy(dtype="float64", na_value=np.nan, copy=True)
    values[~np.isfinite(values)] = np.nan
    return np.asarray(np.clip(values, -_LARGEST, _LARGEST))


def read_booleans(column: pd.Series) -> Array:
    """Booleans as 1.0 and 0.0, also from numbers and words; NaN where missing; shape (n,).

    Example:
        >>> read_booleans(pd.Series([True, None, "no", 1.0], dtype=object)).tolist()
        [1.0, nan, 0.0, 1.0]
    """
    codes, levels = read_levels(column)
    lowered = [level.lower() for level in levels]
    values = [1.0 if word in _TRUE else 0.0 if word in _FALSE else np.nan for word in lowered]
    return np.asarray([*values, np.nan])[codes]


def read_times(column: pd.Series, zone: Any = None) -> pd.DatetimeIndex:
    """Timestamps, dates and their text as wall-clock times of a zone; NaT where missing.

    Example:
        >>> column = pd.Series(["2026-03-01 23:30:00+00:00"])
        >>> str(read_times(column, "Europe/Berlin")[0])
        '2026-03-02 00:30:00'
    """
    if not pd.api.types.is_datetime64_any_dtype(column):
        column = pd.to_datetime(column.astype(object), errors="coerce", utc=True, format="mixed")
    times = pd.DatetimeIndex(column)
    if times.tz is None:
        return times
    return times.tz_convert(zone or "UTC").tz_localize(None)


def zone_of(column: pd.Series) -> Any:
    """The time zone of a column of timestamps, or None."""
    return getattr(column.dtype, "tz", None)


def read_levels(column: pd.Series) -> tuple[Array, list[str]]:
    """Categories as codes into a list of distinct texts; -1 where missing.

    Returns:
        Codes (int64, shape (n,)) and the levels. ``3``, ``3.0`` and ``"3"`` are one level.

    Example:
        >>> codes, levels = read_levels(pd.Series(["b", None, 3.0, 3, "b"], dtype=object))
        >>> codes.tolist(), levels
        ([0, -1, 1, 1, 0], ['b', '3'])
    """
    codes, uniques = pd.factorize(column, use_na_sentinel=True)
    levels: dict[str, int] = {}
    merged = [levels.setdefault(_text(value), len(levels)) for value in uniques]
    # The last entry is where the code -1 of a missing value points to.
    table = np.asarray([*merged, -1], dtype="int64")
    return table[codes], list(levels)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)
