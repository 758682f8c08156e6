"""``limelight data list``: the datasets there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from limelight.cli.data.words import commit_document, moment, short
from limelight.cli.options import JsonOption, RefOption, StoreOption, opened
from limelight.cli.output import print_json, print_table, say, visible

if TYPE_CHECKING:
    from limelight.data.store import Commit, Store


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
    found = [(_dataset(kept, name, ref), kept.log(name, ref)[0]) for name in kept.datasets(ref)]
    if as_json:
        documents = [{**one, "last_commit": commit_document(last)} for one, last in found]
        print_json({"store": kept.url, "ref": ref, "datasets": documents})
    elif found:
        _print_datasets(found)
    else:
        say(f"No datasets at {visible(ref)} in {visible(kept.url)} yet. A file becomes one:")
        say("  python flows/ingest.py run --source loans.csv --dataset loans --key id")


def _dataset(store: Store, name: str, ref: str) -> dict[str, Any]:
    version = store.resolve(name, ref)
    card = store.card(version)
    return {
        "dataset": name,
        "rows": version.rows,
        "columns": len(store.columns(version)),
        "target": card.target,
        "key": list(card.key),
        "description": card.description,
        "table_hash": version.table_hash,
    }


def _print_datasets(found: list[tuple[dict[str, Any], Commit]]) -> None:
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
                Text(short(last.commit), "yellow"),
                Text(moment(last.date)),
                Text(visible(last.subject), "dim"),
            ]
            for one, last in found
        ],
    )
