"""``limelight data diff``: what changed in a dataset, in numbers and row by row."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from limelight.cli.data.taking import ForceOption, Format, FormatOption
from limelight.cli.data.words import short, type_name
from limelight.cli.options import (
    DatasetArgument,
    JsonOption,
    StoreOption,
    complete_ref,
    opened,
)
from limelight.cli.output import counted, json_text, print_json, print_table, say, visible

if TYPE_CHECKING:
    from limelight.data.store import Changes, DataVersion, DiffSummary, Store

ROWS = 20
"""Rows of each kind that a diff shows a person who does not say how many."""

Types = dict[str, tuple[str, str]]


def diff(
    dataset: DatasetArgument,
    old: Annotated[
        str | None,
        typer.Argument(
            metavar="[A]",
            help="From this ref, or A..B.  [default: the version before the last change]",
            autocompletion=complete_ref,
        ),
    ] = None,
    new: Annotated[
        str | None,
        typer.Argument(
            metavar="[B]", help="To this ref.  [default: main]", autocompletion=complete_ref
        ),
    ] = None,
    store: StoreOption = None,
    rows: Annotated[bool, typer.Option("--rows", help="Row by row, cell by cell.")] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            metavar="N",
            min=0,
            help=f"Most rows of each kind; 0 for all.  [default: {ROWS} in a table, else all]",
        ),
    ] = None,
    format: FormatOption = Format.TABLE,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write there instead of to stdout."),
    ] = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """What changed in a dataset between two versions. In numbers; with --rows, row by row.

    As CSV it is always row by row: a line for each added and removed row, and two, before and
    after, for each modified one.

    \b
    Examples:
      limelight data diff loans
      limelight data diff loans v1 v2 --rows
      limelight data diff loans v1..corrections --format csv -o changes.csv
    """
    from limelight.cli import files

    chosen = Format.JSON if as_json else format
    if output is not None:
        chosen = _format_of(output, chosen)
        check = files.check_target if chosen is Format.CSV else files.check_place
        check(output, force=force)
    kept = opened(store)
    old, new = _refs(old, new)
    before, after = _versions(kept, dataset, old, new)
    summary = kept.diff(before, after)
    most = None if limit == 0 else limit or (ROWS if chosen is Format.TABLE else None)
    changes = kept.changes(before, after, most) if rows or chosen is Format.CSV else None
    if chosen is Format.TABLE:
        say((visible(dataset), "bold"), f"  {_named(old, before)} → {_named(new, after)}")
        _print(summary, *_types(kept, before, after), changes)
    elif chosen is Format.JSON:
        document = _document(kept, before, after, summary, changes)
        if output is None:
            print_json(document)
        else:
            files.write_text(json_text(document) + "\n", output, force=force)
    elif changes is not None:
        from limelight.cli.changes import stacked

        files.write_frame(stacked(changes, summary), output or files.STDOUT, force=force)


def _format_of(output: str, chosen: Format) -> Format:
    """What goes into a file: what was asked for, else what its ending says."""
    if chosen is not Format.TABLE:
        return chosen
    return Format.JSON if output.lower().endswith(".json") else Format.CSV


def _refs(old: str | None, new: str | None) -> tuple[str, str]:
    """The two refs that were asked for; the first is empty where it was left out."""
    if old and ".." in old:
        if new is not None:
            raise typer.BadParameter(f"{old!r} already says both versions; leave out {new!r}.")
        old, _, new = old.partition("..")
    return old or "", new or "main"


def _versions(store: Store, dataset: str, old: str, new: str) -> tuple[DataVersion, DataVersion]:
    """The versions at two refs; without the first, the one before the last change."""
    after = store.resolve(dataset, new)
    if old:
        return store.resolve(dataset, old), after
    history = store.log(dataset, after.commit)
    before = history[1] if len(history) > 1 else history[0]
    return store.resolve(dataset, before.commit), after


def _types(store: Store, old: DataVersion, new: DataVersion) -> tuple[Types, list[str]]:
    """Type of each column in both versions, empty where it is missing; and those that changed."""
    was = {column.name: type_name(column) for column in store.columns(old)}
    now = {column.name: type_name(column) for column in store.columns(new)}
    types = {name: (was.get(name, ""), now.get(name, "")) for name in {**was, **now}}
    return types, [name for name, (a, b) in types.items() if a and b and a != b]


def _document(
    store: Store,
    old: DataVersion,
    new: DataVersion,
    summary: DiffSummary,
    changes: Changes | None,
) -> dict[str, Any]:
    from limelight.cli.changes import document

    types, retyped = _types(store, old, new)
    return {
        "old": asdict(old),
        "new": asdict(new),
        "summary": asdict(summary),
        "types_changed": [
            {"column": name, "old": types[name][0], "new": types[name][1]} for name in retyped
        ],
        **({"changes": document(changes, summary)} if changes is not None else {}),
    }


def _print(summary: DiffSummary, types: Types, retyped: list[str], changes: Changes | None) -> None:
    lines = [*_row_lines(summary, retyped), *_column_lines(summary, types, retyped)]
    for line in lines or [("Nothing changed.", "dim")]:
        say(line)
    if changes is not None and summary.added + summary.removed + summary.modified:
        _print_rows(changes, summary)


def _named(ref: str, version: DataVersion) -> str:
    """A version by the name that was given, and its commit."""
    hidden = not ref or version.commit.startswith(ref)
    return short(version.commit) if hidden else f"{visible(ref)} {short(version.commit)}"


def _row_lines(summary: DiffSummary, retyped: list[str]) -> list[tuple[str, str]]:
    lines = []
    places = [name for name in summary.columns_changed if name not in retyped]
    for mark, number, what, style in (
        ("+", summary.added, "added", "green"),
        ("-", summary.removed, "removed", "red"),
        ("~", summary.modified, "modified", "yellow"),
    ):
        if number:
            where = f", in {', '.join(map(visible, places))}" if mark == "~" and places else ""
            lines.append((f"{mark} {counted(number, 'row')} {what}{where}", style))
    if lines:
        lines.append((f"  {counted(summary.unchanged, 'row')} unchanged", "dim"))
    return lines


def _column_lines(summary: DiffSummary, types: Types, retyped: list[str]) -> list[tuple[str, str]]:
    lines = [
        (f"~ column {visible(was)} is now {visible(now)}", "yellow")
        for was, now in summary.columns_renamed
    ]
    lines += [
        (f"+ column {visible(name)}, {types[name][1]}", "green") for name in summary.columns_added
    ]
    lines += [
        (f"- column {visible(name)}, {types[name][0]}", "red") for name in summary.columns_removed
    ]
    lines += [
        (f"~ column {visible(name)}, {types[name][0]} → {types[name][1]}", "yellow")
        for name in retyped
    ]
    return lines


def _print_rows(changes: Changes, summary: DiffSummary) -> None:
    from limelight.cli.changes import marked

    fields, lines = marked(changes, summary)
    say("")
    print_table(fields, lines, whole=False)
    left = [
        f"{number - len(shown):,} {what}"
        for number, shown, what in (
            (summary.modified, changes.after, "modified"),
            (summary.added, changes.added, "added"),
            (summary.removed, changes.removed, "removed"),
        )
        if number > len(shown)
    ]
    if left:
        say((f"and {', '.join(left)} more: --limit 0 shows all", "dim"))
