"""Dates as text in later rows, read as the training source read them or not at all.

A source reads ``24.04.2022`` with the day or with the month first, as the values of the whole
column show. A later row has one value, and nothing shows the order: a parser's own habit would make
another day of it, without an error. What can be read in two ways is therefore refused here, unless
the order of the training source is known or the other rows show it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain, permutations

import numpy as np
import pandas as pd
import pyarrow as pa

from limelight.data.sources.local_forms import LOCAL_DATE, local_dates
from limelight.search.dates import ISO, find_form, read_dates

_LOCAL = re.compile(LOCAL_DATE, re.ASCII)
_ISO = re.compile(r"\d{4}-\d{2}(?!\d)|\d{8}(?:T|$)", re.ASCII)
_ISO_ZONE = re.compile(r"[T ].*(?:Z|[+-]\d{2}(?::?\d{2})?)$", re.ASCII)
_UTC = re.compile(r"(?<=\d) ?(?:UTC|GMT)$")
_USED_ORDERS = (("%d", "%m", "%y"), ("%m", "%d", "%y"), ("%y", "%m", "%d"))
_NUMBERS = re.compile(r"\d{1,2}([./-])\d{1,2}\1\d{2}(?!\d)", re.ASCII)


class UnreadDate(ValueError):
    """A text that is no date, or more than one.

    Args:
        place: Its place among the texts.
        reason: What is wrong, to follow "which".
    """

    def __init__(self, place: int, reason: str) -> None:
        super().__init__(place, reason)
        self.place = place
        self.reason = reason


def read_date_texts(texts: Sequence[str], first: str = "", zone: str = "UTC") -> pd.DatetimeIndex:
    """Texts of one column as times on the wall clock of a zone, in microseconds.

    ISO 8601 and forms with the year first or the month's name need no proof. Numbers like
    ``05/06/2022`` take the order that is known, or else the one order in which all such texts of
    the column are dates; and years of two digits the one order of day, month and year.

    Args:
        texts: None of them missing, shape (n,).
        first: ``day`` or ``month``: which of them the training source had first; empty if that is
            not known.
        zone: Times with a zone are converted to it; the others are taken as of it.

    Raises:
        UnreadDate: A text is no date, or could be several.

    Example:
        >>> read_date_texts(["05.06.2022", "2022-06-07"], first="day").day.tolist()
        [5, 7]
        >>> read_date_texts(["05.06.2022"])
        Traceback (most recent call last):
        ...
        limelight.model.date_texts.UnreadDate: (0, 'can be 2022-06-05 or 2022-05-06')
    """
    codes, distinct = pd.factorize(np.array([_tidy(text) for text in texts], dtype=object))
    found = pd.Series(pd.NaT, index=range(len(distinct)), dtype="datetime64[us]")
    families: dict[str, list[int]] = {}
    for place, text in enumerate(distinct):
        families.setdefault(_family(text), []).append(place)
    # One by one, as a column of anything has as many families as rows, and the first ends it.
    for family, places in families.items():
        some = [distinct[place] for place in places]
        times = _family_times(family, some, first, zone)
        if times.hasnans:
            place = places[int(np.flatnonzero(times.isna())[0])]
            row = int(np.flatnonzero(codes == place)[0])
            raise UnreadDate(row, _reason(distinct[place], first))
        found.iloc[places] = times
    return pd.DatetimeIndex(found.iloc[codes])


def _tidy(text: str) -> str:
    return _UTC.sub("Z", text.strip())


def _family(text: str) -> str:
    """Texts of a family have one form, but for a local order and digits left out."""
    if _ISO.match(text):
        return ISO
    if _LOCAL.fullmatch(text):
        return "local"
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "0", text))


def _family_times(family: str, texts: list[str], first: str, zone: str) -> pd.DatetimeIndex:
    if family == "local":
        orders = (first,) if first else ("day", "month")
        return _only_reading([_local_times(texts, order) for order in orders])
    if family == ISO:
        times = read_dates(texts, ISO)
        zoned = np.array([bool(_ISO_ZONE.search(text)) for text in texts])
        return pd.DatetimeIndex(np.where(zoned, _on_the_wall(times, zone), times))
    form = find_form(texts)
    if form is None or not ("%Y" in form or "%d" in form):  # Apr-22 may be a day or a year
        return _none(len(texts))
    found = _only_reading([read_dates(texts, rival) for rival in _rivals(form)])
    return _on_the_wall(found, zone) if "%z" in form else found


def _local_times(texts: list[str], order: str) -> pd.DatetimeIndex:
    """What the source's reader makes of local dates; NaT where the order makes no date of one."""
    whole = _local_column(texts, order)
    if whole is not None:
        return whole
    singly = (_local_column([text], order) for text in texts)
    return pd.DatetimeIndex([pd.NaT if one is None else one[0] for one in singly]).as_unit("us")


def _local_column(texts: list[str], order: str) -> pd.DatetimeIndex | None:
    cells = local_dates(pa.chunked_array([texts], pa.string()), day_first=order == "day")
    return None if cells is None else pd.DatetimeIndex(cells.to_numpy()).as_unit("us")


def _rivals(form: str) -> list[str]:
    """The forms that texts of a form could have as well, with its numbers in another order."""
    numbers = re.findall(r"%[dmy]", form)
    if form.startswith("%Y") or not {"%d", "%m"} <= set(numbers):
        return [form]
    orders: Iterable[tuple[str, ...]] = permutations(numbers) if "%Y" in form else _USED_ORDERS
    between = re.split(r"%[dmy]", form)
    return ["".join(chain(*zip(between, (*order, ""), strict=True))) for order in orders]


def _only_reading(readings: list[pd.DatetimeIndex]) -> pd.DatetimeIndex:
    """The one reading that leaves no text out; else what all readings of a text agree on."""
    whole = [reading for reading in readings if not reading.hasnans]
    if len(whole) == 1:
        return whole[0]
    table = pd.DataFrame(dict(enumerate(readings)))
    agreed = table.min(axis=1).where(table.nunique(axis=1) == 1)
    return pd.DatetimeIndex(agreed).as_unit("us")


def _on_the_wall(times: pd.DatetimeIndex, zone: str) -> pd.DatetimeIndex:
    return times.tz_localize("UTC").tz_convert(zone).tz_localize(None)


def _none(count: int) -> pd.DatetimeIndex:
    return pd.DatetimeIndex([pd.NaT] * count).as_unit("us")


def _reason(text: str, first: str) -> str:
    if _LOCAL.fullmatch(text):
        days = [_local_times([text], order)[0] for order in ("day", "month")]
        if not first and not any(map(pd.isna, days)):
            return f"can be {days[0]:%Y-%m-%d} or {days[1]:%Y-%m-%d}"
        return f"is no date with the {first} first" if first else "is no date"
    if _NUMBERS.match(text):
        return "can be several dates, as its year has two digits"
    return "is no date that can be read in one way alone"
