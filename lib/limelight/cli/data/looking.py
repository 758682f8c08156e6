"""``limelight data list | log | show``: what is there."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from limelight.cli.data.words import SHORT, moment, short, who
from limelight.cli.options import (
    DatasetArgument,
    JsonOption,
    RefOption,
    StoreOption,
    complete_dataset,
    opened,
)
from limelight.cli.output import console, counted, print_json, print_table, say, visible

if TYPE_CHECKING:
    from rich.text import Text

    from limelight.data.card import DatasetCard
    from limelight.data.schema import Column
    from limelight.data.store import Commit, DataVersion, Store

LINES = 20
"""Commits that a log shows a person who does not say how many."""


def list_datasets(
    store: StoreOption = None, ref: RefOption = "main", as_json: JsonOption = False
) -> None:
    """The datasets at a ref. Rows, columns, target, and the commit that changed each last.

    A table becomes a dataset by flows/ingest.py, which checks it first:
    python flows/ingest.py run --source loans.csv --dataset loans --key id

    \b
    Examples:
      limelight data list
      limelight data list --ref v1 --json
    """
    kept = opened(store)
    found = [_dataset(kept, name, ref) for name in kept.datasets(ref)]
    if as_json:
        print_json({"store": kept.url, "ref": ref, "datasets": found})
    elif found:
        _print_datasets(found)
    else:
        say(f"No datasets at {visible(ref)} in {visible(kept.url)} yet. A file becomes one:")
        say("  python flows/ingest.py run --source loans.csv --dataset loans --key id")


def _dataset(store: Store, name: str, ref: str) -> dict[str, Any]:
    version = store.resolve(name, ref)
    card, last = store.card(version), store.log(name, ref)[0]
    return {
        "dataset": name,
        "rows": version.rows,
        "columns": len(store.columns(version)),
        "target": card.target,
        "key": list(card.key),
        "description": card.description,
        "table_hash": version.table_hash,
        "last_commit": commit_document(last),
    }


def _print_datasets(found: list[dict[str, Any]]) -> None:
    from rich.text import Text

    from limelight.cli.table import Field

    print_table(
        [
            Field("Dataset"),
            Field("Rows", right=True),
            Field("Columns", right=True),
            Field("Target", shrinks=True),
            Field("Commit"),
            Field("Date (UTC)"),
            Field("Message", shrinks=True),
        ],
        [
            [
                Text(visible(one["dataset"]), "bold"),
                Text(f"{one['rows']:,}"),
                Text(f"{one['columns']:,}"),
                Text(visible(one["target"])),
                Text(one["last_commit"]["commit"][:SHORT], "yellow"),
                Text(one["last_commit"]["date"][:16].replace("T", " ")),
                Text(visible(one["last_commit"]["message"]), "dim"),
            ]
            for one in found
        ],
    )


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


def commit_document(entry: Commit) -> dict[str, Any]:
    """An entry of the log as JSON."""
    return {**asdict(entry), "date": entry.date.isoformat()}


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
    return subject.append(visible(entry.message.partition("\n")[0]))


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
    first = kept.read(version).head(rows)
    if as_json:
        described = [
            {"name": one.name, "type": type_name(one), "role": _role(one, card)} for one in columns
        ]
        print_json(
            {
                "version": asdict(version),
                "card": asdict(card),
                "columns": described,
                "first_rows": records(first),
            }
        )
        return
    _print_card(version, card, kept.log(dataset, version.commit)[0])
    _print_columns(columns, card)
    if len(first):
        from limelight.cli import values

        table = values.flat(first)
        say("")
        shown = values.rows(table, rounded=console().is_terminal)
        print_table(values.fields(table), shown, whole=False)


def type_name(column: Column) -> str:
    """A column's type in a word or two."""
    if column.kind == "category":
        ordered = "ordered " if column.detail["ordered"] else ""
        return f"{ordered}category of {len(column.detail['categories'])}"
    if "zone" in column.detail:
        return f"datetime, {column.detail['zone']}"
    return column.kind if column.dtype == "object" else column.dtype


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
        "changed": f"{short(last.commit)}  {moment(last.date)}  {who(last.author)}  {last.message}",
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
