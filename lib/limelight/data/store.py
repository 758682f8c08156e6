"""The contract of a dataset store: what a version is, and what can be done with versions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

import pandas as pd

from limelight.data.card import DatasetCard
from limelight.data.schema import Column

AUTHOR = "limelight <limelight@localhost>"
"""Who a commit is by if nobody says."""

MAIN = "main"
"""The branch that is meant if nobody says."""

Mode = Literal["replace", "upsert", "append"]
"""What a written frame is: all rows; rows to insert or update by key; new rows alone."""

Side = Literal["ours", "theirs"]
"""In a merge: the branch that is merged into, or the one that is merged."""


@dataclass(frozen=True)
class DataVersion:
    """One table at one commit: the address from which the same rows can be read again.

    Args:
        store: URL of the store, without a password.
        dataset: Name of the dataset.
        branch: Branch the version was resolved on; empty if it was a tag or a commit.
        commit: Full commit hash; opaque.
        table_hash: Hash of the rows alone: equal for equal rows, whatever their order.
        rows: Number of rows.
    """

    store: str
    dataset: str
    branch: str
    commit: str
    table_hash: str
    rows: int


@dataclass(frozen=True)
class Commit:
    """An entry of the log.

    Args:
        commit: Full hash; opaque.
        message, author: As they were given; the author as ``Name <e-mail>``.
        date: When it was made, in UTC.
        tags: The tags that name it.
        parents: Hashes of the commits before it: none for the first, two for a merge.
    """

    commit: str
    message: str
    author: str
    date: datetime
    tags: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.strip().partition("\n")[0].strip()

    @property
    def run(self) -> str:
        """The run that made it, if the message ends by saying so: ``Run: IngestFlow/12``."""
        said = re.findall(r"^Run: (.*)$", self.message, re.MULTILINE)
        return str(said[-1]) if said else ""


@dataclass(frozen=True)
class DiffSummary:
    """What changed in a dataset between two versions, in numbers.

    Args:
        added, removed, modified: Rows, by key.
        unchanged: Rows that are the same in both.
        columns_added, columns_removed: Column names.
        columns_changed: Columns whose type changed, or that differ in a modified row.
        columns_renamed: Pairs of an old and a new name: columns of one type, with the same value
            in every row that both versions have.
    """

    added: int
    removed: int
    modified: int
    unchanged: int
    columns_added: tuple[str, ...] = ()
    columns_removed: tuple[str, ...] = ()
    columns_changed: tuple[str, ...] = ()
    columns_renamed: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Changes:
    """What changed in a dataset between two versions, row by row.

    All frames are indexed by the dataset's key, in its order, with the dtypes of their version.

    Args:
        added: Rows of the new version whose key the old one has not.
        removed: Rows of the old version whose key the new one has not.
        before, after: The rows that differ, as they were and as they are; the same keys.
    """

    added: pd.DataFrame
    removed: pd.DataFrame
    before: pd.DataFrame
    after: pd.DataFrame


@dataclass(frozen=True)
class Dataset:
    """The content of a dataset: what `Store.commit` puts into it.

    Args:
        frame: The rows, with the key as columns or as the index.
        card: What they mean.
    """

    frame: pd.DataFrame
    card: DatasetCard


@dataclass(frozen=True)
class Finding:
    """What `Store.doctor` says of one thing it looked at.

    Args:
        about: What was looked at, in a word: ``"integrity"``, ``"uncommitted"``, ...
        ok: Whether it is as it should be.
        text: What was found, with figures.
        way_out: What to do about it; empty if it is well.
    """

    about: str
    ok: bool
    text: str
    way_out: str = ""


class Store(Protocol):
    """A place where datasets are kept in versions. Two stores, one shared set of checks.

    A *ref* is a branch, a tag, a remote branch (``origin/main``), or a full or unambiguous short
    commit hash; ``~1`` and so on behind it go back along the first parents.

    Every method raises `InputError` for a name or value that cannot be used, and `StoreError` when
    the store cannot do it. What raises leaves the store as it was.
    """

    url: str

    # Looking.

    def datasets(self, ref: str = MAIN) -> list[str]:
        """Names of the datasets at a ref, sorted."""
        ...

    def resolve(self, dataset: str, ref: str = MAIN) -> DataVersion:
        """The version that a ref stands for now.

        Raises:
            InputError: Unknown dataset or ref; names the nearest ones.
        """
        ...

    def read(self, version: DataVersion) -> pd.DataFrame:
        """The rows of a version with the dtypes they were written with, indexed by their key.

        Rows come in the order of their key, so that a version always reads as the same frame.
        A dataset whose card names no key has an index named ``row_key``.
        """
        ...

    def card(self, version: DataVersion) -> DatasetCard:
        """The dataset's card at a version."""
        ...

    def columns(self, version: DataVersion) -> tuple[Column, ...]:
        """Names and types of a version's columns, those of the key first."""
        ...

    def log(self, dataset: str | None = None, ref: str = MAIN) -> list[Commit]:
        """The commits up to a ref, newest first; of one dataset, those that changed it."""
        ...

    def branches(self) -> dict[str, str]:
        """Every branch with its newest commit."""
        ...

    def tags(self) -> dict[str, str]:
        """Every tag with its commit."""
        ...

    def diff(self, old: DataVersion, new: DataVersion) -> DiffSummary:
        """What changed between two versions of a dataset, in numbers."""
        ...

    def changes(self, old: DataVersion, new: DataVersion, limit: int | None = None) -> Changes:
        """What changed between two versions of a dataset, row by row.

        Args:
            old, new: Versions of one dataset.
            limit: Most rows of each kind: the first by key.
        """
        ...

    def query(self, sql: str, ref: str = MAIN) -> pd.DataFrame:
        """The result of one SQL statement that only reads, on the tables at a ref.

        A dataset is the table of its name; values come as the store's SQL has them.

        Raises:
            InputError: The statement is no query, is wrong, or would change something.
        """
        ...

    # Writing. Each is one transaction; a busy store is tried again for some minutes.

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
        """Put a frame into a dataset: rows, card and commit in one transaction.

        Rows and card as they are already give no new commit.

        Args:
            dataset: Its name.
            frame: The rows, with the key as columns or as the index.
            message: Of the commit.
            card: Needed for a new dataset; left out, an existing one stays as it is.
            author: ``Name <e-mail>``.
            branch: Branch to commit on; ``main`` is made by the first write.
            mode: ``replace``: the frame becomes the content. ``upsert``: its rows replace those
                with the same key, and the others stay. ``append``: its rows are added; one whose
                key is there already must be the same.
            date: Of the commit; now, if left out.

        Raises:
            InputError: A key is missing or not unique, a name or a type cannot be kept, an
                appended row differs from the one with its key.
            StoreError: The store is busy for too long, dirty, or cannot be written.
        """
        ...

    def drop(
        self,
        dataset: str,
        message: str,
        *,
        author: str = AUTHOR,
        branch: str = MAIN,
        date: datetime | None = None,
    ) -> str:
        """Take a dataset out of a branch; its versions before stay. Returns the commit."""
        ...

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
        """Put several datasets into one commit, which is made even if nothing changes.

        Args:
            changes: The new content of each dataset; None drops it.
            message, author, branch, date: As in `write`.
            merged: Full hash of a commit that becomes the second parent. Then ``changes`` must
                name every dataset of both sides: what it says is what is merged.

        Returns:
            The commit.

        Raises:
            InputError: As `write`; a dataset is not named in a merge.
            StoreError: As `write`.
        """
        ...

    def tag(self, name: str, version: DataVersion, message: str = "") -> None:
        """Name a version.

        Raises:
            InputError: The name is taken by another commit, or is not a valid name.
        """
        ...

    def untag(self, name: str) -> None:
        """Take a tag away; its commit stays."""
        ...

    def branch(self, name: str, start: str = MAIN) -> None:
        """Make a branch at a ref.

        Raises:
            InputError: The name is taken, or is not a valid name.
        """
        ...

    def unbranch(self, name: str, *, force: bool = False) -> None:
        """Take a branch away.

        Raises:
            InputError: It is ``main``, or has commits that no other branch or tag has (unless
                forced).
        """
        ...

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
        """Bring the commits of a ref into a branch; cell by cell, by key.

        Args:
            source: The ref that is merged ("theirs").
            into: The branch that gets a commit ("ours").
            message, author: Of the commit; a message is made up if none is given.
            take: The side that is right wherever both changed the same cell.
            decisions: What is right for single conflicts: `ConflictError.conflicts` with its
                column ``take`` filled in (``"ours"``, ``"theirs"`` or ``"base"``).

        Returns:
            The branch's newest commit: a merge, or the source's own where nothing happened on the
            branch since.

        Raises:
            ConflictError: Both sides changed the same cells; carries them. Nothing is written.
        """
        ...

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
        """Undo what one commit changed, by a new commit on a branch; returns that commit.

        Raises:
            ConflictError: Later commits changed the same cells ("ours"; "theirs" is what was
                before the commit).
        """
        ...

    # Elsewhere, and upkeep.

    def remotes(self) -> dict[str, str]:
        """Every remote with its URL."""
        ...

    def add_remote(self, name: str, url: str) -> None:
        """Name another store to push to and pull from; a name that is known gets the new URL."""
        ...

    def push(self, remote: str = "origin", branch: str = MAIN) -> None:
        """Send a branch, and the tags on it, to a remote.

        Raises:
            StoreError: The remote has commits that the branch has not: pull first.
        """
        ...

    def pull(self, remote: str = "origin", branch: str = MAIN) -> str:
        """Fetch a branch of a remote and merge it into the branch of the same name.

        Raises:
            ConflictError: As `merge`, whose ``source`` would be ``<remote>/<branch>``.
        """
        ...

    def gc(self) -> None:
        """Give back the space of what no commit holds any more."""
        ...

    def doctor(self) -> list[Finding]:
        """Look after the store's health; changes nothing."""
        ...
