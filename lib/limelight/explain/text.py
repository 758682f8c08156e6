"""Values of a table as short text for a reader."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

MISSING = "missing"


def value_text(value: Any, longest: int = 60) -> str:
    """A cell's value as a person would write it; ``"missing"`` for None, NaN and NaT.

    Example:
        >>> value_text(36.0), value_text(0.123456789), value_text(None), value_text(True)
        ('36', '0.123457', 'missing', 'True')
        >>> value_text(pd.Timestamp("2024-05-01"))
        '2024-05-01'
    """
    if is_missing(value):
        return MISSING
    if isinstance(value, datetime):
        midnight = (value.hour, value.minute, value.second) == (0, 0, 0)
        text = value.isoformat(" ", "seconds")  # date() knows the years 1 to 9999 alone
        return text.partition(" ")[0] if midnight else text
    if isinstance(value, (float, np.floating)):
        number = float(value)
        whole = number.is_integer() and abs(number) < 1e15
        return str(int(number)) if whole else f"{number:.6g}"
    text = str(value)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def is_missing(value: Any) -> bool:
    """Whether a cell holds nothing: None, NaN, NaT or pandas' NA."""
    if isinstance(value, (float, np.floating)):
        return bool(np.isnan(value))
    return value is None or value is pd.NA or value is pd.NaT or _not_a_time(value)


def _not_a_time(value: Any) -> bool:
    return isinstance(value, (np.datetime64, np.timedelta64)) and bool(np.isnat(value))


def row_keys(rows: pd.DataFrame) -> list[str]:
    """The index of a frame as one text a row; the levels of a compound key joined by ``|``.

    Example:
        >>> key = pd.MultiIndex.from_tuples([(1, "a"), (2, "b")])
        >>> row_keys(pd.DataFrame({"x": [1, 2]}, index=key))
        ['1|a', '2|b']
    """
    if isinstance(rows.index, pd.MultiIndex):
        return ["|".join(value_text(part) for part in key) for key in rows.index]
    return [value_text(key) for key in rows.index]
