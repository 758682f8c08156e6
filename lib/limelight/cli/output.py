"""Where output goes: to a terminal in its width and colours, else plain and uncut; or as JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from limelight.cli.table import Field

UNLIMITED = 1_000_000
"""Columns of an output that is no terminal: nothing is cut or wrapped there."""


def console(*, to_stderr: bool = False) -> Console:
    """A console on stdout or stderr as they are now."""
    from rich.console import Console

    made = Console(
        stderr=to_stderr,
        markup=False,
        highlight=False,
        emoji=False,
        # NO_COLOR is taken to mean no escape codes at all, bold and dim included.
        color_system=None if os.environ.get("NO_COLOR") else "auto",
    )
    if not made.is_terminal:
        made.width = UNLIMITED
    return made


def say(*pieces: str | tuple[str, str] | Text, to_stderr: bool = False) -> None:
    """A line of text; pieces are text, or text and its style. Long lines wrap in a terminal."""
    from rich.text import Text

    console(to_stderr=to_stderr).print(Text.assemble(*pieces), soft_wrap=False)


def print_table(fields: list[Field], rows: Iterable[list[Text]], *, whole: bool = True) -> None:
    """A table under its headings.

    Args:
        fields: Its columns.
        rows: A cell for each column.
        whole: Cut cells where the terminal is narrow; else leave out columns, and say which.
    """
    from limelight.cli.table import fitting, lines

    out, kept = console(), list(rows)
    width = out.width if out.is_terminal else None
    shown = list(range(len(fields))) if whole or width is None else fitting(fields, kept, width)
    chosen = [fields[place] for place in shown]
    for line in lines(chosen, [[row[place] for place in shown] for row in kept], width):
        out.print(line, no_wrap=True, overflow="ellipsis")
    hidden = [field.title for place, field in enumerate(fields) if place not in shown]
    if hidden:
        what = "column" if len(hidden) == 1 else "columns"
        some = ", ".join(hidden[:8]) + (", ..." if len(hidden) > 8 else "")
        say((f"and {len(hidden):,} more {what}: {some}", "dim"))


def print_json(document: Any, *, to_stderr: bool = False) -> None:
    """One JSON document; text as it is where the stream can take it."""
    stream = sys.stderr if to_stderr else sys.stdout
    unicode = (stream.encoding or "").lower().replace("-", "") == "utf8"
    print(json_text(document, ensure_ascii=not unicode), file=stream)


def json_text(document: Any, *, ensure_ascii: bool = False) -> str:
    """A JSON document as text."""
    return json.dumps(document, ensure_ascii=ensure_ascii, indent=2, allow_nan=False)


def visible(text: str) -> str:
    r"""Text without anything that would move the cursor or hide itself.

    Example:
        >>> print(visible("a\x1b[31mb\n"))
        a\x1b[31mb\n
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def counted(number: int, what: str) -> str:
    """A number and its noun.

    Example:
        >>> counted(1200, "row"), counted(1, "row")
        ('1,200 rows', '1 row')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"
