"""Types that are given for columns: ``zip=text,when=date:%d.%m.%Y``."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from limelight.data.reading import DATE, MISSING_WORDS, without_words
from limelight.data.sources.local_forms import are_comma_numbers, decimal_sign, plain_number
from limelight.data.sources.table import Rows
from limelight.errors import InputError, did_you_mean

TYPES = {
    "text": "text as it is spelt; only an empty cell is missing",
    "int": "whole numbers of any size",
    "number": "doubles",
    "bool": "true/false, t/f, yes/no, y/n, 1/0",
    "date": "days, as datetime.date",
    "datetime": "points in time, in UTC where they have a zone",
    "category": "text with few distinct values, in the order of the alphabet",
    "decimal": "decimal.Decimal, exact",
}
"""The types that can be given; ``date`` and ``datetime`` can have a format behind a colon."""

_TRUTH = {"true": True, "t": True, "yes": True, "y": True, "1": True}
_TRUTH |= {"false": False, "f": False, "no": False, "n": False, "0": False}


def parse_types(text: str) -> dict[str, str]:
    """The types in a text like ``zip=text,when=date:%d.%m.%Y``, by column.

    A comma or ``=`` in a column's name cannot be written this way: give a mapping instead.

    Raises:
        InputError: It is not of this form, a type is unknown, or a column comes twice.

    Example:
        >>> parse_types("zip=text, when=date:%d.%m.%Y")
        {'zip': 'text', 'when': 'date:%d.%m.%Y'}
    """
    types: dict[str, str] = {}
    for item in filter(None, (item.strip() for item in text.split(","))):
        name, equals, given = item.partition("=")
        if not equals or not name.strip():
            raise InputError(f"{item!r} gives no column a type.", "Write column=type,column=type.")
        if name.strip() in types:
            raise InputError(f"column {name.strip()!r} is given two types.", "Give it one.")
        types[name.strip()] = given.strip()
    check_types(types)
    return types


def check_types(types: Mapping[str, str]) -> None:
    """All types are known.

    Raises:
        InputError: One is not.
    """
    for name, given in types.items():
        kind, colon, form = given.partition(":")
        if kind not in TYPES:
            raise InputError(
                f"the type {given!r} of column {name!r} is unknown.", did_you_mean(kind, TYPES)
            )
        if colon and (kind not in ("date", "datetime") or "%" not in form):
            raise InputError(
                f"the type {given!r} of column {name!r} has no format that could be used.",
                "Write e.g. date:%d.%m.%Y or datetime:%d/%m/%Y %H:%M.",
            )


def given_type(series: pd.Series, given: str, rows: Rows) -> pd.Series:
    """A column in the type that is given for it.

    Words for missing values (`limelight.data.reading.MISSING_WORDS`) are missing, but not as text
    or categories. Decimal commas, and signs between thousands, are understood where they can be
    nothing else.

    Args:
        series: Values of any type, shape (n,).
        given: One of `TYPES`, perhaps with a format.
        rows: Where the rows came from, to name one that does not fit.

    Raises:
        InputError: A value does not fit; names the column, the row and the value.
    """
    kind, _, form = given.partition(":")
    # Each distinct value once: many columns have far fewer of them than rows.
    codes, distinct = pd.factorize(series.astype(object) if series.dtype == "category" else series)
    values = pd.Series(distinct).astype(object).tolist()
    convert = _converter(kind, form, values)
    found: list[Any] = []
    for code, value in enumerate(values):
        try:
            found.append(None if _is_missing(value, kind) else convert(value))
        except (ValueError, TypeError, ArithmeticError) as problem:
            row = int(np.flatnonzero(codes == code)[0])
            raise InputError(
                f"column {series.name!r} is given as {given}, and {_text(value)[:60]!r} in"
                f" {rows.place(row)} does not fit.",
                _way_out(kind, form),
            ) from problem
    if len({value.tzinfo is None for value in found if isinstance(value, pd.Timestamp)}) > 1:
        raise InputError(
            f"column {series.name!r} is given as {given}, and only some values have a time zone.",
            "Give all of them one, or none.",
        )
    return _spread(found, codes, kind).rename(str(series.name))


def _is_missing(value: Any, kind: str) -> bool:
    if kind in ("text", "category") or not isinstance(value, str):
        return False
    return not value.strip() or value.strip() in MISSING_WORDS


def _way_out(kind: str, form: str) -> str:
    if kind in ("date", "datetime") and not form:
        return f"Correct the value, or give its format, e.g. {kind}:%d.%m.%Y."
    return "Correct the value, or give another type."


def _converter(kind: str, form: str, values: list[Any]) -> Callable[[Any], Any]:
    """What makes a value of a kind; raises ValueError or TypeError for one that does not fit."""
    if form:
        return lambda value: _parsed(value, form, kind)
    if kind in ("number", "decimal") and (sign := _sign(values)):
        points = _converter(kind, form, [])
        return lambda value: points(plain_number(value, sign))
    known: dict[str, Callable[[Any], Any]] = {
        "text": _text,
        "category": _text,
        "int": _int,
        "number": _number,
        "bool": _bool,
        "decimal": _decimal,
        "date": _date,
        "datetime": _datetime,
    }
    return known[kind]


def _sign(values: list[Any]) -> str:
    """The sign before decimals where numbers are not spelt as computers do; else empty."""
    words = [value for value in values if isinstance(value, str)]
    if len(words) < sum(value is not None for value in values):
        return ""
    spelt = without_words(pa.array(words, pa.string()))
    return "," if are_comma_numbers(spelt) else decimal_sign(spelt)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode()
    return value.isoformat(" ") if isinstance(value, dt.datetime) else str(value)


def _int(value: Any) -> int:
    if isinstance(value, str) and not re.fullmatch(r"\s*[+-]?[0-9]+\s*", value):
        raise ValueError(value)
    whole = int(value)
    if not isinstance(value, str) and whole != value:
        raise ValueError(value)
    return whole


def _number(value: Any) -> float:
    number = float(_spelt(value))
    if math.isinf(number) and any(map(str.isdigit, str(value))):
        raise ValueError(value)  # 1e400 is larger than any double
    return number


def _decimal(value: Any) -> Decimal:
    return Decimal(_text(_spelt(value)).strip())


def _spelt(value: Any) -> Any:
    if isinstance(value, str) and "_" in value:  # for Python alone, 1_000 is a number
        raise ValueError(value)
    return value


def _bool(value: Any) -> bool:
    word = str(int(value)) if isinstance(value, (float, Decimal)) and value in (0, 1) else value
    lowered = str(word).strip().lower()
    if lowered not in _TRUTH:
        raise ValueError(value)
    return _TRUTH[lowered]


def _date(value: Any) -> dt.date:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    moment = _datetime(value)
    if moment.time() != dt.time():
        raise ValueError(value)
    return moment.date()


def _datetime(value: Any) -> pd.Timestamp:
    if isinstance(value, str) and not re.fullmatch(DATE, value.strip()):
        raise ValueError(value)
    if not isinstance(value, (str, dt.date)):
        raise TypeError(value)
    return pd.Timestamp(value)


def _parsed(value: Any, form: str, kind: str) -> Any:
    moment = dt.datetime.strptime(_text(value).strip(), form)
    return _date(moment) if kind == "date" else pd.Timestamp(moment)


def _spread(found: list[Any], codes: Any, kind: str) -> pd.Series:
    """The converted distinct values at the places of the values."""
    distinct = _distinct(found, kind)
    missing = bool((codes < 0).any()) or any(value is None for value in found)
    if distinct.dtype == object:  # the code of what is missing is that of the last one
        values = np.append(distinct.to_numpy(), np.array([None], dtype=object))
        return pd.Series(values[codes], dtype=object)
    dtype = str(distinct.dtype)
    if missing and dtype in _NULLABLE:
        distinct = distinct.astype(_NULLABLE[dtype])
    return pd.Series(distinct.array.take(codes, allow_fill=bool((codes < 0).any())))


_NULLABLE: dict[str, Any] = {"bool": "boolean", "int64": "Int64", "uint64": "UInt64"}


def _distinct(found: list[Any], kind: str) -> pd.Series:
    """Converted values in the dtype of their kind."""
    if kind in ("text", "category"):
        text = pd.Series(found, dtype="str")
        # In the order of the alphabet, so that the same values always make the same type.
        return text.astype(pd.CategoricalDtype(sorted(set(found)))) if kind == "category" else text
    if kind == "int":
        return whole_numbers(found)
    if kind == "datetime":
        return _moments(found)
    dtypes: dict[str, Any] = {"number": "float64", "bool": "boolean"}
    series: pd.Series = pd.Series(found, dtype=dtypes.get(kind, object))
    if kind == "bool" and not series.isna().any():
        return pd.Series(series.to_numpy(dtype=bool))
    return series


def whole_numbers(found: list[Any]) -> pd.Series:
    """Python's whole numbers, or None, in 64 bits if that is enough for all."""
    kept = [value for value in found if value is not None]
    low, high = min(kept, default=0), max(kept, default=0)
    if low >= -(2**63) and high < 2**63:
        series = pd.Series(found, dtype="Int64")
    elif low >= 0 and high < 2**64:
        series = pd.Series(found, dtype="UInt64")
    else:
        return pd.Series(found, dtype=object)
    return series if series.isna().any() else pd.Series(series.to_numpy(series.dtype.name.lower()))


def _moments(found: list[Any]) -> pd.Series:
    kept = [moment for moment in found if moment is not None]
    unit: Literal["us", "ns"] = "ns" if any(moment.nanosecond for moment in kept) else "us"
    zoned = any(moment.tzinfo for moment in kept)
    times = pd.to_datetime(pd.Series(found, dtype=object), utc=zoned)
    return times.dt.as_unit(unit) if kept else times.astype("datetime64[us]")
