"""The ledger: what is entered stays, whatever happens to the process."""

import json
from pathlib import Path

import numpy as np
import pytest

from limelight.search.candidate import Candidate, Outcome, Trial
from limelight.search.ledger import Ledger
from limelight.search.metrics import METRICS


def _enter(ledger: Ledger, number: int, score: float | None, outcome: Outcome = "ok") -> None:
    trial = Trial("tpot", 0, number, "x", {}, outcome, score, 0.0, 1.0, 1.0)
    candidate = None
    if score is not None:
        candidate = Candidate(
            ledger.candidate_id(number), "tpot", 0, number, "x", {}, None,
            np.zeros(3), (score,), score, 1.0, 1.0,
        )  # fmt: skip
    ledger.enter(trial, candidate)


def test_best_first_for_errors_and_for_gains(tmp_path: Path) -> None:
    for metric, expected in (("rmse", [0, 2]), ("roc_auc", [1, 2])):
        ledger = Ledger(tmp_path / metric, "tpot", 0, METRICS[metric])
        for number, score in enumerate((0.1, 0.9, 0.5)):
            _enter(ledger, number, score)
        _enter(ledger, 3, None, "failed")
        assert [found.number for found in ledger.candidates(2)] == expected
        assert len(ledger.candidates()) == 3


def test_of_equal_candidates_the_earlier_come_first_whatever_the_folder_says(
    tmp_path: Path,
) -> None:
    ledger = Ledger(tmp_path, "tpot", 0, METRICS["roc_auc"])
    order = np.random.default_rng(0).permutation(40).tolist()
    for number in order:
        _enter(ledger, number, 0.5)
    assert [found.number for found in ledger.candidates(30)] == list(range(30))


def test_a_line_cut_off_by_a_kill_is_left_out_and_overwritten(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, "tpot", 0, METRICS["rmse"])
    _enter(ledger, 0, 0.5)
    _enter(ledger, 1, 0.4)
    file = tmp_path / "trials.jsonl"
    file.write_text(file.read_text()[:-20])
    again = Ledger(tmp_path, "tpot", 0, METRICS["rmse"])
    assert [trial.number for trial in again.trials] == [0]
    assert {found.number for found in again.candidates(1)} == {1}, "its score is not known yet"
    _enter(again, again.next_number(), 0.3)
    assert all(json.loads(line) for line in file.read_text().splitlines())
    assert len(Ledger(tmp_path, "tpot", 0, METRICS["rmse"]).trials) == 2


def test_trials_that_never_ended_are_timed_out(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, "tpot", 0, METRICS["rmse"])
    ledger.begin(0, "done", {})
    ledger.begin(1, "slow", {"depth": 9})
    _enter(ledger, 0, 0.5)
    ledger.close()
    assert [(t.number, t.outcome) for t in ledger.trials] == [(0, "ok"), (1, "timeout")]
    assert ledger.trials[1].parameters == {"depth": 9}


def test_progress_tells_new_bests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = Ledger(tmp_path, "tpot", 4, METRICS["rmse"])
    for number, score in enumerate((3.0, 5.0, 2.0)):
        _enter(ledger, number, score)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("|")[3].strip() for line in lines] == ["best rmse 3", "best rmse 2"]
    assert all(line.startswith("tpot 4 |") for line in lines)


def test_who_would_be_too_large_is_not_handed_on_and_who_never_began_is_told_of(
    tmp_path: Path,
) -> None:
    ledger = Ledger(tmp_path, "tpot", 0, METRICS["roc_auc"])
    for number, score in enumerate((0.1, 0.9, 0.5)):
        _enter(ledger, number, score)
    size = len(ledger.pickled(1)[0])
    assert ledger.pickled(3, 2.5 * size) == ledger.pickled(2)
    assert ledger.pickled(3, 1.0) == ledger.pickled(1)
    ledger.expect(3, "waits", {})
    ledger.expect(4, "begins", {})
    ledger.begin(4, "begins", {})
    ledger.close()
    told = {trial.description: trial for trial in ledger.trials}
    assert told["waits"].outcome == told["begins"].outcome == "timeout"
    assert "before its turn" in told["waits"].error
    assert told["waits"].wall_seconds == 0.0
    assert "during it" in told["begins"].error
