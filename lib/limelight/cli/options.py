"""The options that commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from limelight.cli.failure import AS_JSON

if TYPE_CHECKING:
    from limelight.data.store import Store


def opened(location: str | None) -> Store:
    """The store that was asked for, or the one that is meant if nobody says."""
    from limelight.data.location import default_location, open_store

    return open_store(location or default_location())


def _remember(context: typer.Context, given: bool) -> bool:
    """Errors are JSON, too, from here on."""
    context.meta[AS_JSON] = given
    return given


def _completed(names: Callable[[Store], list[str]]) -> Callable[[typer.Context, str], list[str]]:
    """For the shell: the names in the store that start with what is typed so far."""

    def complete(context: typer.Context, incomplete: str) -> list[str]:
        from limelight.errors import LimelightError

        try:
            known = names(opened(context.params.get("store")))
        except LimelightError:
            return []  # a half-typed command line is no place for errors
        return [name for name in known if name.startswith(incomplete)]

    return complete


def _refs(store: Store) -> list[str]:
    return [*store.branches(), *store.tags()]


complete_ref = _completed(_refs)
complete_branch = _completed(lambda store: list(store.branches()))
complete_tag = _completed(lambda store: list(store.tags()))
complete_remote = _completed(lambda store: list(store.remotes()))
complete_dataset = _completed(lambda store: store.datasets())

StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="PATH|URL",
        help="Where datasets are kept: a file, or a server's URL."
        "  [default: $LIMELIGHT_STORE, or .limelight/store.db here]",
    ),
]
JsonOption = Annotated[
    bool,
    typer.Option(
        "--json",
        help="One JSON document on stdout; errors as JSON on stderr.",
        callback=_remember,
        is_eager=True,
    ),
]
RefOption = Annotated[
    str,
    typer.Option(
        "--ref",
        metavar="REF",
        help="Branch, tag or commit; ~1 behind it is the one before.",
        autocompletion=complete_ref,
    ),
]
DatasetArgument = Annotated[
    str, typer.Argument(metavar="DATASET", help="Its name.", autocompletion=complete_dataset)
]
MessageOption = Annotated[
    str, typer.Option("--message", "-m", metavar="TEXT", help="Of the commit.", show_default=False)
]
AuthorOption = Annotated[
    str | None,
    typer.Option(
        "--author",
        metavar="'NAME <E-MAIL>'",
        envvar="LIMELIGHT_AUTHOR",
        help="Who the commit is by.  [default: git's user, or the machine's]",
    ),
]
