"""How commits, dates, people and types are written."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from limelight.data.schema import Column
    from limelight.data.store import Commit

SHORT = 8
"""Characters of a commit hash that a person is shown."""


def short(commit: str) -> str:
    """The beginning of a commit hash."""
    return commit[:SHORT]


def moment(date: datetime) -> str:
    """A date in UTC, to the minute.

    Example:
        >>> moment(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
        '2026-01-02 03:04'
    """
    return date.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def who(author: str) -> str:
    """An author without the e-mail.

    Example:
        >>> who("Ada L <ada@example.org>")
        'Ada L'
    """
    from limelight.cli.output import visible

    return visible(author.partition(" <")[0])


def commit_document(entry: Commit) -> dict[str, Any]:
    """An entry of the log as JSON."""
    return {**asdict(entry), "date": entry.date.isoformat()}


def type_name(column: Column) -> str:
    """A column's type in a word or two."""
    if column.kind == "category":
        ordered = "ordered " if column.detail["ordered"] else ""
        return f"{ordered}category of {len(column.detail['categories'])}"
    if "zone" in column.detail:
        return f"datetime, {column.detail['zone']}"
    return column.kind if column.dtype == "object" else column.dtype
