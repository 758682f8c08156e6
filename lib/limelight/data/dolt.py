"""A store in Dolt, whichever engine holds it: what the contract says, on sessions of a backend."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal, TypeVar

import pandas as pd

from limelight.data import _remotes, _tables
from limelight.data._difference import difference, row_changes, with_renames
from limelight.data._format import check_format
from limelight.data._health import examine
from limelight.data._query import MOST_ROWS, SECONDS, frame_of
from limelight.data._refs import Refs, ancestors, check_free, check_ref_name, find, head, parents
from limelight.data._renames import find_renames
from limelight.data._session import Backend, Session
from limelight.data.cache import cache_from_environment
from limelight.data.card import DatasetCard
from limelight.data.modes import check_mode, combined
from limelight.data.naming import check_commit, check_dataset_name
from limelight.data.schema import Column
from limelight.data.store import (
    AUTHOR,
    MAIN,
    Changes,
    Commit,
    Dataset,
    DataVersion,
    DiffSummary,
    Finding,
    Mode,
    Side,
)
from limelight.errors import InputError, StoreError, did_you_mean

T = TypeVar("T")


class DoltStore:
    """`limelight.data.store.Store` for any engine of Dolt.

    Args:
        backend: The engine and its place.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.url = backend.url

    # Looking.

    def datasets(self, ref: str = MAIN) -> list[str]:
        """Names of the datasets at a ref, sorted; none in a store that was never written."""
        if not self.backend.exists() and ref == MAIN:
            return []
        with self._at_ref(ref) as session:
            return list(_tables.read_cards(session))

    def resolve(self, dataset: str, ref: str = MAIN) -> DataVersion:
        """The version that a ref stands for now."""
        commit, branch = self._find(ref, dataset)
        return self._version(dataset, commit, branch, ref)

    def read(self, version: DataVersion) -> pd.DataFrame:
        """The rows of a version with their dtypes, in the order of their key, indexed by it."""
        with self._at(version) as session:
            layout = _tables.layout_of(session, version)
            cache = cache_from_environment()
            return _tables.read_frame(session, version.dataset, layout, cache)

    def card(self, version: DataVersion) -> DatasetCard:
        """The dataset's card at a version."""
        with self._at(version) as session:
            return _tables.read_cards(session)[version.dataset]

    def columns(self, version: DataVersion) -> tuple[Column, ...]:
        """Names and types of a version's columns, those of the key first."""
        with self._at(version) as session:
            return _tables.layout_of(session, version).columns

    def log(self, dataset: str | None = None, ref: str = MAIN) -> list[Commit]:
        """The commits up to a ref, newest first; of one dataset, those that changed it."""
        if not self.backend.exists() and dataset is None and ref == MAIN:
            return []
        with self._at_ref(ref, dataset) as session:
            changed = None if dataset is None else _commits_of(session, dataset)
            refs, before, entries = Refs.of(session), parents(session), session.log()
        return [
            Commit(
                commit,
                message,
                f"{name} <{email}>" if email else name,
                _time(date),
                refs.names_of(commit),
                before.get(commit, ()),
            )
            for commit, name, email, date, message in entries
            if changed is None or commit in changed
        ]

    def branches(self) -> dict[str, str]:
        """Every branch with its newest commit."""
        return self._refs().branches

    def tags(self) -> dict[str, str]:
        """Every tag with its commit."""
        return self._refs().tags

    def diff(self, old: DataVersion, new: DataVersion) -> DiffSummary:
        """What changed between two versions of a dataset, in numbers."""
        self._check_pair(old, new)
        with self._at(new) as session:
            found = difference(session, old, new)
        if found.columns_added and found.columns_removed:
            # The database knows a rename as little as git does: the values say so.
            return with_renames(found, find_renames(self.read(old), self.read(new)))
        return found

    def changes(self, old: DataVersion, new: DataVersion, limit: int | None = None) -> Changes:
        """What changed between two versions of a dataset, row by row."""
        self._check_pair(old, new)
        with self._at(new) as session:
            return row_changes(session, old, new, limit)

    def query(self, sql: str, ref: str = MAIN) -> pd.DataFrame:
        """The result of one SQL statement that only reads, on the tables at a ref."""
        commit, _ = self._find(ref)
        return frame_of(*self.backend.answer(sql, commit, SECONDS, MOST_ROWS))

    # Writing.

    def write(
        self,
        dataset: str,
        frame: pd.DataFrame,
        message: str,
        *,
        card: DatasetCard | None = None,
        author: str = AUTHOR,
        branch: str = MAIN,
        mode: Mode = "replace",
        date: datetime | None = None,
    ) -> DataVersion:
        """Put a frame into a dataset: rows, card and commit in one transaction."""
        check_dataset_name(dataset)
        check_commit(message, author)
        check_mode(mode)
        self._check_branch(branch)
        self._check_free_table(dataset, branch)
        card = card and replace(card, name=dataset)
        known = card or self._current_card(dataset, branch)
        content = _tables.prepare(frame, known.key)
        if mode == "replace" or dataset not in self.datasets(branch):
            _check_card(known, content.layout)  # else the dataset may have the target
        # Everything the input alone can do wrong is known by now: only then is a place made.
        self.backend.make()

        def work() -> str:
            with self._writing(branch) as session:
                kept = card or _card_of(dataset, _tables.read_cards(session))
                ready = content
                layout = _tables.read_layout(session, dataset)
                if mode != "replace" and layout:
                    current = _tables.read_frame(session, dataset, layout)
                    ready = _prepared(combined(current, frame, kept.key, mode), kept)
                elif kept.key != content.layout.key:  # another writer changed the card
                    ready = _prepared(frame, kept)
                _check_card(kept, ready.layout)  # the dataset may have gone meanwhile
                _tables.write_content(session, dataset, ready, kept)
                return commit(session, message, author, date)

        made = self.backend.patiently(work)
        # What is committed is acknowledged, even if the store is lost for a moment right after.
        return self.backend.patiently(lambda: self._version(dataset, made, branch, branch))

    def drop(
        self,
        dataset: str,
        message: str,
        *,
        author: str = AUTHOR,
        branch: str = MAIN,
        date: datetime | None = None,
    ) -> str:
        """Take a dataset out of a branch; its versions before stay."""
        check_commit(message, author)
        self._check_branch(branch)
        self.resolve(dataset, branch)

        def work() -> str:
            with self._writing(branch) as session:
                _tables.drop_content(session, dataset)
                return commit(session, message, author, date)

        return self.backend.patiently(work)

    def commit(
        self,
        changes: Mapping[str, Dataset | None],
        message: str,
        *,
        author: str = AUTHOR,
        branch: str = MAIN,
        date: datetime | None = None,
        merged: str = "",
    ) -> str:
        """Put several datasets into one commit, which is made even if nothing changes."""
        check_commit(message, author)
        self._check_branch(branch)
        for dataset in changes:
            check_dataset_name(dataset)
            self._check_free_table(dataset, branch)
        ready = {
            name: given and (_prepared(given.frame, given.card), replace(given.card, name=name))
            for name, given in changes.items()
        }
        if merged:
            self._check_all_named(changes, branch, merged)
        self.backend.make()

        def work() -> str:
            with self._writing(branch) as session:
                if merged:
                    session.merge(merged)
                for dataset, given in ready.items():
                    if merged or not given:
                        _tables.drop_content(session, dataset)
                for dataset, given in ready.items():
                    if given:
                        _tables.write_content(session, dataset, *given)
                return commit(session, message, author, date, empty="--allow-empty")

        return self.backend.patiently(work)

    def merge(
        self,
        source: str,
        into: str = MAIN,
        *,
        message: str = "",
        author: str = AUTHOR,
        take: Side | None = None,
        decisions: pd.DataFrame | None = None,
    ) -> str:
        """Bring the commits of a ref into a branch; cell by cell, by key."""
        from limelight.data import _merge

        return _merge.merge(self, source, into, message, author, take, decisions)

    def revert(
        self,
        ref: str,
        branch: str = MAIN,
        *,
        message: str = "",
        author: str = AUTHOR,
        take: Side | None = None,
        decisions: pd.DataFrame | None = None,
    ) -> str:
        """Undo what one commit changed, by a new commit on a branch."""
        from limelight.data import _merge

        return _merge.revert(self, ref, branch, message, author, take, decisions)

    def tag(self, name: str, version: DataVersion, message: str = "") -> None:
        """Name a version."""
        check_ref_name(name, "tag")
        self.card(version)

        def work(session: Session) -> None:
            refs = Refs.of(session)
            if refs.tags.get(name) != version.commit:
                check_free(refs, name)
                session.call("dolt_tag", name, version.commit, "-m", message or name)

        self._managed(work)

    def untag(self, name: str) -> None:
        """Take a tag away; its commit stays."""
        self._check_exists()
        _check_known(name, self.tags(), "tag")

        def work(session: Session) -> None:
            if name in Refs.of(session).tags:  # if not, a try whose answer was lost did it
                session.call("dolt_tag", "-d", name)

        self._managed(work)

    def branch(self, name: str, start: str = MAIN) -> None:
        """Make a branch at a ref."""
        check_ref_name(name, "branch")
        commit, _ = self._find(start)
        check_free(self._refs(), name)

        def work(session: Session) -> None:
            refs = Refs.of(session)
            if refs.branches.get(name) != commit:  # if it is, a try whose answer was lost did it
                check_free(refs, name)
                session.call("dolt_branch", name, commit)

        self._managed(work)

    def unbranch(self, name: str, *, force: bool = False) -> None:
        """Take a branch away."""
        self._check_exists()
        _check_known(name, self.branches(), "branch")
        if name == MAIN:
            raise InputError("the branch 'main' cannot be taken away.", "Keep it.")

        def work(session: Session) -> None:
            refs = Refs.of(session)
            if name in refs.branches:  # if not, a try whose answer was lost did it
                if not force:
                    _check_kept_elsewhere(name, refs, parents(session))
                session.call("dolt_branch", "-D", name)

        self._managed(work, name)

    # Elsewhere, and upkeep.

    def remotes(self) -> dict[str, str]:
        """Every remote with its URL."""
        if not self.backend.exists():
            return {}
        with self.backend.reading() as session:
            return _remotes.remotes(session)

    def add_remote(self, name: str, url: str) -> None:
        """Name another store to push to and pull from; a name that is known gets the new URL."""
        self._managed(lambda session: _remotes.add_remote(self.backend, session, name, url))

    def push(self, remote: str = "origin", branch: str = MAIN) -> None:
        """Send a branch, and the tags on it, to a remote."""
        url = self._remote(remote)
        _check_known(branch, self.branches(), "branch")
        if self.backend.remote_exists(url):
            self._fetch(remote, url)
        self._managed(lambda session: _remotes.push(self.backend, session, remote, branch))

    def pull(self, remote: str = "origin", branch: str = MAIN) -> str:
        """Fetch a branch of a remote and merge it into the branch of the same name."""
        self._fetch(remote, self._remote(remote))
        theirs = self._managed(lambda session: _remotes.head_at(session, remote, branch))
        if branch not in self.branches():
            self.branch(branch, theirs)
            return theirs
        # By its hash, since a branch of this store may have the remote branch's name.
        return self.merge(theirs, branch, message=f"Merge {remote}/{branch} into {branch}")

    def gc(self) -> None:
        """Give back the space of what no commit holds any more."""
        self._managed(lambda session: session.call("dolt_gc"))

    def doctor(self) -> list[Finding]:
        """Look after the store's health; changes nothing."""
        self._check_exists()
        return examine(self)

    # What both need.

    def _managed(self, work: Callable[[Session], T], branch: str = "") -> T:
        """What is done with a session for branches, tags and remotes, tried while others write.

        Args:
            work: It may be done again from the start, after any part of it was done.
            branch: One that nobody may write to meanwhile.
        """
        self._check_exists()

        def attempt() -> T:
            with self.backend.managing(branch) as session:
                return work(session)

        return self.backend.patiently(attempt)

    def _remote(self, name: str) -> str:
        """The URL of a remote that is known."""
        return self._managed(lambda session: _remotes.known_remote(session, name))

    def _fetch(self, remote: str, url: str) -> None:
        """Bring over the commits, branches and tags of a remote; a tag of ours is never moved.

        The engines move it to where the remote has it. What ours were is known before, and not
        asked again where a fetch is tried again.
        """
        ours = self._managed(_remotes.tags)
        try:
            self._managed(lambda session: _remotes.fetch(self.backend, session, remote, url))
        finally:
            self._managed(lambda session: _remotes.put_back(session, ours, remote))

    @contextmanager
    def _writing(self, branch: str) -> Iterator[Session]:
        """A transaction on a branch on which nothing lies uncommitted."""
        with self.backend.writing(branch) as session:
            changed = sorted(session.uncommitted())
            if changed:
                raise StoreError(
                    f"the store {self.backend.where} has changes that were never committed, in"
                    f" {', '.join(map(repr, changed))}.",
                    "Commit them (dolt_commit('-Am', 'message')) or drop them"
                    " (dolt_reset('--hard')) with the program that made them.",
                )
            check_format(session, self.backend.where)
            yield session

    @contextmanager
    def _at(self, version: DataVersion) -> Iterator[Session]:
        """A session at a version's commit, at which its dataset is known to exist."""
        self._check_exists()
        if not re.fullmatch(rf"[0-9a-v]{{{self.backend.hash_length}}}", version.commit):
            raise InputError(
                f"{version.commit!r} is not a full commit hash.", "Resolve the version first."
            )
        with self.backend.reading(version.commit) as session:
            self._check_there(version.dataset, version.commit, session)
            yield session

    @contextmanager
    def _at_ref(self, ref: str, dataset: str | None = None) -> Iterator[Session]:
        """A session at a ref, at which a dataset is known to exist, if one is named."""
        commit, _ = self._find(ref, dataset)
        with self.backend.reading(commit) as session:
            if dataset is not None:
                self._check_there(dataset, ref, session)
            yield session

    def _check_there(self, dataset: str, ref: str, session: Session) -> None:
        known = list(_tables.read_cards(session))
        if dataset not in known:
            raise self._unknown(dataset, ref, known)

    def _find(self, ref: str, dataset: str | None = None) -> tuple[str, str]:
        """Full commit of a ref, and the branch it is, if it is one."""
        if not self.backend.exists() and dataset is not None:
            raise self._unknown(dataset, ref, [])
        self._check_exists()
        with self.backend.reading() as session:
            return find(session, ref, self.backend.hash_length)

    def _refs(self) -> Refs:
        if not self.backend.exists():
            return Refs({}, {}, {})
        with self.backend.reading() as session:
            return Refs.of(session)

    def _version(self, dataset: str, commit: str, branch: str, ref: str) -> DataVersion:
        with self.backend.reading(commit) as session:
            self._check_there(dataset, ref, session)
            ((rows,),) = session.rows(f"SELECT count(*) FROM {session.quoted(dataset)}")
            table_hash = _tables.table_hash(session, dataset)
        return DataVersion(self.url, dataset, branch, commit, table_hash, rows)

    def _current_card(self, dataset: str, branch: str) -> DatasetCard:
        if not self.backend.exists():
            return _card_of(dataset, {})
        with self._at_ref(branch) as session:
            return _card_of(dataset, _tables.read_cards(session))

    def _check_exists(self) -> None:
        if not self.backend.exists():
            raise StoreError(
                f"there is no store at {self.backend.where}.",
                "Check --store, or write a dataset first.",
            )

    def _check_branch(self, branch: str) -> None:
        """The branch is there; ``main`` of a new store will be."""
        if branch == MAIN and not self.backend.exists():
            return
        _check_known(branch, self._refs().branches, "branch")

    def _check_pair(self, old: DataVersion, new: DataVersion) -> None:
        if old.dataset != new.dataset:
            raise InputError(
                f"versions of {old.dataset!r} and of {new.dataset!r} cannot be compared.",
                "Give two versions of one dataset.",
            )
        self.card(old)

    def _check_all_named(
        self, changes: Mapping[str, Dataset | None], branch: str, merged: str
    ) -> None:
        there = {*self.datasets(branch), *self.datasets(merged)}
        if missing := sorted(there - changes.keys()):
            raise InputError(
                f"the merge does not say what becomes of {', '.join(map(repr, missing))}.",
                "Name every dataset of both sides.",
            )

    def _check_free_table(self, dataset: str, branch: str) -> None:
        """No other table has the name, in whatever spelling."""
        if not self.backend.exists():
            return
        with self._at_ref(branch) as session:
            _tables.check_free(session, dataset, _tables.read_layout(session, dataset))

    def _unknown(self, dataset: str, ref: str, known: list[str]) -> InputError:
        return InputError(
            f"the dataset {dataset!r} is not in the store {self.backend.where} at {ref!r}.",
            did_you_mean(dataset, known),
        )


