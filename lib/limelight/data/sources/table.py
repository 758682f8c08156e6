"""What a reader of one kind of source hands on, and what it is asked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from limelight.errors import InputError, did_you_mean


@dataclass(frozen=True)
class Wanted:
    """Which columns are to be read, and which of them have a type that is given.

    Args:
        columns: The only ones to read; all of them if empty.
        without: Those to leave out.
        given: Columns whose type is given: text cells of theirs are not to be interpreted.

    Example:
        >>> Wanted(without=("b",)).of(["a", "b"])
        ['a']
    """

    columns: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    given: frozenset[str] = frozenset()

    def of(self, names: Sequence[str]) -> list[str]:
        """Those of the names that are wanted, in the order of the source.

        Raises:
            InputError: A column to read or to leave out is not there, or none is left.
        """
        for name in (*self.columns, *self.without):
            if name not in names:
                raise InputError(
                    f"the column {name!r} is not in the source.", did_you_mean(name, names)
                )
        kept = [name for name in names if self.keeps(name)]
        if not kept:
            raise InputError("no column of the source is left to read.", "Leave out fewer.")
        return kept

    def keeps(self, name: str) -> bool:
        """Whether a column is wanted, if it is there."""
        return name not in self.without and (not self.columns or name in self.columns)


@dataclass(frozen=True)
class Rows:
    """Where the rows of a table came from, so that a message can say it.

    Args:
        names: Of the parts, in their order; one for a single file or a query.
        counts: Rows of each part.
    """

    names: tuple[str, ...]
    counts: tuple[int, ...]

    def place(self, row: int) -> str:
        """A row, counted from 0 over all parts, as a person would look for it.

        Example:
            >>> rows = Rows(("a.csv", "b.csv"), (10, 5))
            >>> rows.place(9), rows.place(10)
            ('row 10 of a.csv', 'row 1 of b.csv')
        """
        if len(self.names) <= 1:
            return f"row {row + 1:,}"
        starts = [sum(self.counts[:part]) for part in range(len(self.counts))]
        part = bisect_right(starts, row) - 1
        return f"row {row - starts[part] + 1:,} of {self.names[part]}"


def lacking(has: str, lacks: str, column: str) -> InputError:
    """The error for a column that one part has and another has not."""
    return InputError(
        f"{has} has a column {column!r}, and {lacks} has none.",
        "Give all parts the same columns, or read them one by one.",
    )


@dataclass
class Columns:
    """A table as its reader leaves it.

    Args:
        series: The columns by name, each of shape (n,).
        rows: Which part each row is from.
        notes: What the user should know of how the columns were read.
        first: ``day`` or ``month``, by column with local dates: which stood first.
    """

    series: dict[str, pd.Series]
    rows: Rows
    notes: list[str] = field(default_factory=list)
    first: dict[str, str] = field(default_factory=dict)
