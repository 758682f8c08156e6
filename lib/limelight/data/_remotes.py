"""Other stores to push to and pull from: names, URLs, and tags that are never moved."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from limelight.data._refs import Refs, ancestors, parents
from limelight.data._session import Backend, Session
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
    if without_password(url) != url:
        raise InputError(
            f"the remote's URL {without_password(url)!r} was given with a password, which would"
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
    """Send a branch, and the tags on it, to a remote.

    Raises:
        InputError: The remote or the branch is unknown.
        StoreError: The remote has commits that the branch has not, or a tag of the same name at
            another commit, or cannot be reached.
    """
    url = known_remote(session, remote)
    refs = Refs.of(session)
    if branch not in refs.branches:
        raise InputError(
            f"there is no branch {branch!r} in the store.", did_you_mean(branch, refs.branches)
        )
    there = backend.remote_exists(url)
    with told(backend, remote, url):
        if there:
            fetch(session, remote)
            _check_tags(session, remote, branch)
        session.call("dolt_push", remote, branch)
        for name in _tags_on(session, branch):
            session.call("dolt_push", remote, name)


def pulled(backend: Backend, session: Session, remote: str, branch: str) -> str:
    """Fetch from a remote; the commit that its branch has.

    Raises:
        InputError: The remote, or the branch there, is unknown.
        StoreError: The remote cannot be reached.
    """
    url = known_remote(session, remote)
    with told(backend, remote, url):
        fetch(session, remote)
    found = _branches_at(session, remote)
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


def fetch(session: Session, remote: str) -> None:
    """Bring over the commits, branches and tags of a remote.

    The engines move a tag of ours to where the remote has it. Here a tag is never moved: ours is
    put back, and the remote's is kept as ``<remote>/<tag>``.
    """
    rows = session.rows("SELECT tag_name, tag_hash, message FROM dolt_tags")
    session.call("dolt_fetch", remote)
    now = Refs.of(session).tags
    for name, commit, message in rows:
        if now.get(name) != commit:
            theirs = f"{remote}/{name}"
            if theirs in now:
                session.call("dolt_tag", "-d", theirs)
            session.call("dolt_tag", theirs, now[name], "-m", f"{name} at {remote}")
            session.call("dolt_tag", "-d", name)
            session.call("dolt_tag", name, commit, "-m", message or name)


def clashes(session: Session, remote: str) -> dict[str, str]:
    """Our tags that name another commit at a remote, with that commit."""
    tags, prefix = Refs.of(session).tags, f"{remote}/"
    theirs = {name[len(prefix) :]: c for name, c in tags.items() if name.startswith(prefix)}
    return {name: c for name, c in theirs.items() if tags.get(name, c) != c}


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


def _branches_at(session: Session, remote: str) -> dict[str, str]:
    found = Refs.of(session).remote
    prefix = f"{remote}/"
    return {name[len(prefix) :]: c for name, c in found.items() if name.startswith(prefix)}


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
