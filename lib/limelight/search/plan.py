"""How the minutes (or trials) of a run are shared out over its searches.

The user's minutes cover the whole wait: from the command to the prompt. What starting the tasks,
the choice and the explanations are foreseen to take is set aside first; the searches run side by
side, in waves where there are more of them than workers, and share what is left.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from limelight.errors import InputError
from limelight.search.budget import Budget

#: Seconds set aside for the end of a run on a small table, measured by `benchmarks/runs.py` on
#: two cores, and per million cells on top. Starting a task and its libraries is half of them.
CHOOSE_SECONDS = 15.5
EXPLAIN_SECONDS = 12.0
CHOOSE_SECONDS_PER_MILLION_CELLS = 6.0
EXPLAIN_SECONDS_PER_MILLION_CELLS = 1.5
#: Of the time there is when the searches start they get this share, however large the table.
LEAST_SEARCH_SHARE = 0.4
#: Share of the whole time for the last fits: a longer search finds models that are slower to fit.
CHOOSE_SHARE = 0.005
#: The first fit of a network in a process imports and compiles; a shorter run cannot afford it.
NETWORK_SECONDS = 3.0
NETWORK_MINUTES = 1.5
#: The variable that tells the child of a search the address of its Dask scheduler.
DASK = "LIMELIGHT_DASK"
#: The engines that can use a Dask cluster.
ON_DASK = ("tpot",)
#: A run that has fewer seconds than this for its searches gives them this much all the same.
LEAST_SEARCH_SECONDS = 15.0
#: Whoever is this late was not slow, but waited in a queue or is resumed.
RESUMED_SECONDS = 60.0


@dataclass(frozen=True)
class PlannedSearch:
    """One search: which engine, how long, and on what.

    Args:
        engine: Name of the engine.
        number: Number among the searches of that engine.
        seed: Seed of everything random in it.
        cores: Cores it may use.
        seconds, trials: Its budget: one of them.
        deadline: Epoch seconds by which it should have ended; None with trials.
        dask: Address of a Dask scheduler whose workers evaluate for it; empty for none.
    """

    engine: str
    number: int
    seed: int
    cores: int
    seconds: float | None = None
    trials: int | None = None
    deadline: float | None = None
    dask: str = ""

    def __str__(self) -> str:
        share = f"{self.trials} trials" if self.seconds is None else f"{self.seconds:.0f} s"
        where = self.dask or f"{self.cores} core{'s' * (self.cores > 1)}"
        return f"{self.engine} {self.number}: {share} on {where}"

    @property
    def environment(self) -> dict[str, str]:
        """Variables for the child that searches, on top of what every child gets."""
        return {DASK: self.dask}

    def budget(self, now: float | None = None, retried: bool = False) -> Budget:
        """The budget when the search starts now; a retried one keeps to the first one's end."""
        if self.seconds is None or self.deadline is None:
            return Budget(trials=self.trials)
        if retried:
            left = self.deadline - (time.time() if now is None else now)
            return Budget(seconds=min(self.seconds, max(left, LEAST_SEARCH_SECONDS)))
        # No more than planned: tasks do not always start in the order of their waves.
        return Budget(seconds=min(self.seconds, time_left(self.deadline, self.seconds, now)))


@dataclass(frozen=True)
class Plan:
    """The searches of a run, and what is set aside for what follows them.

    Args:
        searches: In the order in which they start; the baselines come first.
        seed: Of the run; each search has its own, derived from it.
        minutes, trials: What the user gave: one of them.
        choose_deadline: Epoch seconds by which the choice should have been made; None with trials.
        deadline: Epoch seconds by which the run should have ended; None with trials.
    """

    searches: tuple[PlannedSearch, ...]
    seed: int
    minutes: float | None
    trials: int | None
    choose_deadline: float | None
    deadline: float | None

    def of(self, engine: str) -> list[PlannedSearch]:
        """The searches of one engine."""
        return [search for search in self.searches if search.engine == engine]

    @property
    def baselines(self) -> PlannedSearch:
        return self.of("baseline")[0]

    def foreach(self, engine: str) -> list[PlannedSearch | None]:
        """The searches of one engine to fan out over; [None] for none: a foreach is never empty."""
        return [*self.of(engine)] or [None]

    def __str__(self) -> str:
        return "; ".join(str(search) for search in self.searches)

    def choose_seconds(self, now: float | None = None) -> float | None:
        """Seconds for the choice when it starts now; None for no limit."""
        return _left(self.choose_deadline, CHOOSE_SECONDS, now)

    def explain_seconds(self, now: float | None = None) -> float | None:
        """Seconds for the explanations when they start now; None for no limit."""
        return _left(self.deadline, EXPLAIN_SECONDS, now)


