"""``limelight data remote | push | pull | clone | copy``: the same datasets elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from limelight.cli.options import (
    JsonOption,
    StoreOption,
    complete_branch,
    complete_remote,
    opened,
)
from limelight.cli.output import console, counted, print_json, print_table, say, visible

RemoteArgument = Annotated[
    str,
    typer.Argument(metavar="[REMOTE]", help="Its name.", autocompletion=complete_remote),
]
BranchArgument = Annotated[
    str,
    typer.Argument(metavar="[BRANCH]", help="Which branch.", autocompletion=complete_branch),
]


def remote(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="Of the remote; none lists them.",
            autocompletion=complete_remote,
        ),
    ] = None,
    url: Annotated[str | None, typer.Argument(metavar="[URL]", help="Where it is.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Name a store to push to and pull from, or list them.

    \b
    Examples:
      limelight data remote
      limelight data remote origin file:///mnt/backup/store.db
    """
    kept = opened(store)
    if name is not None and url is None:
        raise typer.BadParameter(f"where is {name!r}? limelight data remote {name} URL")
    if name is not None and url is not None:
        kept.add_remote(name, url)
    known = kept.remotes()
    found = {one: known[one] for one in sorted(known) if name in (None, one)}
    if as_json:
        print_json({"remotes": [{"remote": one, "url": place} for one, place in found.items()]})
    elif found:
        _print(found)
    else:
        say("No remotes yet. One is named by: limelight data remote origin URL")


def _print(found: dict[str, str]) -> None:
    from rich.text import Text

    from limelight.cli.table import Field

    print_table(
        [Field("Remote"), Field("URL")],
        [[Text(visible(name), "bold"), Text(visible(url))] for name, url in found.items()],
    )


def push(
    remote: RemoteArgument = "origin",
    branch: BranchArgument = "main",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a branch and the tags on it to a remote. That is the backup, too.

    \b
    Examples:
      limelight data push
      limelight data push origin corrections
    """
    kept = opened(store)
    kept.push(remote, branch)
    commit = kept.branches()[branch]
    if as_json:
        print_json({"remote": remote, "branch": branch, "commit": commit})
    else:
        say(f"{visible(remote)} has {visible(branch)} up to {commit}.")


def pull(
    remote: RemoteArgument = "origin",
    branch: BranchArgument = "main",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch a branch of a remote and merge it. Into the branch of the same name.

    Where both changed the same cells, nothing is merged, and the conflicts are listed by
    limelight data merge origin/main.

    \b
    Examples:
      limelight data pull
      limelight data pull origin corrections
    """
    from limelight.cli.data.merging import report_move
    from limelight.errors import ConflictError

    kept = opened(store)
    before = kept.branches().get(branch, "")
    try:
        after = kept.pull(remote, branch)
    except ConflictError as error:
        into = "" if branch == "main" else f" --into {branch}"
        raise ConflictError(
            error.problem,
            f"limelight data merge {remote}/{branch}{into} lists and decides them.",
            error.conflicts,
        ) from None
    what = f"{visible(branch)} is pulled from {visible(remote)}"
    nothing = f"{branch} has all of {remote} already."
    report_move(kept, branch, before, after, what, nothing, as_json=as_json)


def clone(
    url: Annotated[str, typer.Argument(metavar="URL", help="Of the store, or its path.")],
    location: Annotated[
        str | None,
        typer.Argument(
            metavar="[PATH|URL]",
            help="Of the new store.  [default: $LIMELIGHT_STORE, or .limelight/store.db here]",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a store that is a copy of another. It pulls from it by the name origin.

    Its other branches are there as origin/NAME. Both stores are of one kind: files, or servers;
    limelight data copy goes between the kinds.

    \b
    Examples:
      limelight data clone /mnt/team/store.db
      limelight data clone file:///mnt/team/store.db mine.db
    """
    from limelight.data.cloning import clone_store
    from limelight.data.location import default_location

    made = clone_store(url, location or default_location())
    heads = made.branches()
    if as_json:
        print_json({"store": made.url, "branches": heads})
    else:
        said = ", ".join(f"{visible(name)} at {commit}" for name, commit in heads.items())
        say(f"{visible(made.url)} has {said}.")


def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help="Path or URL of a store.")],
    target: Annotated[
        str, typer.Argument(metavar="TO", help="Path or URL of another, or of a new one.")
    ],
    branch: Annotated[
        list[str] | None,
        typer.Option(
            "--branch",
            metavar="NAME",
            help="Only this branch; may be given again.  [default: all]",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the history of one store into another, commit by commit. Of whatever kinds they are.

    Each commit keeps its rows, cards, message, author and date; its hash becomes another. A copy
    that was interrupted goes on where it was. In the end both are read and compared.

    \b
    Examples:
      limelight data copy .limelight/store.db mysql+pymysql://ada@db.example.org/datasets
      limelight data copy mysql+pymysql://ada@db.example.org/datasets backup.db --branch main
    """
    from dataclasses import asdict

    from limelight.data.copying import copy_history
    from limelight.errors import InputError

    one, other = opened(source), opened(target)
    if not one.branches():
        raise InputError(f"there is nothing to copy in {one.url}.", "Check the place.")
    with _progress() as progress:
        report = copy_history(one, other, branches=branch, say=progress)
    if as_json:
        print_json({"source": one.url, "target": other.url, **asdict(report)})
        return
    known = f" ({report.known:,} were there already)" if report.known else ""
    say(f"{counted(report.commits, 'commit')} copied to {visible(other.url)}{known}.")
    say(f"{counted(report.compared, 'version')} read from both, and found equal.")
    for what, names in (
        ("copied with one parent only, since they could not be merged", report.linearised),
        ("tags left out, since they name no dataset", report.left_out),
    ):
        if names:
            say((f"{what}: {', '.join(map(visible, names))}", "yellow"))


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """In a terminal, a line that says what is going on and is gone at the end."""
    out = console(to_stderr=True)
    if not out.is_terminal:
        yield lambda _: None
        return
    from rich.text import Text

    with out.status(Text("looking at what is there already")) as line:
        yield lambda text: line.update(Text(visible(text)))
