"""Two changes of one thing, put together: single values, and the order of lists."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")
Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True)
class Sides(Generic[T]):
    """One thing as it was (base), as it is on the branch (ours), and as it is merged (theirs)."""

    base: T
    ours: T
    theirs: T

    def __iter__(self) -> Iterator[T]:
        return iter((self.base, self.ours, self.theirs))

    def map(self, convert: Callable[[T], R]) -> Sides[R]:
        return Sides(convert(self.base), convert(self.ours), convert(self.theirs))

    def get(self, side: str) -> T:
        found: T = getattr(self, side)
        return found


def agreed(values: Sides[Any]) -> tuple[Any, bool]:
    """The value after both changes, and whether they agree; where not, it is ours.

    Example:
        >>> agreed(Sides("a", "a", "b")), agreed(Sides("a", "b", "c"))
        (('b', True), ('b', False))
    """
    if values.ours == values.base:
        return values.theirs, True
    return values.ours, values.theirs in (values.base, values.ours)


def interleaved(order: Sides[Sequence[Name]]) -> list[Name]:
    """All names of ours and theirs, in an order that keeps to both as far as it can.

    It is ours, unless theirs alone moved what all have; what only the other side has comes behind
    the name that it follows there.

    Example:
        >>> interleaved(Sides(["a", "b"], ["a", "x", "b"], ["a", "b", "y"]))
        ['a', 'x', 'b', 'y']
    """
    lead, other = order.ours, order.theirs
    if _moved(order.base, other) and not _moved(order.base, lead):
        lead, other = other, lead
    following = _following(lead, other)
    shared = set(other)
    found, waiting = [], following.get(None, [])
    for name in lead:
        if name in shared:
            found += waiting
            waiting = following.get(name, [])
        found.append(name)
    return found + waiting


def _following(lead: Sequence[Name], other: Sequence[Name]) -> dict[Name | None, list[Name]]:
    """What only the other has, by the last name before it that both have."""
    known, found = set(lead), dict[Name | None, list[Name]]()
    anchor: Name | None = None
    for name in other:
        if name in known:
            anchor = name
        else:
            found.setdefault(anchor, []).append(name)
    return found


def _moved(base: Sequence[Name], side: Sequence[Name]) -> bool:
    """Whether the names that both have are in another order."""
    before, after = set(base), set(side)
    return [n for n in base if n in after] != [n for n in side if n in before]
