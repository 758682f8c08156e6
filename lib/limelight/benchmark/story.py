"""The story of a benchmark, told from its artifacts: the report, and the lines at its end."""

from __future__ import annotations

from typing import Any

from limelight.benchmark.measure import US
from limelight.report.benchmark_page import BenchmarkReport

_SHOWN = ["ok", "mean normalised", "mean rank", "worst overrun s", "peak MB", "s per 1000 rows"]


def report_of(data: Any, title: str) -> BenchmarkReport:
    """The report on a benchmark.

    Args:
        data: The flow in its last steps, or ``Run.data``.
        title: The run's pathspec.
    """
    return BenchmarkReport(
        title=title,
        us=US,
        results=data.results,
        summary=data.summary,
        comparisons=data.comparisons,
        wins=data.wins,
        budget=budget(data.wish),
        cores=data.wish.cores,
        notes=data.notes,
    )


def budget(wish: Any) -> str:
    """A budget in words.

    Example:
        >>> from limelight.benchmark.measure import Wish
        >>> budget(Wish(5.0, None, "tpot", 1, 2)), budget(Wish(None, 3, "tpot", 1, 2))
        ('5 min', '3 trials a search')
    """
    return f"{wish.trials} trials a search" if wish.minutes is None else f"{wish.minutes:g} min"


def opening_lines(planned: list[tuple[str, int]], wish: Any) -> list[str]:
    """What is going to be run, and how long that takes."""
    runs = f"{len(planned)} runs of {budget(wish)} on {wish.cores} cores"
    if wish.minutes is None:
        return [f"{runs}, one after another on one machine"]
    whole = len(planned) * wish.minutes
    return [f"{runs}: about {whole:.0f} min on one machine, where they take turns"]


def closing_lines(data: Any, run: str) -> list[str]:
    """What came out and where to look, for the terminal."""
    table = data.summary[_SHOWN].to_string(float_format=lambda value: f"{value:.4g}", na_rep="-")
    return [
        "",
        table,
        "",
        *data.notes,
        "look at it:  python flows/benchmark.py card view compare",
        f"use it:      from metaflow import Run; Run({run!r}).data.results",
    ]
