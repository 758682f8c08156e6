"""From rows to a problem: the task, the checks, and a holdout that no search sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from limelight.data import DatasetCard
from limelight.data.schema import ROW_KEY
from limelight.data.split import Split, make_split
from limelight.errors import InputError, did_you_mean
from limelight.model.schema import Schema
from limelight.search.engine import SearchProblem
from limelight.search.protocol import protocol_for
from limelight.search.task import Task, infer_task
from limelight.training.request import Request


@dataclass(frozen=True)
class Holdout:
    """The rows that no search sees: raw features, encoded target, and groups as of a problem."""

    features: pd.DataFrame
    target: NDArray[Any]
    groups: NDArray[Any] | None = None


@dataclass(frozen=True)
class Prepared:
    """A table made ready for the searches.

    Args:
        task: What is to be predicted.
        split: Which rows are on which side.
        schema: What the raw features look like, and how they are brought to that look.
        problem: The training rows: all that a search gets to know.
        holdout: The rows for the verdict.
    """

    task: Task
    split: Split
    schema: Schema
    problem: SearchProblem
    holdout: Holdout

    def __str__(self) -> str:
        of = f" of {', '.join(map(repr, self.task.classes))}" if self.task.classes else ""
        return (
            f"{self.task.problem} task on {self.task.target!r}{of}, metric {self.task.metric}:"
            f" {len(self.split.training)} rows, {len(self.split.folds)} folds to score on,"
            f" {len(self.split.holdout)} held out"
        )


def prepare(
    frame: pd.DataFrame,
    card: DatasetCard,
    request: Request,
    seconds: float | None = None,
    first: Mapping[str, str] | None = None,
) -> Prepared:
    """Infer the task, check the data, and set the holdout aside.

    Args:
        frame: The rows, indexed by their key, every target there.
        card: Says which column is the target, and which are no features.
        request: The user's wishes.
        seconds: Of each search: how many folds there are follows from them and from the size of
            the table. None for a budget of trials.
        first: ``day`` or ``month``, by column with local dates in the source that the rows were
            just imported from: later rows are read in this order. The store keeps times and not
            how they were written, so without it later rows must show the order themselves.

    Raises:
        InputError: The data cannot be trained on; says why and what to do.
    """
    task = infer_task(
        frame[card.target], card.problem or None, request.metric or None, card.positive or None
    )
    target = task.encode(frame[card.target])
    protocol = protocol_for(
        rows=round(len(frame) * (1 - request.holdout)),
        columns=frame.shape[1],
        outputs=len(task.classes) if len(task.classes) > 2 else 1,
        seconds=seconds,
    )
    groups = _column(frame, request.group)
    split = make_split(
        frame.index,
        target,
        holdout=request.holdout,
        repeats=protocol.repeats,
        stratify=task.is_classification,
        groups=groups,
        time=_column(frame, request.time),
        class_names=task.classes,
    )
    split = replace(
        split,
        folds=protocol.chosen(
            split.folds,
            in_time=split.kind == "time",
            codes=target[split.training] if task.is_classification else None,
        ),
    )
    unused = {card.target, request.group, *card.ignore}
    raw = frame[[name for name in frame.columns if name not in unused]]
    schema = Schema.of(raw, first)
    features = schema.normalise(raw)
    codes = None if groups is None else pd.factorize(groups)[0]
    inside, held = (
        None if codes is None else codes[rows] for rows in (split.training, split.holdout)
    )
    problem = SearchProblem(
        features.iloc[split.training], target[split.training], task, split.folds, groups=inside
    )
    holdout = Holdout(features.iloc[split.holdout], target[split.holdout], held)
    return Prepared(task, split, schema, problem, holdout)


def _column(frame: pd.DataFrame, name: str) -> pd.Series | None:
    """The column, or part of the key, the split is made by; None where none is asked for."""
    if not name:
        return None
    if name in frame.columns:
        return frame[name]
    if name in frame.index.names:
        return pd.Series(frame.index.get_level_values(name), index=frame.index, name=name)
    known = [name for name in (*frame.index.names, *frame.columns) if name != ROW_KEY]
    raise InputError(f"column {name!r} is not in the table.", did_you_mean(name, map(str, known)))
