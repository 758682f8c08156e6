"""The columns of a table at a glance."""

from __future__ import annotations

from typing import Any

import pandas as pd

from limelight.explain.text import value_text
from limelight.search.roles import column_role


def profile_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """One line a column: its role, how much is missing, and what it holds.

    Args:
        frame: Raw rows, shape (n, d).

    Returns:
        Columns name, role, type (the dtype), missing (share of rows), distinct (number of
        different values), holds (the range of numbers and times, else the most frequent values).

    Example:
        >>> profile_columns(pd.DataFrame({"age": [30, 41], "job": ["cook", None]}))[
        ...     ["name", "role", "missing", "distinct", "holds"]
        ... ].to_dict("records")
        [{'name': 'age', 'role': 'number', 'missing': 0.0, 'distinct': 2, 'holds': '30 to 41'},
         {'name': 'job', 'role': 'category', 'missing': 0.5, 'distinct': 1, 'holds': 'cook'}]
    """
    lines = [_line(str(name), frame[name]) for name in frame.columns]
    names = ["name", "role", "type", "missing", "distinct", "holds"]
    return pd.DataFrame(lines, columns=names)


def _line(name: str, column: pd.Series) -> dict[str, Any]:
    role = column_role(column)
    present = column.dropna()
    return {
        "name": name,
        "role": role,
        "type": str(column.dtype),
        "missing": float(column.isna().mean()) if len(column) else 0.0,
        "distinct": int(present.nunique()),
        "holds": _holds(present, ranged=role in ("number", "datetime")),
    }


def _holds(present: pd.Series, ranged: bool) -> str:
    if present.empty:
        return "nothing"
    if ranged:
        return f"{value_text(present.min())} to {value_text(present.max())}"
    frequent = present.astype(object).value_counts().index[:4]
    more = ", …" if present.nunique() > len(frequent) else ""
    return ", ".join(value_text(value, longest=24) for value in frequent) + more
