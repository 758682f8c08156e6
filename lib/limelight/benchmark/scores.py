"""What scores on many tasks say together: normalised between a floor and the best, and ranked.

As the AutoML Benchmark has it (Gijsbers et al., "AMLB: an AutoML Benchmark", JMLR 25, 2024): 0 is
the constant predictor, 1 the best tool on the task; who has no predictions counts as the constant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limelight.benchmark.results import Result
from limelight.errors import InputError
from limelight.model.comparison import compare
from limelight.search.metrics import METRICS

Array = NDArray[Any]

#: A normalised score below this counts as this in means: one disaster is enough.
WORST = -1.0
#: What is left of the time has to be less than this for a run to have kept it.
KEPT_WITHIN = 5.0

PAIR_COLUMNS = ["tool", "task", "seed", "metric", "difference", "low", "high", "verdict"]


class Predictions(Protocol):
    """Finds the predictions of a result: truth (n,), and prediction (n,) or (n, k)."""

    def __call__(self, result: Result, /) -> tuple[Array, Array]: ...


def gains(results: Iterable[Result]) -> tuple[pd.DataFrame, pd.Series]:
    """Scores with their sign set so that greater is better.

    Returns:
        A row for each task and seed and a column for each tool, NaN where it was not run; and
        the constant predictor's on each row.
    """
    rows = []
    for result in results:
        sign = METRICS[result.metric].sign
        score = result.floor if result.score is None else result.score
        facts = {"gain": sign * score, "floor": sign * result.floor}
        rows.append({"task": result.task, "seed": result.seed, "tool": result.tool} | facts)
    frame = pd.DataFrame(rows, columns=["task", "seed", "tool", "gain", "floor"])
    table = frame.pivot(index=["task", "seed"], columns="tool", values="gain")
    floors = frame.groupby(["task", "seed"])["floor"].first()
    return table[list(dict.fromkeys(frame["tool"]))], floors


def normalised(results: Iterable[Result]) -> pd.DataFrame:
    """Scores between the constant predictor (0) and the best tool on the task (1).

    Returns:
        A row for each task and seed, a column for each tool; NaN where it was not run. A tool
        that is worse than the constant predictor is below 0.
    """
    table, floors = gains(results)
    room = (table.max(axis=1) - floors).clip(lower=0)
    ahead = table.sub(floors, axis=0)
    # Where nobody beats the constant predictor there is nothing to tell apart from it.
    return ahead.div(room.where(room > 0), axis=0).fillna(ahead.where(ahead.isna(), 0.0))


def ranks(results: Iterable[Result]) -> pd.DataFrame:
    """Ranks from 1, the best; ties share their mean. Rows and columns as of `normalised`."""
    return gains(results)[0].rank(axis=1, ascending=False, method="average")


def summary(results: Sequence[Result]) -> pd.DataFrame:
    """A row for each tool: what it scored, how it kept its time, what it took.

    Means of normalised scores and ranks are over the tasks and seeds that every tool was run on
    (``common``), since others would compare different tasks. The best rank comes first.
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
                **_costs(own),
            }
        )
    return pd.DataFrame(rows).set_index("tool").sort_values("mean rank", kind="stable")


def results_frame(results: Sequence[Result]) -> pd.DataFrame:
    """Every result a row, with its normalised score and its rank on the task."""
    scaled, places = normalised(results), ranks(results)
    rows = [
        asdict(result)
        | {
            "normalised": scaled.loc[(result.task, result.seed), result.tool],
            "rank": places.loc[(result.task, result.seed), result.tool],
        }
        for result in results
    ]
    return pd.DataFrame(rows)


def against(results: Sequence[Result], predictions: Predictions, us: str) -> pd.DataFrame:
    """Ourselves against each other tool, task by task, by a paired bootstrap of the test rows.

    Args:
        results: Of one budget.
        predictions: Finds the predictions of a result.
        us: The name of our tool.

    Returns:
        A row for each tool, task and seed both have predictions for: ``difference`` in the
        metric's units, positive where we are better, with its 95% interval ``low`` to ``high``,
        and ``verdict``: ``better`` or ``worse`` where the interval leaves out 0, else ``even``.

    Raises:
        InputError: Two results are of other test rows.
    """
    found = [result for result in results if result.is_ok and result.predictions]
    ours = {(result.task, result.seed): result for result in found if result.tool == us}
    rows = []
    for other in found:
        mine = ours.get((other.task, other.seed))
        if mine is None or other.tool == us:
            continue
        (truth, one), (same, two) = predictions(mine), predictions(other)
        if not np.array_equal(truth, same):
            raise InputError(
                f"{mine.tool} and {other.tool} were scored on other test rows of {mine.task!r}."
            )
        pair = compare(METRICS[mine.metric], truth, (us, one), (other.tool, two), rows="test")
        verdict = "better" if pair.low > 0 else "worse" if pair.high < 0 else "even"
        facts = {"difference": pair.difference, "low": pair.low, "high": pair.high}
        names = {"tool": other.tool, "task": other.task, "seed": other.seed}
        rows.append(names | {"metric": mine.metric} | facts | {"verdict": verdict})
    return pd.DataFrame(rows, columns=pd.Index(PAIR_COLUMNS))


def verdicts(pairs: pd.DataFrame) -> pd.DataFrame:
    """How often we are better than each tool, even with it, or worse; of `against`."""
    counts = pd.crosstab(pairs["tool"], pairs["verdict"])
    counts = counts.reindex(columns=["better", "even", "worse"], fill_value=0)
    return counts.loc[list(dict.fromkeys(pairs["tool"]))].rename_axis(columns=None)


def wins(results: Iterable[Result], us: str) -> pd.DataFrame:
    """How often our score is above another tool's, the same, or below, noise or not."""
    table, _ = gains(results)
    others = [name for name in table.columns if name != us]
    ahead: Mapping[str, pd.Series] = {name: (table[us] - table[name]).dropna() for name in others}
    rows = [
        {"tool": name, "wins": int((gap > 0).sum()), "ties": int((gap == 0).sum())}
        | {"losses": int((gap < 0).sum())}
        for name, gap in ahead.items()
    ]
    return pd.DataFrame(rows, columns=["tool", "wins", "ties", "losses"]).set_index("tool")


def _costs(own: Sequence[Result]) -> dict[str, float]:
    table = pd.DataFrame([asdict(result) for result in own])

    def values(name: str) -> pd.Series:
        return pd.to_numeric(table[name]).dropna()

    over = values("overrun_seconds")
    return {
        "worst overrun s": over.max(),
        "mean overrun s": over.mean(),
        "late": int((over > KEPT_WITHIN).sum()),
        "mean fit s": values("fit_seconds").mean(),
        "mean waited s": values("waited_seconds").mean(),
        "peak MB": table["peak_mb"].where(table["peak_mb"] > 0).max(),
        "s per 1000 rows": values("seconds_per_1000").mean(),
        "load before": values("load_before").mean(),
        "load after": values("load_after").mean(),
    }
