"""The embedded store: datasets in versions in one file, by Dolt's SQLite ("doltlite")."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from limelight.data import _tables
from limelight.data._connection import opened, patiently, quoted, transaction
from limelight.data._difference import difference
from limelight.data.card import DatasetCard
from limelight.data.store import Commit, DataVersion, DiffSummary
from limelight.errors import InputError, StoreError, did_you_mean

_FULL_HASH = re.compile(r"[0-9a-f]{40}")
_SHORT_HASH = re.compile(r"[0-9a-f]{4,40}")
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")


class DoltliteStore:
    """A store in a file, which is made by the first write.

    Any number of processes may read it, and one writes at a time; the others wait for it.

    Args:
        path: The file.

    Raises:
        StoreError: From any method: the file is another program's, this Python's sqlite cannot be
            used, or the database reports a problem.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> store = DoltliteStore(Path(folder.name) / "store.db")
        >>> frame = pd.DataFrame({"id": [2, 1], "default": ["no", "yes"]})
        >>> card = DatasetCard(name="loans", target="default", key=("id",))
        >>> version = store.write("loans", frame, "First import", card=card)
        >>> store.read(version)
           default
        id
        1      yes
        2       no
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser().absolute()
        self.url = f"doltlite://{self.path}"

    def datasets(self, ref: str = "main") -> list[str]:
        """Names of the datasets at a ref, sorted; none where the file does not exist yet."""
        if not self._exists():
            return []
        commit, _ = self._find(ref)
        with self._at(commit) as connection:
            return sorted(_tables.read_cards(connection))

    def resolve(self, dataset: str, ref: str = "main") -> DataVersion:
        """The version that a branch, tag, or full or short commit hash stands for now."""
        if not self._exists():
            raise self._unknown(dataset, ref, [])
        commit, branch = self._find(ref)
        return self._version(dataset, commit, branch, ref)

    def read(self, version: DataVersion) -> pd.DataFrame:
        """The rows of a version with their dtypes, in the order of their key, indexed by it."""
        with self._at(version.commit) as connection:
            layout = _tables.read_layout(connection, version.dataset)
            if layout is None:
                raise self._unknown(version.dataset, version.commit, self._names(connection))
            return _tables.read_frame(connection, version.dataset, layout)

    def card(self, version: DataVersion) -> DatasetCard:
        """The dataset's card at a version."""
        with self._at(version.commit) as connection:
            cards = _tables.read_cards(connection)
        if version.dataset not in cards:
            raise self._unknown(version.dataset, version.commit, list(cards))
        return cards[version.dataset]

    def write(
        self,
        dataset: str,
        frame: pd.DataFrame,
        message: str,
        *,
        card: DatasetCard | None = None,
        author: str = "limelight <limelight@localhost>",
    ) -> DataVersion:
        """Make a frame the content of a dataset: rows, card and commit in one transaction."""
        self._check_name(dataset)
        _check_commit(message, author)
        kept = card or self._current_card(dataset)
        kept = replace(kept, name=dataset)
        content = _tables.prepare(frame, kept.key)
        _check_card(kept, content.layout)
        # Everything the input can do wrong is known by now: only then is a file made.
        self.path.parent.mkdir(parents=True, exist_ok=True)
        commit = patiently(self.path, lambda: self._commit(dataset, content, kept, message, author))
        return self._version(dataset, commit, "main", "main")

    def log(self, dataset: str | None = None, ref: str = "main") -> list[Commit]:
        """The commits up to a ref, newest first; of one dataset, those that changed it."""
        if not self._exists():
            if dataset is not None:
                raise self._unknown(dataset, ref, [])
            return []
        commit, _ = self._find(ref)
        with self._at(commit) as connection:
            names = self._names(connection)
            if dataset is not None and dataset not in names:
                raise self._unknown(dataset, ref, names)
            entries = connection.execute(
                "SELECT commit_hash, committer, email, date, message FROM dolt_log"
            ).fetchall()
            changed = None if dataset is None else _commits_of(connection, dataset)
            tags = _tags(connection)
        return [
            Commit(
                entry[0], entry[4], _author(*entry[1:3]), _time(entry[3]), tags.get(entry[0], ())
            )
            for entry in entries
            if changed is None or entry[0] in changed
        ]

    def diff(self, old: DataVersion, new: DataVersion) -> DiffSummary:
        """What changed between two versions of a dataset."""
        if old.dataset != new.dataset:
            raise InputError(
                f"versions of {old.dataset!r} and of {new.dataset!r} cannot be compared.",
                "Give two versions of one dataset.",
            )
        for version in (old, new):
            self.card(version)
        with self._at(new.commit) as connection:
            return difference(connection, self.path, old, new)

    def tag(self, name: str, version: DataVersion, message: str = "") -> None:
        """Name a version."""
        if not _TAG.fullmatch(name) or _SHORT_HASH.fullmatch(name):
            raise InputError(
                f"{name!r} is not a valid tag name.",
                "Use letters, digits, '.', '_', '-' and '/', and not only hexadecimal digits.",
            )
        self.card(version)
        patiently(self.path, lambda: self._tag(name, version.commit, message or name))

    def _tag(self, name: str, commit: str, message: str) -> None:
        with opened(self.path) as connection:
            branches, tags = _refs(connection)
            if tags.get(name) == commit:
                return
            if name in branches or name in tags:
                what, taken = (
                    ("branch", branches[name]) if name in branches else ("tag", tags[name])
                )
                raise InputError(
                    f"the name {name!r} is taken by a {what} at commit {taken[:12]}.",
                    "Choose another name.",
                )
            connection.execute("SELECT dolt_tag(?, ?, '-m', ?)", (name, commit, message)).fetchall()

    def _exists(self) -> bool:
        return self.path.exists() and self.path.stat().st_size > 0

    @contextmanager
    def _at(self, commit: str) -> Iterator[Any]:
        if not _FULL_HASH.fullmatch(commit):
            raise InputError(f"{commit!r} is not a full commit hash.", "Resolve the version first.")
        if not self._exists():
            raise StoreError(f"there is no store at {self.path}.", "Check --store.")
        with opened(self.path, commit) as connection:
            yield connection

    def _find(self, ref: str) -> tuple[str, str]:
        """Full commit, and branch if the ref is one, of a ref."""
        with opened(self.path) as connection:
            branches, tags = _refs(connection)
            if ref in branches:
                return branches[ref], ref
            if ref in tags:
                return tags[ref], ""
            if _SHORT_HASH.fullmatch(ref):
                found = {
                    h for h in _all_commits(connection, [*branches, *tags]) if h.startswith(ref)
                }
                if len(found) == 1:
                    return found.pop(), ""
                if found:
                    raise InputError(
                        f"the short hash {ref!r} fits {len(found)} commits.", "Give more digits."
                    )
        raise InputError(
            f"the ref {ref!r} is not in the store {self.path}.",
            f"{did_you_mean(ref, [*branches, *tags])} A commit is given by its hash.",
        )

    def _version(self, dataset: str, commit: str, branch: str, ref: str) -> DataVersion:
        with self._at(commit) as connection:
            if dataset not in (names := self._names(connection)):
                raise self._unknown(dataset, ref, names)
            (rows,) = connection.execute(f"SELECT count(*) FROM {quoted(dataset)}").fetchone()
            (table_hash,) = connection.execute("SELECT dolt_hashof_table(?)", (dataset,)).fetchone()
        return DataVersion(self.url, dataset, branch, commit, table_hash, rows)

    def _names(self, connection: Any) -> list[str]:
        return list(_tables.read_cards(connection))

    def _unknown(self, dataset: str, ref: str, known: list[str]) -> InputError:
        return InputError(
            f"the dataset {dataset!r} is not in the store {self.path} at {ref!r}.",
            did_you_mean(dataset, known),
        )

    def _check_name(self, dataset: str) -> None:
        """The name can be a table's, and no table has it in another spelling."""
        lowered = dataset.casefold()
        if (
            not 0 < len(dataset) <= 60
            or dataset != dataset.strip()
            or not dataset.isprintable()
            or lowered.startswith(("sqlite_", "dolt_", "limelight_"))
        ):
            raise InputError(
                f"{dataset!r} is not a valid dataset name.",
                "Use 1 to 60 characters, not starting with 'dolt_', 'sqlite_' or 'limelight_'.",
            )
        if not self._exists():
            return
        with opened(self.path) as connection:
            known = self._names(connection)
            found = connection.execute("SELECT name FROM sqlite_master").fetchall()
        taken = [name for (name,) in found if name.casefold() == lowered and name not in known]
        taken += [name for name in known if name.casefold() == lowered and name != dataset]
        if taken:
            raise InputError(
                f"the name {dataset!r} is taken by the table {taken[0]!r} in the store.",
                "Choose another dataset name.",
            )

    def _current_card(self, dataset: str) -> DatasetCard:
        if dataset not in self.datasets():
            raise InputError(
                f"the dataset {dataset!r} is new, and a new dataset needs a card.",
                "Give card=DatasetCard(name=..., target=...).",
            )
        return self.card(self.resolve(dataset))

    def _commit(
        self,
        dataset: str,
        content: _tables.Content,
        card: DatasetCard,
        message: str,
        author: str,
    ) -> str:
        """Write and commit in one transaction; the commit's hash, or the head's if all is same."""
        with opened(self.path) as connection, transaction(connection):
            self._refuse_uncommitted(connection)
            _tables.write_content(connection, dataset, content, card)
            (commit,) = connection.execute(
                "SELECT dolt_commit('-A', '-m', ?, '--author', ?, '--skip-empty')",
                (message, author),
            ).fetchone()
            (head,) = connection.execute("SELECT dolt_hashof('HEAD')").fetchone()
            return str(commit or head)

    def _refuse_uncommitted(self, connection: Any) -> None:
        changed = [row[0] for row in connection.execute("SELECT table_name FROM dolt_status")]
        if changed:
            raise StoreError(
                f"the store {self.path} has changes that were never committed, in"
                f" {', '.join(map(repr, sorted(set(changed))))}.",
                "Commit them (SELECT dolt_commit('-Am', 'message')) or drop them"
                " (SELECT dolt_reset('--hard')) with the program that made them.",
            )