def commit(
    session: Session,
    message: str,
    author: str,
    date: datetime | None = None,
    *,
    empty: Literal["--skip-empty", "--allow-empty"] = "--skip-empty",
) -> str:
    """Commit all tables; the new commit, or the newest there is where nothing changed."""
    given = [] if date is None else ["--date", f"{date.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"]
    ((made, *_),) = session.call(
        "dolt_commit", "-A", "-m", message, "--author", author, empty, *given
    ) or [("",)]
    if made and made != "0":
        return str(made)
    return head(session)


def _card_of(dataset: str, cards: Mapping[str, DatasetCard]) -> DatasetCard:
    if dataset not in cards:
        raise InputError(
            f"the dataset {dataset!r} is new, and a new dataset needs a card.",
            "Give card=DatasetCard(name=..., target=...).",
        )
    return cards[dataset]


def _prepared(frame: pd.DataFrame, card: DatasetCard) -> _tables.Content:
    content = _tables.prepare(frame, card.key)
    _check_card(card, content.layout)
    return content


def _check_card(card: DatasetCard, layout: _tables.Layout) -> None:
    """The target is among the columns, and is no part of the key."""
    names = [column.name for column in layout.columns]
    if card.target and card.target not in names:
        raise InputError(
            f"the target {card.target!r} is not in the table.", did_you_mean(card.target, names)
        )
    if card.target in card.key:
        raise InputError(
            f"the target {card.target!r} is part of the key.", "Choose another --key or --target."
        )


