"""The values of a frame, as text for a person and as JSON for a machine."""

from __future__ import annotations

import base64
import math
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
from rich.text import Text

from limelight.cli.output import visible
from limelight.cli.table import Field

MISSING = Text("null", "dim")


def flat(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its index as the first columns, where the index has names."""
    return frame.reset_index() if any(frame.index.names) else frame


def fields(frame: pd.DataFrame) -> list[Field]:
    """A column of a table for each column of a frame; all may be cut."""
    return [
        Field(visible(str(name)), right=is_number(frame.iloc[:, place]), shrinks=True)
        for place, name in enumerate(frame.columns)
    ]


def is_number(series: pd.Series) -> bool:
    """Whether a column is aligned as numbers are."""
    if series.dtype != object:
        return bool(
            pd.api.types.is_numeric_dtype(series) and not pd.api.types.is_bool_dtype(series)
        )
    kept = series.dropna()
    return bool(len(kept)) and all(
        isinstance(value, (int, float, Decimal)) and not isinstance(value, bool) for value in kept
    )


def cells(series: pd.Series, *, rounded: bool = False) -> list[Text]:
    """The values of a column for a person: on one line, decimal points in one place.

    Args:
        series: The column.
        rounded: Four digits of a fraction will do; else values are exact.

    Example:
        >>> [str(cell) for cell in cells(pd.Series([1.25, 10.5, None]))]
        ['1.25', '10.5 ', 'null']
    """
    values = [_rounded(value) if rounded else value for value in plain_values(series)]
    words = [None if value is None else _word(value) for value in values]
    if series.dtype.kind == "M":
        words = _dates(words)
    elif is_number(series):
        words = _aligned(words)
    return [MISSING if word is None else Text(word) for word in words]


def rows(frame: pd.DataFrame, *, rounded: bool = False) -> list[list[Text]]:
    """The cells of a frame, row by row."""
    columns = [cells(frame.iloc[:, place], rounded=rounded) for place in range(frame.shape[1])]
    return [list(row) for row in zip(*columns, strict=True)]


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as JSON objects, the index's levels first.

    Times are in ISO 8601, decimals and infinities text, bytes text in base 64, missing values
    null.

    Example:
        >>> records(pd.DataFrame({"paid": [True], "at": [pd.Timestamp("2026-01-02")]}))
        [{'paid': True, 'at': '2026-01-02T00:00:00'}]
    """
    table = flat(frame)
    names = [str(name) for name in table.columns]
    columns = [json_values(table.iloc[:, place]) for place in range(table.shape[1])]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def json_values(series: pd.Series) -> list[Any]:
    """The values of a column as JSON has them."""
    return [_json(value) for value in plain_values(series)]


def plain_values(series: pd.Series) -> list[Any]:
    """Python's own values, None where one is missing."""
    values = series.astype(object).tolist()
    missing = series.isna().tolist()
    return [
        None if gone else value.item() if hasattr(value, "item") else value
        for value, gone in zip(values, missing, strict=True)
    ]


def _json(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, (date, datetime, pd.Timedelta)):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(name): _json(one) for name, one in value.items()}
    return [_json(one) for one in value] if isinstance(value, (list, tuple)) else str(value)


def _rounded(value: Any) -> Any:
    if not isinstance(value, float) or not math.isfinite(value):
        return value
    return round(value, 4) if abs(value) >= 1 else float(f"{value:.4g}")


def _word(value: Any) -> str:
    if isinstance(value, str):
        # Else an empty text, spaces at an end and a missing value could not be told apart.
        plain = value not in ("", "null") and value == value.strip()
        return visible(value) if plain else repr(value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date) else str(value)


def _dates(words: list[str | None]) -> list[str | None]:
    """Without the time, where it is midnight in all of them."""
    midnight = " 00:00:00"
    if all(word is None or word.endswith(midnight) for word in words):
        return [None if word is None else word.removesuffix(midnight) for word in words]
    return words


def _aligned(words: list[str | None]) -> list[str | None]:
    """With spaces behind, so that the decimal points meet at the right."""
    behind = [0 if word is None else len(word.partition(".")[2]) for word in words]
    points = [word is not None and "." in word for word in words]
    longest = max((b + p for b, p in zip(behind, points, strict=True)), default=0)
    return [
        None if word is None else word + " " * (longest - b - p)
        for word, b, p in zip(words, behind, points, strict=True)
    ]
