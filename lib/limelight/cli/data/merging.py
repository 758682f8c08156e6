"""``limelight data merge | revert``: bring changes into a branch, or take them out again."""

from __future__ import annotations

from typing import Annotated

import typer

from limelight.cli.data.conflicts import (
    ConflictsOption,
    DecisionsOption,
    OursOption,
    TheirsOption,
    chosen,
    decided,
)
from limelight.cli.data.moves import report_move
from limelight.cli.data.taking import ForceOption
from limelight.cli.options import (
    AuthorOption,
    JsonOption,
    MessageOption,
    StoreOption,
    complete_branch,
    complete_ref,
    opened,
)
from limelight.cli.output import visible
from limelight.ingest.author import author_of


def merge(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="The branch, tag or commit that comes in.",
            autocompletion=complete_ref,
        ),
    ],
    into: Annotated[
        str,
        typer.Option(
            "--into",
            metavar="BRANCH",
            help="The branch that gets it.",
            autocompletion=complete_branch,
        ),
    ] = "main",
    store: StoreOption = None,
    ours: OursOption = False,
    theirs: TheirsOption = False,
    decisions: DecisionsOption = None,
    conflicts_to: ConflictsOption = None,
    force: ForceOption = False,
    message: MessageOption = "",
    author: AuthorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring the changes of a branch into another. Rows meet by key, cell by cell.

    Cells that both sides changed are conflicts: they are listed, and nothing is merged until they
    are decided.

    \b
    Examples:
      limelight data merge corrections
      limelight data merge corrections --theirs
      limelight data merge corrections --conflicts-to conflicts.csv
      limelight data merge corrections --decisions conflicts.csv
    """
    kept = opened(store)
    sides = chosen(ours, theirs, decisions)
    by = author_of(author or "")
    before = kept.branches().get(into, "")
    after = decided(
        context,
        lambda: kept.merge(source, into, message=message, author=by, **sides),
        f"limelight data merge {source}" + (f" --into {into}" if into != "main" else ""),
        conflicts_to,
        force=force,
    )
    what = f"{visible(source)} is merged into {visible(into)}"
    nothing = f"{into} has all of {source} already."
    report_move(kept, into, before, after, what, nothing, as_json=as_json)


def revert(
    context: typer.Context,
    commit: Annotated[
        str,
        typer.Argument(
            metavar="COMMIT", help="Whose changes are taken back.", autocompletion=complete_ref
        ),
    ],
    branch: Annotated[
        str,
        typer.Option(
            "--branch",
            metavar="BRANCH",
            help="Where they are taken back.",
            autocompletion=complete_branch,
        ),
    ] = "main",
    store: StoreOption = None,
    ours: OursOption = False,
    theirs: TheirsOption = False,
    decisions: DecisionsOption = None,
    conflicts_to: ConflictsOption = None,
    force: ForceOption = False,
    message: MessageOption = "",
    author: AuthorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take back what one commit changed, by a new commit. All versions stay.

    Cells that were changed again since are conflicts, as in a merge; "theirs" is what they were
    before the commit.

    \b
    Examples:
      limelight data revert 3f2a1b9c
      limelight data revert main -m "The file was last month's"
    """
    kept = opened(store)
    sides = chosen(ours, theirs, decisions)
    by = author_of(author or "")
    before = kept.branches().get(branch, "")
    after = decided(
        context,
        lambda: kept.revert(commit, branch, message=message, author=by, **sides),
        f"limelight data revert {commit}" + (f" --branch {branch}" if branch != "main" else ""),
        conflicts_to,
        force=force,
    )
    what = f"{visible(commit)} is taken back on {visible(branch)}"
    nothing = f"{branch} has nothing of {commit} any more."
    report_move(kept, branch, before, after, what, nothing, as_json=as_json)
