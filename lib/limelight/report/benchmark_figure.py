"""Normalised scores task by task, for the page of a benchmark and as a file of its own."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from limelight.report.figures import scores_by_task
from limelight.search.metrics import METRICS

MOST_ROWS = 60
#: The constant is 0 on this axis by its definition.
_FLOOR = "constant"

_COLOURS = (
    ":root{--ink:#1d2017;--muted:#6a6f60;--line:#d9dccd;"
    "--series-0:#6b8c00;--series-1:#7551a8;--series-2:#1f77b4;--series-3:#8a8f80}"
    "@media(prefers-color-scheme:dark){:root{--ink:#eceee3;--muted:#a0a593;--line:#33372a;"
    "--series-0:#c3dc3c;--series-1:#b594ea;--series-2:#6db5f0;--series-3:#8d9281}}"
)


def places(results: pd.DataFrame) -> list[tuple[str, int]]:
    """Tasks and seeds in their order."""
    return list(dict.fromkeys(zip(results["task"], results["seed"], strict=True)))


def task_figure(results: pd.DataFrame, tools: Sequence[str], us: str) -> str:
    """The first 60 tasks and seeds as an ``<svg>`` element that takes its colours from its page.

    Args:
        results: A row for each tool, task and seed: task, seed, tool, metric, score, low, high,
            floor, normalised.
        tools: In the order of the legend.
        us: The tool that stands out.
    """
    return scores_by_task(on_one_axis(results), tools, us)


def standalone_figure(results: pd.DataFrame, tools: Sequence[str], us: str) -> str:
    """The same as an SVG file, with colours of its own for light and dark pages."""
    svg = task_figure(results, tools, us)
    head, _, rest = svg.partition(">")
    return f"{head}><style>{_COLOURS}</style>{rest}"


def on_one_axis(results: pd.DataFrame) -> pd.DataFrame:
    """What is drawn: the results with a name for their row, and intervals as normalised scores."""
    results = results[results["tool"] != _FLOOR]
    kept = places(results)[:MOST_ROWS]
    here = [place in kept for place in zip(results["task"], results["seed"], strict=True)]
    table = results[here].copy()
    several = table["seed"].nunique() > 1
    table["place"] = [
        f"{task}, seed {seed}" if several else task
        for task, seed in zip(table["task"], table["seed"], strict=True)
    ]
    signs = table["metric"].map(lambda name: METRICS[name].sign)
    gains = signs * table["score"].astype("float64").fillna(table["floor"])
    floors = signs * table["floor"]
    best = gains.groupby([table["task"], table["seed"]]).transform("max")
    room = (best - floors).where(best > floors)
    ends = [(signs * table[name].astype("float64") - floors) / room for name in ("low", "high")]
    # Of a metric that is to be small, the better end is the lower one.
    return table.assign(
        low=ends[0].where(signs > 0, ends[1]), high=ends[1].where(signs > 0, ends[0])
    )
