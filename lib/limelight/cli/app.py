"""The tree of commands."""

from __future__ import annotations

from typing import Annotated

import typer

from limelight import __version__
from limelight.cli.data import app as data
from limelight.cli.failure import Root

app = typer.Typer(
    cls=Root,
    no_args_is_help=True,
    # Plain help: it is there at once, and reads the same in a pipe.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.add_typer(data, name="data")


def _version(given: bool) -> None:
    if given:
        typer.echo(f"limelight {__version__}")
        raise typer.Exit


@app.callback()
def limelight(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """The best model for a versioned table, with the reasons for its predictions.

    \b
    Example:
      limelight data log loans
    """