def _check_known(name: str, known: dict[str, str], what: str) -> None:
    if name not in known:
        raise InputError(f"there is no {what} {name!r} in the store.", did_you_mean(name, known))


def _check_kept_elsewhere(branch: str, refs: Refs, before: dict[str, tuple[str, ...]]) -> None:
    """Every commit of a branch is on another branch, or before a tag."""
    others = {**refs.remote, **refs.tags, **refs.branches}
    others.pop(branch)
    kept = {commit for start in others.values() for commit in ancestors(before, start)}
    lost = ancestors(before, refs.branches[branch]) - kept
    if lost:
        raise InputError(
            f"the branch {branch!r} has {len(lost)} commit{'' if len(lost) == 1 else 's'} that"
            " no other branch or tag has.",
            "Merge it or tag it first, or insist (force=True, -D) to lose them.",
        )


def _commits_of(session: Session, dataset: str) -> set[str]:
    """The commits that changed the rows, the columns or the card of a dataset."""
    rows = session.rows(
        f"SELECT commit_hash FROM dolt_diff WHERE table_name = {session.place}", (dataset,)
    )
    found = {commit for (commit,) in rows}
    for table in (_tables.CARDS, _tables.COLUMNS):
        rows = session.rows(
            f"SELECT DISTINCT to_commit FROM {session.quoted(f'dolt_diff_{table}')}"
            f" WHERE coalesce(to_dataset, from_dataset) = {session.place}",
            (dataset,),
        )
        found.update(commit for (commit,) in rows)
    return found


def _time(date: str | datetime) -> datetime:
    found = datetime.fromisoformat(date) if isinstance(date, str) else date
    return found.replace(tzinfo=UTC)
