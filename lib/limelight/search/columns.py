"""Reading raw columns: whatever dtype the values arrive in, the same value reads the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[Any]

_TRUE = frozenset({"true", "t", "yes", "y", "1", "1.0"})
_FALSE = frozenset({"false", "f", "no", "n", "0", "0.0"})
# Keeps squares and float32 away from overflow; no measurement comes near.
_LARGEST = 1e30


def read_numbers(column: pd.Series) -> Array:
    """Numbers of any dtype, decimals and numbers written as text; float64, shape (n,).

    What is missing, infinite or no number is NaN.

    Example:
        >>> read_numbers(pd.Series([1, None, "2.5", float("inf")], dtype=object)).tolist()
        [1.0, nan, 2.5, nan]
    """
    if not pd.api.types.is_numeric_dtype(column):
        column = pd.to_numeric(column.astype(object), errors="coerce")
    values = column.to_numpy(dtype="float64", na_value=np.nan, copy=True)
    values[~np.isfinite(values)] = np.nan
    return np.asarray(np.clip(values, -_LARGEST, _LARGEST))


def read_booleans(column: pd.Series) -> Array:
    """Booleans as 1.0 and 0.0, also from numbers and words; NaN where missing; shape (n,).

    Example:
        >>> read_booleans(pd.Series([True, None, "no", 1.0], dtype=object)).tolist()
        [1.0, nan, 0.0, 1.0]
    """
    codes, levels = read_levels(column)
    lowered = [level.lower() for level in levels]
    values = [1.0 if word in _TRUE else 0.0 if word in _FALSE else np.nan for word in lowered]
    return np.asarray([*values, np.nan])[codes]


def read_times(column: pd.Series, zone: Any = None) -> pd.DatetimeIndex:
    """Timestamps, dates and their text as wall-clock times of a zone; NaT where missing.

    Example:
        >>> column = pd.Series(["2026-03-01 23:30:00+00:00"])
        >>> str(read_times(column, "Europe/Berlin")[0])
        '2026-03-02 00:30:00'
    """
    if not pd.api.types.is_datetime64_any_dtype(column):
        column = pd.to_datetime(column.astype(object), errors="coerce", utc=True, format="mixed")
    times = pd.DatetimeIndex(column)
    if times.tz is None:
        return times
    return times.tz_convert(zone or "UTC").tz_localize(None)


def zone_of(column: pd.Series) -> Any:
    """The time zone of a column of timestamps, or None."""
    return getattr(column.dtype, "tz", None)


def read_levels(column: pd.Series) -> tuple[Array, list[str]]:
    """Categories as codes into a list of distinct texts; -1 where missing.

    Returns:
        Codes (int64, shape (n,)) and the levels. ``3``, ``3.0`` and ``"3"`` are one level.

    Example:
        >>> codes, levels = read_levels(pd.Series(["b", None, 3.0, 3, "b"], dtype=object))
        >>> codes.tolist(), levels
        ([0, -1, 1, 1, 0], ['b', '3'])
    """
    codes, uniques = pd.factorize(column, use_na_sentinel=True)
    levels: dict[str, int] = {}
    merged = [levels.setdefault(_text(value), len(levels)) for value in uniques]
    # The last entry is where the code -1 of a missing value points to.
    table = np.asarray([*merged, -1], dtype="int64")
    return table[codes], list(levels)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


class Levels(NamedTuple):
    """A column of texts: codes (int64, shape (n,)) into its different texts; -1 where missing."""

    codes: Array
    texts: list[str]


@dataclass(frozen=True)
class Texts:
    """Where texts come from: a column, or one part of its texts.

    Args:
        name: Label of the column.
        part: ``"letters"`` or ``"digits"``: of every text only one run of them; "" for all of it.
        last: Whether it is the last run, not the first.

    Example:
        >>> frame = FrameReader(pd.DataFrame({"plane": ["N502UA", "N3JHAA", None]}))
        >>> frame.levels(Texts("plane", "letters", last=True))
        Levels(codes=array([ 0,  1, -1]), texts=['UA', 'JHAA'])
    """

    name: Hashable
    part: str = ""
    last: bool = False


_RUNS = {"letters": re.compile(r"[^\W\d_]+"), "digits": re.compile(r"\d+")}


class FrameReader:
    """A raw frame whose texts are told apart once, however many blocks read them.

    Args:
        frame: Raw, shape (n, d).
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame
        self._levels: dict[Texts, Levels] = {}
        self._tables: dict[int, tuple[Any, Array]] = {}
        self._made: dict[int, tuple[Any, Array]] = {}

    def __len__(self) -> int:
        return len(self.frame)

    def column(self, name: Hashable) -> pd.Series:
        """A raw column."""
        column: pd.Series = self.frame[name]
        return column

    def levels(self, texts: Texts) -> Levels:
        """The different texts of a column, and which of them each row has."""
        if texts not in self._levels:
            if texts.part:
                self._levels[texts] = _parts(self.levels(Texts(texts.name)), texts)
            else:
                self._levels[texts] = Levels(*read_levels(self.column(texts.name)))
        return self._levels[texts]

    def once(self, owner: Any, make: Callable[[], Array]) -> Array:
        """What a function makes of this frame for an owner: called the first time, then kept."""
        if id(owner) not in self._made:
            # The owner is kept with it, as another could have its id later.
            self._made[id(owner)] = (owner, make())
        return self._made[id(owner)][1]

    def looked_up(self, texts: Texts, owner: Any, read: Callable[[list[str]], Array]) -> Array:
        """What a function makes of each different text, for every row.

        Args:
            texts: The column.
            owner: Whose function it is; for one owner it is called once.
            read: From texts (m,) to floats, shape (m,) or (m, k).

        Returns:
            Shape (n,) or (n, k); NaN where the text is missing.
        """
        levels = self.levels(texts)
        if id(owner) not in self._tables:
            table = read(levels.texts)
            gap = np.full((1, *table.shape[1:]), np.nan, dtype=table.dtype)
            # The owner is kept with it, as another could have its id later.
            self._tables[id(owner)] = (owner, np.concatenate([table, gap]))
        return np.asarray(self._tables[id(owner)][1][levels.codes])


def _parts(levels: Levels, texts: Texts) -> Levels:
    """One run of letters or digits instead of each text; missing where it has none."""
    runs, place = _RUNS[texts.part], -1 if texts.last else 0
    found = [runs.findall(text) for text in levels.texts]
    parts: dict[str, int] = {}
    table = [parts.setdefault(some[place], len(parts)) if some else -1 for some in found]
    return Levels(np.asarray([*table, -1], dtype="int64")[levels.codes], list(parts))
