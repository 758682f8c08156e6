"""What the user asks of a benchmark."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limelight.benchmark import processes
from limelight.benchmark.measure import US, Wish
from limelight.benchmark.results import Result, Results
from limelight.benchmark.tasks import (
    bundled_files,
    check_known,
    find_tasks,
    load_task,
    task_files,
)
from limelight.data.bundled import bundled_names
from limelight.errors import InputError
from limelight.parameters import wishes
from limelight.search.engine import check_engine

DEFAULT_MINUTES = 1.0


@dataclass(frozen=True)
class Request:
    """What the user asks for; empty text and None stand for "decide for me".

    Fields are the parameters of `flows/benchmark.py`, whose ``--help`` says what each one is.
    """

    bundled: Path
    tasks: str = ""
    only: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ("0",)
    minutes: float | None = None
    trials: int | None = None
    engines: tuple[str, ...] = ("tpot", "autokeras")
    searches: int = 1
    cores: int | None = None
    peers: str = ""

    @classmethod
    def from_parameters(cls, given: Any, bundled: Path) -> Request:
        """A request from an object with the parameters as typed: lists are texts with commas."""
        names = [name for name in cls.__dataclass_fields__ if name != "bundled"]
        return cls(bundled, **wishes(given, names, lists=("only", "seeds", "engines")))

    def __post_init__(self) -> None:
        for name in self.engines:
            check_engine(name)
        _ = self.seed_numbers
        if self.minutes is not None and self.trials is not None:
            raise InputError(
                f"--minutes {self.minutes:g} and --trials {self.trials} are both given.",
                "Choose one.",
            )
        for name in ("minutes", "trials", "searches"):
            amount = getattr(self, name)
            if amount is not None and not (amount > 0 and math.isfinite(amount)):
                raise InputError(f"--{name} must be positive, and is {amount:g}.", "Give more.")
        processes.check_cores(self.wish.cores)

    @property
    def seed_numbers(self) -> list[int]:
        """The seeds.

        Raises:
            InputError: One is no whole number, or comes twice, or there is none.
        """
        odd = [seed for seed in self.seeds if not seed.isdecimal()]
        if odd or not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise InputError(
                f"--seeds {','.join(self.seeds)} are no different whole numbers.", "Try 0,1,2."
            )
        return [int(seed) for seed in self.seeds]

    @property
    def wish(self) -> Wish:
        """What every task is run with."""
        minutes = self.minutes
        if minutes is None and self.trials is None:
            minutes = DEFAULT_MINUTES
        cores = self.cores or processes.our_cores()
        return Wish(minutes, self.trials, ",".join(self.engines), self.searches, cores)

    def task_files(self) -> dict[str, dict[str, bytes]]:
        """The files of each task, checked; the bundled datasets where no folder is given.

        Raises:
            InputError: There are no such tasks, or one cannot be read.
        """
        if self.tasks:
            folders = find_tasks(Path(self.tasks).expanduser(), self.only)
            for folder in folders:
                load_task(folder)
            return {folder.name: task_files(folder) for folder in folders}
        known = dict.fromkeys(bundled_names(self.bundled))
        check_known(self.only, known, "is bundled", "bundled datasets")
        return {name: bundled_files(name, self.bundled) for name in self.only or known}

    def peer_results(self) -> tuple[list[Result], list[str]]:
        """What `benchmarks/peers` has measured of other tools at this budget, on these cores.

        Returns:
            The results, and a note where some of the file could not be compared.

        Raises:
            InputError: There is no such file, or nothing in it is of this budget and these cores.
        """
        if not self.peers:
            return [], []
        path = Path(self.peers).expanduser()
        if not path.is_file():
            raise InputError(f"there is no file {path}.", "Run benchmarks/peers, or leave it out.")
        others = [result for result in Results(path).all() if result.tool != US]
        wish = self.wish
        fitting = [r for r in others if (r.minutes, r.cores) == (wish.minutes, wish.cores)]
        if not fitting:
            known = sorted({(result.minutes, result.cores) for result in others})
            listed = ", ".join(f"{minutes:g} min on {cores} cores" for minutes, cores in known)
            raise InputError(
                f"{path} has no results of {wish.minutes or 0:g} min on {wish.cores} cores.",
                f"It has {listed or 'none'}: give --minutes and --cores like that.",
            )
        left_out = len(others) - len(fitting)
        note = f"{left_out} results in {path.name} are of another budget, and are not compared."
        return fitting, [note] if left_out else []
