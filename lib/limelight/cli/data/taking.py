"""``limelight data export | query``: rows out of the store."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from limelight.cli.options import DatasetArgument, JsonOption, RefOption, StoreOption, opened
from limelight.cli.output import counted, print_json, print_table, say, visible

if TYPE_CHECKING:
    import pandas as pd

ROWS = 50
"""Rows that a query shows a person who does not say how many."""


class Format(StrEnum):
    """How rows are written on stdout."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


OutputOption = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write the rows there: .csv, .tsv, .jsonl (also .gz, .bz2, .xz, .zst), .parquet,"
        " .feather; - for CSV on stdout.",
    ),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")]
FormatOption = Annotated[Format, typer.Option("--format", help="What stdout gets.")]


def export(
    dataset: DatasetArgument,
    output: OutputOption = None,
    store: StoreOption = None,
    ref: RefOption = "main",
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """The rows of a version as a file. Its ending says the format; without -o, CSV on stdout.

    The file appears once it is complete. Parquet and Feather keep every type.

    \b
    Examples:
      limelight data export loans --ref v1 -o loans.parquet
      limelight data export loans | head
    """
    from limelight.cli import files, values

    target = output or files.STDOUT
    files.check_target(target, force=force)
    kept = opened(store)
    version = kept.resolve(dataset, ref)
    frame = kept.read(version)
    if as_json and target == files.STDOUT:
        print_json({"version": asdict(version), "rows": values.records(frame)})
        return
    files.write_frame(files.table_of(frame), target, force=force)
    if as_json:
        print_json({"version": asdict(version), "file": target})
    elif target != files.STDOUT:
        say(
            f"{counted(version.rows, 'row')} of {visible(dataset)} at {version.commit}"
            f" are in {visible(target)}."
        )


def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One statement that only reads.")],
    store: StoreOption = None,
    ref: RefOption = "main",
    output: OutputOption = None,
    force: ForceOption = False,
    format: FormatOption = Format.TABLE,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            metavar="N",
            min=0,
            help=f"Most rows on stdout; 0 for all.  [default: {ROWS} in a table, else all]",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the tables of a version in SQL. A dataset is the table of its name; nothing is changed.

    \b
    Examples:
      limelight data query "SELECT grade, count(*) FROM loans GROUP BY grade"
      limelight data query "SELECT * FROM loans WHERE amount > 1000" --ref v1 -o large.csv
    """
    from limelight.cli import files, values
    from limelight.data.schema import check_names

    if output is not None:
        files.check_target(output, force=force)
    frame = opened(store).query(sql, ref)
    chosen = Format.JSON if as_json else format
    if output is not None or chosen is not Format.TABLE:
        check_names(frame.columns)  # a name that comes twice would be lost, or not be told apart
    if output is not None:
        files.write_frame(values.flat(frame), output, force=force)
        if as_json:
            print_json({"file": output, "rows": len(frame)})
        elif output != files.STDOUT:
            say(f"{counted(len(frame), 'row')} are in {visible(output)}.")
        return
    most = len(frame) if limit == 0 else limit or (ROWS if chosen is Format.TABLE else len(frame))
    if chosen is Format.JSON:
        names = [str(name) for name in frame.columns]
        print_json({"columns": names, "rows": values.records(frame.head(most)), "of": len(frame)})
    elif chosen is Format.CSV:
        files.write_frame(frame.head(most), files.STDOUT)
    else:
        print_frame(frame, most)


def print_frame(frame: pd.DataFrame, most: int) -> None:
    """The first rows of a frame as a table, and how many more there are."""
    from limelight.cli import values

    first = values.flat(frame.head(most))
    print_table(values.fields(first), values.rows(first), whole=False)
    if len(frame) > most:
        say((f"and {counted(len(frame) - most, 'more row')}: --limit 0 shows all", "dim"))
    elif not len(frame):
        say(("no rows", "dim"))
