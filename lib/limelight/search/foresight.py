"""How long a fit will take, foreseen from the fits that were seen."""

from __future__ import annotations

import statistics
from collections import defaultdict

#: What is foreseen from other kinds is often too long, and a first fold corrects it soon.
_TRUST = 0.5
#: So many of the latest fits of a kind say how long the next one takes.
_LATEST = 5


class Foresight:
    """Seconds of fits by their kind and cost, and what follows for others.

    A cost is what a fit usually takes on some table: only the ratio of two of them counts.

    Example:
        >>> foresight = Foresight()
        >>> foresight.foresee("forest", 2.0) is None
        True
        >>> foresight.learn("forest", 1.0, seconds=3.0)
        >>> foresight.foresee("forest", 2.0), foresight.foresee("boosted", 0.5)
        (6.0, 0.75)
    """

    def __init__(self) -> None:
        self._rates: dict[str, list[float]] = defaultdict(list)

    def learn(self, kind: str, cost: float, seconds: float) -> None:
        """Note that a fit of a kind and cost took some seconds."""
        self._rates[kind].append(seconds / cost)

    def foresee(self, kind: str, cost: float) -> float | None:
        """Seconds of a fit, going by others of its kind, else by all; None if none was seen."""
        every = dict(self._rates)
        if kind in every:
            return cost * statistics.median(every[kind][-_LATEST:])
        others = [rate for rates in every.values() for rate in rates]
        return cost * _TRUST * statistics.median(others) if others else None
