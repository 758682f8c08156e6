"""The contract of a dataset store: what a version is, and what can be done with versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import pandas as pd

from limelight.data.card import DatasetCard


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
    """An entry of the log."""

    commit: str
    message: str
    author: str
    date: datetime
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class DiffSummary:
    """What changed in a dataset between two versions, in numbers.

    Args:
        added, removed, modified: Rows, by key.
        unchanged: Rows that are the same in both.
        columns_added, columns_removed: Column names.
        columns_changed: Columns whose type changed, or that differ in a modified row.
    """

    added: int
    removed: int
    modified: int
    unchanged: int
    columns_added: tuple[str, ...] = ()
    columns_removed: tuple[str, ...] = ()
    columns_changed: tuple[str, ...] = ()


class Store(Protocol):
    """A place where datasets are kept in versions. Two stores, one shared set of checks."""

    url: str

    def datasets(self, ref: str = "main") -> list[str]:
        """Names of the datasets at a ref, sorted."""
        ...

    def resolve(self, dataset: str, ref: str = "main") -> DataVersion:
        """The version a branch, tag, full or unambiguous short commit hash stands for now.

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

    def write(
        self,
        dataset: str,
        frame: pd.DataFrame,
        message: str,
        *,
        card: DatasetCard | None = None,
        author: str = "limelight <limelight@localhost>",
    ) -> DataVersion:
        """Make a frame the content of a dataset: one transaction, one commit on ``main``.

        Rows and card as they are already give no new commit. A card is needed for a new
        dataset; left out, an existing one stays as it is.

        Raises:
            InputError: A key is missing or not unique, a name or a type cannot be kept.
            StoreError: The store is busy for too long, dirty, or cannot be written.
        """
        ...

    def log(self, dataset: str | None = None, ref: str = "main") -> list[Commit]:
        """The commits up to a ref, newest first; of one dataset, those that changed it."""
        ...

    def diff(self, old: DataVersion, new: DataVersion) -> DiffSummary:
        """What changed between two versions of a dataset."""
        ...

    def tag(self, name: str, version: DataVersion, message: str = "") -> None:
        """Name a version.

        Raises:
            InputError: The name is taken by another commit, or is not a valid name.
        """
        ...
