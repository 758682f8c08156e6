"""How text finds its type: the forms that a value can have, from the narrowest to the widest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

MISSING_WORDS = (
    *("NA", "N/A", "n/a", "NaN", "nan", "-NaN", "-nan", "<NA>", "null", "NULL", "None"),
    *("#NA", "#N/A", "#N/A N/A", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
)
"""Words for a missing value, in columns whose other values are no text: those that pandas reads."""

# A number with a leading zero or a plus is a name: a postal code, a telephone number.
WHOLE = r"-?(?:0|[1-9]\d*)"
_INTEGER = r"0|-?[1-9]\d*"  # a zero with a sign is a double
NUMBER = rf"(?:{WHOLE}(?:\.\d*)?|-?\.\d+)(?:[eE][+-]?\d+)?|-?[iI]nf(?:inity)?"
_DATE = r"\d{4}-\d{2}-\d{2}"
_TIME = r"[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?"
_ZONE = r"(?:Z|[+-]\d{2}:?\d{2})"
DATE = rf"{_DATE}(?:{_TIME}{_ZONE}?)?"

Kind = Literal["nothing", "bool", "int", "wide_int", "float", "datetime", "zoned", "text"]
"""What cells are: ``wide_int`` is beyond 63 bits and within 64, ``zoned`` is datetimes in UTC."""

_WORDS = pa.array(MISSING_WORDS)
_TRUTH = pa.array(["true", "false"])
_NAMES = tuple(
    pa.array(starts, pa.binary())
    for starts in (
        [b"+"],
        [b"0%d" % digit for digit in range(10)],
        [b"-0%d" % digit for digit in range(10)],
    )
)
_EXACT = 2**53
"""From here on a double cannot tell every whole number from the next."""


@dataclass(frozen=True)
class Found:
    """Cells in the narrowest type that all of them have.

    Args:
        kind: That type.
        values: The cells in it, with nulls where they are missing; shape (n,).
        plain: Whether the missing ones were all empty, so that no word is lost with them.
    """

    kind: Kind
    values: pa.Array
    plain: bool = True


def narrowest(cells: pa.Array, *, whole: bool = True) -> Found:
    """Cells of text as booleans, whole numbers, numbers, dates, or text as it is.

    Cells have a type if all of them have; an empty one is missing. ``NA`` and its like are
    missing too where all others are numbers, dates or booleans, and else are text. Numbers with
    leading zeros are text, and so are whole numbers that the type would not keep exactly.

    Args:
        cells: Text, shape (n,), without nulls.
        whole: Whether to try whole numbers; if not, they are doubles.

    Example:
        >>> narrowest(pa.array(["1", "", "3"])).kind, narrowest(pa.array(["007"])).kind
        ('int', 'text')
    """
    filled = emptied(cells)
    if filled.null_count == len(filled):
        return Found("nothing", filled)
    found = _converted(filled, whole)
    if found is not None:
        return found
    words = without_words(filled)
    plain = words.null_count == filled.null_count
    if words.null_count == len(words):
        return Found("nothing", words, plain)
    found = _converted(words, whole)
    return Found(found.kind, found.values, plain) if found is not None else Found("text", filled)


def emptied(cells: pa.Array) -> pa.Array:
    """Text with nulls for what is empty."""
    empty = pc.equal(cells, "")
    return pc.if_else(empty, None, cells) if pc.any(empty).as_py() else cells


def without_words(cells: pa.Array) -> pa.Array:
    """Text without spaces around it, with nulls for what is empty or a word for missing."""
    trimmed = pc.utf8_trim_whitespace(cells)
    missing = pc.or_(pc.equal(trimmed, ""), pc.is_in(trimmed, value_set=_WORDS))
    return pc.if_else(missing, None, trimmed)


def matching(cells: pa.Array, pattern: str) -> pa.Array:
    """Which cells are wholly of a pattern; null where they are."""
    return pc.match_substring_regex(cells, pattern=f"^(?:{pattern})$")


def all_match(cells: pa.Array, pattern: str) -> bool:
    """Whether every cell that is there is wholly of a pattern."""
    return bool(pc.all(matching(cells, pattern), min_count=0).as_py())


def _converted(cells: pa.Array, whole: bool) -> Found | None:
    """Cells, at least one of them filled, in a type that is not text."""
    first = cells.drop_null()[0].as_py()
    # One look at the first cell: most columns are of the type that it has, and to try in vain
    # takes ten times as long.
    if first.lower() in ("true", "false"):
        return _booleans(cells)
    if whole and re.fullmatch(_INTEGER, first):
        found = whole_numbers(cells)
        if found is not None or all_match(cells, _INTEGER):
            return found
    if re.fullmatch(NUMBER, first):
        return numbers(cells)
    if re.fullmatch(DATE, first):
        return datetimes(cells)
    return None


def _booleans(cells: pa.Array) -> Found | None:
    lowered = pc.utf8_lower(cells)
    if not pc.all(
        pc.is_in(lowered, value_set=_TRUTH, skip_nulls=True).filter(lowered.is_valid())
    ).as_py():
        return None
    return Found("bool", pc.equal(lowered, "true"))


def whole_numbers(cells: pa.Array) -> Found | None:
    """Whole numbers within 64 bits, spelt as a computer would, or None."""
    kinds: tuple[tuple[Kind, pa.DataType], ...] = (("int", pa.int64()), ("wide_int", pa.uint64()))
    for kind, dtype in kinds:
        try:
            values = pc.cast(cells, dtype)
        except pa.ArrowInvalid:
            continue
        # Arrow takes 007 and 0x7 for numbers.
        same = pc.equal(pc.cast(values, pa.string()), cells)
        return Found(kind, values) if pc.all(same, min_count=0).as_py() else None
    return None


def numbers(cells: pa.Array) -> Found | None:
    """Doubles, or None where one is no number, or whole and not kept exactly."""
    try:
        values = pc.cast(cells, pa.float64())
    except pa.ArrowInvalid:
        return None
    finite = pc.all(pc.is_finite(values), min_count=0).as_py()
    if (not finite or _are_names(cells)) and not all_match(cells, NUMBER):
        return None
    if not finite and _beyond_doubles(cells, values):
        return None
    long = pc.greater_equal(pc.binary_length(cells), 16)
    whole = cells.filter(pc.and_(long, pc.invert(pc.match_substring(cells, "."))))
    for word in whole.filter(matching(whole, r"-?\d+")).to_pylist():
        if int(float(word)) != int(word) or not -(2**63) <= int(word) < 2**63:
            return None
    return Found("float", values)


def _beyond_doubles(cells: pa.Array, values: pa.Array) -> bool:
    """Whether digits became infinity: 1e400 is larger than any double."""
    infinite = cells.filter(pc.is_inf(values))
    return bool(pc.any(pc.match_substring_regex(infinite, r"\d"), min_count=0).as_py())


def _are_names(cells: pa.Array) -> bool:
    """Whether a number has a leading zero or a plus; quicker than a regular expression."""
    raw = cells.cast(pa.binary())
    return any(
        pc.any(pc.is_in(pc.binary_slice(raw, 0, len(starts[0].as_py())), starts)).as_py()
        for starts in _NAMES
    )


def exact_as_double(values: pa.Array) -> bool:
    """Whether whole numbers stay what they are when they become doubles."""
    low, high = pc.min_max(values).as_py().values()
    if low is None or (low > -_EXACT and high < _EXACT):
        return True
    return all(int(float(value)) == value for value in values.drop_null().to_pylist())


def datetimes(cells: pa.Array) -> Found | None:
    """ISO dates and times, all with a zone or none, or None; the 31st of February is none."""
    naive = all_match(cells, f"{_DATE}(?:{_TIME})?")
    if not naive and not all_match(cells, f"{_DATE}{_TIME}{_ZONE}"):
        return None
    zone = None if naive else "UTC"
    for unit in ("us", "ns"):
        try:
            values = pc.cast(cells, pa.timestamp(unit, zone))
        except pa.ArrowInvalid:
            continue
        return Found("datetime" if naive else "zoned", values)
    return None
