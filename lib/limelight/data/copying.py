"""History from one store to another of whatever kind, commit by commit."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from limelight.data._session import Unmergeable
from limelight.data.card import DatasetCard
from limelight.data.schema import Column
from limelight.data.store import MAIN, Commit, Dataset, DataVersion, Store
from limelight.errors import InputError, StoreError, did_you_mean

Say = Callable[[str], None]

_WORK = "copying/"


@dataclass(frozen=True)
class CopyReport:
    """What `copy_history` did.

    Args:
        commits: How many commits were copied.
        known: How many were there already.
        branches, tags: Those that are now as in the source.
        linearised: Commits of the source that are merges there, and were copied with their first
            parent alone, since the target could not merge.
        left_out: Tags that name no dataset, which cannot be copied.
        compared: How many versions of datasets were read from both stores, and found equal.
    """

    commits: int
    known: int
    branches: tuple[str, ...]
    tags: tuple[str, ...]
    linearised: tuple[str, ...]
    left_out: tuple[str, ...]
    compared: int


def copy_history(
    source: Store,
    target: Store,
    *,
    branches: Iterable[str] | None = None,
    say: Say | None = None,
) -> CopyReport:
    """Copy branches with all their commits, and the tags on them, from one store to another.

    Each commit keeps its datasets, cards, message, author, date and parents; its hash becomes
    another. Nothing else in the target changes: a branch that is there already must end in a commit
    of the source, or have the source's commits already.

    It can be interrupted, and called again: what is there already is found by its message, author,
    date, parents and content. In the end, the datasets at every branch and tag are read from both
    stores and compared.

    Args:
        source, target: The stores; the target may be new.
        branches: Names of the branches; all, if left out.
        say: Called with a line of text for each commit.

    Raises:
        InputError: There is no such branch.
        StoreError: A branch or tag of the target has other commits; a dataset reads differently.

    Example:
        >>> import tempfile
        >>> from limelight.data import open_store
        >>> folder = tempfile.TemporaryDirectory()
        >>> store = open_store(f"{folder.name}/store.db")
        >>> frame = pd.DataFrame({"id": [1, 2], "default": ["no", "yes"]})
        >>> card = DatasetCard(name="loans", target="default", key=("id",))
        >>> version = store.write("loans", frame, "First import", card=card)
        >>> report = copy_history(store, open_store(f"{folder.name}/copy.db"))
        >>> report.commits, report.branches, report.compared
        (1, ('main',), 1)
    """
    chosen = _chosen(source, branches)
    history = _History.of(source, chosen)
    copy = _Copy(source, target, history, say or _nothing)
    copy.find_known()
    copy.check_branches(chosen)
    copy.check_tags()
    for commit in history.oldest_first:
        if commit.commit not in copy.images:
            copy.copy(commit)
    copy.set_branches(chosen)
    left_out = copy.set_tags()
    copy.sweep()
    compared = _compared(copy, chosen)
    return CopyReport(
        copy.made,
        len(copy.images) - copy.made - len(history.roots),
        tuple(chosen),
        tuple(sorted(history.tags.keys() - set(left_out))),
        tuple(copy.linearised),
        tuple(left_out),
        compared,
    )


def _nothing(_: str) -> None:
    """Who does not want to hear anything hears nothing."""


def _chosen(source: Store, branches: Iterable[str] | None) -> list[str]:
    """The branches in the order in which they are copied: ``main`` first."""
    known = source.branches()
    given = list(known) if branches is None else list(dict.fromkeys(branches))
    for name in given:
        if name not in known:
            raise InputError(f"there is no branch {name!r} to copy.", did_you_mean(name, known))
    chosen = [name for name in given if not name.startswith(_WORK)]
    return sorted(chosen, key=lambda name: (name != MAIN, name))


@dataclass(frozen=True)
class _State:
    """A dataset at a commit, as far as it can be known without reading its rows."""

    version: DataVersion
    card: DatasetCard
    columns: tuple[Column, ...]

    def same(self, other: _State | None) -> bool:
        """Whether both are equal, in one store."""
        return other is not None and (self.version.table_hash, self.card, self.columns) == (
            other.version.table_hash,
            other.card,
            other.columns,
        )

    @property
    def outline(self) -> tuple[Any, ...]:
        """What is equal in every store."""
        types = tuple((column.name, column.dtype) for column in self.columns)
        return self.version.rows, self.card, types


def _states(store: Store, commit: str) -> dict[str, _State]:
    found = {}
    for dataset in store.datasets(commit):
        version = store.resolve(dataset, commit)
        found[dataset] = _State(version, store.card(version), store.columns(version))
    return found


@dataclass(frozen=True)
class _History:
    """The commits of some branches, each after its parents."""

    oldest_first: list[Commit]
    heads: dict[str, str]
    tags: dict[str, str]

    @classmethod
    def of(cls, store: Store, branches: Sequence[str]) -> _History:
        commits = _commits(store, branches)
        heads = {name: commit for name, commit in store.branches().items() if name in branches}
        # Some tags stand for a remote's, where it has another commit under the same name.
        remotes = store.remotes()
        tags = {
            name: commit
            for name, commit in store.tags().items()
            if commit in commits and name.partition("/")[0] not in remotes
        }
        return cls(_sorted(commits, [heads[name] for name in branches]), heads, tags)

    def twins(self, commit: Commit) -> int:
        """How many commits look like this one, itself included."""
        like = (_label(commit), commit.parents)
        return sum((_label(other), other.parents) == like for other in self.oldest_first)

    @property
    def roots(self) -> list[Commit]:
        """The commits before all others, which every store makes of its own."""
        return [commit for commit in self.oldest_first if not commit.parents]


def _commits(store: Store, branches: Iterable[str]) -> dict[str, Commit]:
    return {entry.commit: entry for name in branches for entry in store.log(ref=name)}


def _sorted(commits: dict[str, Commit], heads: list[str]) -> list[Commit]:
    """Parents first, and each line of commits in one piece, the first head's before all."""
    found: dict[str, Commit] = {}
    todo = heads[::-1]
    while todo:
        commit = commits[todo[-1]]
        waiting = [parent for parent in commit.parents if parent not in found]
        if commit.commit in found or not waiting:
            found.setdefault(todo.pop(), commit)
        else:
            todo += waiting[::-1]
    return list(found.values())


