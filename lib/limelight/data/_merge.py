"""Merge and revert: what other commits changed is brought into a branch, or taken out of it."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pandas as pd

from limelight.data import _tables
from limelight.data._refs import OWN, head, parents
from limelight.data._session import Session, Unmergeable
from limelight.data._threeway import Sides
from limelight.data.card import DatasetCard
from limelight.data.dolt import DoltStore, _prepared, commit
from limelight.data.merging import Snapshot, Versions, merge_datasets
from limelight.data.naming import check_commit
from limelight.data.store import Side
from limelight.errors import InputError, StoreError

_DRAFTS = f"{OWN}merge/"
_DAY = 86_400


@dataclass(frozen=True)
class _State:
    """All of a dataset in one version, without its rows: equal for equal versions."""

    table_hash: str
    card: DatasetCard
    layout: _tables.Layout | None


States = dict[str, _State]
Ready = tuple[_tables.Content, DatasetCard]


@dataclass(frozen=True)
class _Plan:
    """What becomes of each dataset.

    Args:
        commits: The three versions of the store.
        states: What they hold.
        ready: The datasets that both sides changed, as they are to be; None: dropped.
    """

    commits: Sides[str]
    states: Sides[States]
    ready: dict[str, Ready | None]

    def __iter__(self) -> Iterator[str]:
        return iter(_names(self.states))

    def side(self, dataset: str) -> str:
        """Who has the right version of a dataset that one side changed at most."""
        base, ours, _ = (states.get(dataset) for states in self.states)
        return "theirs" if ours == base else "ours"

    def keeps(self, dataset: str) -> bool:
        """Whether there will be such a dataset."""
        if dataset in self.ready:
            return self.ready[dataset] is not None
        return dataset in self.states.get(self.side(dataset))


def merge(
    store: DoltStore,
    source: str,
    into: str,
    message: str,
    author: str,
    take: Side | None,
    decisions: pd.DataFrame | None,
) -> str:
    """As `Store.merge` has it.

    The merge is made ready before the branch is held, and made again if the branch moved since.
    Of Dolt's own merge only the second parent is kept, and what comes out as it should.
    """
    message = message or f"Merge {source} into {into}"
    check_commit(message, author)
    theirs, _ = store._find(source)
    store._check_branch(into)

    def planned(ours: str) -> _Plan:
        commits = Sides(_merge_base(store, ours, theirs, source, into), ours, theirs)
        return _planned(store, commits, take, decisions)

    plan = planned(store.branches()[into])
    if plan.commits.base == theirs:
        return plan.commits.ours

    def landed(plan: _Plan, parent: str) -> str:
        with store._writing(into) as session:
            tip = head(session)
            now = plan if plan.commits.ours == tip else planned(tip)
            if now.commits.base == theirs:  # somebody else merged it meanwhile
                return tip
            if now.commits.base == tip:
                session.fast_forward(theirs)
                return theirs
            session.merge(parent)
            _write(store, session, now)
            return commit(session, message, author, empty="--allow-empty")

    def work() -> str:
        try:
            return landed(plan, theirs)
        except Unmergeable:
            now = planned(store.branches()[into])
            with _aligned(store, now, message, author) as parent:
                return landed(now, parent)

    return store.backend.patiently(work)


def revert(
    store: DoltStore,
    ref: str,
    branch: str,
    message: str,
    author: str,
    take: Side | None,
    decisions: pd.DataFrame | None,
) -> str:
    """As `Store.revert` has it: a merge of what was before the commit, from the commit on."""
    undone, _ = store._find(ref)
    store._check_branch(branch)
    with store.backend.reading(undone) as session:
        before = parents(session).get(undone)
        said = session.log()[0][4]
    if not before:
        raise InputError(
            f"{ref!r} is the first commit, and nothing was before it.",
            "Give a later commit: limelight data log.",
        )
    message = message or f'Revert "{said}"'
    check_commit(message, author)

    def planned(ours: str) -> _Plan:
        return _planned(store, Sides(undone, ours, before[0]), take, decisions)

    plan = planned(store.branches()[branch])

    def work() -> str:
        with store._writing(branch) as session:
            tip = head(session)
            _write(store, session, plan if plan.commits.ours == tip else planned(tip))
            return commit(session, message, author)

    return store.backend.patiently(work)


@contextmanager
def _aligned(store: DoltStore, plan: _Plan, message: str, author: str) -> Iterator[str]:
    """A commit behind theirs that both engines can merge with ours, whatever the columns and keys.

    It has our version of every dataset, so that the engine finds the same changes twice.
    """
    theirs, stamp = plan.commits.theirs, int(time.time())
    draft = f"{_DRAFTS}{stamp}-{uuid.uuid4().hex[:8]}"

    def begin(session: Session) -> None:
        for (name,) in session.rows("SELECT name FROM dolt_branches"):
            made = re.fullmatch(rf"{_DRAFTS}(\d+)-.*", name)
            if made and int(made[1]) < stamp - _DAY:  # its merge was killed
                session.call("dolt_branch", "-D", name)
        session.call("dolt_branch", draft, theirs)

    store._managed(begin)
    try:
        with store._writing(draft) as session:
            for dataset in plan:
                if plan.states.ours.get(dataset) != plan.states.theirs.get(dataset):
                    ours = _ready(_snapshot(store, plan.commits.ours, dataset))
                    _put(session, dataset, ours)
            said = f"{message} (what it was merged into, behind what was merged)"
            made = commit(session, said, author, empty="--allow-empty")
        yield made
    finally:
        store._managed(lambda session: session.call("dolt_branch", "-D", draft))


def _planned(
    store: DoltStore, commits: Sides[str], take: Side | None, decisions: pd.DataFrame | None
) -> _Plan:
    """What is to be written, and every conflict found, before anything is."""
    states = commits.map(lambda place: _states_at(store, place))
    both = [name for name in _names(states) if _all_differ(*(side.get(name) for side in states))]
    versions = (
        Versions(name, *(_snapshot(store, place, name) for place in commits)) for name in both
    )
    merged = merge_datasets(versions, take=take, decisions=decisions)
    plan = _Plan(commits, states, {name: _ready(found) for name, found in merged.items()})
    _check_names(plan)
    return plan


def _check_names(plan: _Plan) -> None:
    """No two datasets would have a name that the engines take for the same."""
    known: dict[str, str] = {}
    for dataset in filter(plan.keeps, plan):
        if known.setdefault(dataset.casefold(), dataset) != dataset:
            raise InputError(
                f"the datasets {known[dataset.casefold()]!r} and {dataset!r} cannot be in one"
                " store, since their names differ by case alone.",
                "Drop one of them first, or write it under another name.",
            )


def _write(store: DoltStore, session: Session, plan: _Plan) -> None:
    """Make every dataset what it is to be; one that is so already is not touched."""
    there = _states(session)
    for dataset in plan:
        if dataset in plan.ready:
            ready = plan.ready[dataset]
        else:
            side = plan.side(dataset)
            if there.get(dataset) == plan.states.get(side).get(dataset):
                continue
            ready = _ready(_snapshot(store, plan.commits.get(side), dataset))
        _put(session, dataset, ready)


def _put(session: Session, dataset: str, ready: Ready | None) -> None:
    """Make a dataset what it is to be, whatever a merge left of it."""
    _tables.drop_content(session, dataset)
    if ready:
        _tables.write_content(session, dataset, *ready)


def _ready(found: Snapshot | None) -> Ready | None:
    return None if found is None else (_prepared(found.frame, found.card), found.card)


def _names(states: Sides[States]) -> list[str]:
    return sorted({name for side in states for name in side})


def _all_differ(base: _State | None, ours: _State | None, theirs: _State | None) -> bool:
    return ours not in (base, theirs) and theirs != base


def _states_at(store: DoltStore, place: str) -> States:
    with store.backend.reading(place) as session:
        return _states(session)


def _states(session: Session) -> States:
    tables = session.tables()
    return {
        name: _State(_tables.table_hash(session, name), card, _tables.read_layout(session, name))
        for name, card in _tables.read_cards(session).items()
        if name in tables
    }


def _snapshot(store: DoltStore, place: str, dataset: str) -> Snapshot | None:
    if dataset not in store.datasets(place):
        return None
    version = store.resolve(dataset, place)
    return Snapshot(store.read(version), store.card(version))


def _merge_base(store: DoltStore, ours: str, theirs: str, source: str, into: str) -> str:
    """The newest commit that both sides have."""
    with store.backend.reading() as session:
        place = session.place
        ((found,),) = session.rows(f"SELECT dolt_merge_base({place}, {place})", (ours, theirs))
    if not found:
        raise StoreError(
            f"{source!r} and {into!r} have no commit in common.",
            "They come from different stores: copy the datasets instead (limelight data copy).",
        )
    return str(found)
