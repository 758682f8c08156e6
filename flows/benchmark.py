"""Benchmark: many tasks by the AutoML Benchmark's protocol, each run as a user would run it.

python flows/benchmark.py run                               the bundled datasets, a minute each
python flows/benchmark.py run --tasks FOLDER --minutes 5 --seeds 0,1
python flows/benchmark.py run --tasks FOLDER --only adult,ames --peers peers.jsonl
python flows/benchmark.py card view compare                 look at the last run

A task is a folder with train.csv.gz, test.csv.gz and task.json (target, problem_type). On one
machine the runs take turns, whatever --max-workers is; on a cluster they run side by side.
"""

from pathlib import Path
from typing import Any

from metaflow import FlowSpec, Parameter, card, catch, step

import limelight.cards  # makes the card known, and the library travel
import limelight.runs

HERE = Path(__file__).resolve().parent
BUNDLED = HERE.parent / "data"


class BenchmarkFlow(FlowSpec):
    """How good the training flow is, and how well it keeps its time.

    Each task is trained on by `flows/train.py` in the time that is given, and scored on test rows
    that the run never saw, beside the constant predictor and boosted trees as they come.
    """

    tasks = Parameter(
        "tasks", type=str, help="Folder of tasks.  [default: the bundled datasets, divided]"
    )
    only = Parameter("only", type=str, help="Tasks of the folder, with commas.  [default: all]")
    seeds = Parameter("seeds", default="0", help="Seeds to run each task with, with commas.")
    minutes = Parameter(
        "minutes", type=float, help="What each run is promised to take.  [default: 1]"
    )
    trials = Parameter("trials", type=int, help="Trials of each search instead of minutes.")
    engines = Parameter(
        "engines", default="tpot,autokeras", help="What searches, beside the baselines."
    )
    searches = Parameter("searches", default=1, help="Parallel searches of each engine.")
    cores = Parameter("cores", type=int, help="Cores of each run.  [default: all]")
    peers = Parameter(
        "peers",
        type=str,
        help="Results of `benchmarks/peers`, to compare with at the same minutes and cores.",
    )

    @step
    def start(self) -> None:
        """Read the tasks; they travel with the run."""
        from limelight.benchmark.request import Request
        from limelight.benchmark.story import opening_lines
        from limelight.runs import say, user_errors

        with user_errors():
            request = Request.from_parameters(self, bundled=BUNDLED)
            self.peer_results, self.remarks = request.peer_results()
            files = request.task_files()
        self.wish = request.wish
        self.places = {name: f"task_{place}" for place, name in enumerate(files)}
        for name, place in self.places.items():
            setattr(self, place, files[name])  # so that a branch reads its own task alone
        self.planned = [(name, seed) for name in files for seed in request.seed_numbers]
        for line in opening_lines(self.planned, self.wish):
            say(line)
        self.next(self.measure, foreach="planned")

    @card(type="limelight_page", id="training")
    @catch(var="failed")
    @step
    def measure(self) -> None:
        """Train on a task as a user would, and score what is published; fit the references."""
        from limelight.benchmark.measure import measure
        from limelight.benchmark.turns import turn
        from limelight.runs import say

        name, seed = self.input  # type: ignore[misc]  # one of the planned
        with turn(say):
            files = getattr(self, self.places[name])
            self.measured = measure(name, files, self.wish, seed, HERE / "train.py")
        self.report = self.measured.report
        for result in self.measured.results:
            say(str(result))
        self.next(self.compare)

    @card(type="limelight_page", id="comparison")
    @step
    def compare(self, inputs: Any) -> None:
        """Bring the tasks together, with what other tools scored, and draw the table."""
        from limelight.benchmark.conclude import conclude, gathered
        from limelight.benchmark.story import report_of
        from limelight.report.benchmark_page import render_benchmark_report
        from limelight.runs import pathspec, user_errors

        self.merge_artifacts(inputs, include=["wish", "peer_results", "remarks"])
        with user_errors():
            peers: Any = self.peers
            found = conclude(gathered(inputs), self.peer_results, peers)
        self.results, self.summary = found.results, found.summary
        self.comparisons, self.wins = found.comparisons, found.wins
        self.notes = [*self.remarks, *found.notes]
        self.report = render_benchmark_report(report_of(self, pathspec()))
        self.next(self.end)

    @step
    def end(self) -> None:
        """Say what came out and where to look."""
        from limelight.benchmark.story import closing_lines
        from limelight.runs import pathspec, say

        for line in closing_lines(self, pathspec()):
            say(line)


if __name__ == "__main__":
    limelight.runs.launch(BenchmarkFlow)
