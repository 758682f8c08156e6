"""How the cost of a training run grows: rows, columns, classes, searches.

    python benchmarks/scaling.py                                  all axes, five minutes a run
    python benchmarks/scaling.py --axes rows --minutes 2 --most 100000
    python benchmarks/scaling.py --quick                          two small points of each axis

Each run is the command of a user on a made table (mixed columns, a signal that can be learnt), in a
store of its own. All of its processes are watched: a process belongs to the step whose task it or
its parents are. Time is promised, so what grows is CPU time, memory, and what of the time is left
for the searches. The exponent is the slope of a line through the logarithms: 1 is proportional.
Prints Markdown; a line of JSON a run goes to --out.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil

from limelight.benchmark import processes

FLOW = Path(__file__).resolve().parent.parent / "flows" / "train.py"
#: The points of each axis, and what the others are kept at.
AXES: dict[str, tuple[int, ...]] = {
    "rows": (1_000, 10_000, 100_000, 1_000_000),
    "columns": (10, 50, 200, 500),
    "classes": (2, 10, 100),
    "searches": (1, 4, 16),
}
KEPT = {"rows": 10_000, "columns": 20, "classes": 2, "searches": 1}
#: Steps by what they are for; a search is what the user waits for gladly.
PHASES = {
    "start": ("start",),
    "searches": ("baselines", "search_tpot", "search_autokeras"),
    "choose": ("choose",),
    "explain": ("explain",),
}


def made_table(rows: int, columns: int, classes: int, seed: int = 0) -> pd.DataFrame:
    """A table with a target ``y``: numbers, whole numbers, few and many levels, missing values."""
    rng = np.random.default_rng(seed)
    table: dict[str, Any] = {}
    for place in range(columns):
        kind = place % 5
        if kind < 3:
            values = rng.normal(size=rows).round(4)
            table[f"number {place}"] = np.where(rng.random(rows) < 0.05, np.nan, values)
        elif kind == 3:
            table[f"count {place}"] = rng.integers(0, 1000, rows)
        else:
            levels = 8 if place % 10 == 4 else 300
            table[f"level {place}"] = rng.integers(0, levels, rows).astype(str)
            table[f"level {place}"] = "l" + pd.Series(table[f"level {place}"], dtype=object)
    frame = pd.DataFrame(table)
    numbers = frame.filter(like="number").fillna(0.0).to_numpy()
    signal = numbers[:, 0] + numbers[:, 1] * numbers[:, -1] + rng.normal(scale=0.5, size=rows)
    places = pd.Series(signal).rank(method="first").to_numpy() - 1
    frame["y"] = [f"class {int(place * classes // rows):03}" for place in places]
    return frame


@dataclass
class Watch:
    """CPU seconds, time and memory of each step, from looks at the processes of a run."""

    begun: float = field(default_factory=time.monotonic)
    cpu: dict[int, tuple[str, float]] = field(default_factory=dict)
    spans: dict[str, tuple[float, float]] = field(default_factory=dict)
    peak_mb: dict[str, float] = field(default_factory=dict)
    steps: dict[int, str] = field(default_factory=dict)

    def look(self, seen: Sequence[psutil.Process]) -> None:
        """Note what the processes have used so far."""
        now, memory = time.monotonic() - self.begun, dict[str, float]()
        for process in seen:
            try:
                step = self._step(process)
                used = process.cpu_times()
                memory[step] = memory.get(step, 0.0) + process.memory_info().rss / 2**20
            except psutil.Error:
                continue
            self.cpu[process.pid] = step, used.user + used.system
            self.spans[step] = self.spans.get(step, (now, now))[0], now
        for step, megabytes in memory.items():
            self.peak_mb[step] = max(self.peak_mb.get(step, 0.0), megabytes)

    def _step(self, process: psutil.Process) -> str:
        """The step of a task's own process, else that of its parent."""
        if process.pid not in self.steps:
            words = process.cmdline()
            named = words[words.index("step") + 1] if "step" in words[:-1] else ""
            named = named or self.steps.get(process.ppid(), "")
            if not named:
                # Perhaps it has not become what it is to be: it is looked at again.
                return ""
            self.steps[process.pid] = named
        return self.steps[process.pid]

    def phase(self, steps: Sequence[str]) -> dict[str, float]:
        """CPU seconds, seconds from the first to the last sign, and peak memory of some steps."""
        spans = [self.spans[step] for step in steps if step in self.spans]
        return {
            "cpu": round(sum(used for step, used in self.cpu.values() if step in steps), 1),
            "wall": round(
                max((b for _, b in spans), default=0) - min((a for a, _ in spans), default=0), 1
            ),
            "peak_mb": round(max((self.peak_mb.get(step, 0.0) for step in steps), default=0.0)),
        }


