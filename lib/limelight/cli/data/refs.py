"""``limelight data tag | untag | branch``: the names of commits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from limelight.cli.data.words import moment, short, who
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
    from limelight.data.store import Store


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
    found = [_head(store, name, commit, "tag") for name, commit in sorted(store.tags().items())]
    if as_json:
        print_json({"store": store.url, "tags": found})
    elif found:
        _print_heads("Tag", found)
    else:
        say("No tags yet. One is made by: limelight data tag NAME DATASET")


def _list_branches(store: Store, *, as_json: bool) -> None:
    heads = store.branches()
    histories = {name: {entry.commit for entry in store.log(None, name)} for name in heads}
    main = histories.get("main", set())
    found = [
        {
            **_head(store, name, commit, "branch"),
            "ahead": len(histories[name] - main),
            "behind": len(main - histories[name]),
        }
        for name, commit in sorted(heads.items(), key=lambda one: (one[0] != "main", one[0]))
    ]
    if as_json:
        print_json({"store": store.url, "branches": found})
    elif found:
        _print_heads("Branch", found)
    else:
        say(f"No branches in {visible(store.url)} yet: the first write makes main.")


def _head(store: Store, name: str, commit: str, what: str) -> dict[str, Any]:
    """What a name stands for."""
    entry = store.log(None, commit)[0]
    return {
        what: name,
        "commit": commit,
        "date": entry.date.isoformat(),
        "author": entry.author,
        "message": entry.message,
    }


def _print_heads(title: str, found: list[dict[str, Any]]) -> None:
    from datetime import datetime

    from rich.text import Text

    from limelight.cli.table import Field

    distances = [Field("Ahead", right=True), Field("Behind", right=True)]
    style = "bold green" if title == "Branch" else "bold cyan"
    fields = [Field(title), Field("Commit"), Field("Date (UTC)"), Field("Author", shrinks=True)]
    fields += [*(distances if "ahead" in found[0] else []), Field("Message", shrinks=True)]
    print_table(
        fields,
        [
            [
                Text(visible(one[title.lower()]), style),
                Text(short(one["commit"]), "yellow"),
                Text(moment(datetime.fromisoformat(one["date"]))),
                Text(who(one["author"])),
                *(Text(str(one[name])) for name in ("ahead", "behind") if name in one),
                Text(visible(one["message"].partition("\n")[0]), "dim"),
            ]
            for one in found
        ],
    )
