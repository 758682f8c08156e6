"""Other stores to push to and pull from: names, URLs, and tags that are never moved."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from limelight.data._refs import Refs, ancestors, parents
from limelight.data._session import Backend, Row, Session
from limelight.errors import InputError, StoreError, did_you_mean

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,49}")


def remotes(session: Session) -> dict[str, str]:
    """Every remote with its URL, sorted by name; without what an older program let in."""
    rows = session.rows("SELECT name, url FROM dolt_remotes ORDER BY name")
    return {name: without_password(url) for name, url in rows}


def add_remote(backend: Backend, session: Session, name: str, url: str) -> None:
    """Name another store; a name that is known gets the new URL.

    Raises:
        InputError: The name is not valid, or the URL has a password or a scheme that the engine
            does not know.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} is not a valid name for a remote.",
            "Use up to 50 letters, digits, '.', '_' and '-'.",
        )
    full = remote_url(url, backend.remote_schemes, local=backend.local)
    if name in remotes(session):
        session.call("dolt_remote", "remove", name)
    with told(backend, name, full):
        session.call("dolt_remote", "add", name, full)


def remote_url(given: str, schemes: tuple[str, ...], *, local: bool = True) -> str:
    """The URL of a remote; a path becomes one.

    Args:
        given: URL or path.
        schemes: What it may start with.
        local: Whether a path is one of this machine, and so may be relative.

    Raises:
        InputError: It is empty, has a password, or starts with a scheme that is not known.

    Example:
        >>> remote_url("/backup/store.db", ("file",))
        'file:///backup/store.db'
    """
    if not given.strip():
        raise InputError("the remote's URL is empty.", "Give a path, or a URL.")
    scheme, separator, path = given.strip().partition("://")
    if not separator or scheme.lower() == "doltlite":
        scheme, path = "file", _absolute(path or scheme, local)
    if scheme.lower() not in schemes:
        known = [f"{name}://" for name in schemes]
        raise InputError(
            f"a remote's URL cannot start with {scheme + '://'!r} in this store.",
            f"{did_you_mean(scheme + '://', known)} A path works as well.",
        )
    url = f"{scheme.lower()}://{path}"
    try:
        shown = without_password(url)
    except ValueError:  # its text may hold parts of a password
        raise InputError("the remote's URL is not valid.", "Give a path, or a URL.") from None
    if shown != url:
        raise InputError(
            f"the remote's URL {shown!r} was given with a password, which would"
            " be kept in the store.",
            "Leave it out, and use the credentials of the machine (e.g. dolt creds).",
        )
    return url


def _absolute(path: str, local: bool) -> str:
    if local:
        return str(Path(path).expanduser().absolute())
    if not path.startswith("/"):
        raise InputError(
            f"the remote's path {path!r} is relative, and it is one of the server's machine.",
            "Give it from the root on, or give a URL.",
        )
    return path


def without_password(url: str) -> str:
    """A URL without the password, where it has one.

    Example:
        >>> without_password("http://me:secret@host/a/b")
        'http://me@host/a/b'
    """
    parts = urlsplit(url)
    account, _, host = parts.netloc.rpartition("@")
    if ":" not in account:
        return url
    return urlunsplit(parts._replace(netloc=f"{account.partition(':')[0]}@{host}"))


def push(backend: Backend, session: Session, remote: str, branch: str) -> None:
    """Send a branch, and the tags on it, to a remote whose tags were fetched, if it has any.

    Raises:
        StoreError: The remote has commits that the branch has not, or a tag of the same name at
            another commit, or cannot be reached.
    """
    _check_tags(session, remote, branch)
    with told(backend, remote, known_remote(session, remote)):
        session.call("dolt_push", remote, branch)
        for name in _tags_on(session, branch):
            session.call("dolt_push", remote, name)


def head_at(session: Session, remote: str, branch: str) -> str:
    """The newest commit of a remote's branch, as it was fetched.

    Raises:
        InputError: There is no such branch.
    """
    found = _without_prefix(Refs.of(session).remote, remote)
    if branch not in found:
        raise InputError(
            f"the remote {remote!r} has no branch {branch!r}.", did_you_mean(branch, found)
        )
    return found[branch]


