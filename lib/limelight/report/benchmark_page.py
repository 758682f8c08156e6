"""The page that tells a benchmark: who was how good on which task, and at what cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from limelight.explain.text import value_text
from limelight.report.benchmark_figure import MOST_ROWS, places, task_figure
from limelight.report.template import number, template
from limelight.search.metrics import METRICS

View = dict[str, Any]


@dataclass(frozen=True)
class BenchmarkReport:
    """All that the page shows.

    Args:
        title: The run's pathspec, e.g. ``"BenchmarkFlow/12"``.
        us: The tool that all others are compared with.
        results: A row for each tool, task and seed: tool, task, seed, status, metric, score, low,
            high, floor, normalised, rank, train_rows, test_rows, overrun_seconds, waited_seconds,
            cpu_seconds, peak_mb, seconds_per_1000, load_before, load_after, about.
        summary: A row for each tool, the best rank first: runs, ok, common, mean normalised, mean
            rank, worst overrun s, mean overrun s, late, peak MB, s per 1000 rows, load before.
        comparisons: A row for each other tool, task and seed: tool, task, seed, metric,
            difference, low, high, verdict.
        wins: A row for each other tool: wins, ties, losses.
        budget: What each run was given, e.g. ``"5 min"``.
        cores: Cores of each run.
        notes: What is missing or went wrong, a sentence each.
    """

    title: str
    us: str
    results: pd.DataFrame
    summary: pd.DataFrame
    comparisons: pd.DataFrame
    wins: pd.DataFrame
    budget: str
    cores: int
    notes: Sequence[str] = ()


def render_benchmark_report(report: BenchmarkReport) -> str:
    """The page of a benchmark as a text of HTML, complete in itself.

    Everything that comes from data is escaped; no script, no font and no picture is loaded.
    """
    tools = list(report.summary.index)
    return str(
        template("benchmark.html").render(
            report=report,
            ours=report.summary.loc[report.us].to_dict(),
            tools=tools,
            facts=_facts(report),
            verdict=_verdict(report),
            summary=report.summary.reset_index().to_dict("records"),
            scores=_scores(report, tools),
            figure=task_figure(report.results, tools, report.us),
            not_drawn=max(0, len(places(report.results)) - MOST_ROWS),
            pairs=_pairs(report),
            differences=report.comparisons.to_dict("records"),
            runs=_runs(report),
        )
    )


def _facts(report: BenchmarkReport) -> list[tuple[str, str]]:
    results = report.results
    tasks, seeds = results["task"].nunique(), results["seed"].nunique()
    ours = results[results["tool"] == report.us]
    loads = pd.concat([ours["load_before"], ours["load_after"]]).dropna()
    facts = [
        ("Tasks", f"{tasks} with {seeds} seed{'s' if seeds > 1 else ''}"),
        ("Promised", f"{report.budget} a run, {report.cores} core{'s' * (report.cores > 1)}"),
        ("Compared with", ", ".join(name for name in report.summary.index if name != report.us)),
    ]
    if len(loads):
        facts.append(("Load of the machine", f"{loads.min():.1f} to {loads.max():.1f}"))
    return facts


def _verdict(report: BenchmarkReport) -> str:
    ours: Any = report.summary.loc[report.us]
    said = [f"{report.us} gave a model in {int(ours['ok'])} of {int(ours['runs'])} runs."]
    worst = ours["worst overrun s"]
    if pd.notna(worst):
        late = int(ours["late"])
        kept = f"{late} of them over 5 s late" if late else "none over 5 s late"
        ended = "after" if worst > 0 else "before"
        said.append(f"The latest ended {abs(worst):.1f} s {ended} the promised time; {kept}.")
    if len(report.comparisons):
        counts = report.comparisons["verdict"].value_counts()
        told = [f"{counts.get(word, 0)} times {word}" for word in ("better", "even", "worse")]
        said.append(f"Against the others, row by row: {', '.join(told)}.")
    return " ".join(said)


def _scores(report: BenchmarkReport, tools: Sequence[str]) -> list[View]:
    lines = []
    for (task, seed), part in report.results.groupby(["task", "seed"], sort=False):
        metric = METRICS[part["metric"].iloc[0]]
        own: dict[str, View] = {
            str(row["tool"]): {str(name): value for name, value in row.items()}
            for row in part.to_dict("records")
        }
        cells = [own.get(tool, {}) for tool in tools]
        lines.append(
            {
                "task": task,
                "seed": seed,
                "metric": metric.name,
                "better": "greater" if metric.greater_is_better else "less",
                "rows": f"{int(part['train_rows'].iloc[0]):,}",
                "tests": f"{int(part['test_rows'].iloc[0]):,}",
                "cells": [_cell(cell) for cell in cells],
            }
        )
    return lines


def _cell(row: View) -> View:
    score = row.get("score")
    if score is None or math.isnan(score):
        return {"score": row.get("status", ""), "interval": "", "best": False}
    return {
        "score": f"{score:.5g}" if abs(score) < 1000 else number(score),
        "interval": f"{number(row['low'])} to {number(row['high'])}",
        "best": row["rank"] < 2 and row["normalised"] == 1,
    }


def _pairs(report: BenchmarkReport) -> list[View]:
    """For each other tool how often we won, and how often that is more than noise."""
    counts = pd.crosstab(report.comparisons["tool"], report.comparisons["verdict"])
    counts = counts.reindex(
        index=report.wins.index, columns=["better", "even", "worse"], fill_value=0
    )
    lines = report.wins.join(counts).astype(object)
    order = [name for name in report.summary.index if name in lines.index]
    return [{"tool": name, **lines.loc[name].to_dict()} for name in order]


def _runs(report: BenchmarkReport) -> list[View]:
    ours = report.results[report.results["tool"] == report.us]
    return [
        {str(k): v for k, v in row.items()} | {"about": value_text(row["about"] or row["reason"])}
        for row in ours.to_dict("records")
    ]