def _label(commit: Commit) -> tuple[Any, ...]:
    """What a commit keeps in every store; the date as exactly as all stores keep it."""
    return commit.message.strip(), commit.author, commit.date.replace(microsecond=0)


@dataclass
class _Copy:
    """A copy on its way: which commit of the target is the image of which of the source."""

    source: Store
    target: Store
    history: _History
    say: Say
    images: dict[str, str] = field(default_factory=dict)
    linearised: list[str] = field(default_factory=list)
    made: int = 0
    _work: dict[str, str] = field(default_factory=dict)  # a branch of ours by its newest commit
    _run: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    def find_known(self) -> None:
        """Find what is in the target already, from the oldest on."""
        there = _commits(self.target, self.target.branches())
        children: dict[tuple[str, ...], list[Commit]] = {}
        for entry in there.values():
            children.setdefault(entry.parents, []).append(entry)
        for commit in self.history.oldest_first:
            image = self._known(commit, children)
            if image:
                self.images[commit.commit] = image

    def _known(self, commit: Commit, children: dict[tuple[str, ...], list[Commit]]) -> str:
        if not commit.parents:
            roots = children.get((), [])
            return roots[0].commit if roots else ""
        parents, taken = self._parents(commit), set(self.images.values())
        for whole in dict.fromkeys((parents, parents[:1])):
            near = [entry for entry in children.get(whole, []) if entry.commit not in taken]
            alike = [entry for entry in near if self._alike(commit, entry)]
            # Two of one second, message and shape can only be told apart by their rows.
            if len(alike) > 1 or self.history.twins(commit) > 1:
                alike = [entry for entry in alike if self._same_rows(commit, entry)]
            if alike:
                if whole != parents:
                    self.linearised.append(commit.commit)
                return alike[0].commit
        return ""

    def _parents(self, commit: Commit) -> tuple[str, ...]:
        """The images of a commit's parents, as far as there are all."""
        found = [self.images.get(parent, "") for parent in commit.parents]
        return tuple(found) if all(found) else ("",)

    def _alike(self, commit: Commit, entry: Commit) -> bool:
        """Whether all is equal but, perhaps, the values of the rows."""
        if _label(commit) != _label(entry):
            return False
        ours, theirs = _states(self.source, commit.commit), _states(self.target, entry.commit)
        return {name: state.outline for name, state in ours.items()} == {
            name: state.outline for name, state in theirs.items()
        }

    def _same_rows(self, commit: Commit, entry: Commit) -> bool:
        ours, theirs = _states(self.source, commit.commit), _states(self.target, entry.commit)
        before = _states(self.source, commit.parents[0])
        return all(
            state.same(before.get(name)) or self.equal(state, theirs[name])
            for name, state in ours.items()
        )

    def equal(self, ours: _State, theirs: _State) -> bool:
        """Whether a dataset reads the same from both stores."""
        try:
            pd.testing.assert_frame_equal(
                self.source.read(ours.version), self.target.read(theirs.version), check_exact=True
            )
        except AssertionError:
            return False
        return True

    def check_branches(self, chosen: list[str]) -> None:
        """No branch of the target would have to lose a commit.

        Raises:
            StoreError: One has commits that the source's has not, and not all of the source's.
        """
        for name, head in self.target.branches().items():
            if name not in chosen:
                continue
            ours = {c.commit for c in self.source.log(ref=name)}
            images = {self.images[c] for c in ours if c in self.images}
            behind = head in images
            ahead = self.images.get(self.history.heads[name], "") in {
                entry.commit for entry in self.target.log(ref=name)
            }
            if not behind and not ahead:
                raise StoreError(
                    f"the branch {name!r} has commits of its own in {self.target.url}.",
                    "Copy into a new store, or give other branches.",
                )

    def check_tags(self) -> None:
        """No tag of the target would have to be moved.

        Raises:
            StoreError: One names another commit.
        """
        there = self.target.tags()
        for name, commit in self.history.tags.items():
            if name in there and there[name] != self.images.get(commit):
                raise StoreError(
                    f"the tag {name!r} names another commit in {self.target.url}.",
                    f"Take it away there (untag {name}), or copy into a new store.",
                )

    def copy(self, commit: Commit) -> None:
        """Make the image of a commit whose parents' images are there."""
        if not commit.parents:
            return
        parents = self._parents(commit) if commit.parents[0] in self.images else ()
        branch = self._branch_at(parents[0]) if parents else MAIN
        image = self._put(commit, branch, parents)
        self._note_roots()
        self.images[commit.commit] = image
        if branch != MAIN:
            self._work.pop(parents[0], None)
            self._work[image] = branch
        self.made += 1
        self.say(f"{self.made}: {commit.commit[:12]} {commit.subject}")

    def _put(self, commit: Commit, branch: str, parents: tuple[str, ...]) -> str:
        given: dict[str, Any] = {
            "author": commit.author,
            "branch": branch,
            "date": commit.date,
        }
        if len(parents) > 1:
            try:
                whole = self._changes(commit, every=True)
                return self.target.commit(whole, commit.message, merged=parents[1], **given)
            except Unmergeable as problem:
                self.linearised.append(commit.commit)
                self.say(f"{commit.commit[:12]} gets one parent: {problem}")
        return self.target.commit(self._changes(commit), commit.message, **given)

    def _changes(self, commit: Commit, *, every: bool = False) -> dict[str, Dataset | None]:
        """What a commit changed against its first parent; or all datasets of it and its parents."""
        now, before = (
            _states(self.source, commit.commit),
            _states(self.source, commit.parents[0]),
        )
        gone = before.keys() - now.keys()
        if every:
            gone |= {n for p in commit.parents for n in self.source.datasets(p)} - now.keys()
        changed = [n for n, state in now.items() if every or not state.same(before.get(n))]
        dropped: dict[str, Dataset | None] = dict.fromkeys(sorted(gone))
        return dropped | {
            n: Dataset(self.source.read(now[n].version), now[n].card) for n in changed
        }

    def _branch_at(self, commit: str) -> str:
        """A branch of ours in the target whose newest commit is this one."""
        if commit not in self._work:
            name = f"{_WORK}{self._run}-{len(self.images)}"
            self.target.branch(name, commit)
            self._work[commit] = name
        return self._work[commit]

    def _note_roots(self) -> None:
        """A new store has its first commit only after the first write."""
        missing = [root for root in self.history.roots if root.commit not in self.images]
        if missing:
            first = self.target.log()[-1].commit
            self.images.update({root.commit: first for root in missing})

    def set_branches(self, chosen: list[str]) -> None:
        """Let the target's branches end where the source's do."""
        there = self.target.branches()
        for name in chosen:
            image = self.images.get(self.history.heads[name])
            if image is None:
                continue
            if name not in there:
                self.target.branch(name, image)
            elif image not in {entry.commit for entry in self.target.log(ref=name)}:
                self.target.merge(image, name)

    def set_tags(self) -> list[str]:
        """Set the tags; those that name no dataset cannot be, and are given back."""
        left_out, there = [], self.target.tags()
        for name, commit in sorted(self.history.tags.items()):
            datasets = self.target.datasets(self.images[commit])
            if not datasets:
                left_out.append(name)
            elif name not in there:
                self.target.tag(name, self.target.resolve(datasets[0], self.images[commit]))
        return left_out

    def sweep(self) -> None:
        """Take our branches away, and those of a copy that was interrupted."""
        for name in self.target.branches():
            if name.startswith(_WORK):
                self.target.unbranch(name, force=True)


def _compared(copy: _Copy, chosen: list[str]) -> int:
    """Read the datasets at all branches and tags from both stores, each content once.

    Raises:
        StoreError: One is not the same.
    """
    seen: set[tuple[str, str, str]] = set()
    heads = {name: copy.history.heads[name] for name in chosen}
    for ref, commit in (heads | copy.history.tags).items():
        image = copy.images.get(commit)
        ours = _states(copy.source, commit)
        theirs = _states(copy.target, image) if image else {}
        for dataset in ours.keys() | theirs.keys():
            one, other = ours.get(dataset), theirs.get(dataset)
            if one and other:
                key = (dataset, one.version.table_hash, other.version.table_hash)
                if key in seen and one.outline == other.outline:
                    continue
                seen.add(key)
            if not one or not other or one.outline != other.outline or not copy.equal(one, other):
                raise StoreError(
                    f"the dataset {dataset!r} at {ref!r} is not the same in {copy.target.url} as in"
                    f" {copy.source.url}.",
                    "Do not rely on this copy; please report this.",
                )
    return len(seen)
