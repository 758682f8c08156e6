"""What goes wrong, said in one line on stderr; or as JSON, where JSON was asked for."""

from __future__ import annotations

import errno
import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from limelight.errors import ConflictError, LimelightError

AS_JSON = "limelight.json"
"""In a context's ``meta``: whether ``--json`` was given."""


class Root(TyperGroup):
    """The outermost group of commands: an error that the user can act on ends it with code 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was given."""
        try:
            done = super().invoke(ctx)
            # Here, where a reader that has gone away is still known to be no error.
            sys.stdout.flush()
        except LimelightError as error:
            report(error, as_json=ctx.meta.get(AS_JSON, False))
            raise typer.Exit(1) from None
        except OSError as problem:
            if problem.errno != errno.ENOSPC:
                raise
            _leave_stdout()
            full = LimelightError("there is no space left for the output.", "Free some.")
            report(full, as_json=ctx.meta.get(AS_JSON, False))
            raise typer.Exit(1) from None
        return done


def _leave_stdout() -> None:
    """Nothing more is written to stdout, nor what it still holds at the end of the program."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def report(error: LimelightError, *, as_json: bool) -> None:
    """Say on stderr what is wrong and what to do about it."""
    from limelight.cli.output import print_json, say, visible

    if as_json:
        print_json({"error": _document(error)}, to_stderr=True)
        return
    say((visible(error.problem), "red"), f" {visible(error.way_out)}".rstrip(), to_stderr=True)


def _document(error: LimelightError) -> dict[str, Any]:
    # The nearest that is public: what is below it may change.
    kind = next(one for one in type(error).__mro__ if one.__module__ == "limelight.errors")
    said = {"type": kind.__name__, "problem": error.problem, "way_out": error.way_out}
    if not isinstance(error, ConflictError):
        return said
    from limelight.cli.values import records

    return {**said, "conflicts": records(error.conflicts)}
