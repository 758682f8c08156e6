"""How long a search may take: seconds on the wall clock, or a number of trials."""

from __future__ import annotations

import time
from dataclasses import dataclass

from limelight.errors import InputError


@dataclass(frozen=True)
class Budget:
    """Seconds of wall-clock time, or a number of trials; exactly one of them.

    A search with a number of trials looks at no clock, and is deterministic.

    Example:
        >>> Budget(trials=3).start().expired
        False
    """

    seconds: float | None = None
    trials: int | None = None

    def __post_init__(self) -> None:
        if (self.seconds is None) == (self.trials is None):
            raise InputError(
                f"a budget is seconds or trials, and got seconds={self.seconds!r},"
                f" trials={self.trials!r}.",
                "Give exactly one of them.",
            )
        amount = self.seconds if self.seconds is not None else self.trials
        if amount is None or amount <= 0:
            raise InputError(f"a budget must be positive, and got {amount!r}.", "Give more.")

    def start(self) -> Clock:
        """Start the clock now."""
        return Clock(self, time.monotonic())


@dataclass(frozen=True)
class Clock:
    """A running budget."""

    budget: Budget
    started: float

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def left(self) -> float:
        """Seconds until the end; infinite for a budget of trials."""
        seconds = self.budget.seconds
        return float("inf") if seconds is None else seconds - self.elapsed

    @property
    def expired(self) -> bool:
        return self.left <= 0