def time_left(deadline: float, planned: float, now: float | None = None) -> float:
    """Seconds until a deadline, or the planned ones where more than half of them are gone.

    Who waited in a queue, or is resumed the next day, gets the time that was planned.
    """
    left = deadline - (time.time() if now is None else now)
    return left if left >= planned / 2 else planned


def _left(deadline: float | None, planned: float, now: float | None) -> float | None:
    """Seconds until a deadline; at least a quarter of what was planned, and all on another day."""
    if deadline is None:
        return None
    left = deadline - (time.time() if now is None else now)
    return planned if left < -RESUMED_SECONDS else max(left, planned / 4)


def make_plan(
    engines: Sequence[str],
    *,
    searches: int = 1,
    minutes: float | None = None,
    trials: int | None = None,
    seed: int = 0,
    cores: int = 1,
    workers: int = 16,
    cells: int = 0,
    launched: float | None = None,
    dask: str = "",
) -> Plan:
    """Share a budget out over the baselines and the searches of each engine.

    Args:
        engines: Names of the engines beside the baselines.
        searches: Searches of each engine.
        minutes: What the user waits, from the command to the prompt.
        trials: Trials of each search instead; the run is then deterministic.
        seed: Every search gets its own seed from this one.
        cores: Cores of a machine.
        workers: Tasks that may run at the same time.
        cells: Rows times columns of the table; a large one needs more time after the searches.
        launched: Epoch seconds at which the user started to wait; now if not given.
        dask: Address of a Dask scheduler for the searches that can use one.

    Raises:
        InputError: Both or none of minutes and trials, or an amount that is not positive.

    Example:
        >>> plan = make_plan(["tpot", "autokeras"], minutes=1, cores=2, launched=time.time())
        >>> [(search.engine, search.cores) for search in plan.searches]
        [('baseline', 1), ('tpot', 1), ('autokeras', 1)]
        >>> 25 < plan.searches[1].seconds < 35
        True
    """
    _check_amounts(searches, minutes, trials)
    named = [("baseline", 0)] + [(name, i) for i in range(searches) for name in engines]
    at_once = min(len(named), max(1, workers))
    share = max(1, cores // max(1, min(at_once, len(named) - 1)))
    if minutes is None:
        planned = [
            PlannedSearch(
                engine,
                i,
                derived_seed(seed, engine, i),
                share,
                trials=trials,
                dask=dask if engine in ON_DASK else "",
            )
            for engine, i in named
        ]
        return Plan(tuple(planned), seed, None, trials, None, None)
    now = time.time()
    deadline = (now if launched is None else launched) + 60 * minutes
    millions = cells / 1e6
    choose_deadline = deadline - EXPLAIN_SECONDS - EXPLAIN_SECONDS_PER_MILLION_CELLS * millions
    choosing = CHOOSE_SECONDS + CHOOSE_SHARE * 60 * minutes
    choosing += CHOOSE_SECONDS_PER_MILLION_CELLS * millions
    if "autokeras" in engines and minutes >= NETWORK_MINUTES:
        choosing += NETWORK_SECONDS
    least = max(LEAST_SEARCH_SECONDS, LEAST_SEARCH_SHARE * (deadline - now))
    search_deadline = max(choose_deadline - choosing, now + least)
    waves = math.ceil(len(named) / at_once)
    seconds = (search_deadline - now) / waves
    planned = [
        PlannedSearch(
            engine,
            i,
            derived_seed(seed, engine, i),
            share,
            seconds=seconds,
            deadline=now + seconds * (1 + place // at_once),
            dask=dask if engine in ON_DASK else "",
        )
        for place, (engine, i) in enumerate(named)
    ]
    return Plan(tuple(planned), seed, minutes, None, choose_deadline, deadline)


def derived_seed(seed: int, engine: str, number: int) -> int:
    """A seed in [0, 2**31) for one search: the same on every machine, another for each search."""
    text = f"{seed}/{engine}/{number}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=4).digest(), "big") >> 1


def _check_amounts(searches: int, minutes: float | None, trials: int | None) -> None:
    if minutes is not None and trials is not None:
        raise InputError(
            f"--minutes {minutes:g} and --trials {trials} are both given.",
            "Choose one: --minutes for a clock, --trials for the same result with the same seed.",
        )
    if minutes is None and trials is None:
        raise InputError("the run has no budget.", "Give --minutes or --trials.")
    for name, amount in (("minutes", minutes), ("trials", trials), ("searches", searches)):
        if amount is not None and not (amount > 0 and math.isfinite(amount)):
            raise InputError(f"--{name} must be positive, and is {amount:g}.", "Give more.")
