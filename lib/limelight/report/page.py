"""The page that tells a training run: one HTML file that asks for nothing from outside."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limelight.data.card import DatasetCard
from limelight.data.store import DataVersion
from limelight.explain.text import value_text
from limelight.report import figures
from limelight.report.template import duration, number, template
from limelight.search.metrics import METRICS
from limelight.search.task import Task

Array = NDArray[Any]
View = dict[str, Any]

# What is shown of long tables; the artifacts hold all of it.
_FIRST_CANDIDATES, _MOST_CANDIDATES = 12, 100
_MOST_COLUMNS = 200
_MOST_IMPORTANT = 15
_MOST_CLASSES = 30


@dataclass(frozen=True)
class TrainingReport:
    """All that the page shows.

    Args:
        title: The run's pathspec, e.g. ``"TrainFlow/1712"``.
        dataset: Name of the dataset.
        data_version: The rows the run was made on.
        card: The dataset's card.
        columns: Of `profile_columns`.
        task: What was predicted.
        split: Facts on the split, name to value.
        searches: What was planned, a dict each, with equal keys (engine, number, seed, ...).
        trials: Every attempt; columns are the fields of `limelight.search.candidate.Trial`.
        leaderboard: Columns rank, id, engine, description, score, score_low, score_high, holdout,
            holdout_low, holdout_high, weight, published, fit_seconds, predict_seconds, behind,
            behind_low, behind_high; best first.
        metrics: On the holdout: metric name to score, low, high.
        target: Codes or values of the holdout, shape (m,); m may be 0.
        prediction: On the holdout: (m, k) or (m,).
        explanations: Of `limelight.explain.lime.explain_rows`.
        explained: Columns row_key, reason, actual (label or value); one line an explained row.
        importance: Of `limelight.explain.importance.permutation_importance`.
        lineage: What the model was made of; JSON values.
        notes: What is missing or went wrong, a sentence each.
        verdict: How the published model compares with others, in a few sentences.
        seconds: What the run took, or None.
        said: Codes of the predicted labels, shape (m,); None for the most probable classes.
    """

    title: str
    dataset: str
    data_version: DataVersion
    card: DatasetCard
    columns: pd.DataFrame
    task: Task
    split: dict[str, Any]
    searches: list[dict[str, Any]]
    trials: pd.DataFrame
    leaderboard: pd.DataFrame
    metrics: dict[str, dict[str, float]]
    target: Array
    prediction: Array
    explanations: pd.DataFrame
    explained: pd.DataFrame
    importance: pd.DataFrame
    lineage: dict[str, Any]
    notes: Sequence[str] = ()
    verdict: str = ""
    seconds: float | None = None
    said: Array | None = None


def render_training_report(report: TrainingReport) -> str:
    """The page of a training run as a text of HTML, complete in itself.

    Everything that comes from data is escaped; no script, no font and no picture is loaded.

    Args:
        report: What to show.

    Returns:
        An HTML document, well below 1.5 MB whatever the size of the tables.
    """
    return str(
        template("page.html").render(
            report=report,
            best=_best(report),
            facts=_facts(report),
            metrics=_metrics(report),
            leaderboard=_leaderboard(report),
            figures=list(_fit_figures(report)),
            confusion=_confusion(report),
            explanations=list(_explanations(report)),
            importance=_importance(report.importance),
            progress=figures.search_progress(
                report.trials, report.task.metric, report.task.scorer.greater_is_better
            ),
            outcomes=_outcomes(report.trials),
            searches=_searches(report.searches),
            split=_split(report.split),
            columns=report.columns.head(_MOST_COLUMNS).to_dict("records"),
            columns_left_out=max(0, len(report.columns) - _MOST_COLUMNS),
            lineage=json.dumps(report.lineage, indent=2, default=str, ensure_ascii=False),
        )
    )


def _best(report: TrainingReport) -> View:
    table = report.leaderboard
    published = table[table["published"].astype(bool)]
    chosen = (published if len(published) else table).iloc[0]
    best = {str(name): value for name, value in chosen.items()}
    # What came out in the end: members may have left an ensemble for want of time.
    members = table[table["weight"] > 0].sort_values("weight", ascending=False, kind="stable")
    if len(members) > 1:
        named = zip(members["weight"], members["description"], strict=True)
        best["description"] = " + ".join(f"{weight:.0%} {name}" for weight, name in named)
    return best


def _facts(report: TrainingReport) -> list[tuple[str, str]]:
    version, task = report.data_version, report.task
    classes = ", ".join(value_text(label) for label in task.classes[:_MOST_CLASSES])
    facts = [
        ("Target", f"{task.target} ({task.problem})"),
        (
            "Classes",
            f"{classes}; positive: {value_text(task.positive)}"
            if task.positive is not None
            else classes,
        ),
        ("Rows", f"{version.rows:,}, of which {len(report.target):,} held out"),
        ("Columns", f"{len(report.columns):,}"),
        ("Commit", version.commit),
        ("Branch", version.branch),
        ("Store", version.store),
        ("Trials", f"{len(report.trials):,} in {len(report.searches)} searches"),
        ("Took", duration(report.seconds) if report.seconds is not None else ""),
    ]
    return [(name, text) for name, text in facts if text]


def _metrics(report: TrainingReport) -> list[View]:
    chosen = report.task.metric
    ordered = sorted(report.metrics.items(), key=lambda item: item[0] != chosen)
    return [
        {
            "name": name,
            "score": values.get("score", math.nan),
            "low": values.get("low", math.nan),
            "high": values.get("high", math.nan),
            "chosen": name == chosen,
            "better": "higher" if METRICS[name].greater_is_better else "lower",
        }
        for name, values in ordered
        if name in METRICS
    ]


def _leaderboard(report: TrainingReport) -> View:
    table = report.leaderboard.head(_MOST_CANDIDATES)
    rows = [dict(zip(table.columns, line, strict=True)) for line in table.itertuples(index=False)]
    place = _scale([row.get(name) for row in rows[:_FIRST_CANDIDATES] for name in _SPANS])
    for row in rows:
        row["oof_mark"] = _mark(place, row, "score")
        row["holdout_mark"] = _mark(place, row, "holdout")
        # As good as the first, for all that the rows can tell.
        row["even"] = row["behind"] == row["behind"] and row["behind_low"] < 0
    return {
        "first": rows[:_FIRST_CANDIDATES],
        "rest": rows[_FIRST_CANDIDATES:],
        "left_out": len(report.leaderboard) - len(rows),
        "weighted": bool((table["weight"].fillna(0) > 0).sum() > 1),
    }


_SPANS = ("score", "holdout", "score_low", "score_high", "holdout_low", "holdout_high")


def _scale(values: Sequence[Any]) -> tuple[float, float]:
    """The range of an axis over the values there are; a hopeless few do not stretch it."""
    known = np.array([v for v in values if v is not None and math.isfinite(v)], dtype="float64")
    if not len(known):
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())
    middle, spread = float(np.median(known)), float(np.subtract(*np.percentile(known, [75, 25])))
    if spread > 0:
        low, high = max(low, middle - 4 * spread), min(high, middle + 4 * spread)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _mark(scale: tuple[float, float], row: View, name: str) -> View | None:
    """Where a score and its interval stand on an axis, in percent of its length."""
    value = row.get(name)
    if value is None or not math.isfinite(value):
        return None
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")

    def at(x: float | None) -> float:
        known = value if x is None or not math.isfinite(x) else x
        return float(np.clip(100 * (known - scale[0]) / (scale[1] - scale[0]), 0, 100))

    return {"at": at(value), "from": at(low), "width": max(at(high) - at(low), 0.0)}


def _fit_figures(report: TrainingReport) -> Iterator[View]:
    target, prediction, task = report.target, report.prediction, report.task
    if not len(target):
        return
    if task.problem == "binary" and len(np.unique(target)) == 2:
        positive = value_text(task.positive)
        yield {
            "svg": figures.roc_curve(target, prediction),
            "label": f"ROC curve on the holdout for the class {positive}",
            "caption": f"Of all rows that are “{positive}”, how many are found, against the share "
            "of false alarms among the others.",
        }
        yield {
            "svg": figures.precision_recall_curve(target, prediction),
            "label": f"Precision and recall on the holdout for the class {positive}",
            "caption": f"How many of the rows said to be “{positive}” are; dashed: by chance.",
        }
    if task.problem == "regression":
        yield {
            "svg": figures.predicted_against_actual(target, prediction, task.target),
            "label": f"Predicted against actual {task.target} on the holdout",
            "caption": "Each point is a row of the holdout; on the dashed line it is met exactly.",
        }
        yield {
            "svg": figures.residuals(target, prediction),
            "label": "Errors against predicted values on the holdout",
            "caption": "Above the line the prediction is too high, below it too low.",
        }


def _confusion(report: TrainingReport) -> View | None:
    """Counts of actual against predicted classes, with each row's shares."""
    task = report.task
    if not task.is_classification or len(task.classes) > _MOST_CLASSES or not len(report.target):
        return None
    k = len(task.classes)
    said = report.prediction.argmax(axis=1) if report.said is None else report.said
    counts = np.zeros((k, k), dtype="int64")
    np.add.at(counts, (report.target, said), 1)
    totals = counts.sum(axis=1)
    rows = [
        {
            "label": value_text(label),
            "total": int(total),
            "cells": [
                {"count": int(c), "share": c / max(total, 1), "hit": at == column}
                for column, c in enumerate(line)
            ],
        }
        for at, (label, line, total) in enumerate(zip(task.classes, counts, totals, strict=True))
    ]
    return {"labels": [value_text(label) for label in task.classes], "rows": rows}


