"""The lines of a log that show which commit follows from which."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

COMMIT, MERGE = "●", "◎"
NOBODY = ""
"""What a lane leads to that leads nowhere for now."""


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
        place = lanes.index(commit) if commit in lanes else _free(lanes, 0)
        lanes[place] = commit
        following = list(parents.get(commit, ()))
        mark = MERGE if len(following) > 1 else COMMIT
        left = " ".join(_through(lanes, {place: mark}))
        between = list(_onward(lanes, place, following))
        while lanes and lanes[-1] == NOBODY:
            lanes.pop()
        yield left, between if number + 1 < len(commits) else []


def _free(lanes: list[str], start: int) -> int:
    """The first lane from a place on that leads nowhere; made if there is none."""
    for place in range(start, len(lanes)):
        if lanes[place] == NOBODY:
            return place
    lanes.append(NOBODY)
    return len(lanes) - 1


def _onward(lanes: list[str], place: int, following: list[str]) -> Iterator[str]:
    """Let the lanes lead to the parents of the commit in one; the lines that show it."""
    lanes[place] = following[0] if following else NOBODY
    for parent in following[1:]:
        known = parent in lanes
        other = lanes.index(parent) if known else _free(lanes, place + 1)
        lanes[other] = parent
        yield _bend(lanes, place, other, "┤" if known else "╮")
    for last in range(len(lanes) - 1, 0, -1):
        if lanes[last] != NOBODY and lanes[last] in lanes[:last]:
            yield _bend(lanes, lanes.index(lanes[last]), last, "╯")
            lanes[last] = NOBODY


def _through(lanes: list[str], marks: Mapping[int, str]) -> list[str]:
    """The lanes that go on, with some marks."""
    return [
        marks.get(place, " " if commit == NOBODY else "│") for place, commit in enumerate(lanes)
    ]


def _bend(lanes: list[str], one: int, other: int, end: str) -> str:
    """All lanes, and a line from one to another."""
    start, stop = sorted((one, other))
    crossed = {n: "─" if lanes[n] == NOBODY else "┼" for n in range(start + 1, stop)}
    marks = _through(lanes, {start: "├", stop: end, **crossed})
    gaps = ["─" if start <= place < stop else " " for place in range(len(lanes))]
    return "".join(mark + gap for mark, gap in zip(marks, gaps, strict=True)).rstrip()