def measure(point: dict[str, int], minutes: float, engines: str) -> dict[str, Any]:
    """One run on a made table: what it took, by phase."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        table = made_table(point["rows"], point["columns"], point["classes"])
        table.to_csv(folder / "made.csv", index=False)
        frame_mb = table.memory_usage(deep=True).sum() / 2**20
        del table
        words = [sys.executable, str(FLOW), "run", "--source", "made.csv", "--target", "y"]
        words += ["--minutes", str(minutes), "--engines", engines]
        watch, cores = Watch(), processes.our_cores()
        ended = processes.run(
            [*words, "--searches", str(point["searches"])],
            environment={
                **os.environ,
                **processes.limits(cores),
                "METAFLOW_USER": "benchmark",
                "LIMELIGHT_STORE": "store.db",
                "LIMELIGHT_CACHE": str(folder / "cache"),
            },
            log=folder / "log",
            cores=cores,
            overdue=lambda passed: passed > 10 * 60 * minutes,
            folder=folder,
            look=watch.look,
        )
        said = (folder / "log").read_text("utf-8", errors="replace")
    phases = {phase: watch.phase(steps) for phase, steps in PHASES.items()}
    outside = watch.phase([step for step in watch.spans if step not in PHASES["searches"]])
    return {
        **point,
        "minutes": minutes,
        "status": "ok" if ended.code == 0 else "killed" if ended.code is None else "failed",
        "said": "" if ended.code == 0 else "\n".join(said.splitlines()[-20:]),
        "wall": round(ended.seconds, 1),
        "overrun": round(ended.seconds - 60 * minutes, 1),
        "cpu": ended.cpu_seconds,
        "outside": outside["cpu"],
        "peak_mb": round(ended.peak_mb),
        "frame_mb": round(frame_mb, 1),
        "phases": phases,
        "load": round(os.getloadavg()[0], 1),
    }


def exponent(x: Sequence[float], y: Sequence[float]) -> float:
    """The slope of a line through the logarithms; NaN for fewer than two points.

    Example:
        >>> round(exponent([1, 10, 100], [3, 30, 300]), 2)
        1.0
    """
    pairs = [(a, b) for a, b in zip(x, y, strict=True) if a > 0 and b > 0]
    if len(pairs) < 2:
        return float("nan")
    logs = np.log(np.asarray(pairs, dtype="float64"))
    return float(np.polyfit(logs[:, 0], logs[:, 1], 1)[0])


#: What is shown of a run, and the figure whose growth is told.
COLUMNS: dict[str, tuple[str, ...]] = {
    "waited s": ("wall",),
    "late s": ("overrun",),
    "CPU s": ("cpu",),
    "outside the searches, CPU s": ("outside",),
    **{f"{phase} s": ("phases", phase, "wall") for phase in ("start", "choose", "explain")},
    **{f"{phase} CPU s": ("phases", phase, "cpu") for phase in ("start", "choose", "explain")},
    "search MB": ("phases", "searches", "peak_mb"),
    "choose MB": ("phases", "choose", "peak_mb"),
    "peak MB": ("peak_mb",),
    "frame MB": ("frame_mb",),
}


def table_of(axis: str, runs: Sequence[dict[str, Any]]) -> str:
    """A Markdown table of an axis: a row a point, and below them the exponents."""
    lines = [[axis, "ended", *COLUMNS, "peak in frames"]]
    for run in runs:
        cells = [f"{_figure(run, path):,.1f}" for path in COLUMNS.values()]
        frames = f"{run['peak_mb'] / max(run['frame_mb'], 0.1):,.1f}"
        lines.append([f"{run[axis]:,}", run["status"], *cells, frames])
    done = [run for run in runs if run["status"] == "ok"]
    x = [run[axis] for run in done]
    grown = [exponent(x, [_figure(run, path) for run in done]) for path in COLUMNS.values()]
    last = [
        exponent(x[-2:], [_figure(run, path) for run in done[-2:]]) for path in COLUMNS.values()
    ]
    for name, slopes in (("exponent", grown), ("of the last two", last)):
        lines.append([name, "", *("" if s != s else f"{s:.2f}" for s in slopes), ""])
    ruled = [lines[0], ["---"] * len(lines[0]), *lines[1:]]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in ruled)


def _figure(run: dict[str, Any], path: Sequence[str]) -> float:
    found: Any = run
    for name in path:
        found = found[name]
    return float(found)


def main(words: Sequence[str] | None = None) -> None:
    """The command line; see the module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--axes", nargs="+", choices=list(AXES), default=list(AXES))
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--engines", default="tpot,autokeras")
    parser.add_argument("--most", type=int, default=10**9, help="leave out points above this")
    parser.add_argument("--quick", action="store_true", help="two points of each axis, small")
    parser.add_argument("--out", type=Path, default=Path("scaling.jsonl"))
    given = parser.parse_args(words)
    kept = {**KEPT, "rows": 300, "columns": 5} if given.quick else KEPT
    for axis in given.axes:
        points = AXES[axis][:2] if given.quick else AXES[axis]
        runs = []
        for value in [point for point in points if point <= given.most]:
            runs.append(measure({**kept, axis: value}, given.minutes, given.engines))
            with given.out.open("a", encoding="utf-8") as out:
                out.write(json.dumps(runs[-1]) + "\n")
            print(f"{axis} {value:,}: {runs[-1]['status']} {runs[-1]['said']}", file=sys.stderr)
        told = ", ".join(f"{value:,} {name}" for name, value in kept.items() if name != axis)
        print(f"\n### {axis} ({told}; {given.minutes:g} min)\n\n{table_of(axis, runs)}", flush=True)


if __name__ == "__main__":
    main()