def _check_commit(message: str, author: str) -> None:
    if not message.strip():
        raise InputError("the commit has no message.", "Say in a few words what changed.")
    if not re.fullmatch(r"[^<>\n]+ <[^<>\s]*>", author):
        raise InputError(f"the author {author!r} is not valid.", "Give it as 'Name <e-mail>'.")


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


def _refs(connection: Any) -> tuple[dict[str, str], dict[str, str]]:
    """Branches and tags, each with its commit."""
    branches = connection.execute("SELECT name, hash FROM dolt_branches").fetchall()
    tags = connection.execute("SELECT tag_name, tag_hash FROM dolt_tags").fetchall()
    return dict(branches), dict(tags)


def _tags(connection: Any) -> dict[str, tuple[str, ...]]:
    """The names of each commit that has a tag."""
    named: dict[str, tuple[str, ...]] = {}
    for name, commit in sorted(_refs(connection)[1].items()):
        named[commit] = (*named.get(commit, ()), name)
    return named


def _all_commits(connection: Any, refs: list[str]) -> set[str]:
    found: set[str] = set()
    for ref in refs:
        rows = connection.execute("SELECT commit_hash FROM dolt_log(?)", (ref,)).fetchall()
        found.update(commit for (commit,) in rows)
    return found


def _commits_of(connection: Any, dataset: str) -> set[str]:
    """The commits that changed the rows, the columns or the card of a dataset."""
    rows = connection.execute("SELECT commit_hash FROM dolt_diff WHERE table_name = ?", (dataset,))
    found = {commit for (commit,) in rows.fetchall()}
    for table in (_tables.CARDS, _tables.COLUMNS):
        rows = connection.execute(
            f"SELECT DISTINCT to_commit FROM {quoted(f'dolt_diff_{table}')}"
            " WHERE coalesce(to_dataset, from_dataset) = ?",
            (dataset,),
        )
        found.update(commit for (commit,) in rows.fetchall())
    return found


def _author(name: str, email: str) -> str:
    return f"{name} <{email}>" if email else name


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
