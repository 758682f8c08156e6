"""Tables out of stored results: scores, normalised scores and ranks, times, ourselves against each.

Scores are the AutoML Benchmark's: ``roc_auc`` (greater is better), ``log_loss`` and ``rmse`` (less
is better). A run without predictions counts as the constant predictor, as it does there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd

from benchmarks.peers.results import Result, Results, group_by_budget
from benchmarks.peers.tools import TOOLS, US
from limelight.model.comparison import compare
from limelight.search.metrics import METRICS

#: A normalised score below this counts as this in means: one disaster is enough.
WORST = -1.0


def normalised(results: Iterable[Result]) -> pd.DataFrame:
    """Scores between the constant predictor (0) and the best tool on the task (1).

    Returns:
        A row for each task and seed, a column for each tool; NaN where it was not run. A tool
        that is worse than the constant predictor is below 0.
    """
    table, floors = _gains(results)
    room = (table.max(axis=1) - floors).clip(lower=0)
    ahead = table.sub(floors, axis=0)
    # Where nobody beats the constant predictor there is nothing to tell apart from it.
    return ahead.div(room.where(room > 0), axis=0).fillna(ahead.where(ahead.isna(), 0.0))


def ranks(results: Iterable[Result]) -> pd.DataFrame:
    """Ranks from 1, the best; ties share their mean. Rows and columns as of `normalised`."""
    return _gains(results)[0].rank(axis=1, ascending=False, method="average")


def summary(results: Sequence[Result]) -> pd.DataFrame:
    """A row for each tool: what it scored, how it kept its time, what it took.

    Means of normalised scores and ranks are over the tasks and seeds that every tool was run on
    (``common``), since others would compare different tasks.
    """
    scaled, places = normalised(results), ranks(results)
    common = scaled.notna().all(axis=1)
    rows = []
    for tool in scaled.columns:
        own = [result for result in results if result.tool == tool]
        rows.append(
            {
                "tool": tool,
                "runs": len(own),
                "ok": sum(result.is_ok for result in own),
                "common": int(common.sum()),
                "mean normalised": scaled.loc[common, tool].clip(lower=WORST).mean(),
                "mean rank": places.loc[common, tool].mean(),
                **_cost(own),
            }
        )
    return pd.DataFrame(rows).set_index("tool").sort_values("mean rank", kind="stable")


def against(store: Results, results: Sequence[Result], us: str = US) -> pd.DataFrame:
    """Ourselves against each other tool, task by task, by a paired bootstrap of the test rows.

    Returns:
        A row for each tool, task and seed both have predictions for: ``difference`` in the
        metric's units, positive where we are better, with its 95% interval ``low`` to ``high``,
        and ``verdict``: ``better`` or ``worse`` where the interval leaves out 0, else ``even``.
    """
    found = [result for result in results if result.is_ok]
    ours = {(result.task, result.seed): result for result in found if result.tool == us}
    rows = []
    for other in found:
        mine = ours.get((other.task, other.seed))
        if mine is None or other.tool == us:
            continue
        (truth, one), (same, two) = store.predictions(mine), store.predictions(other)
        if not np.array_equal(truth, same):
            raise ValueError(f"{mine.predictions} and {other.predictions} are of other test rows.")
        metric = METRICS[mine.metric]
        pair = compare(metric, truth, (us, one), (other.tool, two), rows="test")
        verdict = "better" if pair.low > 0 else "worse" if pair.high < 0 else "even"
        facts = {"difference": pair.difference, "low": pair.low, "high": pair.high}
        names = {"tool": other.tool, "task": other.task, "seed": other.seed}
        rows.append(names | {"metric": mine.metric} | facts | {"verdict": verdict})
    columns = ["tool", "task", "seed", "metric", "difference", "low", "high", "verdict"]
    return pd.DataFrame(rows, columns=pd.Index(columns))


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
    parts += [_markdown(normalised(group).rename_axis(index=["task", "seed"]), "{:.3f}"), ""]
    parts += ["### Over all tasks", "", _summary(group), ""]
    pairs = against(store, group)
    if len(pairs):
        parts += [f"### {US} against each (difference positive where {US} is better)", ""]
        parts += [_verdicts(pairs), "", _markdown(pairs.set_index("tool"), "{:.4g}"), ""]
    lost = [result for result in group if not result.is_ok]
    if lost:
        parts += ["### Without predictions", ""]
        parts += [f"- {r.tool} on {r.task}, seed {r.seed}: {r.status}, {r.reason}" for r in lost]
        parts += [""]
    return parts


def _gains(results: Iterable[Result]) -> tuple[pd.DataFrame, pd.Series]:
    """Scores with their sign set so that greater is better, and the floor of each row."""
    rows = []
    for result in results:
        sign = METRICS[result.metric].sign
        score = result.floor if result.score is None else result.score
        facts = {"gain": sign * score, "floor": sign * result.floor}
        rows.append({"task": result.task, "seed": result.seed, "tool": result.tool} | facts)
    frame = pd.DataFrame(rows)
    table = frame.pivot(index=["task", "seed"], columns="tool", values="gain")
    floors = frame.groupby(["task", "seed"])["floor"].first()
    return table[_in_order(table.columns)], floors


def _in_order(names: Iterable[str]) -> list[str]:
    """The tools in the order of their list; those it does not know after them."""
    known = list(TOOLS)
    return sorted(names, key=lambda name: (known.index(name) if name in known else 99, name))


def _cost(own: Sequence[Result]) -> dict[str, float]:
    def over(pick: Callable[[Result], float | None], fold: Callable[..., float]) -> float:
        values = [value for value in map(pick, own) if value is not None]
        return float(fold(values)) if values else float("nan")

    return {
        "worst overrun s": over(lambda r: r.overrun_seconds, max),
        "mean fit s": over(lambda r: r.fit_seconds, np.mean),
        "mean waited s": over(lambda r: r.waited_seconds, np.mean),
        "peak MB": over(lambda r: r.peak_mb or None, max),
        "s per 1000 rows": over(lambda r: r.seconds_per_1000, np.mean),
        "load before": over(lambda r: r.load_before, np.mean),
        "load after": over(lambda r: r.load_after, np.mean),
    }


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


def _verdicts(pairs: pd.DataFrame) -> str:
    counts = pd.crosstab(pairs["tool"], pairs["verdict"])
    counts = counts.reindex(columns=["better", "even", "worse"], fill_value=0)
    return _markdown(counts.loc[_in_order(counts.index)])


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
