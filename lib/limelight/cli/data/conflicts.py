"""The conflicts of a merge: shown, written into a file, and decided by it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from limelight.cli.failure import AS_JSON
from limelight.cli.output import counted, print_table, say

if TYPE_CHECKING:
    from limelight.data.store import Side
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


def chosen(ours: bool, theirs: bool, decisions: str | None) -> dict[str, Any]:
    """What decides conflicts, as `Store.merge` takes it."""
    if ours and theirs:
        raise typer.BadParameter("--ours and --theirs exclude each other.")
    side: Side | None = "ours" if ours else "theirs" if theirs else None
    if decisions is None:
        return {"take": side}
    from limelight.data.merging import read_decisions

    return {"take": side, "decisions": read_decisions(decisions)}


def decided(
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
        check = files.check_place if _as_json(conflicts_to) else files.check_target
        check(conflicts_to, force=force)
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
        problem = error.problem
        if not context.meta.get(AS_JSON, False):
            _print_conflicts(error)
            problem = f"{counted(len(error.conflicts), 'conflict')}, so nothing was changed."
        raise ConflictError(problem, way_out, error.conflicts) from None


def _write(error: ConflictError, target: str, *, force: bool) -> None:
    from limelight.cli import files
    from limelight.cli.output import json_text
    from limelight.cli.values import records
    from limelight.data.merging import as_text

    listed = as_text(error.conflicts)
    if _as_json(target):
        files.write_text(json_text(records(listed)) + "\n", target, force=force)
    else:
        files.write_frame(listed, target, force=force)


def _as_json(target: str) -> bool:
    return target.lower().endswith(".json")


def _print_conflicts(error: ConflictError) -> None:
    from limelight.cli import values
    from limelight.cli.table import Field

    listed = error.conflicts.head(SHOWN).drop(columns="take")
    listed["key"] = [", ".join(map(str, json.loads(key or "[]"))) for key in listed["key"]]
    heads = [Field(str(name).capitalize(), shrinks=True) for name in listed.columns]
    print_table(heads, values.rows(listed))
    if len(error.conflicts) > SHOWN:
        more = counted(len(error.conflicts) - SHOWN, "more conflict")
        say((f"and {more}: --conflicts-to FILE has them all", "dim"))
