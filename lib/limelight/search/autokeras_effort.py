"""How much is spent on a network: epochs, batch and how many are averaged, by rows and time."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from limelight.search.autokeras_training import Trained
from limelight.search.budget import Clock

MEMBERS = 4
#: Steps that a training takes at most, unless the rows ask for more.
STEPS = 1_600
LEAST_EPOCHS, MOST_EPOCHS = 16, 120
#: With a clock, this share of the budget is what the first network may take, and of what is left
#: what any other may.
SHARE = 0.25
#: Where there is no time for so many epochs, fewer networks are averaged.
ENOUGH_EPOCHS = 24
#: Fewer are not worth training.
FEWEST_EPOCHS = 4
#: Seconds that a fold takes beside its steps.
FOLD_SECONDS = 0.1
#: Seconds of an epoch for each row, network and weight, before any is known.
_FIRST_PACE = 8e-11
#: Steps cost something, however few weights there are.
_LEAST_WEIGHTS = 5_000


@dataclass(frozen=True)
class Effort:
    """What is spent on a network.

    Args:
        epochs, batch_size, members: As `limelight.search.network.KerasNetworks` has them.
        seconds_of_fold: Foreseen; 0 where nothing is known.
        seconds: Of all folds.
    """

    NAMES: ClassVar[tuple[str, ...]] = ("epochs", "batch_size", "members")

    epochs: int
    batch_size: int
    members: int
    seconds_of_fold: float = 0.0
    seconds: float = 0.0

    @property
    def parameters(self) -> dict[str, Any]:
        """The arguments of the estimator."""
        return {name: getattr(self, name) for name in self.NAMES}


class Pace:
    """Learns how long networks take, and plans so that each takes a share of the time.

    With a budget of trials the effort follows from the rows alone.

    Args:
        rows: That a fold trains on.
        folds: How many there are.
        clock: The running budget.
    """

    def __init__(self, rows: int, folds: int, clock: Clock) -> None:
        self.rows = rows
        self.folds = folds
        self.clock = clock
        self.paces: list[float] = []
        self.compiling: list[float] = []
        self.members: int | None = None

    @property
    def is_over(self) -> bool:
        """Whether no network would end in the time left: most are compiled anew."""
        return self.clock.left < 1.0 + max(self.compiling, default=0.0)

    def effort(self, weights: int) -> Effort:
        """What to spend on a network with so many weights."""
        size = batch_size(self.rows)
        steps = max(1, self.rows * 7 // 8 // size)
        epochs = min(max(round(STEPS / steps), LEAST_EPOCHS), MOST_EPOCHS)
        if self.clock.budget.trials is not None:
            return Effort(epochs, size, MEMBERS)
        epoch = self.folds * self._pace * self._cost(1, 1, weights)
        budget = self.clock.budget.seconds or 0.0
        share = SHARE * (budget if not self.paces else self.clock.left)
        if self.members is None:
            # They stay: for another number everything would be compiled anew.
            self.members = min(MEMBERS, max(1, int(share / (ENOUGH_EPOCHS * epoch))))
        members = self.members
        epochs = min(epochs, max(FEWEST_EPOCHS, int(share / (members * epoch))))
        seconds = members * epochs * epoch + FOLD_SECONDS * self.folds
        return Effort(epochs, size, members, seconds / self.folds, seconds)

    def learn(self, effort: Effort, weights: int, trained: Sequence[Trained]) -> None:
        """Learn the pace from trainings of one network, the first of which has compiled."""
        cost = self._cost(effort.members, 1, weights)
        known = [one.rounds * one.round_seconds for one in trained if one.round_seconds > 0]
        if known:
            self.paces.append(statistics.median(known) / cost)
            first = trained[0]
            self.compiling.append(max(0.0, first.first_seconds - first.round_seconds))

    @property
    def _pace(self) -> float:
        return statistics.median(self.paces[-5:]) if self.paces else _FIRST_PACE

    def _cost(self, members: int, epochs: int, weights: int) -> float:
        return float(members * epochs * self.rows * (weights + _LEAST_WEIGHTS))


def batch_size(rows: int) -> int:
    """Rows a step: a power of two from 32 to 256 that gives about 16 steps an epoch, or more.

    Example:
        >>> [batch_size(rows) for rows in (100, 1_000, 25_000)]
        [32, 32, 256]
    """
    power = 1 << max(0, (rows // 16).bit_length() - 1)
    return min(max(power, 32), 256)
