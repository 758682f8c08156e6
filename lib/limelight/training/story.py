"""The story of a run, told from its artifacts: the report, and the lines at its end."""

from __future__ import annotations

import textwrap
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from limelight.report.page import TrainingReport


def report_of(data: Any, title: str, seconds: float | None = None) -> TrainingReport:
    """The report on a run.

    Args:
        data: The flow in its last steps, or ``Run.data``: anything with the artifacts of a run.
        title: The run's pathspec.
        seconds: How long the run took.
    """
    return TrainingReport(
        title=title,
        dataset=data.dataset,
        data_version=data.data_version,
        card=data.data_card,
        columns=data.columns,
        task=data.task,
        split=data.split,
        searches=data.searches,
        trials=data.trials,
        leaderboard=data.leaderboard,
        metrics=data.metrics,
        target=data.held_out.target,
        prediction=_prediction(data),
        explanations=data.explanations,
        explained=data.explained,
        importance=data.importance,
        lineage=data.lineage,
        notes=data.notes,
        verdict=" ".join(f"{comparison}." for comparison in data.verdict),
        seconds=seconds,
        said=_said(data),
    )


def closing_lines(data: Any, run: str) -> list[str]:
    """What was found and where to look, for the terminal.

    Args:
        data: As of `report_of`.
        run: The run's pathspec, e.g. ``"TrainFlow/12"``.
    """
    found = data.metrics[data.task.metric]
    board = data.leaderboard
    chosen = board[board["weight"] > 0]
    names = ", ".join(
        f"{row.id} ({row.description}, {row.weight:.0%})" for row in chosen.itertuples()
    )
    version = data.data_version
    return [
        "",
        _top(board),
        "",
        f"{data.task.metric} on the {data.split['holdout']} rows of the holdout:"
        f" {found['score']:.4f} (95% interval {found['low']:.4f} to {found['high']:.4f})",
        f"published: {names}",
        f"learnt from {version.rows} rows of {version.dataset!r} at commit {version.commit}",
        "",
        "look at it:  python flows/train.py card view explain",
        f"use it:      from metaflow import Run; Run({run!r}).data.predictor.predict(rows)",
        "later:       Flow('TrainFlow').latest_successful_run.data.leaderboard",
    ]


def _top(board: pd.DataFrame) -> str:
    """The first rows of the leaderboard, as wide as a terminal."""
    top = board[["rank", "id", "description", "score", "holdout", "weight"]].head(10)
    short = [textwrap.shorten(text, 48, placeholder=" ...") for text in top["description"]]
    return top.assign(description=short).to_string(
        index=False, float_format=lambda value: f"{value:.4g}", na_rep="-", justify="left"
    )


def _prediction(data: Any) -> NDArray[Any]:
    """The predictions on the holdout as metrics take them."""
    held = data.holdout_predictions
    names = [f"probability {label}" for label in data.task.classes]
    prediction: NDArray[Any] = held[names or "predicted"].to_numpy(dtype="float64")
    return prediction


def _said(data: Any) -> NDArray[Any] | None:
    """The codes of the labels that the published model gives the holdout; None for a regression."""
    if not data.task.is_classification:
        return None
    codes: NDArray[Any] = data.task.encode(data.holdout_predictions["predicted"])
    return codes