def _explanations(report: TrainingReport) -> Iterator[View]:
    said = {str(line["row_key"]): line for line in report.explained.to_dict("records")}
    for key, lines in report.explanations.groupby("row_key", sort=False):
        first = lines.iloc[0]
        bars = [
            {"condition": line["condition"], "weight": float(line["weight"]), "named": True}
            for line in lines.to_dict("records")
        ]
        other = float(first["local_prediction"] - first["intercept"] - lines["weight"].sum())
        if abs(other) > 1e-9 * max(1.0, abs(float(first["local_prediction"]))):
            bars.append({"condition": "all other columns", "weight": other, "named": False})
        longest = max(abs(bar["weight"]) for bar in bars) or 1.0
        for bar in bars:
            bar["length"] = 50 * abs(bar["weight"]) / longest
        about = said.get(str(key), {})
        yield {
            "key": key,
            "reason": about.get("reason", ""),
            "actual": _actual(about, report.task),
            "label": first["class"] or "",
            "prediction": float(first["prediction"]),
            "intercept": float(first["intercept"]),
            "local": float(first["local_prediction"]),
            "r2": float(first["fit_r2"]),
            "stability": float(first["stability"]),
            "bars": bars,
        }


def _actual(about: dict[Any, Any], task: Task) -> str:
    if "actual" not in about:
        return ""
    actual = about["actual"]
    return value_text(actual) if task.is_classification else number(float(actual))


