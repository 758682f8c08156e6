"""The page that tells an ingest: what the rows are, what the checks say, and what changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from limelight.data.card import DatasetCard
from limelight.data.store import Changes, DataVersion, DiffSummary
from limelight.explain.text import is_missing, row_keys, value_text
from limelight.report.profile import profile_columns
from limelight.report.sketch import LEVELS, Sketch, sketch
from limelight.report.template import template

View = dict[str, Any]

# What is shown of long tables; the store holds all of it.
_MOST_COLUMNS = 200
_MOST_FIGURES = 12
_MOST_CELLS = 40
_MOST_ROWS = 5
_WIDEST = 8


@dataclass(frozen=True)
class DataReport:
    """All that the page shows.

    Args:
        title: The run's pathspec, e.g. ``"IngestFlow/12"``.
        card: The dataset's card.
        frame: The rows of the new version, whole, with or without the key in the index.
        checks: Of `limelight.data.quality.QualityReport.frame`.
        origin: Where the rows are from.
        outcome: What came of it, in a sentence.
        notes: What a reader should know, a sentence each.
        version: What was committed; None while nothing is.
        before: The version before; None for a first one.
        old: The rows of that version; None for none.
        changes, rows: What changed since it, in numbers and row by row.
        message: Of the commit.
        tags: Names that were given to the version.
    """

    title: str
    card: DatasetCard
    frame: pd.DataFrame
    checks: pd.DataFrame
    origin: str
    outcome: str
    notes: Sequence[str] = ()
    version: DataVersion | None = None
    before: DataVersion | None = None
    old: pd.DataFrame | None = None
    changes: DiffSummary | None = None
    rows: Changes | None = None
    message: str = ""
    tags: Sequence[str] = ()


def render_data_report(report: DataReport) -> str:
    """The page of an ingest as a text of HTML, complete in itself.

    Everything that comes from data is escaped; no script, no font and no picture is loaded.

    Args:
        report: What to show.

    Returns:
        An HTML document, well below 1.5 MB whatever the size of the tables.
    """
    columns = profile_columns(report.frame).head(_MOST_COLUMNS).to_dict("records")
    return str(
        template("data.html").render(
            report=report,
            counts=_counts(report),
            facts=_facts(report),
            verdict=verdict(report.checks),
            checks=_checks(report.checks),
            changed=list(_changed_columns(report)),
            column_changes=_column_changes(report.changes),
            cells=_cells(report.rows),
            tables=list(_tables(report)),
            columns=[
                {**column, "bars": _bars(sketch(report.frame[column["name"]]))}
                for column in columns
            ],
            columns_left_out=max(0, report.frame.shape[1] - _MOST_COLUMNS),
        )
    )


def _counts(report: DataReport) -> list[tuple[str, int]]:
    found = report.changes
    counts = (
        {"": len(report.frame)}
        if found is None
        else {
            " added": found.added,
            " changed": found.modified,
            " removed": found.removed,
            " as before": found.unchanged,
        }
    )
    told = [(f"row{'' if count == 1 else 's'}{what}", count) for what, count in counts.items()]
    return told if found else [*told, ("columns", report.frame.shape[1])]


def _facts(report: DataReport) -> list[tuple[str, str]]:
    version, before = report.version, report.before
    facts = [
        ("Read from", report.origin),
        ("Rows", f"{len(report.frame):,}" + (f" (before: {before.rows:,})" if before else "")),
        ("Columns", f"{report.frame.shape[1]:,}"),
        ("Commit", version.commit if version else ""),
        ("Branch", version.branch if version else ""),
        ("Tags", ", ".join(report.tags) if version else ""),
        ("Commit before", before.commit if before else ""),
        ("Store", version.store if version else ""),
        ("Message", report.message.splitlines()[0] if report.message else ""),
    ]
    return [(name, text) for name, text in facts if text]


_SEVERITIES = ("error", "allowed", "warning", "ok")
_WORDS = {"error": "failed", "allowed": "allowed", "warning": "warning", "ok": "passed"}
_TOLD = {**_WORDS, "allowed": "allowed to fail", "warning": "with warnings"}


def verdict(checks: pd.DataFrame) -> str:
    """How the checks went, in a few words.

    Args:
        checks: Of `limelight.data.quality.QualityReport.frame`.

    Example:
        >>> verdict(pd.DataFrame({"check": ["key", "range", "range"], "severity": ["ok"] * 3}))
        '2 checks: all passed'
    """
    worst = checks.groupby("check")["severity"].agg(lambda s: min(s, key=_SEVERITIES.index))
    counts = worst.value_counts()
    several = len(counts) > 1
    told = [f"{counts[s] if several else 'all'} {_TOLD[s]}" for s in _SEVERITIES if s in counts]
    return f"{len(worst)} checks: {', '.join(told)}"


def _checks(checks: pd.DataFrame) -> View:
    """Lines that say something, and the names of the checks that found nothing."""
    lines = [
        {**line, "word": _WORDS[line["severity"]]}
        for line in checks[checks["severity"] != "ok"].head(_MOST_COLUMNS).to_dict("records")
    ]
    return {"lines": lines, "passed": checks[checks["severity"] == "ok"].to_dict("records")}


def _column_changes(changes: DiffSummary | None) -> list[tuple[str, str]]:
    if changes is None:
        return []
    renamed = [f"{old} → {new}" for old, new in changes.columns_renamed]
    found = [
        ("Columns added", changes.columns_added),
        ("Columns removed", changes.columns_removed),
        ("Columns renamed", renamed),
        ("Columns changed", changes.columns_changed),
    ]
    return [(name, ", ".join(names)) for name, names in found if names]


def _changed_columns(report: DataReport) -> Iterator[View]:
    """Before and after of the columns whose values changed, or came with other rows."""
    if report.old is None or report.changes is None:
        return
    names = dict(report.changes.columns_renamed)
    was = {new: old for old, new in names.items()}
    moved = []
    for name in report.frame.columns:
        before = report.old.get(was.get(name, name))
        if before is None or name in report.card.key:
            continue
        found = sketch(report.frame[name], before)
        if _is_free_text(found):
            continue
        moved.append((name not in report.changes.columns_changed, -_distance(found), name, found))
    for _, distance, name, found in sorted(moved, key=lambda line: line[:3])[:_MOST_FIGURES]:
        if distance == 0 and name not in report.changes.columns_changed:
            continue
        missing = [
            float(side.isna().mean()) if len(side) else 0.0
            for side in (
                report.old[was.get(name, name)],
                report.frame[name],
            )
        ]
        yield {
            "name": name,
            "was": was.get(name, ""),
            "bars": _bars(found),
            "missing": missing,
            "moved": -distance,
        }


def _is_free_text(found: Sketch) -> bool:
    """Whether most rows are in the bar of all the other values."""
    return (
        not found.ordered
        and len(found.labels) > LEVELS - 1
        and 2 * found.after[-1] > sum(found.after)
    )


def _distance(found: Sketch) -> float:
    """How far two distributions are apart: the share of rows in other bars, from 0 to 1."""
    after, before = sum(found.after), sum(found.before)
    if not after or not before:
        return float(bool(after) != bool(before))
    pairs = zip(found.after, found.before, strict=True)
    return sum(abs(a / after - b / before) for a, b in pairs) / 2


def _bars(found: Sketch) -> View:
    """Bars as shares of the longest; both versions as shares of their rows."""
    sides = [found.before, found.after] if found.before else [found.after]
    totals = [max(sum(side), 1) for side in sides]
    shares = [[count / total for count in side] for side, total in zip(sides, totals, strict=True)]
    longest = max((max(side, default=0.0) for side in shares), default=0.0) or 1.0
    bars = [
        {
            "label": label,
            "count": found.after[at],
            "was": found.before[at] if found.before else None,
            "share": shares[-1][at],
            "before": shares[0][at] if found.before else None,
            "height": 100 * shares[-1][at] / longest,
            "height_before": 100 * shares[0][at] / longest if found.before else 0.0,
        }
        for at, label in enumerate(found.labels)
    ]
    return {"bars": bars, "ordered": found.ordered, "ends": found.ends}


def _cells(rows: Changes | None) -> list[View]:
    """The cells of changed rows that differ, as they were and as they are."""
    if rows is None:
        return []
    found = []
    for place, key in enumerate(row_keys(rows.after)):
        for name in rows.after.columns:
            if name not in rows.before.columns:
                continue
            was, now = rows.before[name].iloc[place], rows.after[name].iloc[place]
            if (is_missing(was) and is_missing(now)) or value_text(was, 400) == value_text(
                now, 400
            ):
                continue
            found.append(
                {"key": key, "column": name, "was": value_text(was), "now": value_text(now)}
            )
            if len(found) == _MOST_CELLS:
                return found
    return found


def _tables(report: DataReport) -> Iterator[View]:
    """The first rows that came and went."""
    if report.rows is None:
        return
    for title, frame in (("Rows added", report.rows.added), ("Rows removed", report.rows.removed)):
        if frame.empty:
            continue
        first = frame.iloc[:_MOST_ROWS, :_WIDEST]
        yield {
            "title": title,
            "key": ", ".join(map(str, frame.index.names)),
            "columns": [str(name) for name in first.columns],
            "more_columns": frame.shape[1] - first.shape[1],
            "rows": [
                (key, [value_text(value, 40) for value in line])
                for key, line in zip(
                    row_keys(first), first.itertuples(index=False, name=None), strict=True
                )
            ],
        }
