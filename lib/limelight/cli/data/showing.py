"""``limelight data show``: one version of a dataset."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from limelight.cli.data.words import commit_document, moment, short, type_name, who
from limelight.cli.options import DatasetArgument, JsonOption, RefOption, StoreOption, opened
from limelight.cli.output import console, counted, print_json, print_table, say, visible

if TYPE_CHECKING:
    from limelight.data.card import DatasetCard
    from limelight.data.schema import Column
    from limelight.data.store import Commit, DataVersion


def show(
    dataset: DatasetArgument,
    store: StoreOption = None,
    ref: RefOption = "main",
    rows: Annotated[
        int, typer.Option("--rows", metavar="N", min=0, help="How many of its first rows.")
    ] = 5,
    as_json: JsonOption = False,
) -> None:
    """A dataset at a ref. Its card, its columns with their types, its first rows.

    \b
    Examples:
      limelight data show loans
      limelight data show loans --ref v1 --rows 20
    """
    from limelight.cli.values import records

    kept = opened(store)
    version = kept.resolve(dataset, ref)
    card, columns = kept.card(version), kept.columns(version)
    last = kept.log(dataset, version.commit)[0]
    first = kept.read(version).head(rows)
    if as_json:
        described = [
            {"name": one.name, "type": type_name(one), "role": _role(one, card)} for one in columns
        ]
        print_json(
            {
                "version": asdict(version),
                "card": asdict(card),
                "last_commit": commit_document(last),
                "columns": described,
                "first_rows": records(first),
            }
        )
        return
    _print_card(version, card, last)
    _print_columns(columns, card)
    if len(first):
        from limelight.cli import values

        table = values.flat(first)
        say("")
        shown = values.rows(table, rounded=console().is_terminal)
        print_table(values.fields(table), shown, whole=False)


def _role(column: Column, card: DatasetCard) -> str:
    if column.name in card.key:
        return "key"
    if column.name == card.target:
        return "target"
    return "ignored" if column.name in card.ignore else "feature"


def _print_card(version: DataVersion, card: DatasetCard, last: Commit) -> None:
    from rich.text import Text

    from limelight.cli.table import Field

    say((visible(version.dataset), "bold"), f"  {counted(version.rows, 'row')}")
    if card.description:
        for line in card.description.strip().splitlines():
            say(visible(line))
    said = {
        "target": card.target,
        "key": ", ".join(card.key) or "made from the row's content",
        "problem": card.problem + (f", positive: {card.positive}" if card.positive else ""),
        "source": card.source,
        "licence": card.licence,
        "commit": f"{version.commit}{f' on {version.branch}' if version.branch else ''}",
        "changed": f"{short(last.commit)}  {moment(last.date)}  {who(last.author)}  {last.subject}",
        "run": last.run,
        "table": version.table_hash,
    }
    say("")
    print_table(
        [Field(""), Field("", shrinks=True)],
        [[Text(name, "dim"), Text(visible(text))] for name, text in said.items() if text],
    )


def _print_columns(columns: tuple[Column, ...], card: DatasetCard) -> None:
    from rich.text import Text

    from limelight.cli.table import Field

    styles = {"key": "yellow", "target": "bold green"}
    say("")
    print_table(
        [Field("Column", shrinks=True), Field("Type"), Field("Role")],
        [
            [
                Text(visible(one.name), styles.get(_role(one, card), "")),
                Text(type_name(one)),
                Text(_role(one, card), "dim"),
            ]
            for one in columns
        ],
    )
