"""``limelight data tag | untag | branch``: the names of commits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer

from limelight.cli.data.words import commit_document, moment, short, who
from limelight.cli.options import (
    JsonOption,
    RefOption,
    StoreOption,
    complete_branch,
    complete_dataset,
    complete_ref,
    complete_tag,
    opened,
)
from limelight.cli.output import print_json, print_table, say, visible

if TYPE_CHECKING:
    from limelight.data.store import Commit, Store


def tag(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Of the new tag; none lists the tags.")
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATASET]", help="Whose version is named.", autocompletion=complete_dataset
        ),
    ] = None,
    store: StoreOption = None,
    ref: RefOption = "main",
    message: Annotated[
        str, typer.Option("--message", "-m", metavar="TEXT", help="Why.", show_default=False)
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Name a version, or list the tags. A tag is never moved.

    \b
    Examples:
      limelight data tag
      limelight data tag v1 loans -m "What the first model saw"
      limelight data tag q3 loans --ref 3f2a1b9c
    """
    kept = opened(store)
    if name is None:
        _list_tags(kept, as_json=as_json)
        return
    if dataset is None:
        raise typer.BadParameter(
            f"which dataset's version is to be {name!r}? limelight data tag {name} DATASET"
        )
    version = kept.resolve(dataset, ref)
    kept.tag(name, version, message)
    if as_json:
        print_json({"tag": name, "dataset": dataset, "commit": version.commit})
    else:
        say(f"{visible(name)} is {visible(dataset)} at {version.commit}.")


def untag(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Of the tag.", autocompletion=complete_tag)
    ],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a tag away. Its commit stays, and can be tagged again.

    \b
    Example:
      limelight data untag v1
    """
    kept = opened(store)
    commit = kept.tags().get(name, "")
    kept.untag(name)
    if as_json:
        print_json({"untagged": name, "commit": commit})
    else:
        say(f"{visible(name)} is gone; its commit was {commit}.")


def branch(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="Of the branch; none lists the branches.",
            autocompletion=complete_branch,
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Argument(
            metavar="[START]", help="Where it starts.  [default: main]", autocompletion=complete_ref
        ),
    ] = None,
    store: StoreOption = None,
    delete: Annotated[
        bool, typer.Option("-d", help="Take it away, if another branch or tag has its commits.")
    ] = False,
    force: Annotated[bool, typer.Option("-D", help="Take it away in any case.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a branch, take one away, or list them.

    \b
    Examples:
      limelight data branch
      limelight data branch corrections
      limelight data branch from-october v1
      limelight data branch -d corrections
    """
    kept = opened(store)
    if name is None:
        if delete or force:
            raise typer.BadParameter("which branch is to be taken away? Give its name.")
        _list_branches(kept, as_json=as_json)
    elif delete or force:
        if start is not None:
            raise typer.BadParameter("a branch that is taken away has no start.")
        _delete_branch(kept, name, force=force, as_json=as_json)
    else:
        kept.branch(name, start or "main")
        commit = kept.branches()[name]
        if as_json:
            print_json({"branch": name, "commit": commit})
        else:
            say(f"{visible(name)} starts at {commit}.")


def _delete_branch(store: Store, name: str, *, force: bool, as_json: bool) -> None:
    commit = store.branches().get(name, "")
    store.unbranch(name, force=force)
    if as_json:
        print_json({"unbranched": name, "commit": commit})
    else:
        say(f"{visible(name)} is gone; its newest commit was {commit}.")


def _list_tags(store: Store, *, as_json: bool) -> None:
    heads = [_Head(name, store.log(None, at)[0]) for name, at in sorted(store.tags().items())]
    if as_json:
        print_json({"store": store.url, "tags": [head.document("tag") for head in heads]})
    elif heads:
        _print_heads("Tag", heads)
    else:
        say("No tags yet. One is made by: limelight data tag NAME DATASET")


def _list_branches(store: Store, *, as_json: bool) -> None:
    histories = {name: store.log(None, name) for name in store.branches()}
    commits = {name: {entry.commit for entry in log} for name, log in histories.items()}
    main = commits.get("main", set())
    heads = [
        _Head(
            name,
            histories[name][0],
            {"ahead": len(commits[name] - main), "behind": len(main - commits[name])},
        )
        for name in sorted(histories, key=lambda name: (name != "main", name))
    ]
    if as_json:
        print_json({"store": store.url, "branches": [head.document("branch") for head in heads]})
    elif heads:
        _print_heads("Branch", heads)
    else:
        say(f"No branches in {visible(store.url)} yet: the first write makes main.")


@dataclass(frozen=True)
class _Head:
    """What a name stands for, and how many commits it is ahead of main and behind it."""

    name: str
    entry: Commit
    distances: dict[str, int] = field(default_factory=dict)

    def document(self, what: str) -> dict[str, Any]:
        kept = commit_document(self.entry)
        names = ("commit", "date", "author", "message")
        return {what: self.name, **{name: kept[name] for name in names}, **self.distances}


def _print_heads(title: str, heads: list[_Head]) -> None:
    from rich.text import Text

    from limelight.cli.table import Field

    style = "bold green" if title == "Branch" else "bold cyan"
    fields = [Field(title), Field("Commit"), Field("Date (UTC)"), Field("Author", shrinks=True)]
    fields += [Field(name.capitalize(), right=True) for name in heads[0].distances]
    print_table(
        [*fields, Field("Message", shrinks=True)],
        [
            [
                Text(visible(head.name), style),
                Text(short(head.entry.commit), "yellow"),
                Text(moment(head.entry.date)),
                Text(who(head.entry.author)),
                *(Text(str(distance)) for distance in head.distances.values()),
                Text(visible(head.entry.subject), "dim"),
            ]
            for head in heads
        ],
    )
