"""What is to be predicted: the problem type, the metric, and the classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from limelight.errors import InputError
from limelight.search.metrics import METRICS, Metric, default_metric, find_metric

if TYPE_CHECKING:
    import pandas as pd

Problem = Literal["binary", "multiclass", "regression"]
PROBLEMS: tuple[Problem, ...] = ("binary", "multiclass", "regression")


@dataclass(frozen=True)
class Task:
    """A supervised learning task on one target column.

    Args:
        problem: ``"binary"``, ``"multiclass"`` or ``"regression"``.
        metric: Name of a metric in `limelight.search.metrics.METRICS`.
        target: Name of the target column.
        classes: The class labels, in the order of the codes and of the columns of every
            probability array; empty for regression. For binary tasks the positive class is last.

    Example:
        >>> import pandas as pd
        >>> task = infer_task(pd.Series(["good", "bad", "good"], name="class"))
        >>> task.problem, task.metric, task.positive
        ('binary', 'roc_auc', 'bad')
        >>> task.encode(pd.Series(["good", "bad"])).tolist()
        [0, 1]
    """

    problem: Problem
    metric: str
    target: str
    classes: tuple[Any, ...] = ()

    @property
    def positive(self) -> Any:
        """The positive class of a binary task, else None."""
        return self.classes[-1] if self.problem == "binary" else None

    @property
    def is_classification(self) -> bool:
        return self.problem != "regression"

    @property
    def scorer(self) -> Metric:
        return METRICS[self.metric]

    def encode(self, target: pd.Series) -> NDArray[Any]:
        """Labels to codes 0..k-1 (int64), or a regression target to float64; shape (n,).

        Raises:
            InputError: A label is none of the task's classes.
        """
        if not self.is_classification:
            return target.to_numpy(dtype="float64", na_value=np.nan)
        import pandas as pd  # a process that only hands a task on needs no pandas

        codes = pd.Index(list(self.classes), dtype=object).get_indexer(
            pd.Index(target.astype(object))
        )
        if (codes < 0).any():
            unknown = target.to_numpy(dtype=object)[codes < 0][0]
            raise InputError(
                f"{self.target!r} has the value {unknown!r}, which is none of the classes"
                f" {list(self.classes)!r}.",
                "Train on data that has every class.",
            )
        return np.asarray(codes, dtype="int64")

    def decode(self, codes: NDArray[Any]) -> NDArray[Any]:
        """Codes back to labels (object array); regression values pass through."""
        if not self.is_classification:
            return codes
        labels = np.empty(len(self.classes), dtype=object)
        labels[:] = self.classes
        return np.asarray(labels[codes])


def infer_task(
    target: pd.Series,
    problem: str | None = None,
    metric: str | None = None,
    positive: str | None = None,
) -> Task:
    """Read the task off the target column; each answer can be given instead.

    Two distinct values make a binary task. Text, booleans and categories make a multiclass
    one, as do whole numbers with at most 20 distinct values that each come five times on average;
    everything else is regression. The positive class of a binary task is the rarer one.

    Args:
        target: The target column, shape (n,), without missing values.
        problem: One of `PROBLEMS`, or None to infer it.
        metric: A name in `METRICS`, or None for roc_auc, log_loss or rmse.
        positive: The positive class as text, for binary tasks.

    Raises:
        InputError: The target is constant, or what is given does not fit it.
    """
    name = str(target.name)
    counts = target.astype(object).value_counts()
    if len(counts) < 2:
        raise InputError(
            f"the target {name!r} has the one value {counts.index[0]!r} in all {len(target)} rows;"
            " there is nothing to predict.",
            "Choose another --target, or data with more than one outcome.",
        )
    if problem is not None and problem not in PROBLEMS:
        raise InputError(f"task {problem!r} is unknown.", f"Choose one of {', '.join(PROBLEMS)}.")
    kind: Problem = problem if problem in PROBLEMS else _infer_problem(target, counts)
    if kind == "regression" and not _is_number(target):
        raise InputError(
            f"the target {name!r} holds {target.dtype}, and a regression needs numbers.",
            "Use --task multiclass, or clean the column.",
        )
    if kind == "binary" and len(counts) != 2:
        raise InputError(
            f"the target {name!r} has {len(counts)} values, and a binary task has two.",
            "Use --task multiclass or --task regression.",
        )
    classes = () if kind == "regression" else _classes(name, counts, kind, positive)
    if positive is not None and kind != "binary":
        raise InputError(
            f"--positive {positive} is given, and the task is {kind}.",
            "A positive class belongs to a binary task: leave --positive out.",
        )
    scorer = find_metric(metric, kind) if metric else default_metric(kind)
    return Task(problem=kind, metric=scorer.name, target=name, classes=classes)


def _infer_problem(target: pd.Series, counts: pd.Series) -> Problem:
    from pandas.api import types

    if len(counts) == 2:
        return "binary"
    if not _is_number(target) or types.is_bool_dtype(target):
        return "multiclass"
    whole = bool((target.astype("float64") % 1 == 0).all())
    few = len(counts) <= 20 and len(target) >= 5 * len(counts)
    return "multiclass" if whole and few else "regression"


def _same(name: str, given: str) -> bool:
    """Whether a class is meant: booleans in any case, whole numbers with or without a point."""
    if name in ("True", "False"):
        return name == given.strip().capitalize()
    return name in (given, f"{given}.0")


def _is_number(target: pd.Series) -> bool:
    """Whether the values are numbers; decimals are, in a column of objects."""
    from pandas.api import types

    if types.is_numeric_dtype(target):
        return True
    return types.infer_dtype(target, skipna=True) == "decimal"


def _classes(name: str, counts: pd.Series, kind: Problem, positive: str | None) -> tuple[Any, ...]:
    labels = sorted(counts.index, key=lambda label: (str(type(label)), label))
    if kind != "binary":
        return tuple(labels)
    chosen = min(labels, key=lambda label: (counts[label], -labels.index(label)))
    if positive is not None:
        named = {str(label): label for label in labels}
        # A file's "true" is True by now, and 1 may be 1.0.
        positive = next((name for name in named if _same(name, positive)), positive)
        if positive not in named:
            raise InputError(
                f"--positive {positive} is no value of {name!r}.",
                f"Choose one of {', '.join(map(repr, named))}.",
            )
        chosen = named[positive]
    return (*(label for label in labels if label != chosen), chosen)
