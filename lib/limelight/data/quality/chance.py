"""How likely a count is, after what was counted before."""

from __future__ import annotations

UNLIKELY = 1e-6
"""What happens by chance less often than this did not happen by chance."""

JUMP = 0.2
"""By so much may a share (of missing values, say) grow without an error."""

FEW = 20
"""Fewer rows, or values, than this say little."""


def unlikely(before: int, of: int, now: int, among: int) -> bool:
    """Whether a share grew more than chance would have it.

    What is known of a share after ``before`` hits in ``of`` rows is a beta distribution; after
    few rows it is a wide one, so that nothing much can be unlikely.

    Args:
        before, of: Hits and rows that were counted before.
        now, among: Hits and rows that are counted now.

    Example:
        >>> unlikely(10, 1000, 60, 1000), unlikely(10, 1000, 20, 1000), unlikely(0, 2, 5, 10)
        (True, False, False)
    """
    from scipy.stats import betabinom

    if not among or now * of <= before * among:
        return False
    return bool(betabinom.sf(now - 1, among, before + 1, of - before + 1) < UNLIKELY)
