"""The lines of a log that show which commit follows from which."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

COMMIT, MERGE = "●", "◎"


def simplified(
    parents: Mapping[str, Sequence[str]], kept: Iterable[str]
) -> dict[str, tuple[str, ...]]:
    """The parents of some commits among themselves: the nearest ones that are kept.

    Args:
        parents: Of every commit.
        kept: The commits that are shown.

    Example:
        >>> simplified({"c": ["b"], "b": ["a"], "a": []}, ["c", "a"])
        {'c': ('a',), 'a': ()}
    """
    wanted = set(kept)
    return {commit: _nearest(parents, wanted, commit) for commit in kept}


def _nearest(
    parents: Mapping[str, Sequence[str]], wanted: set[str], commit: str
) -> tuple[str, ...]:
    found: dict[str, None] = {}
    seen: set[str] = set()
    ahead = list(reversed(parents.get(commit, ())))
    while ahead:
        one = ahead.pop()
        if one in seen:
            continue
        seen.add(one)
        if one in wanted:
            found[one] = None
        else:
            ahead.extend(reversed(parents.get(one, ())))
    return tuple(found)


def drawn(
    commits: Sequence[str], parents: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, list[str]]]:
    """For each commit, what stands left of it, and the lines between it and the next.

    Args:
        commits: Children before their parents.
        parents: Of each of them.

    Example:
        >>> for left, between in drawn(["m", "b", "a"], {"m": ["a", "b"], "b": ["a"], "a": []}):
        ...     print(left, *between, sep=chr(10))
        ◎
        ├─╮
        │ ●
        ├─╯
        ●
    """
    lanes: list[str] = []
    for number, commit in enumerate(commits):
        if commit not in lanes:
            lanes.append(commit)
        place = lanes.index(commit)
        following = list(parents.get(commit, ()))
        mark = MERGE if len(following) > 1 else COMMIT
        left = " ".join(mark if lane == place else "│" for lane in range(len(lanes)))
        between = list(_onward(lanes, place, following))
        yield left, between if number + 1 < len(commits) else []


def _onward(lanes: list[str], place: int, following: list[str]) -> Iterator[str]:
    """Let the lanes lead to the parents of the commit in one; the lines that show it."""
    if not following:
        if place < len(lanes) - 1:
            yield _bend(len(lanes), place, place, end=" ")
        del lanes[place]
        return
    lanes[place] = following[0]
    for parent in following[1:]:
        if parent in lanes:
            yield _bend(len(lanes), place, lanes.index(parent), end="┤")
        else:
            lanes.append(parent)
            yield _bend(len(lanes), place, len(lanes) - 1, end="╮")
    while len(set(lanes)) < len(lanes):
        last = next(n for n in range(len(lanes) - 1, -1, -1) if lanes.index(lanes[n]) < n)
        yield _bend(len(lanes), lanes.index(lanes[last]), last, end="╯")
        del lanes[last]


def _bend(count: int, start: int, stop: int, end: str) -> str:
    """All lanes, and a line from one to another."""
    if start > stop:
        start, stop, end = stop, start, {"┤": "┤"}.get(end, end)
    marks = ["│"] * count
    if start == stop:
        marks[start] = end
        return " ".join(marks)
    marks[start], marks[stop] = "├", end
    for lane in range(start + 1, stop):
        marks[lane] = "┼"
    gaps = ["─" if start <= lane < stop else " " for lane in range(count)]
    return "".join(mark + gap for mark, gap in zip(marks, gaps, strict=True)).rstrip()
