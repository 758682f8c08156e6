"""``limelight data log``: which commits there are, and which follows from which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from limelight.cli.data.words import commit_document, moment, short, who
from limelight.cli.options import JsonOption, RefOption, StoreOption, complete_dataset, opened
from limelight.cli.output import counted, print_json, print_table, say, visible

if TYPE_CHECKING:
    from rich.text import Text

    from limelight.data.store import Commit, Store

LINES = 20
"""Commits that a log shows a person who does not say how many."""


def log(
    dataset: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATASET]",
            help="Only the commits that changed it.",
            autocompletion=complete_dataset,
        ),
    ] = None,
    store: StoreOption = None,
    ref: RefOption = "main",
    number: Annotated[
        int | None,
        typer.Option(
            "-n",
            metavar="N",
            min=0,
            help=f"Most commits; 0 for all.  [default: {LINES} in a table, all as JSON]",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """The commits up to a ref, newest first. Who changed what, when, and why.

    \b
    Examples:
      limelight data log
      limelight data log loans --ref feature -n 5
    """
    kept = opened(store)
    found = kept.log(dataset, ref)
    if as_json:
        most = number or len(found)
        documents = [commit_document(entry) for entry in found[:most]]
        print_json({"store": kept.url, "ref": ref, "dataset": dataset, "commits": documents})
    elif found:
        everything = found if dataset is None else kept.log(None, ref)
        most = len(found) if number == 0 else number or LINES
        _print_log(kept, found, most, {entry.commit: entry.parents for entry in everything})
        if most < len(found):
            say((f"and {counted(len(found) - most, 'earlier commit')}: -n 0 shows all", "dim"))
    else:
        say(f"No commits in {visible(kept.url)} yet.")


def _print_log(
    store: Store, found: list[Commit], most: int, parents: dict[str, tuple[str, ...]]
) -> None:
    from rich.text import Text

    from limelight.cli.graph import drawn, simplified
    from limelight.cli.table import Field

    heads: dict[str, list[str]] = {}
    for name, commit in store.branches().items():
        heads.setdefault(commit, []).append(name)
    names = [entry.commit for entry in found]
    lines: list[list[Text]] = []
    graph = drawn(names, simplified(parents, names))
    for entry, (left, between) in zip(found[:most], graph, strict=False):
        cells = [
            Text(left, "dim"),
            Text(short(entry.commit), "yellow"),
            Text(moment(entry.date)),
            Text(who(entry.author)),
            _subject(entry, heads.get(entry.commit, [])),
        ]
        lines += [cells, *([Text(piece, "dim"), *[Text("")] * 4] for piece in between)]
    print_table(
        [Field(""), Field(""), Field(""), Field("", shrinks=True), Field("", shrinks=True)], lines
    )


def _subject(entry: Commit, branches: list[str]) -> Text:
    """The names of a commit, and the first line of its message."""
    from rich.text import Text

    subject = Text()
    for names, style in ((branches, "bold green"), (entry.tags, "bold cyan")):
        for name in names:
            subject.append(f"[{visible(name)}] ", style)
    return subject.append(visible(entry.subject))
