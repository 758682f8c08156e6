"""All checks of a table in one go, and what comes of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from limelight.data.card import DatasetCard
from limelight.data.quality.content import of_content
from limelight.data.quality.facts import TableFacts, facts_of
from limelight.data.quality.issue import SHOWN, Issue, Rows
from limelight.data.quality.leakage import of_target
from limelight.data.quality.tables import of_key, of_table
from limelight.data.quality.versions import against_last
from limelight.data.store import Mode
from limelight.errors import InputError, did_you_mean

CHECKS = {
    "key": "the key is there, complete and unique",
    "schema": "columns and types are those of the last version",
    "range": "values are near those that were seen",
    "missing": "no more values are missing than before",
    "categories": "categories are known ones, and spelt in one way",
    "duplicates": "rows are not repeated",
    "constant": "columns vary",
    "leakage": "no column gives the target away",
    "rows": "there are about as many rows as before",
    "gaps": "a key that counts has no gaps",
}
"""Every check with what it expects. ``key`` cannot be waived: no store could keep such rows."""

AGAINST_LAST = ("schema", "missing", "rows", "gaps")
"""Checks that have nothing to say of a first version."""

ALL = "all"


@dataclass(frozen=True)
class QualityReport:
    """What the checks found.

    Args:
        issues: Errors first.
        ran: Names of the checks that were made.
        allowed: Names of those whose errors do not stop a commit.
    """

    issues: tuple[Issue, ...]
    ran: tuple[str, ...]
    allowed: tuple[str, ...] = ()

    @property
    def stopping(self) -> tuple[Issue, ...]:
        """The errors that nobody allowed."""
        return tuple(
            i for i in self.issues if i.severity == "error" and i.check not in self.allowed
        )

    @property
    def waived(self) -> tuple[Issue, ...]:
        """The errors that were allowed."""
        return tuple(i for i in self.issues if i.severity == "error" and i.check in self.allowed)

    @property
    def warnings(self) -> tuple[Issue, ...]:
        return tuple(issue for issue in self.issues if issue.severity == "warning")

    def frame(self) -> pd.DataFrame:
        """One line an issue, and one for each check that found nothing.

        Returns:
            Columns check, column, severity (``"error"``, ``"allowed"``, ``"warning"``, ``"ok"``),
            text, rows (the first offenders, as text), count.
        """
        lines: list[dict[str, str | int]] = [
            {
                "check": issue.check,
                "column": issue.column,
                "severity": "allowed" if issue in self.waived else issue.severity,
                "text": issue.text,
                "rows": ", ".join(issue.rows),
                "count": issue.count,
            }
            for issue in self.issues
        ]
        found = {issue.check for issue in self.issues}
        blank: dict[str, str | int] = {"column": "", "severity": "ok", "rows": "", "count": 0}
        lines += [
            {"check": name, **blank, "text": CHECKS[name]} for name in self.ran if name not in found
        ]
        return pd.DataFrame(lines, columns=["check", "column", "severity", "text", "rows", "count"])

    def refuse(self) -> None:
        """Stop where an error was found that nobody allowed.

        Raises:
            InputError: Names every such error with its rows, and how to allow it.
        """
        errors = self.stopping
        if not errors:
            return
        names = list(dict.fromkeys(issue.check for issue in errors))
        told = "; ".join(f"[{issue.check}] {issue}" for issue in errors[:SHOWN])
        more = f"; and {len(errors) - SHOWN} more" if len(errors) > SHOWN else ""
        waivable = [name for name in names if name != "key"]
        way_out = "Correct the source"
        if waivable:
            way_out += f", or let it pass with --allow {','.join(waivable)}"
        raise InputError(
            f"nothing was committed, since {len(errors)} check{'s' if len(errors) > 1 else ''}"
            f" failed: {told}{more}{'' if (told + more).endswith('?') else '.'}",
            f"{way_out}.",
        )


def check_quality(
    frame: pd.DataFrame,
    card: DatasetCard,
    last: TableFacts | None = None,
    *,
    mode: Mode = "replace",
    allow: Iterable[str] = (),
    now: datetime | None = None,
) -> QualityReport:
    """Check a table before it is committed.

    Args:
        frame: The rows, with the key as columns.
        card: Says which columns are the key and the target, and which are no features.
        last: The figures of the last version (`facts_of`); None for the first.
        mode: How the rows are to be written: parts of a table are not counted against it.
        allow: Names of checks whose errors are to be passed over, or ``"all"``.
        now: Times up to now are expected.

    Raises:
        InputError: A check to allow is unknown, or a column's type cannot be kept.

    Example:
        >>> card = DatasetCard("loans", "default", key=("id",))
        >>> first = pd.DataFrame({"id": range(100), "age": range(100), "default": ["no"] * 100})
        >>> last = facts_of(first, card.key)
        >>> late = first.assign(age=first["age"].mask(first["id"] == 7, 9999))
        >>> print(check_quality(late, card, last).stopping[0])
        column 'age' has values far from those that were seen: 9999;
        before, they were 0 to 99 (id 7)
    """
    allowed = _allowed(allow)
    flat = frame.reset_index(drop=True)
    rows = Rows(flat, card.key)
    if not set(card.key) <= set(flat.columns):
        return QualityReport(tuple(of_key(rows)), ("key",), allowed)
    new = facts_of(flat, card.key)
    issues = [*of_table(rows, new, last, whole=mode == "replace")]
    if last is not None:
        issues += against_last(rows, new, last, card.target, partial=mode == "upsert", now=now)
    issues += of_content(rows, new, last, (card.target, *card.ignore))
    issues += of_target(rows, new, card.target, card.ignore)
    issues.sort(key=lambda issue: (issue.severity, list(CHECKS).index(issue.check)))
    ran = tuple(name for name in CHECKS if last is not None or name not in AGAINST_LAST)
    return QualityReport(tuple(issues), ran, allowed)


def _allowed(names: Iterable[str]) -> tuple[str, ...]:
    given = tuple(names)
    waivable = [name for name in CHECKS if name != "key"]
    for name in given:
        if name not in (*waivable, ALL):
            raise InputError(
                f"the check {name!r} to allow is unknown.", did_you_mean(name, [*waivable, ALL])
            )
    return tuple(waivable) if ALL in given else given
