"""How a column of text finds its type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

MISSING_WORDS = (
    *("NA", "N/A", "n/a", "NaN", "nan", "-NaN", "-nan", "<NA>", "null", "NULL", "None"),
    *("#NA", "#N/A", "#N/A N/A", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
)
"""Words for a missing value, in columns whose other values are no text: those that pandas reads."""

# A number with a leading zero or a plus is a name: a postal code, a telephone number.
_WHOLE = r"-?(?:0|[1-9]\d*)"
_NUMBER = rf"(?:{_WHOLE}(?:\.\d*)?|-?\.\d+)(?:[eE][+-]?\d+)?|-?[iI]nf(?:inity)?"
_DATE = r"\d{4}-\d{2}-\d{2}"
_TIME = r"[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?"
_ZONE = r"(?:Z|[+-]\d{2}:?\d{2})"


def typed(cells: pd.Series) -> pd.Series:
    """A column of text as booleans, whole numbers, numbers, dates, or text as it is.

    A column has a type if all of its values have; an empty cell is missing. ``NA`` and its like
    are missing too where all other values are numbers, dates or booleans, and else are text.
    Numbers with leading zeros are text, and so are whole numbers beyond 64 bits.

    Args:
        cells: Text, shape (n,), without missing values.

    Returns:
        bool, boolean, int64, Int64, uint64, UInt64, float64, datetime64 or str, shape (n,).

    Example:
        >>> typed(pd.Series(["1", "", "3"])).dtype, typed(pd.Series(["007"])).dtype
        (Int64Dtype(), <StringDtype(na_value=nan)>)
    """
    codes, distinct = pd.factorize(cells)
    words = pd.Series(distinct, dtype="str").str.strip()
    missing = (words == "") | words.isin(MISSING_WORDS)
    values = words[~missing]
    for convert in (_booleans, _whole_numbers, _numbers, _dates):
        found = convert(values) if len(values) else None
        if found is not None:
            return _spread(found, missing.to_numpy(), codes)
    # No copy of the stripped words here: text stays text, with its spaces.
    return cells.mask(cells == "", np.nan) if len(values) else _nothing(cells, words)


def _nothing(cells: pd.Series, words: pd.Series) -> pd.Series:
    """A column of nothing but empty cells and words for them."""
    empty = cells if not len(words) else cells.mask(np.ones(len(cells), dtype=bool), np.nan)
    return empty.astype("str")


def _spread(found: pd.Series, missing: Any, codes: Any) -> pd.Series:
    """The values of the distinct words at the places where the words are."""
    if missing.any():
        nullable: dict[str, Any] = {"bool": "boolean", "int64": "Int64", "uint64": "UInt64"}
        name = str(found.dtype)
        found = found.astype(nullable[name]) if name in nullable else found
    places = np.full(len(missing), -1)
    places[~missing] = np.arange(len(found))
    taken = pd.api.extensions.take(found.array, places[codes], allow_fill=bool(missing.any()))
    return pd.Series(taken)


def _all_match(words: pd.Series, pattern: str) -> bool:
    return bool(words.str.fullmatch(pattern).all())


def _converted(words: pd.Series, convert: Callable[[str], Any], dtype: str) -> pd.Series:
    return pd.Series([convert(word) for word in words], dtype=dtype)


def _booleans(words: pd.Series) -> pd.Series | None:
    lowered = words.str.lower()
    if not lowered.isin(["true", "false"]).all():
        return None
    return pd.Series((lowered == "true").to_numpy(dtype=bool))


def _whole_numbers(words: pd.Series) -> pd.Series | None:
    if not _all_match(words, _WHOLE):
        return None
    numbers = [int(word) for word in words]
    low, high = min(numbers), max(numbers)
    if low >= -(2**63) and high < 2**63:
        return pd.Series(numbers, dtype="int64")
    if low >= 0 and high < 2**64:
        return pd.Series(numbers, dtype="uint64")
    return None


def _numbers(words: pd.Series) -> pd.Series | None:
    if not _all_match(words, _NUMBER) or _all_match(words, _WHOLE):
        return None
    return _converted(words, float, "float64")


def _dates(words: pd.Series) -> pd.Series | None:
    naive = _all_match(words, f"{_DATE}(?:{_TIME})?")
    if not naive and not _all_match(words, f"{_DATE}{_TIME}{_ZONE}"):
        return None
    try:
        return pd.to_datetime(words.reset_index(drop=True), format="ISO8601", utc=not naive)
    except (ValueError, OverflowError):  # the 31st of February is text
        return None
