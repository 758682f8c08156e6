"""The key of a row: columns that are given, or a hash of what the row holds."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from limelight.data.schema import ROW_KEY, Column, encode
from limelight.errors import InputError, did_you_mean

NUMBERS = ("int", "wide_int", "float", "wide_float", "bool")
_EXACT = 2**53
"""From here on a double cannot tell every whole number from the next."""

_BYTES = pa.large_binary()
_CHUNK = 20_000
"""Rows that are made into bytes at a time."""


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


def content_keys(frame: pd.DataFrame, columns: Sequence[Column]) -> pd.Series:
    """A key for each row, made from its content: 20 hexadecimal digits.

    It depends on the names and values of the row's cells alone: not on the order of rows or
    columns, on missing cells, or on the width of a number's type. So an unchanged row keeps its
    key. Of rows that are the same, the second gets ``-2`` behind its key, and so on.

    Args:
        frame: The rows, shape (n, d).
        columns: What `limelight.data.schema.describe` says of the frame.

    Returns:
        The keys, text, shape (n,).
    """
    starts = range(0, len(frame), _CHUNK)
    digests = [_digests(frame.iloc[start : start + _CHUNK], columns) for start in starts]
    keys = pd.Series(pd.array(pa.chunked_array(digests, pa.large_string()), dtype="str"))
    if not keys.duplicated().any():
        return keys
    before = keys.groupby(keys).cumcount()
    return keys.where(before == 0, keys + "-" + (before + 1).astype("str"))


def named_key(key: Sequence[str]) -> list[str]:
    """The names of the index that a dataset with this key is read with."""
    return list(key) or [ROW_KEY]


def without_index(frame: pd.DataFrame, key: Sequence[str]) -> pd.DataFrame:
    """The frame with its key as columns, and a plain count as the index.

    Raises:
        InputError: Its index is neither its key nor a count.
    """
    names = list(frame.index.names)
    if key and names == list(key):
        return frame.reset_index()
    if names in ([None], [ROW_KEY]):
        return frame.reset_index(drop=True)
    raise InputError(
        f"the frame's index {', '.join(map(repr, names))} is not the dataset's key"
        f" ({', '.join(map(repr, key)) or 'made from the content'}).",
        "Make it columns with frame.reset_index(), or drop it with reset_index(drop=True).",
    )


def _digests(rows: pd.DataFrame, columns: Sequence[Column]) -> pa.Array:
    """The hash of each row: of its cells, by the names of their columns, one behind the other."""
    by_name = sorted(columns, key=lambda column: column.name)
    cells = [_tokens(encode(rows[column.name], column), column) for column in by_name]
    joined = _joined(*cells)
    hashed = [hashlib.blake2b(row, digest_size=10).hexdigest() for row in joined.to_pylist()]
    return pa.array(hashed, pa.large_string())


def _tokens(values: list[Any], column: Column) -> pa.Array:
    """Each cell as bytes from which name, type and value could be read again; empty if missing."""
    kind, detail = column.kind, column.detail
    if kind == "category":
        kind, detail = detail["values"]["kind"], detail["values"]["detail"]
    name = column.name.encode()
    word = "number" if kind in NUMBERS else f"{kind}{detail.get('freq', '')}"
    head = b"%d:%s%s" % (len(name), name, word.encode())
    tokens = _numbers(values, head, kind) if kind in NUMBERS else _texts(values, head, kind)
    return tokens.fill_null(b"")


def _texts(values: list[Any], head: bytes, kind: str) -> pa.Array:
    if kind in ("timedelta", "period"):
        texts = pa.array(values, pa.int64()).cast(pa.string()).cast(_BYTES)
    elif kind == "bytes":
        texts = pa.array(values, _BYTES)
    else:
        texts = _canonical(pa.array(values, pa.large_string()), kind).cast(_BYTES)
    lengths = pc.binary_length(texts).cast(pa.large_string()).cast(_BYTES)
    return _joined(head, lengths, b":", texts)


def _numbers(values: list[Any], head: bytes, kind: str) -> pa.Array:
    """Numbers as doubles, equal for 1 and 1.0; whole ones that a double cannot hold as text."""
    if kind.startswith("wide"):
        numbers = np.array([0 if value is None else float(value) for value in values], dtype="<f8")
        missing = pa.array([value is None for value in values])
    else:
        kept = pa.array(values, pa.float64() if kind == "float" else pa.int64())
        numbers = kept.fill_null(0).to_numpy().astype("<f8")
        missing = kept.is_null()
    # Adding zero turns -0.0 into 0.0, which is equal to it.
    doubles = pa.py_buffer((numbers + 0.0).astype("<f8").tobytes())
    packed = pa.Array.from_buffers(pa.binary(8), len(values), [None, doubles]).cast(_BYTES)
    tokens = pc.if_else(missing, None, _joined(head, b"8:", packed))
    large = [
        row
        for row in np.flatnonzero(np.abs(numbers) >= _EXACT).tolist()
        if not (kind.endswith("float") and math.isinf(numbers[row]))
    ]
    if not large:
        return tokens
    # A wide float is kept as text such as 1e+300, which int() does not read.
    exact = [int(float(values[r]) if kind == "wide_float" else values[r]) for r in large]
    mask = np.zeros(len(values), dtype=bool)
    mask[large] = True
    return pc.replace_with_mask(tokens, mask, _texts([str(n) for n in exact], head, "text"))


def _joined(*parts: Any) -> pa.Array:
    """Bytes, single or in arrays, one behind the other."""
    given = [pa.scalar(part, _BYTES) if isinstance(part, bytes) else part for part in parts]
    return pc.binary_join_element_wise(*given, pa.scalar(b"", _BYTES))


def _canonical(texts: pa.Array, kind: str) -> pa.Array:
    """Times without the zeros that a finer unit adds."""
    if kind != "datetime":
        return texts
    trimmed = pc.utf8_rtrim(pc.utf8_rtrim(texts, "0"), ".")
    return pc.if_else(pc.match_substring(texts, "."), trimmed, texts)


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _listed(what: str, shown: Sequence[Any], total: int) -> str:
    listed = ", ".join(repr(v) if isinstance(v, (str, tuple)) else str(v) for v in shown)
    return f"{what} {listed}{', ...' if total > len(shown) else ''}".strip()
