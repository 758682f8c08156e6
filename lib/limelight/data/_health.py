"""Looking after a store: what is in it is whole, committed, and can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from limelight.data._format import FORMAT, read_format
from limelight.data._remotes import clashes, remotes
from limelight.data._session import Session
from limelight.data._tables import read_cards, read_frame, read_layout
from limelight.data.store import MAIN, DataVersion, Finding
from limelight.errors import LimelightError

if TYPE_CHECKING:
    from limelight.data.dolt import DoltStore


def examine(store: DoltStore) -> list[Finding]:
    """Everything there is to say of a store's health; changes nothing.

    What cannot be looked at is a finding as well.
    """
    found = list(store.backend.findings())
    for about, look in (
        ("format", _format),
        ("uncommitted", _uncommitted),
        ("conflicts", _unresolved),
        ("tables", _tables_and_cards),
        ("remotes", _remotes),
        ("datasets", _readable),
    ):
        found.append(_tried(about, partial(look, store)))
    return found


def _tried(about: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except LimelightError as problem:
        return Finding(about, False, problem.problem, problem.way_out)


def _format(store: DoltStore) -> Finding:
    with store.backend.reading() as session:
        number = read_format(session)
    if number > FORMAT:
        return Finding(
            "format",
            False,
            f"a newer Limelight made this store: format {number}, and this one knows {FORMAT}",
            "Install the newer version; until then the store can be read, and not be written.",
        )
    return Finding("format", True, f"format {number}, the newest that this version knows")


def _uncommitted(store: DoltStore) -> Finding:
    with store.backend.reading() as session:
        dirty = [name for (name,) in session.rows("SELECT name FROM dolt_branches WHERE dirty")]
    if not dirty:
        return Finding("uncommitted", True, "everything is committed, on every branch")
    return Finding(
        "uncommitted",
        False,
        f"changes were never committed, on {', '.join(map(repr, sorted(dirty)))}",
        "Commit them (dolt_commit('-Am', 'message')) or drop them (dolt_reset('--hard')) with the"
        " program that made them.",
    )


def _unresolved(store: DoltStore) -> Finding:
    with store.backend.reading() as session:
        conflicts = session.rows("SELECT * FROM dolt_conflicts")
        violations = session.rows("SELECT * FROM dolt_constraint_violations")
    tables = sorted({str(table) for table, *_ in [*conflicts, *violations]})
    if not tables:
        return Finding("conflicts", True, "no conflict of a merge is left, no rule is broken")
    return Finding(
        "conflicts",
        False,
        f"another program left conflicts or broken rules in {', '.join(map(repr, tables))}",
        "End its merge, or drop it (dolt_merge('--abort')), with that program.",
    )


def _tables_and_cards(store: DoltStore) -> Finding:
    wrong, count = [], 0
    for branch, commit in store.branches().items():
        with store.backend.reading(commit) as session:
            cards = read_cards(session)
            count += len(cards)
            wrong += [f"{problem} (on {branch!r})" for problem in _mismatches(session, set(cards))]
    if wrong:
        return Finding(
            "tables",
            False,
            "; ".join(wrong[:5]) + ("; ..." if len(wrong) > 5 else ""),
            "Write the dataset again from its source, or revert the commit that changed it.",
        )
    return Finding("tables", True, f"{count} tables, each with its card and its columns")


def _mismatches(session: Session, cards: set[str]) -> Iterator[str]:
    """Where tables, cards and columns do not say the same."""
    tables = set(session.tables())
    for dataset in sorted(cards):
        if dataset not in tables:
            yield f"the dataset {dataset!r} has a card, and no table"
            continue
        layout = read_layout(session, dataset)
        if layout is None:
            yield f"the columns of {dataset!r} are not described"
            continue
        expected = [name for name, _ in layout.sql_columns]
        if session.columns(dataset) != expected:
            yield f"the table of {dataset!r} has other columns than are described"


def _remotes(store: DoltStore) -> Finding:
    with store.backend.reading() as session:
        known = remotes(session)
        taken = {name: sorted(clashes(session, name)) for name in known}
    clashing = [f"{tag!r} at {name!r}" for name, tags in taken.items() for tag in tags]
    if clashing:
        return Finding(
            "remotes",
            False,
            f"tags name another commit: {', '.join(clashing)}",
            "Agree on one: take the tag away here (untag) or there.",
        )
    if not known:
        return Finding("remotes", True, "none; a push to one is the backup")
    return Finding("remotes", True, ", ".join(f"{name} ({url})" for name, url in known.items()))


def _readable(store: DoltStore) -> Finding:
    """Every dataset's newest version, on every branch, read from end to end; each content once."""
    wrong: list[Finding] = []
    seen: set[tuple[str, str]] = set()
    rows = 0
    for version in _newest(store):
        if (version.dataset, version.table_hash) in seen:
            continue
        seen.add((version.dataset, version.table_hash))
        rows += version.rows
        finding = _tried("datasets", partial(_read, store, version))
        wrong += [] if finding.ok else [finding]
    if wrong:
        return wrong[0]
    return Finding("datasets", True, f"{len(seen)} versions read whole, {rows:,} rows")


def _newest(store: DoltStore) -> Iterator[DataVersion]:
    for branch in sorted(store.branches(), key=lambda name: (name != MAIN, name)):
        for dataset in store.datasets(branch):
            yield store.resolve(dataset, branch)


def _read(store: DoltStore, version: DataVersion) -> Finding:
    # Not `Store.read`, which may answer from its cache.
    with store.backend.reading(version.commit) as session:
        layout = read_layout(session, version.dataset)
        if layout is None:
            raise LookupError(f"no columns of {version.dataset!r}")
        frame = read_frame(session, version.dataset, layout)
    where = f"{version.dataset!r} at {version.commit[:12]}"
    if len(frame) != version.rows:
        text = f"{where} has {version.rows:,} rows, and {len(frame):,} could be read"
        return Finding("datasets", False, text, "Take the store back from a remote.")
    if not frame.index.is_unique:
        text = f"the key of {where} is not unique"
        return Finding("datasets", False, text, "Write the dataset again from its source.")
    return Finding("datasets", True, where)
