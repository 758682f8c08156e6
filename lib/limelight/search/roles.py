"""The role a raw column plays as a feature."""

from __future__ import annotations

from typing import Literal

import pandas as pd

Role = Literal["number", "boolean", "category", "datetime"]


def column_role(column: pd.Series) -> Role:
    """How the values of a raw column are to be read.

    Numbers (also nullable ones, decimals and spans of time) are ``"number"``; booleans
    ``"boolean"``; timestamps and dates ``"datetime"``; everything else (text, categories, bytes)
    is ``"category"``.

    Example:
        >>> column_role(pd.Series([1, 2])), column_role(pd.Series(["a", None]))
        ('number', 'category')
    """
    types = pd.api.types
    if isinstance(column.dtype, pd.CategoricalDtype):
        return "category"
    if types.is_bool_dtype(column):
        return "boolean"
    if types.is_numeric_dtype(column) or types.is_timedelta64_dtype(column):
        return "number"
    if types.is_datetime64_any_dtype(column):
        return "datetime"
    found = types.infer_dtype(column, skipna=True)
    if found in ("decimal", "integer", "floating", "mixed-integer-float", "timedelta"):
        return "number"
    if found == "boolean":
        return "boolean"
    return "datetime" if found in ("date", "datetime", "datetime64") else "category"
