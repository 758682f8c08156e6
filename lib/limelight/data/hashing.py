"""A number for a value that never changes: what sides and folds are decided by."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_SALT = b"limelight.split"


def stable_hash(values: pd.Index | pd.Series) -> NDArray[np.uint64]:
    """A uniform 64-bit hash of each value, the same in every process, release and machine.

    Whole numbers hash alike whatever their type, so a column that turns from int64 to float64
    keeps its hashes. The levels of a MultiIndex count together.

    Args:
        values: Keys or groups, shape (n,).

    Returns:
        Hashes, uint64, shape (n,).

    Example:
        >>> bool(stable_hash(pd.Index([7]))[0] == stable_hash(pd.Index([7.0]))[0])
        True
    """
    codes, distinct = pd.factorize(values, use_na_sentinel=False)
    known = distinct.tolist()
    if all(type(value) is str for value in known):
        return _hash_texts(known)[codes]
    hashes = [_hash(value) for value in distinct]
    return np.array(hashes, dtype=np.uint64)[codes]


def _hash_texts(texts: list[str]) -> NDArray[np.uint64]:
    """As `_hash`, for a million keys in half the time."""
    made = (text.encode() for text in texts)
    digests = [
        hashlib.blake2b(b"%d:%s" % (len(text), text), digest_size=8, salt=_SALT).digest()
        for text in made
    ]
    return np.frombuffer(b"".join(digests), dtype=">u8").astype(np.uint64)


def redrawn(hashes: NDArray[np.uint64], draw: int) -> NDArray[np.uint64]:
    """Other hashes of the same values: equal ones stay equal; draw 0 leaves them as they are.

    Args:
        hashes: From `stable_hash`, shape (n,).
        draw: Which others.

    Example:
        >>> once = stable_hash(pd.Index([7, 8, 7]))
        >>> again = redrawn(once, 1)
        >>> bool((again != once).all()), bool(again[0] == again[2])
        (True, True)
    """
    if draw == 0:
        return hashes
    # pandas' mixing of 64-bit integers (the finaliser of SplitMix64) is a bijection.
    return np.asarray(pd.util.hash_array(hashes ^ np.uint64(draw)), dtype=np.uint64)


def _hash(value: Any) -> int:
    parts = value if isinstance(value, tuple) else (value,)
    digest = hashlib.blake2b(digest_size=8, salt=_SALT)
    for part in parts:
        text = _text(part)
        digest.update(b"%d:%s" % (len(text), text))
    return int.from_bytes(digest.digest(), "big")


def _text(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value)).encode()
    if isinstance(value, (bool, np.bool_)):
        return str(int(value)).encode()
    return str(value).encode()
