"""What a check of the data found, and where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Severity = Literal["error", "warning"]

SHOWN = 10
"""Most offending rows that an issue names; it counts all of them."""


@dataclass(frozen=True)
class Issue:
    """Something in the data that is probably not meant to be so.

    Args:
        check: The check that found it, one of `limelight.data.quality.CHECKS`.
        column: The column it is about; empty for the table as a whole.
        severity: ``"error"`` stops a commit; a ``"warning"`` is told and goes on.
        text: One sentence with the values and figures.
        rows: The first offending rows, by their key or by their number in the source.
        count: How many offending rows there are.
    """

    check: str
    column: str
    severity: Severity
    text: str
    rows: tuple[str, ...] = ()
    count: int = 0

    def __str__(self) -> str:
        return f"{self.text}{rows_text(self.rows, self.count)}"


def rows_text(rows: Sequence[str], count: int) -> str:
    """The offending rows in brackets, or nothing.

    Example:
        >>> rows_text(["id 7", "id 9"], 5)
        ' (id 7, id 9, ... 5 rows)'
        >>> rows_text(["row 1"], 1)
        ' (row 1)'
    """
    if not rows:
        return ""
    more = f", ... {count:,} rows" if count > len(rows) else ""
    return f" ({', '.join(rows)}{more})"


@dataclass(frozen=True)
class Rows:
    """The names of a frame's rows: by the key where there is one, else by their number.

    Args:
        frame: The rows, with the key as columns and an index that counts from 0.
        key: The key's columns.

    Example:
        >>> Rows(pd.DataFrame({"id": ["a", "b"]}), ("id",)).named([1])
        ('id b',)
        >>> Rows(pd.DataFrame({"x": [4, 5]}), ()).named([0, 1])
        ('row 1', 'row 2')
    """

    frame: pd.DataFrame
    key: tuple[str, ...]

    def named(self, positions: Iterable[int] | NDArray[Any]) -> tuple[str, ...]:
        """The first rows at some positions, as text."""
        first = [int(place) for place in list(positions)[:SHOWN]]
        if not self.key:
            return tuple(f"row {place + 1}" for place in first)
        parts = [self.frame[name].iloc[first].tolist() for name in self.key]
        return tuple(
            " ".join(f"{name} {value}" for name, value in zip(self.key, values, strict=True))
            for values in zip(*parts, strict=True)
        )

    def issue(
        self,
        check: str,
        column: str,
        severity: Severity,
        text: str,
        where: NDArray[Any] | Sequence[int] | pd.Series = (),
    ) -> Issue:
        """An issue with its rows.

        Args:
            check, column, severity, text: As of `Issue`.
            where: Positions of the offending rows, or a mask over all rows.
        """
        places = np.asarray(where)
        places = np.flatnonzero(places) if places.dtype == bool else places
        return Issue(check, column, severity, text, self.named(places[:SHOWN]), len(places))
