"""How commits, dates and people are written for a reader."""

from __future__ import annotations

from datetime import UTC, datetime

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
