"""JSON: an object a line, or one array of objects."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from limelight.data.schema import check_names
from limelight.data.sources.files import DAMAGE, Part, not_utf8
from limelight.data.sources.table import Columns, Rows, Wanted
from limelight.data.sources.value_column import ValueColumn
from limelight.errors import InputError

_BATCH = 10_000
_READ = 2**20
_SPACE = " \t\r\n"


def read_json(parts: Sequence[Part], wanted: Wanted) -> Columns:
    """The columns of JSON files, typed by their values; text that is ISO dates becomes datetimes.

    A name that an object does not have is missing there: programs that write JSON leave out what
    is null.

    Raises:
        InputError: A line is not a JSON object, or a value is a list or an object.
    """
    columns: dict[str, ValueColumn | None] = {}
    counts: list[int] = []
    for part in parts:
        counts.append(0)
        objects = _objects(part)
        while batch := list(islice(objects, _BATCH)):
            _add(batch, columns, wanted, sum(counts))
            counts[-1] += len(batch)
    rows = Rows(tuple(part.name for part in parts), tuple(counts))
    found = Columns({}, rows)
    if not sum(counts):
        raise InputError(f"{parts[0].name} has no rows.", "Give objects, one a line.")
    check_names(columns)
    for name in wanted.of(list(columns)):
        column = columns.pop(name)
        assert column is not None
        found.series[name], note = column.finished(rows)
        found.notes += [note] if note else []
    return found


def _add(
    batch: list[dict[str, Any]],
    columns: dict[str, ValueColumn | None],
    wanted: Wanted,
    before: int,
) -> None:
    """Take the next objects into the columns; one that is new was missing before."""
    for name in dict.fromkeys(name for row in batch for name in row):  # in their order
        if name not in columns:
            columns[name] = _new(name, wanted, before)
    for name, column in columns.items():
        if column is not None:
            column.add([row.get(name) for row in batch])


def _new(name: str, wanted: Wanted, before: int) -> ValueColumn | None:
    """A column that the rows before did not have, or None if it is not wanted."""
    if not wanted.keeps(name):
        return None
    column = ValueColumn(name, dates=name not in wanted.given)
    column.add_missing(before)
    return column


def _objects(part: Part) -> Iterator[dict[str, Any]]:
    """The objects of a file, one after the other."""
    try:
        with part.opened() as file, io.TextIOWrapper(file, "utf-8-sig") as text:
            start = _start(text)
            if not start:
                raise InputError(f"{part.name} is empty.", "Give objects, one a line.")
            yield from _array(text, part) if start == "[" else _lines(text, start, part)
    except UnicodeDecodeError as problem:
        raise not_utf8(part) or part.damaged(problem) from problem
    except DAMAGE as problem:
        raise part.damaged(problem) from problem


def _start(text: io.TextIOWrapper) -> str:
    """The first character that is no space; what follows it is read next."""
    while (character := text.read(1)) and character in _SPACE:
        pass
    return character


def _lines(text: io.TextIOWrapper, start: str, part: Part) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(text, 1):
        whole = start + line if number == 1 else line
        if not whole.isspace():
            yield _object(whole, f"line {number:,} of {part.name}")


def _object(text: str, place: str) -> dict[str, Any]:
    try:
        return _checked(_DECODER.decode(text), place)
    except (ValueError, RecursionError) as problem:
        raise _no_object(place, str(problem)) from problem


def _array(text: io.TextIOWrapper, part: Part) -> Iterator[dict[str, Any]]:
    """The objects of one array, without ever having the whole of it in memory."""
    rest, number, more = "", 0, True
    while more:
        read = text.read(_READ)
        rest, more = rest + read, bool(read)
        place = 0
        while True:
            place = _skipped(rest, place, _SPACE + ("," if number else ""))
            if rest[place : place + 1] == "]":
                _check_end(rest[place + 1 :] + text.read(_READ), part)
                return
            try:
                value, place = _DECODER.raw_decode(rest, place)
            except ValueError as problem:
                if more:
                    break  # the object goes on in what is read next
                raise _no_object(f"object {number + 1:,} of {part.name}", str(problem)) from problem
            number += 1
            yield _checked(value, f"object {number:,} of {part.name}")
        rest = rest[place:]


def _check_end(rest: str, part: Part) -> None:
    if rest.strip():
        raise InputError(
            f"{part.name} goes on behind its array: {rest.strip()[:40]!r}.",
            "Write one array, or one object a line.",
        )


def _skipped(text: str, place: int, characters: str) -> int:
    while text[place : place + 1] and text[place] in characters:
        place += 1
    return place


def _checked(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _no_object(place, f"it is {json.dumps(value)[:40]}")
    return value


def _no_object(place: str, why: str) -> InputError:
    return InputError(
        f"{place} is no JSON object: {why}.", 'Write one object a line, e.g. {"id": 1, "x": 2.5}.'
    )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"it has {twice!r} twice")
    return found


def _double(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:40]} is larger than any double")
    return number


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_float=_double)
