"""Types of columns in two versions: brought together where nothing is lost, else told apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limelight.data._casting import cast, family, nullable, plain
from limelight.data.schema import Column

_NUMBERS = ("int", "wide_int", "float", "wide_float")
_FLOATS = ("float", "wide_float")
_WORDS = {
    "int": "whole numbers",
    "wide_int": "large whole numbers",
    "float": "numbers",
    "wide_float": "numbers",
    "bool": "true or false",
    "text": "text",
    "datetime": "times",
    "timedelta": "spans of time",
    "period": "periods",
    "date": "dates",
    "time": "times of day",
    "decimal": "decimals",
    "bytes": "bytes",
}


def conformed(frame: pd.DataFrame, dtypes: Mapping[str, Any]) -> pd.DataFrame:
    """A frame with the types that its columns had in the last version, wherever they fit exactly.

    So a file whose numbers happen to be whole this time, or whose column has no missing value
    this time, is no change of types. A column whose values do not fit stays as it is.

    Args:
        frame: The rows.
        dtypes: Of the last version, by column.

    Example:
        >>> conformed(pd.DataFrame({"size": [3, 4]}), {"size": "float64"})["size"].dtype
        dtype('float64')
    """
    found = {}
    for name in [name for name in frame.columns if name in dtypes]:
        changed = _conformed(frame[name], pd.api.types.pandas_dtype(dtypes[name]))
        if changed is not None and changed.dtype != frame[name].dtype:
            found[name] = changed
    return frame.assign(**found) if found else frame


def _conformed(series: pd.Series, dtype: Any) -> pd.Series | None:
    if isinstance(dtype, pd.CategoricalDtype):
        values = cast(plain(series), nullable(dtype.categories.dtype))
        if values is None:
            return None
        more = [value for value in values.dropna().unique() if value not in dtype.categories]
        known = dtype.categories.append(pd.Index(more, dtype=dtype.categories.dtype))
        return values.astype(pd.CategoricalDtype(known, dtype.ordered))
    for wanted in (dtype, nullable(dtype)):
        if (found := cast(series, wanted)) is not None:
            return found
    return None


def comparable(was: Column, now: Column) -> bool:
    """Whether values of the two columns have an order, or names, in common."""
    kinds = {_kind(was), _kind(now)}
    zoned = ("zone" in was.detail) == ("zone" in now.detail)
    return (len(kinds) == 1 and zoned) or kinds <= set(_NUMBERS)


def widened(was: Column, now: Column) -> bool:
    """Whether the new type is another that holds all values of the old one."""
    before, after = _kind(was), _kind(now)
    return before != after and (
        (before == "int" and after in _NUMBERS) or (before == "wide_int" and after in _FLOATS)
    )


def fits(series: pd.Series, was: Column) -> NDArray[np.bool_]:
    """Which values could be read as the type that the column had; missing ones could.

    Example:
        >>> from limelight.data.schema import describe
        >>> was = describe(pd.DataFrame({"age": [30]}))[0]
        >>> fits(pd.Series(["41", "about 40", None]), was).tolist()
        [True, False, True]
    """
    missing: NDArray[np.bool_] = series.isna().to_numpy()
    if family(series) != "text":
        return missing
    kind = _kind(was)
    if kind in ("datetime", "date"):
        times = pd.to_datetime(series, errors="coerce", utc=True, format="ISO8601")
        return missing | times.notna().to_numpy()
    if kind not in (*_NUMBERS, "decimal"):
        return missing
    numbers = pd.to_numeric(series, errors="coerce").to_numpy("float64", na_value=np.nan)
    whole = kind in (*_FLOATS, "decimal") or np.equal(np.mod(numbers, 1), 0)
    readable: NDArray[np.bool_] = ~np.isnan(numbers) & whole
    return missing | readable


def words(column: Column) -> str:
    """The type of a column as a person would say it.

    Example:
        >>> from limelight.data.schema import describe
        >>> words(describe(pd.DataFrame({"age": [30]}))[0])
        'whole numbers'
    """
    zone = " with a time zone" if "zone" in column.detail else ""
    return f"{_WORDS.get(_kind(column), _kind(column))}{zone}"


def _kind(column: Column) -> str:
    values: Mapping[str, Any] = column.detail.get("values", {})
    return str(values.get("kind", column.kind))
