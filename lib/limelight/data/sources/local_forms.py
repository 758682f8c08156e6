"""Numbers and dates as people write them: 24.04.2022, 1,5, 1.234.567, 12 %, 3.50 €."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from limelight.data.reading import WHOLE, all_match, without_words

LOCAL_DATE = "|".join(
    rf"\d{{1,2}}{sign}\d{{1,2}}{sign}\d{{4}}(?: \d{{1,2}}:\d{{2}}(?::\d{{2}})?)?"
    for sign in (r"\.", "/", "-")
)
_COMMA_NUMBER = rf"{WHOLE}(?:,\d+)?"
_GROUPED = "|".join(
    rf"-?\d{{1,3}}(?:{sign}\d{{3}})+(?:{point}\d+)?"
    for sign, point in ((",", r"\."), (r"\.", ","), ("[ '\u00a0\u202f]", "[.,]"))
)
_SPACES = " '\u00a0\u202f"
_BY_SIGN = {
    sign: rf"-?(?:\d+|\d{{1,3}}(?:[{group}{_SPACES}]\d{{3}})+)(?:{re.escape(sign)}\d+)?"
    for sign, group in ((".", ","), (",", "."))
}
_PLAIN = r"-?\d+(?:[.,]\d+)?"
_NUMBER = rf"(?:{_PLAIN}|{_GROUPED})"
_SIGN = r"(?:[$€£¥₹]|USD|EUR|GBP|CHF|JPY)"
_PERCENT = rf"{_NUMBER}\s*%"
_MONEY = rf"-?{_SIGN}\s*{_NUMBER}|{_NUMBER}\s*{_SIGN}"
_NOTED = {
    rf"{_GROUPED}|{_PLAIN}": "numbers with commas, or with signs between the thousands",
    _PERCENT: "numbers with percent signs",
    _MONEY: "numbers with a currency",
}
_ANY = rf"{LOCAL_DATE}|{_NUMBER}|{_PERCENT}|{_MONEY}"
_LOOKED_AT = 50

COMMAS = "has numbers with decimal commas"
"""The note on a column of them."""


@dataclass(frozen=True)
class LocalForm:
    """What was found of a column of text.

    Args:
        values: The cells as datetimes or doubles, or None where they stay text.
        note: What is to be said of the column, behind its name.
        first: ``day`` or ``month`` of dates: which stands first.
    """

    values: pa.ChunkedArray | None
    note: str
    first: str = ""


def local_form(cells: pa.ChunkedArray, *, decimal_comma: bool) -> LocalForm | None:
    """Dates and numbers in a local spelling, or None where the cells are just text.

    Dates count only where every one of them is a date in one order of day and month alone, and a
    comma for a decimal point only where the table's separator is another (``decimal_comma``).
    Whatever could be read in two ways stays text, with a note.

    Args:
        cells: Text with nulls, shape (n,).

    Example:
        >>> cells = pa.chunked_array([["24.04.2022", "1.5.2022", None]])
        >>> local_form(cells, decimal_comma=False).values[1].as_py()
        datetime.datetime(2022, 5, 1, 0, 0)
    """
    if not _all_of(cells.slice(0, _LOOKED_AT), _ANY):  # most text ends here
        return None
    distinct = without_words(pc.unique(cells))
    if distinct.null_count == len(distinct):
        return None
    if all_match(distinct, LOCAL_DATE):
        return _dates(cells, distinct)
    if decimal_comma and are_comma_numbers(distinct):
        return LocalForm(comma_numbers(cells), COMMAS)
    for pattern, what in _NOTED.items():
        if all_match(distinct, pattern) and not _are_codes(distinct):
            hint = " (as type number they are read)" if decimal_sign(distinct) else ""
            return LocalForm(None, f"is text: its values are {what}{hint}")
    return None


def are_comma_numbers(words: pa.Array) -> bool:
    """Whether a comma can only stand for a decimal point: not each time before three digits."""
    return all_match(words, _COMMA_NUMBER) and not all_match(words, rf"{_GROUPED}|{WHOLE}")


def decimal_sign(words: pa.Array) -> str:
    """The sign before decimals, ``.`` or ``,``, where numbers can be read in one way alone.

    Empty where they are no numbers, or could be read in both ways: 1,234.

    Example:
        >>> decimal_sign(pa.array(["1.016,73", "1.234"])), decimal_sign(pa.array(["1.234"]))
        (',', '')
    """
    found = [sign for sign, form in _BY_SIGN.items() if all_match(words, form)]
    return found[0] if len(found) == 1 else ""


def plain_number(word: str, sign: str) -> str:
    """A number as computers write it, from one with this sign before its decimals.

    Example:
        >>> plain_number("1.016,73", ",")
        '1016.73'
    """
    kept = (letter for letter in word.strip() if letter == sign or letter not in f".,{_SPACES}")
    return "".join(kept).replace(sign, ".")


def comma_numbers(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Numbers with decimal commas as doubles."""
    points = [pc.replace_substring(without_words(chunk), ",", ".") for chunk in cells.chunks]
    return pa.chunked_array([pc.cast(chunk, pa.float64()) for chunk in points], pa.float64())


def _all_of(cells: pa.ChunkedArray, pattern: str) -> bool:
    return all(all_match(without_words(chunk), pattern) for chunk in cells.chunks)


def _are_codes(distinct: pa.Array) -> bool:
    """Whether a number has a leading zero, as codes have it, or all are as computers write them."""
    zeros = pc.any(pc.match_substring_regex(distinct, r"^-?0\d"), min_count=0).as_py()
    return bool(zeros) or all_match(distinct, r"-?\d+(?:\.\d+)?")


def _dates(cells: pa.ChunkedArray, distinct: pa.Array) -> LocalForm:
    parts = pc.extract_regex(distinct.drop_null(), r"^(?P<a>\d{1,2})[./-](?P<b>\d{1,2})[./-]")
    first, second = (
        pc.max(pc.cast(pc.struct_field(parts, place), pa.int64())).as_py() for place in (0, 1)
    )
    if first <= 12 and second <= 12:
        return LocalForm(None, "is text: its dates could have the day or the month first")
    order = "day" if first > 12 else "month"
    values = local_dates(cells, day_first=order == "day")
    if values is None:
        return LocalForm(None, "is text: it looks like dates, and not all of them are")
    return LocalForm(values, f"has dates with the {order} first", order)


def local_dates(cells: pa.ChunkedArray, *, day_first: bool) -> pa.ChunkedArray | None:
    """The datetimes, or None where one is none."""
    dtype = pa.timestamp("us")
    try:
        chunks = [pc.cast(_as_iso(chunk, day_first), dtype) for chunk in cells.chunks]
    except pa.ArrowInvalid:
        return None
    return pa.chunked_array(chunks, dtype)


def _as_iso(cells: pa.Array, day_first: bool) -> pa.Array:
    words = without_words(cells)
    for pattern, replaced in (
        (r"^(\d)([./-])", r"0\1\2"),
        (r"^(\d{2}[./-])(\d[./-])", r"\10\2"),  # in RE2: group 1, and a zero
        (r" (\d):", r" 0\1:"),
    ):
        words = pc.replace_substring_regex(words, pattern, replaced)
    order = r"\3-\2-\1" if day_first else r"\3-\1-\2"
    return pc.replace_substring_regex(words, r"^(\d{2})[./-](\d{2})[./-](\d{4})", order)
