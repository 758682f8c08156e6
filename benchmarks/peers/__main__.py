"""Ourselves against other tools, one after another, at one budget and on the same cores.

    python -m benchmarks.peers --tasks FOLDER --minutes 1 5 --tools limelight flaml --cores 2
    python -m benchmarks.peers --list
    python -m benchmarks.peers --report peers.jsonl --plot peers.svg

A task is a folder with train.csv.gz, test.csv.gz and task.json. Results are added to --out as they
come; what is there is not run again.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers import environments
from benchmarks.peers.measure import measure
from benchmarks.peers.report import plot, report
from benchmarks.peers.tools import TOOLS, Tool
from limelight.benchmark.processes import check_cores
from limelight.benchmark.results import Key, Results
from limelight.benchmark.tasks import find_tasks, load_task
from limelight.errors import LimelightError


def main(words: Sequence[str] | None = None) -> None:
    """The command line; see the module."""
    given = _parser().parse_args(words)
    try:
        if given.list:
            print(listing(environments.cache_folder()))
            return
        if given.report:
            print(report(Results(given.report), given.tools))
            if given.plot:
                for file in plot(Results(given.report), given.plot, given.tools):
                    print(f"drawn: {file}")
            return
        check_cores(given.cores)
        tools = [TOOLS[name] for name in given.tools or TOOLS]
        folders = find_tasks(given.tasks, given.only)
        results = Results(given.out)
        done = set() if given.again else results.done()
        run_all(tools, folders, results, done, given.minutes, given.seeds, given.cores)
        print(report(results, given.tools))
    except (ValueError, LimelightError) as error:
        sys.exit(str(error))


def run_all(
    tools: Sequence[Tool],
    folders: Sequence[Path],
    results: Results,
    done: set[Key],
    minutes: Sequence[float],
    seeds: Sequence[int],
    cores: int,
) -> None:
    """Run what is not done yet, all tools on a task before the next task."""
    cache = environments.cache_folder()
    for budget, folder, seed in itertools.product(minutes, folders, seeds):
        task = load_task(folder)
        for tool in tools:
            key = Key(tool.name, task.name, seed, budget, cores)
            if key not in done:
                print(measure(tool, task, key, results, cache), flush=True)


def listing(cache: Path) -> str:
    """The tools, and whether their environments are there."""
    lines = []
    for tool in TOOLS.values():
        there = tool.requirements is None or environments.is_made(tool.requirements, cache)
        state = "installed" if there else "installed at its first run"
        lines.append(f"{tool.name:18}{tool.about:52}{state}")
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--tasks", type=Path, default=Path("tasks"), help="folder of tasks  [default: tasks]")
    add("--only", nargs="+", default=[], metavar="TASK", help="these tasks of the folder")
    add("--tools", nargs="+", default=[], choices=list(TOOLS), metavar="TOOL", help="see --list")
    add("--minutes", type=float, nargs="+", default=[1.0], help="budgets  [default: 1]")
    add("--seeds", type=int, nargs="+", default=[0], help="seeds  [default: 0]")
    add("--cores", type=int, default=2, help="cores for every tool  [default: 2]")
    add("--out", type=Path, default=Path("peers.jsonl"), help="results  [default: peers.jsonl]")
    add("--again", action="store_true", help="run also what has a result")
    add("--list", action="store_true", help="list the tools and leave")
    add("--report", type=Path, metavar="FILE", help="print the tables of a results file and leave")
    add("--plot", type=Path, metavar="SVG", help="with --report: draw the normalised scores, too")
    return parser


if __name__ == "__main__":
    main()
