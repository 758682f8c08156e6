"""``limelight data merge | revert``: bring changes into a branch, or take them out again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from limelight.cli.data.taking import ForceOption
from limelight.cli.failure import AS_JSON
from limelight.cli.options import (
    AuthorOption,
    JsonOption,
    MessageOption,
    StoreOption,
    complete_branch,
    complete_ref,
    opened,
)
from limelight.cli.output import counted, print_json, print_table, say, visible

if TYPE_CHECKING:
    from limelight.data.store import Side, Store
    from limelight.errors import ConflictError

SHOWN = 20
"""Conflicts that a person is shown."""

OursOption = Annotated[
    bool, typer.Option("--ours", help="In a conflict, what the branch has is right.")
]
TheirsOption = Annotated[
    bool, typer.Option("--theirs", help="In a conflict, what comes in is right.")
]
DecisionsOption = Annotated[
    str | None,
    typer.Option(
        "--decisions",
        metavar="FILE",
        help="The file of --conflicts-to, its column 'take' filled in: ours, theirs or base.",
    ),
]
ConflictsOption = Annotated[
    str | None,
    typer.Option(
        "--conflicts-to", metavar="FILE", help="Write conflicts there: .csv, .json or .jsonl."
    ),
]


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
    from limelight.data.store import AUTHOR

    kept = opened(store)
    again = f"limelight data merge {source}" + (f" --into {into}" if into != "main" else "")
    chosen = _chosen(ours, theirs, decisions)
    before = kept.branches().get(into, "")
    after = _decided(
        context,
        lambda: kept.merge(source, into, message=message, author=author or AUTHOR, **chosen),
        again,
        conflicts_to,
        force=force,
    )
    what = f"{visible(source)} is merged into {visible(into)}"
    report_move(
        kept, into, before, after, what, f"{into} has all of {source} already.", as_json=as_json
    )


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
    from limelight.data.store import AUTHOR

    kept = opened(store)
    again = f"limelight data revert {commit}" + (f" --branch {branch}" if branch != "main" else "")
    chosen = _chosen(ours, theirs, decisions)
    before = kept.branches().get(branch, "")
    after = _decided(
        context,
        lambda: kept.revert(commit, branch, message=message, author=author or AUTHOR, **chosen),
        again,
        conflicts_to,
        force=force,
    )
    what = f"{visible(commit)} is taken back on {visible(branch)}"
    nothing = f"{branch} has nothing of {commit} any more."
    report_move(kept, branch, before, after, what, nothing, as_json=as_json)


def report_move(
    store: Store,
    branch: str,
    before: str,
    after: str,
    what: str,
    nothing: str,
    *,
    as_json: bool,
) -> None:
    """Say what a branch's new commit changed, dataset by dataset."""
    changed = [] if after == before else _changed(store, before, after)
    if as_json:
        print_json({"branch": branch, "before": before, "commit": after, "datasets": changed})
    elif after == before:
        say(visible(nothing))
    else:
        say(f"{what}: {after}")
        _print_changed(changed)


def _chosen(ours: bool, theirs: bool, decisions: str | None) -> dict[str, Any]:
    """What decides conflicts, as `Store.merge` takes it."""
    if ours and theirs:
        raise typer.BadParameter("--ours and --theirs exclude each other.")
    side: Side | None = "ours" if ours else "theirs" if theirs else None
    if decisions is None:
        return {"take": side}
    from limelight.data.merging import read_decisions

    return {"take": side, "decisions": read_decisions(decisions)}


def _decided(
    context: typer.Context,
    work: Callable[[], str],
    again: str,
    conflicts_to: str | None,
    *,
    force: bool,
) -> str:
    """What the work returns; its conflicts are shown, and written down if there is a file."""
    from limelight.cli import files
    from limelight.errors import ConflictError

    if conflicts_to is not None:
        files.check_place(conflicts_to, force=force)
    try:
        return work()
    except ConflictError as error:
        way_out = (
            "Decide with --ours, --theirs, or one by one: --conflicts-to conflicts.csv writes"
            " them down."
        )
        if conflicts_to is not None:
            _write(error, conflicts_to, force=force)
            way_out = (
                f"They are in {conflicts_to}: fill in its column 'take' with ours, theirs or base,"
                f" then {again} --decisions {conflicts_to}."
            )
        if not context.meta.get(AS_JSON, False):
            _print_conflicts(error)
        raise ConflictError(error.problem, way_out, error.conflicts) from None


def _write(error: ConflictError, target: str, *, force: bool) -> None:
    from limelight.cli import files
    from limelight.cli.output import json_text
    from limelight.cli.values import records
    from limelight.data.merging import as_text

    listed = as_text(error.conflicts)
    if target.lower().endswith(".json"):
        files.write_text(json_text(records(listed)) + "\n", target, force=force)
    else:
        files.write_frame(listed, target, force=force)


def _print_conflicts(error: ConflictError) -> None:
    from limelight.cli import values
    from limelight.cli.table import Field

    listed = error.conflicts.head(SHOWN).drop(columns="take")
    heads = [Field(str(name).capitalize(), shrinks=True) for name in listed.columns]
    print_table(heads, values.rows(listed))
    if len(error.conflicts) > SHOWN:
        more = counted(len(error.conflicts) - SHOWN, "more conflict")
        say((f"and {more}: --conflicts-to FILE has them all", "dim"))


def _changed(store: Store, before: str, after: str) -> list[dict[str, Any]]:
    """The datasets that differ between two commits, with their rows in numbers."""
    was, now = set(store.datasets(before)), set(store.datasets(after))
    found: list[dict[str, Any]] = []
    for name in sorted(was | now):
        rows = {"added": 0, "removed": 0, "modified": 0}
        if name not in was:
            rows["added"] = store.resolve(name, after).rows
        elif name not in now:
            rows["removed"] = store.resolve(name, before).rows
        else:
            old, new = store.resolve(name, before), store.resolve(name, after)
            if store.columns(old) == store.columns(new) and old.table_hash == new.table_hash:
                if store.card(old) != store.card(new):
                    found.append({"dataset": name, **rows, "card_changed": True})
                continue
            summary = store.diff(old, new)
            rows = {kind: getattr(summary, kind) for kind in rows}
        found.append({"dataset": name, **rows, "card_changed": False})
    return found


def _print_changed(changed: list[dict[str, Any]]) -> None:
    from rich.text import Text

    from limelight.cli.table import Field

    marks = {"added": ("+", "green"), "removed": ("-", "red"), "modified": ("~", "yellow")}
    print_table(
        [Field(""), *[Field("", right=True)] * len(marks)],
        [
            [
                Text("  " + visible(one["dataset"])),
                *(
                    Text(f"{mark}{one[kind]:,}", style if one[kind] else "dim")
                    for kind, (mark, style) in marks.items()
                ),
            ]
            for one in changed
        ],
    )