def known_remote(session: Session, name: str) -> str:
    """The URL of a remote.

    Raises:
        InputError: There is none of this name.
    """
    known = remotes(session)
    if name not in known:
        raise InputError(
            f"there is no remote {name!r} in the store.",
            f"{did_you_mean(name, known)} Add one: limelight data remote {name} URL.",
        )
    return known[name]


def tags(session: Session) -> list[Row]:
    """Every tag with its commit and its message."""
    return session.rows("SELECT tag_name, tag_hash, message FROM dolt_tags")


def fetch(backend: Backend, session: Session, remote: str, url: str) -> None:
    """Bring over the commits, branches and tags of a remote, which moves tags of ours.

    Raises:
        StoreError: The remote cannot be reached.
    """
    with told(backend, remote, url):
        session.call("dolt_fetch", remote)


def put_back(session: Session, ours: list[Row], remote: str) -> None:
    """Set tags to what they were; where a remote moved one, its own is kept as ``<remote>/<tag>``.

    It can be done again after any part of it was done: so a tag that is not there is one of ours.
    """
    now = Refs.of(session).tags
    for name, commit, message in ours:
        moved = now.get(str(name), str(commit))
        if moved != commit:
            _set_tag(session, now, f"{remote}/{name}", moved, f"{name} at {remote}")
        if now.get(name) != commit:
            _set_tag(session, now, name, commit, message or name)


def _set_tag(session: Session, now: dict[str, str], name: str, commit: str, message: str) -> None:
    if name in now:
        session.call("dolt_tag", "-d", name)
    session.call("dolt_tag", name, commit, "-m", message)


def clashes(session: Session, remote: str) -> dict[str, str]:
    """Our tags that name another commit at a remote, with that commit."""
    known = Refs.of(session).tags
    theirs = _without_prefix(known, remote)
    return {name: c for name, c in theirs.items() if known.get(name, c) != c}


def _check_tags(session: Session, remote: str, branch: str) -> None:
    found = clashes(session, remote)
    taken = sorted(set(_tags_on(session, branch)) & found.keys())
    if taken:
        name = taken[0]
        raise StoreError(
            f"the tag {name!r} names another commit ({found[name][:12]}) at the remote"
            f" {remote!r}, and a tag is never moved.",
            f"Compare it as '{remote}/{name}'. Then take ours away (untag {name}), or theirs, there"
            f" and here (untag {remote}/{name}).",
        )


def _tags_on(session: Session, branch: str) -> list[str]:
    """The tags of commits on a branch; not those that stand for a remote's."""
    refs, known = Refs.of(session), remotes(session)
    on = ancestors(parents(session), refs.branches[branch])
    return sorted(
        name
        for name, commit in refs.tags.items()
        if commit in on and name.partition("/")[0] not in known
    )


def _without_prefix(refs: dict[str, str], remote: str) -> dict[str, str]:
    """The refs that are a remote's, by the names that they have there."""
    prefix = f"{remote}/"
    return {name[len(prefix) :]: c for name, c in refs.items() if name.startswith(prefix)}


@contextmanager
def told(backend: Backend, remote: str, url: str) -> Iterator[None]:
    """What goes wrong with a remote is said of it, and not of this store.

    Raises:
        StoreError: In place of the engine's errors; a busy store is left to `Backend.patiently`.
    """
    try:
        yield
    except Exception as problem:
        said = backend.said(problem)
        # What a user may not do on a server is no matter of the remote.
        if not said or "command denied" in said:
            raise
        raise _explained(remote, url, said) from problem


def _explained(remote: str, url: str, problem: str) -> StoreError:
    text = problem.casefold()
    if "fast-forward" in text or "fast forward" in text:
        return StoreError(
            f"the remote {remote!r} has commits that the branch has not.",
            f"Pull first: limelight data pull {remote}.",
        )
    if "uncommitted" in text:
        return StoreError(
            f"the remote {remote!r} ({url}) has changes that were never committed.",
            "Commit or drop them there, with the program that made them.",
        )
    return StoreError(
        f"the remote {remote!r} ({url}) cannot be used: {' '.join(problem.split()).rstrip('.')}.",
        "Check its URL, that its folder or server is there, and that you may write to it.",
    )