def _importance(table: pd.DataFrame) -> View:
    rows = table.head(_MOST_IMPORTANT).to_dict("records")
    longest = max((abs(row["importance"]) for row in rows), default=0.0) or 1.0
    for row in rows:
        row["length"] = 100 * max(row["importance"], 0.0) / longest
    return {"rows": rows, "left_out": max(0, len(table) - len(rows))}


def _outcomes(trials: pd.DataFrame) -> list[View]:
    """For each search the number of its trials by outcome, and the reasons of failures."""
    lines = []
    for (engine, search), part in trials.groupby(["engine", "search"], sort=False):
        counts = part["outcome"].value_counts()
        errors = part.loc[part["error"].fillna("") != "", "error"].value_counts().index[:2]
        lines.append(
            {
                "name": f"{engine} {search}",
                "trials": len(part),
                **{name: int(counts.get(name, 0)) for name in _OUTCOMES},
                "seconds": float((part["started"] + part["wall_seconds"]).max()),
                "errors": [value_text(error, longest=160) for error in errors],
            }
        )
    return lines


_OUTCOMES = ("ok", "pruned", "failed", "timeout")


def _searches(searches: list[dict[str, Any]]) -> View:
    names = list(dict.fromkeys(name for search in searches for name in search))
    names = [name for name in names if name != "deadline"]  # seconds say it for a reader
    return {"names": names, "rows": [[search.get(name) for name in names] for search in searches]}


def _split(split: dict[str, Any]) -> list[tuple[str, str]]:
    """The facts on the split, with those on classes laid out flat."""
    facts = []
    for name, value in split.items():
        inner = value.items() if isinstance(value, dict) else None
        if inner is None:
            facts.append((name, value_text(value)))
            continue
        for part, counts in list(inner)[:_MOST_CLASSES]:
            pairs = counts.items() if isinstance(counts, dict) else [("", counts)]
            told = ", ".join(f"{value_text(count)} {key}".strip() for key, count in pairs)
            facts.append((f"{name}, {value_text(part)}", told))
    return facts
