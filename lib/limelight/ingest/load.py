"""From a request to checked rows, with nothing written yet."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import pandas as pd

from limelight.data import DatasetCard, DataVersion, Store, default_location, open_store
from limelight.data._refs import check_ref_name
from limelight.data.keys import content_keys
from limelight.data.modes import combined
from limelight.data.naming import check_names
from limelight.data.quality import QualityReport, TableFacts, check_quality, conformed, facts_of
from limelight.data.quality.types import words
from limelight.data.schema import Column, describe
from limelight.data.source import SourceTable, parse_types, read_source
from limelight.data.store import MAIN
from limelight.errors import InputError, did_you_mean
from limelight.ingest.author import author_of
from limelight.ingest.card import assemble_card, check_card, check_problem
from limelight.ingest.request import Request
from limelight.report.data_page import verdict


@dataclass(frozen=True)
class Table:
    """Rows that are ready to be committed, if the checks say so.

    Args:
        name: Of the dataset.
        frame: The rows, with the key as columns.
        card: What the next version's card says.
        last: The version that they were held against; None for a first one.
        quality: What the checks found.
        origin: Where the rows are from.
        notes: What the user should know of how they were read, a sentence each.
        author: Who the commit is by.
    """

    name: str
    frame: pd.DataFrame
    card: DatasetCard
    last: DataVersion | None
    quality: QualityReport
    origin: str
    notes: tuple[str, ...]
    author: str


def load(request: Request) -> Table:
    """Read what the request names, and check it against the last version.

    Raises:
        InputError, StoreError: The source, the card or the store cannot be used.
    """
    store = open_store(request.store or default_location())
    name, author = request.name, author_of(request.author)
    check_names(name, request.message or name, author)
    for tag in request.tags:
        check_ref_name(tag, "tag")
    last = last_version(store, request)
    taken = _taken_tags(store, request, last)
    known = store.card(last) if last else None
    source = read_source(
        request.source, types=parse_types(request.types) or None, query=request.query
    )
    card = assemble_card(request, known, source.origin)
    _check_key_stays(request, card, known)
    current = store.read(last) if last else None
    facts = None
    if current is not None and known:
        facts = facts_of(current.reset_index(drop=not known.key), known.key)
    source = _as_before(source, request, facts)
    frame = source.frame
    describe(frame)
    check_card(card, frame, also=facts.dtypes if facts and request.mode != "replace" else ())
    if known is None or request.problem:
        # Later a class that is new is for the checks to judge, which can be allowed.
        check_problem(card, frame)
    quality = check_quality(frame, card, facts, mode=request.mode, allow=request.allow)
    if current is not None and not quality.stopping:
        # A rehearsal: it raises what writing would.
        after = combined(current, frame, card.key, request.mode)
        if taken and (card != known or not _same_rows(current, after, card.key)):
            raise _taken(taken[0], last.commit if last else "")
    return Table(name, frame, card, last, quality, source.origin, source.notes, author)


def last_version(store: Store, request: Request) -> DataVersion | None:
    """The dataset on the branch that is written to, or where that will start; None if new.

    Raises:
        InputError: There is no such branch, and none is to be made; or it is there already.
    """
    branches = store.branches()
    start = request.branch
    if request.new_branch:
        check_ref_name(request.branch, "branch")
        if request.branch in branches:
            raise InputError(
                f"the branch {request.branch!r} is there already.", "Leave out --new-branch."
            )
        start = MAIN
    if start not in branches:
        if start == MAIN and start == request.branch:
            return None
        raise InputError(
            f"there is no branch {start!r} in the store.",
            "A new store begins with main: ingest there first."
            if start == MAIN
            else f"{did_you_mean(start, branches)} To make it: --new-branch True.",
        )
    if request.name not in store.datasets(start):
        return None
    version = store.resolve(request.name, start)
    # The branch may have gone on with other datasets since.
    return replace(version, commit=store.log(request.name, start)[0].commit)


def _taken_tags(store: Store, request: Request, last: DataVersion | None) -> list[str]:
    """The tags that name the last version already: they go with the same rows alone.

    Raises:
        InputError: A tag names another version, or is a branch.
    """
    branches, tags = store.branches(), store.tags()
    for tag in request.tags:
        if tag in branches or (tag in tags and (last is None or tags[tag] != last.commit)):
            raise _taken(tag, (branches | tags)[tag])
    return [tag for tag in request.tags if tag in tags]


def _taken(tag: str, commit: str) -> InputError:
    return InputError(
        f"the tag {tag!r} names commit {commit[:10]} already.",
        "Choose another --tag; a run's own tag has a colon, e.g. team:risk.",
    )


def _same_rows(current: pd.DataFrame, after: pd.DataFrame, key: tuple[str, ...]) -> bool:
    """Whether writing would change nothing: no row, and no column's place or type."""
    if not key:
        keys = set(content_keys(after, describe(after)))
        return list(current.columns) == list(after.columns) and keys == set(current.index)
    after = after.set_index(list(key))
    return bool(
        len(after) == len(current)
        and after.index.isin(current.index).all()
        and after.reindex(current.index).equals(current)
    )


def _check_key_stays(request: Request, card: DatasetCard, known: DatasetCard | None) -> None:
    if known and request.mode != "replace" and card.key != known.key:
        raise InputError(
            f"the key is {_named(known.key)}, and cannot become {_named(card.key)} with"
            f" --mode {request.mode}.",
            "Leave out --key, or replace the whole content with --mode replace.",
        )


def _named(key: tuple[str, ...]) -> str:
    return ", ".join(map(repr, key)) or "made from the content"


def _as_before(source: SourceTable, request: Request, facts: TableFacts | None) -> SourceTable:
    """The rows with the types of the last version, wherever they fit."""
    if facts is None:
        return source
    given = parse_types(request.types)
    before = {name: dtype for name, dtype in facts.dtypes.items() if name not in given}
    # What was text stays text as it is spelt: 7 may be one of those that were 007 before.
    text = [
        name
        for name, dtype in before.items()
        if isinstance(dtype, pd.StringDtype)
        and name in source.frame
        and not isinstance(source.frame[name].dtype, (pd.StringDtype, pd.CategoricalDtype))
    ]
    if text and "://" not in request.source:
        source = read_source(request.source, types={**given, **dict.fromkeys(text, "text")})
    return replace(source, frame=conformed(source.frame, before))


def table_lines(table: Table) -> list[str]:
    """What was read, how its columns were understood, and what the checks say."""
    rows, width = table.frame.shape
    lines = [
        f"read {table.origin}: {rows:,} row{'s' if rows != 1 else ''}, {width} column"
        f"{'s' if width != 1 else ''} ({_kinds(describe(table.frame))})",
        *(f"  note: {note}" for note in table.notes),
    ]
    if table.last:
        lines.append(f"held against commit {table.last.commit[:10]} of {table.name!r}")
    return lines + check_lines(table.quality)


def _kinds(columns: tuple[Column, ...]) -> str:
    counts = Counter(words(column) for column in columns)
    return ", ".join(f"{kind}: {count}" for kind, count in counts.most_common())


def check_lines(quality: QualityReport) -> list[str]:
    """The checks in short: how many, and a line for each issue."""
    lines = [verdict(quality.frame())]
    for outcome, issues in (
        ("error", quality.stopping),
        ("allowed", quality.waived),
        ("warning", quality.warnings),
    ):
        lines += [f"  {outcome}: [{issue.check}] {issue}" for issue in issues]
    return lines
