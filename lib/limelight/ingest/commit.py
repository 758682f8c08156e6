"""From checked rows to a commit."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, replace

from limelight.data import DataVersion, DiffSummary, Store, default_location, open_store
from limelight.data.store import MAIN, Changes, Commit
from limelight.ingest.load import Table
from limelight.ingest.request import Request

SHOWN = 10
"""Most rows of each kind that are shown of what changed."""


@dataclass(frozen=True)
class Committed:
    """What an ingest made of its rows.

    Args:
        version: The version that holds them.
        entry: Its commit.
        made: Whether this run made it; else the rows were there already.
        before: The version before it; None where the commit is the dataset's first.
        changes: What changed by it, in numbers; None where nothing was there before.
        rows: The first rows that changed; None as `changes`.
        notes: What else the user should know, a sentence each.
    """

    version: DataVersion
    entry: Commit
    made: bool
    before: DataVersion | None = None
    changes: DiffSummary | None = None
    rows: Changes | None = None
    notes: tuple[str, ...] = ()


def commit(request: Request, table: Table, run: str) -> Committed:
    """Write the rows, their card and the commit in one transaction, and tag it.

    Done again, after a kill at whatever point, it finds what it has done and goes on from there.

    Args:
        request: What the user asks for.
        table: The rows, checked.
        run: The run's pathspec; it stands in the commit's message, by which the run knows its own.

    Raises:
        InputError: An error that nobody allowed was found; or the store refuses the rows.
        StoreError: The store cannot be written.
    """
    table.quality.refuse()
    store = open_store(request.store or default_location())
    if request.new_branch and request.branch not in store.branches():
        store.branch(request.branch, MAIN)
    written = store.write(
        table.name,
        table.frame,
        message_of(request, table, run),
        card=table.card,
        author=table.author,
        branch=request.branch,
        mode=request.mode,
    )
    entry = store.log(table.name, written.commit)[0]
    # Where nothing changed, the branch may have gone on with other datasets since.
    version = replace(written, commit=entry.commit)
    for tag in request.tags:
        store.tag(tag, version, f"{table.name}, by {run}")
    made = entry.run == run
    before = _before(store, table.name, entry)
    if not made or before is None:
        return Committed(version, entry, made, before)
    return Committed(
        version,
        entry,
        made,
        before,
        store.diff(before, version),
        store.changes(before, version, SHOWN),
        _meanwhile(table.last, before),
    )


def message_of(request: Request, table: Table, run: str) -> str:
    """The commit's message: what it is, and behind a blank line the run and what was waived."""
    waived = dict.fromkeys(issue.check for issue in table.quality.waived)
    origin = textwrap.shorten(table.origin, 120, placeholder=" ...")  # a query may be long
    how = f" ({request.mode})" if request.mode != "replace" else ""
    text = request.message.strip() or f"Ingest {origin}{how}"
    trailers = [f"Run: {run}", *([f"Allowed: {', '.join(waived)}"] if waived else [])]
    return "\n".join([text, "", *trailers])


def _before(store: Store, name: str, entry: Commit) -> DataVersion | None:
    """The dataset at the commit before, if it was there."""
    if not entry.parents or name not in store.datasets(entry.parents[0]):
        return None
    return store.resolve(name, entry.parents[0])


def _meanwhile(checked: DataVersion | None, before: DataVersion) -> tuple[str, ...]:
    if checked is not None and checked.table_hash == before.table_hash:
        return ()
    return (
        f"another commit came in between: the rows were checked against"
        f" {checked.commit[:10] if checked else 'nothing'}, and replace those of"
        f" {before.commit[:10]}",
    )


def commit_lines(done: Committed, request: Request) -> list[str]:
    """What was committed, and what changed by it."""
    version = done.version
    short = version.commit[:10]
    if not done.made:
        return [
            f"nothing new: {version.dataset!r} on {request.branch} holds these"
            f" {version.rows:,} rows already, since commit {short}"
            f" ({done.entry.subject})"
        ]
    rows = "1 row, the first one" if version.rows == 1 else f"{version.rows:,} rows, the first ones"
    told = changes_text(done.changes) if done.changes else rows
    if told == "no rows changed":
        told += ", but the card, or the order or types of the columns"
    lines = [f"commit {short} on {request.branch}: {told}"]
    lines += [f"tag {tag}" for tag in request.tags]
    return lines + [f"note: {note}" for note in done.notes]


def changes_text(changes: DiffSummary) -> str:
    """What changed, in a line.

    Example:
        >>> changes_text(DiffSummary(120, 1, 3, 8, columns_added=("x",)))
        "120 rows added, 3 changed, 1 removed; column 'x' added"
    """
    counts = [("added", changes.added), ("changed", changes.modified), ("removed", changes.removed)]
    told = [f"{count:,} {what}" for what, count in counts if count]
    rows = ", ".join(told).replace(" ", " rows ", 1) if told else "no rows changed"
    if told and next(count for _, count in counts if count) == 1:
        rows = rows.replace(" rows ", " row ", 1)
    columns = [
        f"column{'s' if len(names) > 1 else ''} {', '.join(map(repr, names))} {what}"
        for what, names in (
            ("added", changes.columns_added),
            ("removed", changes.columns_removed),
            ("renamed", [f"{old} to {new}" for old, new in changes.columns_renamed]),
        )
        if names
    ]
    return "; ".join([rows, *columns])
