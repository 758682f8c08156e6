"""The key of a row: columns that are given, or a hash of what the row holds."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from limelight.data.schema import ROW_KEY, Column, encode
from limelight.errors import InputError, did_you_mean

_NUMBERS = ("int", "wide_int", "float", "bool")
_EXACT = 2**53
"""From here on a double cannot tell every whole number from the next."""


def check_key(frame: pd.DataFrame, key: Sequence[str]) -> None:
    """The key's columns are there, without missing values, and unique together.

    Raises:
        InputError: They are not; says how many rows and which.
    """
    for name in key:
        if name not in frame.columns:
            raise InputError(
                f"the key column {name!r} is not in the table.", did_you_mean(name, frame.columns)
            )
    for name in key:
        rows = frame[name].isna().to_numpy().nonzero()[0]
        if len(rows):
            raise InputError(
                f"the key {name!r} is missing in {_counted(len(rows), 'row')}"
                f" ({_listed('row', (rows[:5] + 1).tolist(), len(rows))}).",
                "Fill it, drop these rows, or leave the key out for one made from the content.",
            )
    repeated = frame.duplicated(list(key), keep=False) if key else pd.Series(dtype=bool)
    if repeated.any():
        groups = frame.loc[repeated, list(key)].drop_duplicates()
        shown = [
            tuple(row) if len(key) > 1 else row[0] for row in groups.head(5).to_numpy().tolist()
        ]
        raise InputError(
            f"the key {', '.join(map(repr, key))} is not unique: {_counted(len(groups), 'value')}"
            f" in {int(repeated.sum()):,} rows ({_listed('', shown, len(groups))}).",
            "Add a column to the key, drop the repeated rows, or leave the key out for one made"
            " from the content.",
        )


def content_keys(frame: pd.DataFrame, columns: Sequence[Column]) -> list[str]:
    """A key for each row, made from its content: 20 hexadecimal digits.

    It depends on the names and values of the row's cells alone: not on the order of rows or
    columns, on missing cells, or on the width of a number's type. So an unchanged row keeps its
    key. Of rows that are the same, the second gets ``-2`` behind its key, and so on.

    Args:
        frame: The rows, shape (n, d).
        columns: What `limelight.data.schema.describe` says of the frame.

    Returns:
        The keys, shape (n,).
    """
    by_name = sorted(columns, key=lambda column: column.name)
    cells = [_tokens(encode(frame[column.name], column), column) for column in by_name]
    seen: dict[str, int] = {}
    keys = []
    for row in zip(*cells, strict=True):
        key = hashlib.blake2b(b"".join(row), digest_size=10).hexdigest()
        count = seen[key] = seen.get(key, 0) + 1
        keys.append(key if count == 1 else f"{key}-{count}")
    return keys


def named_key(key: Sequence[str]) -> list[str]:
    """The names of the index that a dataset with this key is read with."""
    return list(key) or [ROW_KEY]


def _tokens(values: list[Any], column: Column) -> list[bytes]:
    """Each cell as bytes from which name, type and value could be read again."""
    kind = column.detail["values"]["kind"] if column.kind == "category" else column.kind
    name = column.name.encode()
    head = b"%d:%s%s" % (len(name), name, b"number" if kind in _NUMBERS else kind.encode())
    if kind in _NUMBERS:
        return _number_tokens(values, head)
    known: dict[Any, bytes] = {None: b""}
    for value in set(values) - {None}:
        text = value if isinstance(value, bytes) else _canonical(str(value), kind).encode()
        known[value] = b"%s%d:%s" % (head, len(text), text)
    return [known[value] for value in values]


def _number_tokens(values: list[Any], head: bytes) -> list[bytes]:
    """Numbers as doubles, equal for 1 and 1.0; whole ones that a double cannot hold as text."""
    packed = np.array([0 if value is None else float(value) for value in values], dtype=">f8")
    # Adding zero turns -0.0 into 0.0, which is equal to it.
    tokens: list[bytes] = [
        b"%s8:%s" % (head, double) for double in (packed + 0.0).view("V8").tolist()
    ]
    for row in np.flatnonzero(np.abs(packed) >= _EXACT).tolist():
        if not (isinstance(values[row], float) and math.isinf(values[row])):
            text = str(int(values[row])).encode()
            tokens[row] = b"%s%d:%s" % (head, len(text), text)
    for row, value in enumerate(values):
        if value is None:
            tokens[row] = b""
    return tokens


def _canonical(value: str, kind: str) -> str:
    """Times without the zeros that a finer unit adds."""
    return value.rstrip("0").rstrip(".") if kind == "datetime" and "." in value else value


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _listed(what: str, shown: Sequence[Any], total: int) -> str:
    listed = ", ".join(repr(v) if isinstance(v, (str, tuple)) else str(v) for v in shown)
    return f"{what} {listed}{', ...' if total > len(shown) else ''}".strip()
