"""Figures as inline SVG that takes its colours from the page it stands in.

Matplotlib draws with five stand-in colours; in the text of the SVG they become CSS variables, so
that one figure suits a light and a dark page. Nothing here touches pyplot's global state.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[Any]

INK, MUTED, LINE = "#010203", "#010204", "#010205"
SERIES = ("#010206", "#010207", "#010208", "#010209")
_VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    LINE: "var(--line)",
    **{colour: f"var(--series-{at})" for at, colour in enumerate(SERIES)},
}
_DASHES = ("-", "--", ":", "-.")
_MOST_POINTS = 1_500
_MARKERS = ("s", "D", "^", "v")
#: Ends of the axis of normalised scores.
_LEFT, _RIGHT = -0.25, 1.08
_STYLE = {
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": False,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
}


@contextmanager
def _axes(size: tuple[float, float] = (4.8, 3.7)) -> Iterator[tuple[Any, Any]]:
    """A figure with one pair of axes in the style of the page."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=size, layout="constrained")
        yield figure, figure.add_subplot()


def _svg(figure: Any, name: str) -> str:
    """The figure as an ``<svg>`` element, scaled by the page; equal figures give equal text."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    buffer = io.StringIO()
    # The salt keeps the identifiers of one figure apart from those of the next.
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": name}):
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = text.replace("<svg ", '<svg aria-hidden="true" ', 1)
    text = text.replace("'DejaVu Sans'", "system-ui").replace("DejaVu Sans", "system-ui")
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    # Identifiers are shared by the whole page: only those that are referred to stay.
    return re.sub(r'\bid="((?:figure|axes|patch|line2d|text|matplotlib|[xy]tick)[^"]*)"', "", text)


def roc_curve(target: Array, prediction: Array) -> str:
    """The ROC curve of a binary task.

    Args:
        target: Codes 0 and 1, shape (n,).
        prediction: Probabilities, shape (n, 2).

    Returns:
        An ``<svg>`` element.
    """
    from sklearn.metrics import roc_curve as curve

    false, true, _ = curve(target == 1, prediction[:, 1])
    with _axes() as (figure, axes):
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle="--")
        axes.fill_between(*_thinned(false, true), color=SERIES[0], alpha=0.12, linewidth=0)
        axes.plot(*_thinned(false, true), color=SERIES[0])
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02), title="ROC curve")
        axes.set(xlabel="false positive rate", ylabel="true positive rate")
        return _svg(figure, "roc")


def precision_recall_curve(target: Array, prediction: Array) -> str:
    """Precision against recall of a binary task; the dashed line is the share of positives."""
    from sklearn.metrics import precision_recall_curve as curve

    precision, recall, _ = curve(target == 1, prediction[:, 1])
    with _axes() as (figure, axes):
        axes.axhline(float((target == 1).mean()), color=MUTED, linewidth=0.8, linestyle="--")
        axes.plot(*_thinned(recall, precision), color=SERIES[0], drawstyle="steps-post")
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02), title="Precision and recall")
        axes.set(xlabel="recall", ylabel="precision")
        return _svg(figure, "pr")


def predicted_against_actual(target: Array, prediction: Array, name: str) -> str:
    """Predicted against actual values; many rows as cells, shaded by their number."""
    low = float(min(target.min(), prediction.min()))
    high = float(max(target.max(), prediction.max()))
    with _axes() as (figure, axes):
        axes.plot([low, high], [low, high], color=MUTED, linewidth=0.8, linestyle="--")
        _cloud(axes, target, prediction)
        _thousands(axes.xaxis, axes.yaxis)
        axes.set(title="Predicted against actual", xlabel=f"actual {name}", ylabel="predicted")
        return _svg(figure, "fit")


def residuals(target: Array, prediction: Array) -> str:
    """Errors (predicted less actual) against predicted values."""
    with _axes() as (figure, axes):
        axes.axhline(0.0, color=MUTED, linewidth=0.8, linestyle="--")
        _cloud(axes, prediction, prediction - target)
        _thousands(axes.xaxis, axes.yaxis)
        axes.set(title="Errors", xlabel="predicted", ylabel="predicted less actual")
        return _svg(figure, "residuals")


def search_progress(trials: pd.DataFrame, metric: str, greater_is_better: bool) -> str:
    """The best score so far of each search over its time; faint dots are single trials.

    Args:
        trials: Columns engine, search, outcome, score, started, wall_seconds.
        metric: Name of the metric.
        greater_is_better: Its direction.

    Returns:
        An ``<svg>`` element, or "" where no trial has a score.
    """
    scored = trials[(trials["outcome"] == "ok") & trials["score"].notna()]
    if scored.empty:
        return ""
    scored = scored.assign(at=scored["started"] + scored["wall_seconds"]).sort_values("at")
    engines = list(dict.fromkeys(trials["engine"]))
    shown: list[Array] = []
    end = float(scored["at"].max())
    with _axes((8.2, 3.2)) as (figure, axes):
        for name in dict.fromkeys(zip(scored["engine"], scored["search"], strict=True)):
            engine, number = str(name[0]), int(name[1])
            part = scored[(scored["engine"] == engine) & (scored["search"] == number)]
            colour = SERIES[engines.index(engine) % len(SERIES)]
            score = part["score"].astype("float64")
            best = (score.cummax() if greater_is_better else score.cummin()).to_numpy()
            at = part["at"].to_numpy()
            shown.append(best)
            axes.scatter(at, score, s=9, color=colour, alpha=0.45, linewidths=0)
            axes.step(
                [*at, end],
                [*best, best[-1]],
                where="post",
                color=colour,
                linestyle=_DASHES[number % len(_DASHES)],
                label=f"{engine} {number}",
            )
        axes.set_ylim(*_window(shown, greater_is_better))
        axes.set(title="Best score so far", xlabel="seconds since the search began", ylabel=metric)
        axes.legend(loc="best", ncols=2)
        return _svg(figure, "progress")


def scores_by_task(table: pd.DataFrame, tools: Sequence[str], us: str) -> str:
    """Normalised scores: a row for each task, in it a dot with its interval for each tool.

    Args:
        table: Columns place (the row's name), tool, normalised, and low and high on the same axis;
            NaN for no interval.
        tools: The tools in the order of the legend.
        us: The tool that is drawn larger.

    Returns:
        An ``<svg>`` element.
    """
    places = list(dict.fromkeys(table["place"]))
    others = [tool for tool in tools if tool != us and tool in set(table["tool"])]
    # A hopeless few do not push the others together.
    left = float(np.clip(table["normalised"].quantile(0.1) - 0.1, _LEFT, 0.8))
    step = 0.76 / max(1, len(tools))
    with _axes((8.2, 0.9 + len(places) * max(0.34, 0.115 * len(tools)))) as (figure, axes):
        for at in range(1, len(places)):
            axes.axhline(at - 0.5, color=LINE, linewidth=0.6)
        axes.axvline(1.0, color=MUTED, linewidth=0.8, linestyle="--")
        for place, tool in enumerate([us, *others]):
            part = table[table["tool"] == tool]
            y = [places.index(name) - 0.38 + (place + 0.5) * step for name in part["place"]]
            colour = SERIES[0] if tool == us else SERIES[1 + (place - 1) % 3]
            marker = "o" if tool == us else _MARKERS[(place - 1) // 3 % len(_MARKERS)]
            low, high = (part[name].clip(left, _RIGHT) for name in ("low", "high"))
            axes.hlines(y, low, high, color=colour, linewidth=2.4 if tool == us else 1.2, alpha=0.5)
            x = part["normalised"].clip(left, None)
            size = 44 if tool == us else 22
            axes.scatter(x, y, s=size, color=colour, marker=marker, label=tool, linewidths=0)
        axes.set(xlim=(left - 0.01, _RIGHT), ylim=(len(places) - 0.5, -0.5))
        axes.set_yticks(range(len(places)), places)
        axes.set(xlabel="normalised score")
        axes.grid(axis="y", visible=False)
        figure.legend(loc="outside upper left", ncols=6)
        return _svg(figure, "tasks")


def _window(bests: list[Array], greater_is_better: bool) -> tuple[float, float]:
    """Limits that show how all searches end, and not only how badly they began."""
    everything = np.concatenate(bests)
    ends = [best[-1] for best in bests]
    top, bottom = float(everything.max()), float(everything.min())
    if greater_is_better:
        bottom = float(min(np.quantile(everything, 0.1), *ends))
    else:
        top = float(max(np.quantile(everything, 0.9), *ends))
    margin = 0.12 * (top - bottom) or 0.05 * abs(top) or 0.05
    return bottom - margin, top + margin


def _cloud(axes: Any, x: Array, y: Array) -> None:
    if len(x) <= _MOST_POINTS:
        axes.scatter(x, y, s=9, color=SERIES[0], alpha=0.45, linewidths=0)
        return
    from matplotlib.colors import ListedColormap, LogNorm, to_rgb

    shades = ListedColormap([(*to_rgb(SERIES[0]), alpha) for alpha in np.linspace(0.15, 1, 12)])
    axes.hexbin(x, y, gridsize=34, mincnt=1, cmap=shades, norm=LogNorm(), linewidths=0)


def _thousands(*sides: Any) -> None:
    """Ticks of large numbers with separators."""
    for side in sides:
        if max(abs(limit) for limit in side.get_view_interval()) >= 10_000:
            side.set_major_formatter("{x:,.0f}")


def _thinned(x: Array, y: Array, most: int = 400) -> tuple[Array, Array]:
    """A curve with no more points than the eye can tell apart."""
    if len(x) <= most:
        return x, y
    chosen = np.unique(np.linspace(0, len(x) - 1, most).round().astype(int))
    return x[chosen], y[chosen]
