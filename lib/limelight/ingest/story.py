"""The story of an ingest: its page, and the lines at its end."""

from __future__ import annotations

import pandas as pd

from limelight.data import Store, default_location, open_store
from limelight.data.schema import ROW_KEY
from limelight.data.store import DataVersion
from limelight.ingest.commit import Committed, commit_lines
from limelight.ingest.load import Table, table_lines
from limelight.ingest.request import Request
from limelight.report.data_page import DataReport


def report_on_rows(table: Table, run: str) -> DataReport:
    """The report on rows that were read and checked, and are not committed yet."""
    failed = len(table.quality.stopping)
    return DataReport(
        title=run,
        card=table.card,
        frame=table.frame,
        checks=table.quality.frame(),
        origin=table.origin,
        outcome=(
            f"Nothing was committed: {failed} error{'s' if failed != 1 else ''} found."
            if failed
            else "Nothing stands in the way of a commit."
        ),
        notes=table.notes,
        before=table.last,
    )


def report_on_commit(request: Request, table: Table, done: Committed, run: str) -> DataReport:
    """The report on what was committed, with what changed by it."""
    store = open_store(request.store or default_location())
    whole = request.mode == "replace" or done.before is None
    return DataReport(
        title=run,
        card=store.card(done.version),
        frame=table.frame if whole else _flat(store, done.version),
        checks=table.quality.frame(),
        origin=table.origin,
        outcome=_sentence(commit_lines(done, request)[0]),
        notes=[*table.notes, *done.notes],
        version=done.version,
        before=done.before if done.made else None,
        old=_flat(store, done.before) if done.changes and done.before else None,
        changes=done.changes,
        rows=done.rows,
        message=done.entry.message,
        tags=request.tags,
    )


def _flat(store: Store, version: DataVersion) -> pd.DataFrame:
    """The rows of a version with the key as columns, unless it is made from the content."""
    frame = store.read(version)
    return frame.reset_index(drop=frame.index.names == [ROW_KEY])


def _sentence(line: str) -> str:
    return f"{line[0].upper()}{line[1:]}."


def opening_lines(table: Table) -> list[str]:
    """What was read and what the checks say, for the terminal."""
    lines = table_lines(table)
    if table.quality.stopping:
        lines.append("look at it: python flows/ingest.py card view start")
    return lines


def closing_lines(request: Request, done: Committed) -> list[str]:
    """What was done and how to go on, for the terminal."""
    name, branch = done.version.dataset, request.branch
    ref = "" if branch == "main" else f" --ref {branch}"
    where = f" --store {request.store}" if request.store else ""
    lines = [
        "",
        *commit_lines(done, request),
        "",
        "look at it:  python flows/ingest.py card view commit",
        f"             limelight data show {name}{ref}{where}",
    ]
    if done.changes is not None and done.before is not None:
        pair = f"{done.before.commit[:10]} {done.version.commit[:10]}"
        lines.append(f"             limelight data diff {name} {pair}{where}")
    lines.append(f"train on it: python flows/train.py run --dataset {name}{ref}{where}")
    return lines
