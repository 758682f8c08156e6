"""``limelight data remote | push | pull``: the same datasets elsewhere."""

from __future__ import annotations

from typing import Annotated

import typer

from limelight.cli.options import (
    JsonOption,
    StoreOption,
    complete_branch,
    complete_remote,
    opened,
)
from limelight.cli.output import print_json, print_table, say, visible

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
    from limelight.cli.data.moves import report_move
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
