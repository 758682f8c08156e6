"""What a ref stands for, and which names a branch or a tag can have."""

from __future__ import annotations

import re
from dataclasses import dataclass

from limelight.data._session import Session
from limelight.errors import InputError, did_you_mean

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_LIKE_A_HASH = re.compile(r"[0-9a-f]{4,40}|[0-9a-v]{32}")
_BACK = re.compile(r"(.+?)~(\d*)")
_REMOTE = "remotes/"

OWN = "limelight/"
"""What the names of branches begin with that are nobody's: drafts of a write."""

_LONGEST = 100
_ENGINES = ("HEAD", "WORKING", "STAGED")


@dataclass(frozen=True)
class Refs:
    """The names a store has for its commits, each with the commit."""

    branches: dict[str, str]
    tags: dict[str, str]
    remote: dict[str, str]

    @classmethod
    def of(cls, session: Session) -> Refs:
        """All of a store."""
        branches = session.rows("SELECT name, hash FROM dolt_branches")
        remote = session.rows("SELECT name, hash FROM dolt_remote_branches")
        return cls(
            {name: commit for name, commit in branches if not name.startswith(OWN)},
            dict(session.rows("SELECT tag_name, tag_hash FROM dolt_tags")),
            {name.removeprefix(_REMOTE): commit for name, commit in remote},
        )

    def names_of(self, commit: str) -> tuple[str, ...]:
        """The tags of a commit, sorted."""
        return tuple(sorted(name for name, tagged in self.tags.items() if tagged == commit))

    @property
    def all(self) -> dict[str, str]:
        """Every name; a branch goes before a tag."""
        return {**self.remote, **self.tags, **self.branches}


def find(session: Session, ref: str, hash_length: int) -> tuple[str, str]:
    """Full commit of a ref, and the branch it is, if it is one.

    Raises:
        InputError: It is unknown, or a short hash of several commits.
    """
    refs = Refs.of(session)
    if ref in refs.branches:
        return refs.branches[ref], ref
    back = _BACK.fullmatch(ref)
    if back:
        start = _named_commit(session, back[1], refs, hash_length)
        return _ancestor(session, start, int(back[2] or 1), ref), ""
    return _named_commit(session, ref, refs, hash_length), ""


def check_ref_name(name: str, what: str) -> None:
    """A name can be a branch's or a tag's in both engines, and nobody takes it for a hash.

    Raises:
        InputError: It cannot.
    """
    fits = _NAME.fullmatch(name) and len(name) <= _LONGEST and name.upper() not in _ENGINES
    fits = fits and not name.lower().startswith((OWN, "refs/", _REMOTE))
    # Git's rules, which Dolt keeps as well.
    if not fits or ".." in name or re.search(r"(\.lock|\.)(/|$)", name):
        raise InputError(
            f"{name!r} is not a valid {what} name.",
            f"Use up to {_LONGEST} letters, digits, '.', '_', '-' and '/'.",
        )
    if _LIKE_A_HASH.fullmatch(name):
        raise InputError(
            f"{name!r} is not a valid {what} name, since it looks like a commit's hash.",
            "Use a letter after f in it.",
        )


def check_free(refs: Refs, name: str) -> None:
    """No branch or tag has a name yet, in whatever case: the engines do not tell them apart.

    Raises:
        InputError: One has.
    """
    for what, known in (("branch", refs.branches), ("tag", refs.tags)):
        for taken, commit in known.items():
            if taken.lower() == name.lower():
                raise InputError(
                    f"the name {taken!r} is taken by a {what} at commit {commit[:12]}.",
                    "Choose another name.",
                )


def head(session: Session) -> str:
    """The newest commit where a session stands."""
    ((found,),) = session.rows("SELECT dolt_hashof('HEAD')")
    return str(found)


def listed_parents(session: Session) -> dict[str, tuple[str, ...]]:
    """The parents of each commit that the engine lists where a session stands."""
    found: dict[str, tuple[str, ...]] = {}
    for commit, parent in session.rows(
        "SELECT commit_hash, parent_hash FROM dolt_commit_ancestors"
        " WHERE parent_hash IS NOT NULL ORDER BY commit_hash, parent_index"
    ):
        found[commit] = (*found.get(commit, ()), parent)
    return found


def parents(session: Session) -> dict[str, tuple[str, ...]]:
    """The parents of each commit, in their order."""
    found = listed_parents(session)
    known = {*found, *(parent for before in found.values() for parent in before)}
    # Listed are the commits of the store's own branches alone.
    for head in set(Refs.of(session).remote.values()) - known:
        found |= session.parents_up_to(head)
    return found


def ancestors(known: dict[str, tuple[str, ...]], start: str) -> set[str]:
    """A commit and all before it."""
    seen, todo = set(), [start]
    while todo:
        commit = todo.pop()
        if commit not in seen:
            seen.add(commit)
            todo += known.get(commit, ())
    return seen


def _named_commit(session: Session, ref: str, refs: Refs, hash_length: int) -> str:
    if ref in refs.all:
        return refs.all[ref]
    if re.fullmatch(rf"[0-9a-v]{{4,{hash_length}}}", ref):
        known = parents(session)
        commits = {*known, *(p for ps in known.values() for p in ps), *refs.all.values()}
        found = [commit for commit in commits if commit.startswith(ref)]
        if len(found) == 1:
            return found[0]
        if found:
            raise InputError(
                f"the short hash {ref!r} fits {len(found)} commits.", "Give more digits."
            )
    raise InputError(
        f"the ref {ref!r} is not in the store.",
        f"{did_you_mean(ref, refs.all)} A commit is given by its hash.",
    )


def _ancestor(session: Session, commit: str, steps: int, ref: str) -> str:
    known = parents(session)
    for _ in range(steps):
        if not known.get(commit):
            raise InputError(f"the ref {ref!r} goes back behind the first commit.", "Go less far.")
        commit = known[commit][0]
    return commit
