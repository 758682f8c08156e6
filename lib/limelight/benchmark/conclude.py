"""From the runs on all tasks to the tables that compare them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limelight.benchmark.measure import US, Measured, lost
from limelight.benchmark.results import Result, Results
from limelight.benchmark.scores import against, results_frame, summary, wins
from limelight.errors import InputError

Array = NDArray[Any]


@dataclass(frozen=True)
class Conclusion:
    """What the comparison leaves as artifacts.

    Args:
        results: A row for each tool, task and seed: see `limelight.benchmark.results.Result`, and
            ``normalised`` and ``rank``.
        summary: A row for each tool; see `limelight.benchmark.scores.summary`.
        comparisons: Ourselves against each, on the same test rows; see
            `limelight.benchmark.scores.against`.
        wins: How often our score is above another's; see `limelight.benchmark.scores.wins`.
        notes: What is missing or could not be compared, a sentence each.
    """

    results: pd.DataFrame
    summary: pd.DataFrame
    comparisons: pd.DataFrame
    wins: pd.DataFrame
    notes: list[str]


def gathered(branches: Iterable[Any]) -> list[Measured]:
    """What the branches of the fan-out have measured; of one that ended otherwise, that it did."""
    return [branch.measured if not branch.failed else _lost(branch) for branch in branches]


def _lost(branch: Any) -> Measured:
    name, seed = branch.input
    reason = f"{branch.failed}".strip().splitlines()[-1]
    return lost(name, getattr(branch, branch.places[name]), branch.wish, seed, reason)


def conclude(
    measured: Sequence[Measured], peers: Sequence[Result] = (), file: str | Path | None = None
) -> Conclusion:
    """Compare what was measured, and what the file of peers has on the same tasks and seeds.

    Args:
        measured: Of each task and seed.
        peers: Results of other tools at the same budget. Those of tools that were run here, and
            of tasks or seeds that were not, are left out.
        file: Where the peers' results are from; beside it lie their predictions.

    Raises:
        InputError: A peer was scored on other test rows.
    """
    ours = [result for one in measured for result in one.results]
    names = {result.tool for result in ours}
    known = {(result.task, result.seed): result for result in ours if result.tool == US}
    others = [peer for peer in peers if peer.tool not in names and (peer.task, peer.seed) in known]
    for peer in others:
        _check_same_rows(peer, known[peer.task, peer.seed])
    file = Path(file).expanduser() if file else None
    store = Results(file) if file else None
    kept = {
        (result.tool, result.task, result.seed): (one.truth, one.predictions[result.tool])
        for one in measured
        for result in one.results
        if result.tool in one.predictions
    }

    def predictions(result: Result) -> tuple[Array, Array]:
        place = result.tool, result.task, result.seed
        if place in kept or store is None:
            return kept[place]
        return store.predictions(result)

    there = [_with_predictions(peer, file) for peer in others]
    everything = [*ours, *there]
    return Conclusion(
        results_frame(everything),
        summary(everything),
        against(everything, predictions, US),
        wins(everything, US),
        [_loss(result) for result in everything if not result.is_ok],
    )


def _loss(result: Result) -> str:
    return f"{result.tool} on {result.task}, seed {result.seed}: {result.status}, {result.reason}"


def _with_predictions(peer: Result, file: Path | None) -> Result:
    """A peer's result, without the name of a file that did not come along."""
    there = file is not None and (file.parent / peer.predictions).is_file()
    return peer if there else replace(peer, predictions="")


def _check_same_rows(peer: Result, ours: Result) -> None:
    same = peer.test_rows == ours.test_rows and peer.metric == ours.metric
    if not same or not np.isclose(peer.floor, ours.floor, rtol=1e-6):
        raise InputError(
            f"{peer.tool} was scored on other test rows of {peer.task!r}, or by another metric.",
            "Run it again on this folder of tasks, or leave out --peers.",
        )
