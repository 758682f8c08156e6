"""Tables of text: aligned, cut or thinned out to a width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

GAP = 2
"""Spaces between columns."""

WIDEST = 40
"""Most columns of a cell in a table that is thinned out."""

NARROWEST = 12
"""Cells are not cut below this."""


@dataclass(frozen=True)
class Field:
    """A column of a table.

    Args:
        title: Its heading.
        right: Whether it is aligned to the right, as numbers are.
        shrinks: Whether its cells may be cut where the lines are too long.
    """

    title: str
    right: bool = False
    shrinks: bool = False


def lines(
    fields: Sequence[Field], rows: Sequence[Sequence[Text]], width: int | None = None
) -> Iterator[Text]:
    """The heading and a line for each row, without spaces at their end.

    Args:
        fields: The columns.
        rows: A cell for each column.
        width: Where lines should end; None for as long as they are.

    Example:
        >>> fields = [Field("name"), Field("rows", right=True)]
        >>> for line in lines(fields, [[Text("loans"), Text("12")]]):
        ...     print(line)
        name   rows
        loans    12
    """
    widths = _widths(fields, rows)
    if width is not None:
        widths = _cut(fields, widths, width)
    if any(field.title for field in fields):
        yield _line([Text(field.title, "bold") for field in fields], fields, widths)
    for row in rows:
        yield _line(row, fields, widths)


def fitting(fields: Sequence[Field], rows: Sequence[Sequence[Text]], width: int) -> list[int]:
    """Places of the first columns that fit a width together; at least one.

    Example:
        >>> fitting([Field("a" * 30), Field("b"), Field("c" * 30)], [], width=60)
        [0, 1]
    """
    shown, used = [0], min(_widths(fields, rows)[0], WIDEST)
    for place, wanted in enumerate(_widths(fields, rows)[1:], start=1):
        used += GAP + min(wanted, WIDEST)
        if used > width:
            break
        shown.append(place)
    return shown


def _widths(fields: Sequence[Field], rows: Sequence[Sequence[Text]]) -> list[int]:
    return [
        max([cell_len(field.title), *(row[place].cell_len for row in rows)])
        for place, field in enumerate(fields)
    ]


def _cut(fields: Sequence[Field], widths: list[int], width: int) -> list[int]:
    """Widths that fit: the widest cells give way first."""
    kept = list(widths)
    excess = sum(kept) + GAP * (len(kept) - 1) - width
    able = [place for place, field in enumerate(fields) if field.shrinks]
    while excess > 0 and able:
        place = max(able, key=lambda place: kept[place])
        if kept[place] <= NARROWEST:
            break
        kept[place] -= 1
        excess -= 1
    return kept


def _line(cells: Sequence[Text], fields: Sequence[Field], widths: list[int]) -> Text:
    line = Text()
    for cell, field, width in zip(cells, fields, widths, strict=True):
        kept = cell.copy()
        kept.truncate(width, overflow="ellipsis")
        free = width - kept.cell_len
        line.append(" " * (GAP if line else 0) + " " * (free if field.right else 0))
        line.append_text(kept)
        line.append(" " * (0 if field.right else free))
    line.rstrip()
    return line
