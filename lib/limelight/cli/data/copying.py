"""``limelight data clone | copy``: a whole store, somewhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from limelight.cli.options import JsonOption, opened
from limelight.cli.output import console, counted, print_json, say, visible


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
