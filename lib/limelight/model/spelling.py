"""How a category's levels are spelt, whatever a reader of files made of them.

A source knows ``007``, ``true`` and ``NA`` as text where they stand among other text. Whoever reads
later rows with other habits may have 7, True and a missing value instead: the same levels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from limelight.data.reading import MISSING_WORDS


@dataclass(frozen=True)
class Spelling:
    """The levels of a column that a reader of files may change, and how they are spelt.

    Args:
        levels: From the text of what a reader may make of a level to the level.
        missing: The one level that a reader may take for a missing value, in a column that has
            no missing values of its own; else None.
        empty: Whether the empty text is a level; else it is missing.

    Example:
        >>> spelling = Spelling.of(pd.Series(["007", "x", "NA"]))
        >>> [spelling.text(value) for value in (7.0, "007", "x", None, "", 8)]
        ['007', '007', 'x', 'NA', 'NA', '8']
    """

    levels: dict[str, str] = field(default_factory=dict)
    missing: str | None = None
    empty: bool = False

    @classmethod
    def of(cls, column: pd.Series) -> Spelling:
        """The spelling of a training column of any values, shape (n,)."""
        given = [value for value in column.dropna().unique() if isinstance(value, str)]
        known = set(given)
        changed: dict[str, str] = {}
        for level in given:
            read = _as_read(level)
            if read is not None and read not in known:
                changed.setdefault(read, level)
        words = known & set(MISSING_WORDS)
        alone = len(words) == 1 and "" not in known and not column.isna().any()
        return cls(changed, words.pop() if alone else None, "" in known)

    def text(self, value: Any) -> str | None:
        """A value as the text of its level; None where it is missing."""
        if isinstance(value, str) and (value or self.empty):
            return str(value)
        if value is None or value is pd.NA or value is pd.NaT or value == "" or value != value:
            return self.missing
        if isinstance(value, bytes):
            return value.decode("utf-8", "backslashreplace")
        text = _number_text(value) if isinstance(value, float) else str(value)
        return self.levels.get(text, text)


def _as_read(level: str) -> str | None:
    """The text of what a reader makes of a level, or None where it stays text."""
    word = level.strip()
    if word.lower() in ("true", "false"):
        return word.capitalize()
    if "_" in word:  # for Python alone, 1_000 is a number
        return None
    for number in (int, float):
        try:
            value = number(word)
        except ValueError:
            continue
        return _number_text(value) if math.isfinite(value) else None
    return None


def _number_text(value: float) -> str:
    """A number as text; a whole float reads as the integer it was before a gap came."""
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole else str(value)
