"""A model with its parameters, ready to be tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from limelight.search.features import FrameEncoder
from limelight.search.task import Task


@dataclass(frozen=True)
class Configuration:
    """A model with its parameters, ready to be tried.

    Args:
        description: Unique in its list; what stands before a comma is the kind of model.
        parameters: What is told of it in the trials; JSON values.
        encoder: Unfitted; gives what the estimator takes.
        estimator: Unfitted; uses one thread.
        cost: Usual seconds of a fit on a table of some thousand rows: only the ratio to another
            configuration's counts, to foresee the one from the other. 0 where it tells nothing.
    """

    description: str
    parameters: dict[str, Any]
    encoder: FrameEncoder
    estimator: Any
    cost: float

    @property
    def kind(self) -> str:
        """The kind of model.

        Example:
            >>> Configuration("CatBoost, deep", {}, FrameEncoder("levels"), None, 6.0).kind
            'CatBoost'
        """
        return self.description.partition(",")[0]


def class_weight(task: Task) -> str | None:
    """Weights that fit the metric: classes count the same where it counts them so.

    Example:
        >>> class_weight(Task("binary", "balanced_accuracy", "y", (0, 1)))
        'balanced'
    """
    return "balanced" if task.metric in ("balanced_accuracy", "f1") else None
