"""Errors a user can act on: what was given, the rule it broke, and the way out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class LimelightError(Exception):
    """A problem that the user can solve, said in one line, with what to do about it.

    Args:
        problem: One sentence that names the value and the rule it broke.
        way_out: What the user can do, as a sentence or a command.

    Example:
        >>> print(LimelightError("column 'agee' is not in the table.", "Did you mean 'age'?"))
        column 'agee' is not in the table. Did you mean 'age'?
    """

    def __init__(self, problem: str, way_out: str = "") -> None:
        super().__init__(problem, way_out)
        self.problem = problem
        self.way_out = way_out

    def __str__(self) -> str:
        return f"{self.problem} {self.way_out}".rstrip()


class InputError(LimelightError):
    """The data or an argument cannot be used as given; raised before any work starts."""


class StoreError(LimelightError):
    """A dataset store cannot be opened, read or written."""


class ConflictError(StoreError):
    """Two sides of a merge changed the same cells, and nobody said which is right.

    Args:
        problem, way_out: As of `LimelightError`.
        conflicts: A frame with a line for each; of `limelight.data.merging`.
    """

    def __init__(self, problem: str, way_out: str, conflicts: Any) -> None:
        super().__init__(problem, way_out)
        self.conflicts = conflicts
        self.args = (problem, way_out, conflicts)  # so that it travels between processes


class SearchError(LimelightError):
    """A search ended without a model."""


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """A hint with the nearest known names, or all of them when none is near.

    Example:
        >>> did_you_mean("roc-auc", ["roc_auc", "log_loss", "rmse"])
        "Did you mean 'roc_auc'? Known: 'log_loss', 'rmse', 'roc_auc'."
    """
    names = sorted({str(name) for name in known})
    near = difflib.get_close_matches(given, names, n=3, cutoff=0.6)
    listed = ", ".join(repr(name) for name in names[:20]) + (", ..." if len(names) > 20 else "")
    guess = f"Did you mean {' or '.join(repr(name) for name in near)}? " if near else ""
    return f"{guess}Known: {listed}." if names else "There are none yet."
