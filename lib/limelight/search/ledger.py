"""The ledger of a search: every trial and candidate on disk as soon as it is finished.

A search can be killed at any moment; what stands in its ledger by then is its result.
"""

from __future__ import annotations

import json
import math
import pickle
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from limelight.search.candidate import Candidate, Trial
from limelight.search.metrics import Metric


class Ledger:
    """Trials (one JSON line each) and candidates (one pickle each) in a folder.

    Opening a folder that a killed search left goes on where it ended. Safe to use from the
    threads of one process.

    Args:
        folder: Made if it is not there.
        engine, search: Whose ledger this is; go into ids and progress lines.
        metric: Tells which of two scores is the better one, for the progress lines.

    Example:
        >>> import tempfile
        >>> from limelight.search.metrics import METRICS
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     ledger = Ledger(Path(folder), "tpot", 0, METRICS["roc_auc"])
        ...     ledger.next_number(), ledger.next_number(), ledger.best
        (0, 1, None)
    """

    def __init__(self, folder: Path, engine: str, search: int, metric: Metric) -> None:
        import threading

        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.engine = engine
        self.search = search
        self.metric = metric
        self.started = time.monotonic()
        self._lock = threading.Lock()
        self._running: dict[int, Trial] = {}
        self._expected: set[int] = set()
        self._trials_file = folder / "trials.jsonl"
        self.trials = _read_trials(self._trials_file)
        self._next = 1 + max((trial.number for trial in self.trials), default=-1)

    @property
    def elapsed(self) -> float:
        """Seconds since the ledger was opened."""
        return time.monotonic() - self.started

    @property
    def scores(self) -> list[float]:
        """Scores of the finished trials, best first."""
        found = [t.score for t in self.trials if t.outcome == "ok" and t.score is not None]
        return sorted(found, reverse=self.metric.greater_is_better)

    @property
    def best(self) -> float | None:
        """The best score so far, in the metric's own units."""
        return self.scores[0] if self.trials and self.scores else None

    def next_number(self) -> int:
        """The number of the next trial."""
        with self._lock:
            number, self._next = self._next, self._next + 1
            return number

    def candidate_id(self, number: int) -> str:
        return f"{self.engine}-{self.search}/{number}"

    def begin(self, number: int, description: str, parameters: dict[str, Any]) -> None:
        """Note that a trial has begun, so that it is not forgotten if the time ends first."""
        with self._lock:
            self._expected.discard(number)
            self._running[number] = Trial(
                engine=self.engine,
                search=self.search,
                number=number,
                description=description,
                parameters=parameters,
                outcome="timeout",
                score=None,
                started=self.elapsed,
                wall_seconds=0.0,
                cpu_seconds=0.0,
                error="the time of the search ended during it",
            )

    def expect(self, number: int, description: str, parameters: dict[str, Any]) -> None:
        """Note that a trial waits for its turn, so that it is told of if its turn never comes."""
        self.begin(number, description, parameters)
        with self._lock:
            self._running[number] = replace(
                self._running[number], error="the time of the search ended before its turn"
            )
            self._expected.add(number)

    def close(self) -> None:
        """Enter the trials that have begun and not ended, or never begun, as timed out."""
        with self._lock:
            left, self._running = list(self._running.values()), {}
            expected = set(self._expected)
        for trial in left:
            began = trial.number not in expected
            seconds = self.elapsed - trial.started if began else 0.0
            self.enter(replace(trial, wall_seconds=seconds))

    def enter(self, trial: Trial, candidate: Candidate | None = None) -> None:
        """Write a trial, and its candidate if it gave one; the candidate is durable first."""
        if candidate is not None:
            target = self.folder / f"candidate-{candidate.number:05d}.pkl"
            partial = target.with_suffix(".part")
            partial.write_bytes(pickle.dumps(candidate, protocol=pickle.HIGHEST_PROTOCOL))
            partial.replace(target)
        with self._lock:
            self._running.pop(trial.number, None)
            before = self.best
            self.trials.append(trial)
            with self._trials_file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(trial), default=str) + "\n")
            self._progress(trial, before)

    def candidates(self, limit: int | None = None) -> list[Candidate]:
        """The candidates on disk, best first; the ``limit`` best, if given.

        Of equal ones the earlier comes first. One whose trial was not entered any more, because
        of a kill, is among the best: its score is known only when it is read.
        """
        found: list[Candidate] = [pickle.loads(one) for one in self.pickled(limit)]
        return sorted(found, key=lambda c: (-self.metric.sign * c.score, c.number))

    def pickled(self, limit: int | None = None, most_bytes: float = math.inf) -> list[bytes]:
        """The pickles of `candidates`, in the order of their trials' scores.

        Args:
            limit: How many of the best.
            most_bytes: What they may take together; the best is among them all the same.
        """
        gains = {t.number: self.metric.sign * t.score for t in self.trials if t.score is not None}

        def place(path: Path) -> tuple[float, int]:
            number = int(path.stem.split("-")[1])
            return -gains.get(number, float("inf")), number

        paths = sorted(self.folder.glob("candidate-*.pkl"), key=place)[:limit]
        found: list[bytes] = []
        for path in paths:
            most_bytes -= path.stat().st_size
            if found and most_bytes < 0:
                break
            found.append(path.read_bytes())
        return found

    def _progress(self, trial: Trial, before: float | None) -> None:
        """One line that a person can follow, for a new best, else at most every ten seconds."""
        now = time.monotonic()
        better = trial.score is not None and trial.outcome == "ok" and self.best != before
        if not better and now - getattr(self, "_said", 0.0) < 10.0:
            return
        self._said = now
        best = "none yet" if self.best is None else f"{self.best:.5g}"
        what = f"new best: {trial.description}" if better else trial.description
        print(
            f"{self.engine} {self.search} | {self.elapsed:5.0f} s | {len(self.trials):4d} trials"
            f" | best {self.metric.name} {best} | {what}",
            flush=True,
        )


def _read_trials(path: Path) -> list[Trial]:
    """The trials in a file; a last line cut off by a kill is cut off the file, too."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, encoding="utf-8")
    return [Trial(**json.loads(line)) for line in whole.splitlines()]
