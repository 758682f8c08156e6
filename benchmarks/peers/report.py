"""Tables of stored results: scores with intervals, normalised scores, ranks, cost, and a plot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.peers.tools import TOOLS, US
from limelight.benchmark.results import Result, Results, group_by_budget
from limelight.benchmark.scores import (
    against,
    normalised,
    results_frame,
    summary,
    verdicts,
    wins,
)
from limelight.search.metrics import METRICS


def report(store: Results, tools: Sequence[str] = ()) -> str:
    """All tables in Markdown, a chapter for each budget, of the tools named (else of all)."""
    results = [result for result in store.all() if result.tool in (tools or [result.tool])]
    parts = []
    for (minutes, cores), group in group_by_budget(results).items():
        parts += [f"## {minutes:g} min, {cores} cores", ""]
        parts += _chapter(store, group)
    return "\n".join(parts) if parts else "No results yet."


def _chapter(store: Results, group: Sequence[Result]) -> list[str]:
    parts = ["### Scores on the test rows, with 95% intervals", "", _scores(group), ""]
    parts += ["### Normalised: 0 the constant predictor, 1 the best", ""]
    scaled = normalised(group)
    parts += [_markdown(scaled[_in_order(scaled.columns)], "{:.3f}"), ""]
    parts += ["### Over all tasks", "", _summary(group), ""]
    if US in scaled.columns and len(scaled.columns) > 1:
        parts += [f"### {US} against each", "", *_duels(group, store), ""]
    lost = [result for result in group if not result.is_ok]
    if lost:
        parts += ["### Without predictions", ""]
        parts += [f"- {r.tool} on {r.task}, seed {r.seed}: {r.status}, {r.reason}" for r in lost]
        parts += [""]
    return parts


def _duels(group: Sequence[Result], store: Results) -> list[str]:
    """How often our score is above another's, and how often that is more than noise."""
    table, pairs = wins(group, US), against(group, store.predictions, US)
    if pairs.empty:
        return [_markdown(table.loc[_in_order(table.index)])]
    table = table.join(verdicts(pairs))
    told = f"Paired on the test rows; the difference is positive where {US} is better."
    details = _markdown(pairs.set_index("tool"), "{:.4g}")
    return [_markdown(table.loc[_in_order(table.index)], "{:.0f}"), "", told, "", details]


def plot(store: Results, path: Path, tools: Sequence[str] = ()) -> list[Path]:
    """Draw the normalised scores, a file for each budget, as an SVG that suits any page.

    Args:
        store: The results.
        path: What the files are called after: ``peers.svg`` gives ``peers-1min-2cores.svg``.
        tools: The tools to draw; all if empty.

    Returns:
        The files.
    """
    from limelight.report.benchmark_figure import standalone_figure

    drawn = []
    results = [result for result in store.all() if result.tool in (tools or [result.tool])]
    for (minutes, cores), group in group_by_budget(results).items():
        file = path.with_stem(f"{path.stem}-{minutes:g}min-{cores}cores")
        ordered = list(summary(group).index)
        file.write_text(standalone_figure(results_frame(group), ordered, US), encoding="utf-8")
        drawn.append(file)
    return drawn


def _in_order(names: Iterable[str]) -> list[str]:
    """The tools in the order of their list; those it does not know after them."""
    known = list(TOOLS)
    return sorted(names, key=lambda name: (known.index(name) if name in known else 99, name))


def _scores(group: Sequence[Result]) -> str:
    tools = _in_order({result.tool for result in group})
    lines = [["task", "seed", "metric", *tools]]
    cells = {(result.task, result.seed, result.tool): result for result in group}
    for task, seed in sorted({(result.task, result.seed) for result in group}):
        row = [cells.get((task, seed, tool)) for tool in tools]
        metric = METRICS[next(result for result in row if result).metric]
        gains = [metric.sign * r.score for r in row if r and r.score is not None]
        best = max(gains, default=None)
        arrow = "greater" if metric.greater_is_better else "less"
        shown = [_score(result, metric.sign, best) for result in row]
        lines.append([task, str(seed), f"{metric.name} ({arrow} is better)", *shown])
    return _table(lines)


def _score(result: Result | None, sign: float, best: float | None) -> str:
    if result is None:
        return ""
    if result.score is None:
        return result.status
    score = f"**{result.score:.5g}**" if sign * result.score == best else f"{result.score:.5g}"
    return f"{score} [{result.low:.4g}, {result.high:.4g}]"


def _summary(group: Sequence[Result]) -> str:
    frame = summary(group)
    formats = {"mean normalised": "{:.3f}", "mean rank": "{:.2f}", "s per 1000 rows": "{:.3f}"}
    for name in frame.columns:
        pattern = formats.get(name, "{:.0f}" if name in {"peak MB"} else "{:.1f}")
        if frame[name].dtype.kind == "f":
            frame[name] = [_shown(value, pattern) for value in frame[name]]
    return _markdown(frame)


def _markdown(frame: pd.DataFrame, pattern: str = "{}") -> str:
    flat = frame.reset_index()
    rows = [[_shown(value, pattern) for value in row] for row in flat.itertuples(index=False)]
    return _table([[str(name) for name in flat.columns], *rows])


def _shown(value: object, pattern: str) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else pattern.format(value)
    return str(value)


def _table(lines: Sequence[Sequence[str]]) -> str:
    head, *rows = lines
    ruled = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in ruled)
