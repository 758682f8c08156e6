"""Numbers written as text: with a currency, a unit or percent, and separators of thousands.

A column has one way of writing: its comma is the decimal one or that of thousands, its unit is
the same everywhere. Anything else, as ``< 5`` or ``id17``, is left as the text it is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

#: A column of which fewer values are such numbers holds something else.
LEAST_SHARE = 0.95
#: So many different texts show whether it is worth trying all.
_SAMPLE = 200

_CODES = r"USD|EUR|GBP|CHF|JPY|CNY|INR|AUD|CAD|US\$|R\$|Rs\.?|kr\.?|Fr\.?"
_CURRENCY = rf"(?:[$€£¥₹₽₩₺₫₴₪฿¢]|{_CODES})"
_SPACE = "['\u2019 \u00a0\u202f]"
_DIGITS = rf"\d(?:\d|[.,]|{_SPACE})*\d|\d|[.,]\d+"
_MINUS = "[-\u2212]"
_WRITTEN = re.compile(
    rf"(?P<open>\()?(?P<minus>{_MINUS})?\+?{_CURRENCY}?\s*(?P<late>{_MINUS})?(?P<digits>{_DIGITS})"
    rf"(?:[eE](?P<power>[+-]?\d{{1,3}}))?(?P<unit>\s*[^\d\s()][^\d()]{{0,14}})?(?P<close>\))?"
)
_CLOCK = re.compile(r"(\d{1,3}):([0-5]\d)(?::([0-5]\d)(?:\.\d+)?)?(?:\s?([AaPp])\.?[Mm]\.?)?")
_THOUSANDS = {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9}
_SPACES = re.compile(_SPACE)
_SPACED = re.compile(rf"\d{{1,3}}(?:{_SPACE}\d{{3}})+(?:[.,]\d*)?")
#: Whole numbers with a leading zero are names: postal codes, telephone numbers.
_GROUPED = {
    ",": re.compile(r"(?:0|[1-9]\d*|[1-9]\d{0,2}(?:,\d{3})+)?(?:\.\d*)?"),
    ".": re.compile(r"(?:0|[1-9]\d*|[1-9]\d{0,2}(?:\.\d{3})+)?(?:,\d*)?"),
}


@dataclass(frozen=True)
class AmountForm:
    """How the numbers of a column are written.

    Args:
        separator: What stands between thousands: a comma, or a point where the comma is the
            decimal one; a colon between hours, minutes and seconds.
        units: The units that a number may have, as a factor of each.
        plain: Whether they are whole numbers with nothing about them, which may be names.
    """

    separator: str
    units: dict[str, float] = field(default_factory=dict, hash=False)
    plain: bool = False


def find_amounts(texts: Sequence[str], counts: Sequence[int] | None = None) -> AmountForm | None:
    """The one way in which nearly all texts are numbers, for `read_amounts`; None if there is none.

    Args:
        texts: Different texts, shape (m,).
        counts: How often each comes, shape (m,); once if not given.

    Example:
        >>> [find_amounts(texts).separator for texts in (["$1,200.50"], ["1.200,5 €", "80 €"])]
        [',', '.']
        >>> find_amounts(["id1", "id2"]) is None, find_amounts(["< 5", "> 7"]) is None
        (True, True)
    """
    some = texts[:: max(1, len(texts) // _SAMPLE)]
    if sum(any(map(str.isdigit, text)) for text in some) < 0.9 * len(some) or not len(some):
        return None
    weights = np.ones(len(texts)) if counts is None else np.asarray(counts, dtype="float64")
    forms = [form for form in _possible(some) if _share(some, np.ones(len(some)), form) >= 0.9]
    shares = [(_share(texts, weights, form), form) for form in forms]
    # A comma between thousands is the more frequent one: the first of those that read the same.
    share, form = max(shares, key=lambda one: one[0], default=(0.0, None))
    return form if share >= LEAST_SHARE else None


def read_amounts(texts: Sequence[str], form: AmountForm) -> Array:
    """The numbers that texts of a form are; float64, shape (m,), NaN where it is none.

    Example:
        >>> read_amounts(["1.200,5 €", "(80) €", "?"], AmountForm(".", {"€": 1.0})).tolist()
        [1200.5, nan, nan]
        >>> read_amounts(["9:30", "10:15 pm"], AmountForm(":")).tolist()
        [570.0, 1335.0]
    """
    read = _clock if form.separator == ":" else _amount
    return np.asarray([read(text.strip(), form) for text in texts], dtype="float64")


def _amount(text: str, form: AmountForm) -> float:
    match = _WRITTEN.fullmatch(text)
    if match is None or bool(match["open"]) != bool(match["close"]):
        return float("nan")
    factor = form.units.get(_unit(match))
    digits = _SPACES.sub("", match["digits"])
    spaced = digits == match["digits"] or _SPACED.fullmatch(match["digits"])
    if factor is None or not spaced or not _GROUPED[form.separator].fullmatch(digits):
        return float("nan")
    digits = digits.replace(form.separator, "").replace(",", ".")
    negative = match["open"] or match["minus"] or match["late"]
    value = float(f"{digits}e{match['power'] or 0}") * factor
    return -value if negative else value


def _clock(text: str, form: AmountForm) -> float:  # noqa: ARG001
    """Minutes since midnight, or of a duration."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        return float("nan")
    hours, minutes, seconds = (float(part or 0) for part in match.groups()[:3])
    if match[4]:
        hours = hours % 12 + (12 if match[4] in "pP" else 0)
    return 60 * hours + minutes + seconds / 60


def _unit(match: re.Match[str]) -> str:
    """The unit of a number, in the singular."""
    unit = (match["unit"] or "").strip()
    return unit[:-1] if len(unit) > 3 and unit.endswith("s") else unit


def _possible(some: Sequence[str]) -> list[AmountForm]:
    found = [match for text in some if (match := _WRITTEN.fullmatch(text.strip()))]
    if not found:
        return [AmountForm(":")] if any(map(_CLOCK.fullmatch, some)) else []
    units = Counter(map(_unit, found))
    plain = all(match[0].isdigit() for match in found)
    common = {unit for unit, count in units.items() if count >= 0.02 * len(found)}
    if common <= {"", *_THOUSANDS} and common != {""}:
        factors = {"": 1.0, **_THOUSANDS}
    elif len(common - {""}) <= 1:
        factors = dict.fromkeys(common | {""}, 1.0)
    else:
        return []
    return [AmountForm(separator, factors, plain) for separator in ",."]


def _share(texts: Sequence[str], weights: Array, form: AmountForm) -> float:
    return float(np.average(np.isfinite(read_amounts(texts, form)), weights=weights))
