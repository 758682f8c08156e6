"""Points in time written as text, in the forms that people and programs use.

A column has one form. Day and month are told apart by its values alone: where none is above 12,
``04/05/2022`` could be either and is left as the text it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

#: As pandas' parser calls every form of ISO 8601.
ISO = "ISO8601"

#: A column of which fewer values have the form holds something else.
LEAST_SHARE = 0.95
#: So many different texts show whether it is worth trying all.
_SAMPLE = 200

_FORMS = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%dT%H%M%S", "%Y/%m", "%m/%Y", "%m.%Y"),
    *("%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y"),
    *("%d/%m/%y", "%m/%d/%y", "%d-%m-%y", "%m-%d-%y"),
    *("%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y", "%d. %B %Y", "%d%b%Y"),
    *("%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y", "%Y-%b-%d", "%Y %b %d"),
    *("%a %b %d %Y", "%a, %d %b %Y", "%A, %B %d, %Y", "%a %d %b %Y", "%a %b %d %H:%M:%S %z %Y"),
    *("%b-%Y", "%b %Y", "%B %Y", "%B-%Y", "%Y-%b", "%b-%y"),
)
_ISO = re.compile(
    r"\d{4}-\d{2}(?:-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?)?"
)
_CLOCK = re.compile(
    r"(?P<between>[T ,]+)(?P<hour>\d{1,2}):\d{2}(?P<second>:\d{2})?(?P<fraction>\.\d+)?"
    r"(?P<half>\s?[AaPp][Mm])?(?P<zone>\s?(?:Z|[+-]\d{2}:?\d{2}))?$"
)


def find_form(texts: Sequence[str], counts: Sequence[int] | None = None) -> str | None:
    """The one form in which nearly all texts are dates, for `read_dates`; None if there is none.

    Args:
        texts: Different texts, shape (m,).
        counts: How often each comes, shape (m,); once if not given.

    Example:
        >>> [find_form(texts) for texts in (["24.04.2022"], ["04/24/2022 10:15", "4/1/2022 9:00"])]
        ['%d.%m.%Y', '%m/%d/%Y %H:%M']
        >>> find_form(["04/05/2022", "07/08/2022"]) is None
        True
    """
    # Evenly spread, as a column in the order of time shows no day above 12 for a while.
    some = list(texts[:: max(1, len(texts) // _SAMPLE)])
    likely = [form for form in _possible(some) if _share(some, None, form) >= 0.9]
    shares = {form: _share(texts, counts, form) for form in likely}
    best = max(shares.values(), default=0.0)
    found = [form for form, share in shares.items() if share == best]
    if best < LEAST_SHARE or (len(found) > 1 and _differ(texts, found)):
        return None
    return found[0]


def read_dates(texts: Sequence[str], form: str) -> pd.DatetimeIndex:
    """Texts of a form, or else of ISO 8601, as times without a zone (of UTC where they had one).

    What is no such date is NaT.

    Example:
        >>> read_dates(["Apr 24, 2022", "2022-04-25", "soon"], "%b %d, %Y").day.tolist()
        [24.0, 25.0, nan]
    """
    found = _parsed(texts, form)
    failed = np.flatnonzero(found.isna())
    if form == ISO or not len(failed):
        return found
    # A reader of files may know the form, and hand over what it made of it.
    again = [text if _ISO.match(text) else "" for text in (texts[int(one)] for one in failed)]
    values = found.to_numpy(copy=True)
    values[failed] = _parsed(again, ISO).to_numpy()
    return pd.DatetimeIndex(values)


def _parsed(texts: Sequence[str], form: str) -> pd.DatetimeIndex:
    stripped = pd.Series([text.strip() for text in texts], dtype="str")
    found = pd.to_datetime(stripped, format=form, errors="coerce", utc=True)
    return pd.DatetimeIndex(found).tz_localize(None).as_unit("us")


def _possible(some: Sequence[str]) -> list[str]:
    """The forms that a few of the texts do not rule out."""
    shown = [text.strip() for text in some if any(map(str.isdigit, text))][:3]
    if not shown or len(shown) < min(3, len(some)) or max(map(len, shown)) > 40:
        return []
    if all(_ISO.fullmatch(text) for text in shown):
        return [ISO]
    clock = _CLOCK.search(shown[0])
    if clock is None:
        return list(_FORMS)
    return [form + _clock_form(clock) for form in _FORMS if "%d" in form and "%H" not in form]


def _clock_form(clock: re.Match[str]) -> str:
    half, zone = clock["half"] or "", clock["zone"] or ""
    return (
        clock["between"]
        + ("%I:%M" if half else "%H:%M")
        + (":%S" if clock["second"] else "")
        + (".%f" if clock["fraction"] else "")
        + (f"{half[:-2]}%p" if half else "")
        + (f"{' ' if zone[0] == ' ' else ''}%z" if zone else "")
    )


def _share(texts: Sequence[str], counts: Sequence[int] | None, form: str) -> float:
    known = np.asarray(_parsed(texts, form).notna())
    return float(np.average(known, weights=counts)) if len(texts) else 0.0


def _differ(texts: Sequence[str], forms: list[str]) -> bool:
    """Whether the forms read the texts as different days: May may be short or not."""
    first, *others = (_parsed(texts, form) for form in forms)
    return any(not first.equals(other) for other in others)
