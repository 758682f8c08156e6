"""``limelight data``: dataset versions, on the command line."""

from __future__ import annotations

import typer

from limelight.cli.data import (
    copying,
    diffing,
    history,
    listing,
    merging,
    refs,
    remotes,
    showing,
    taking,
    upkeep,
)

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="""Look at, compare, name, merge and move the versions of datasets.

    Nothing is ever checked out: every command takes --ref, a branch, a tag or a commit.

    \b
    Examples:
      limelight data log loans
      limelight data diff loans v1 v2 --rows
      limelight data export loans --ref v1 -o loans.parquet

    New rows come in by flows/ingest.py, which checks them first:
    python flows/ingest.py run --source loans.csv --dataset loans --key id
    """,
)

for _name, _command in (
    ("list", listing.list_datasets),
    ("log", history.log),
    ("show", showing.show),
    ("diff", diffing.diff),
    ("export", taking.export),
    ("query", taking.query),
    ("tag", refs.tag),
    ("untag", refs.untag),
    ("branch", refs.branch),
    ("merge", merging.merge),
    ("revert", merging.revert),
    ("remote", remotes.remote),
    ("push", remotes.push),
    ("pull", remotes.pull),
    ("clone", copying.clone),
    ("copy", copying.copy),
    ("gc", upkeep.gc),
    ("doctor", upkeep.doctor),
):
    app.command(_name)(_command)
