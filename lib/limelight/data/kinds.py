"""Which kind of column holds the values of a series: the name of its codec, and what it needs."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from limelight.data.codecs import Detail, arrow_dtype, arrow_text, cannot_keep, encode, plain
from limelight.errors import InputError

Description = tuple[str, str, Detail]
"""Kind, dtype and detail: see `limelight.data.schema.Column`."""


def describe(series: pd.Series) -> Description:
    """Kind, dtype and detail of a column.

    Raises:
        InputError: Its values cannot be kept exactly.

    Example:
        >>> describe(pd.Series([1, None], dtype="Int8"))
        ('int', 'Int8', {})
    """
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _describe_category(series, dtype)
    if isinstance(dtype, pd.DatetimeTZDtype):
        return "datetime", "datetime64", {"unit": dtype.unit, "zone": _zone_name(series, dtype)}
    if isinstance(dtype, pd.StringDtype):
        return "text", "string" if dtype.na_value is pd.NA else "str", {}
    if isinstance(dtype, pd.PeriodDtype):
        return "period", "period", {"freq": str(dtype)[len("period[") : -1]}
    if isinstance(dtype, pd.ArrowDtype):
        return _describe_arrow(series, dtype)
    if isinstance(dtype, pd.SparseDtype):
        raise cannot_keep(series, str(dtype), "Convert it: frame[column].sparse.to_dense().")
    if dtype == np.dtype(object):
        return _describe_objects(series)
    return _describe_dtype(series)


def _describe_arrow(series: pd.Series, dtype: pd.ArrowDtype) -> Description:
    """As the equal column of pandas' own, with the name that Arrow's has."""
    name, own = str(dtype), plain(series)
    try:
        known = bool(arrow_dtype(name) == dtype)
    except (TypeError, NotImplementedError):
        known = False
    if not known or isinstance(own.dtype, pd.CategoricalDtype):
        raise cannot_keep(series, name, "Convert it: frame[column].astype(object).")
    kind, own_name, detail = describe(own)
    return kind, own_name, {**detail, "arrow": name}


def _describe_dtype(series: pd.Series) -> Description:
    """A column with a dtype of numpy's, or of pandas' nullable ones."""
    name = str(series.dtype)
    if name in ("uint64", "UInt64"):
        return "wide_int", name, {}
    if re.fullmatch(r"u?int(8|16|32|64)|U?Int(8|16|32|64)", name):
        return "int", name, {}
    if re.fullmatch(r"[fF]loat(16|32|64)", name):
        return _float_kind(series), name, {}
    if name in ("bool", "boolean"):
        return "bool", name, {}
    timed = re.fullmatch(r"(datetime|timedelta)64\[(s|ms|us|ns)\]", name)
    if timed:
        return timed[1], f"{timed[1]}64", {"unit": timed[2]}
    raise cannot_keep(series, f"values of type {name}", "Convert it: frame[column].astype(str).")


def _float_kind(series: pd.Series) -> str:
    """Numbers that are all finite are kept as such; a Dolt server's DOUBLE knows no infinity."""
    values = series.to_numpy("float64", na_value=np.nan)
    return "wide_float" if np.isinf(values).any() else "float"


_OBJECT_KINDS: dict[str, Description] = {
    "string": ("text", "str", {}),
    "empty": ("text", "str", {}),
    "boolean": ("bool", "boolean", {}),
    "date": ("date", "object", {}),
    "time": ("time", "object", {}),
    "decimal": ("decimal", "object", {}),
    "bytes": ("bytes", "object", {}),
}


def _describe_objects(series: pd.Series) -> Description:
    """A column of Python objects: by the type that all of its values share."""
    found = pd.api.types.infer_dtype(series, skipna=True)
    if found == "date" and series.map(lambda value: isinstance(value, datetime)).any():
        raise _odd_one(series, found)  # a datetime is a date as well, and would lose its time
    if found == "time" and series.map(lambda value: getattr(value, "tzinfo", None)).any():
        raise cannot_keep(
            series, "times of day with a zone", "Take it off: time.replace(tzinfo=None)."
        )
    if found == "string":
        arrow_text(series)  # or it says which value is no text
    if found in _OBJECT_KINDS:
        return _OBJECT_KINDS[found]
    if found == "floating":
        return _float_kind(series), "float64", {}
    if found == "integer":
        kept = series.dropna()
        fits = kept.min() >= -(2**63) and kept.max() < 2**63
        return ("int", "Int64", {}) if fits else ("wide_int", "object", {})
    if found in ("datetime", "datetime64", "timedelta", "timedelta64"):
        return _describe_times(series, found)
    raise _odd_one(series, found)


def _describe_times(series: pd.Series, found: str) -> Description:
    try:
        convert: Any = pd.to_datetime if found.startswith("datetime") else pd.to_timedelta
        return describe(convert(series).rename(series.name))
    except (ValueError, TypeError) as problem:
        raise cannot_keep(
            series,
            f"times that do not go together ({problem})",
            "Convert it: pd.to_datetime(frame[column], utc=True).",
        ) from problem


def _odd_one(series: pd.Series, found: str) -> InputError:
    """The error for a column of mixed or unknown objects, with a value that does not fit."""
    kept = series.dropna()
    types = kept.map(type)
    common = types.value_counts().index[0]
    odd = kept[types != common]
    value = odd.iloc[0] if len(odd) else kept.iloc[0]
    what = (
        f"values of several types: mostly {common.__name__}, and {value!r} is"
        f" {type(value).__name__}"
        if len(odd)
        else f"values of type {found if found != 'mixed' else common.__name__}, e.g. {value!r}"
    )
    return cannot_keep(series, what, "Make them one type, e.g. frame[column].astype(str).")


def _zone_name(series: pd.Series, dtype: pd.DatetimeTZDtype) -> str:
    name = str(dtype.tz)
    try:
        pd.DatetimeTZDtype(dtype.unit, name)
    except Exception as problem:  # each zone library has errors of its own
        raise cannot_keep(
            series,
            f"times in the zone {name!r}, which cannot be found again by its name",
            "Convert it: frame[column].dt.tz_convert('UTC').",
        ) from problem
    return name


def _describe_category(series: pd.Series, dtype: pd.CategoricalDtype) -> Description:
    values = pd.Series(dtype.categories, name=series.name)
    kind, value_dtype, detail = describe(values)
    if kind == "bytes":
        raise cannot_keep(series, "categories of bytes", "Decode them to text.")
    found = {
        "ordered": bool(dtype.ordered),
        "categories": encode(values, kind, detail),
        "values": {"kind": kind, "dtype": value_dtype, "detail": detail},
    }
    return "category", "category", found
