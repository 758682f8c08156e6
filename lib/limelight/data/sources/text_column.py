"""A column of text that comes in batches and is kept in the narrowest type that fits so far."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from limelight.data.reading import (
    DATE,
    NUMBER,
    Found,
    Kind,
    emptied,
    exact_as_double,
    matching,
    narrowest,
    without_words,
)
from limelight.data.sources.table import Rows

SUSPICIOUS = 0.1
"""Up to this share of cells of a column that keep it from being numbers or dates are named."""

_SHOWN = 5


@dataclass
class Watch:
    """Keeps count of the cells that keep a column from being numbers or dates."""

    what: str = ""
    filled: int = 0
    odd: int = 0
    shown: list[tuple[int, str]] = field(default_factory=list)
    _seen: int = 0
    _active: bool = True

    def look(self, cells: pa.Array) -> None:
        """Take in the next cells of the column."""
        if self._active:
            self._count(cells)
        self._seen += len(cells)

    def _count(self, cells: pa.Array) -> None:
        words = without_words(cells)
        if words.null_count == len(words):
            return
        self.what = self.what or _mostly(words)
        pattern = {"numbers": NUMBER, "dates": DATE}.get(self.what)
        if pattern is None:
            self._active = False
            return
        odd = pc.invert(matching(words, pattern).fill_null(True))
        rows = pc.indices_nonzero(odd)
        for row in rows[: _SHOWN - len(self.shown)].to_pylist():
            self.shown.append((self._seen + row, cells[row].as_py()))
        self.odd += len(rows)
        self.filled += len(words) - words.null_count
        self._active = self.odd <= self.filled / 2

    def note(self, name: str, rows: Rows) -> str:
        """What is to be said of the column; empty if nothing is."""
        if not self._active or not self.filled or self.odd > SUSPICIOUS * self.filled:
            return ""
        if not self.odd:
            return (
                f"column {name!r} is text: some of its {self.what} are too large to be kept exactly"
                if self.what == "numbers"
                else f"column {name!r} is text: not all of its dates exist, or have a time zone"
            )
        shown = ", ".join(f"{value[:40]!r} in {rows.place(row)}" for row, value in self.shown)
        more = ", ..." if self.odd > len(self.shown) else ""
        return (
            f"column {name!r} is text: {self.filled - self.odd:,} of its {self.filled:,} values are"
            f" {self.what}, and {self.odd:,} {'is' if self.odd == 1 else 'are'} not ({shown}{more})"
        )


def _mostly(words: pa.Array) -> str:
    """What at least half of the words are, if it is something."""
    filled = len(words) - words.null_count
    for what, pattern in (("numbers", NUMBER), ("dates", DATE)):
        if pc.sum(matching(words, pattern)).as_py() * 2 >= filled:
            return what
    return ""


class TextColumn:
    """The cells of one column, all parts of the source together.

    As soon as a batch shows that what was read as numbers is text, the batches before must be
    read again (`fallen`): their spelling is lost. This way a column of numbers never takes the
    memory of its text.

    Args:
        name: Of the column.
        text: Whether it is text whatever its cells look like.
    """

    def __init__(self, name: str, *, text: bool = False) -> None:
        self.name = name
        self.fallen = False
        self.watch = Watch()
        self._kind: Kind = "text" if text else "nothing"
        self._plain = True
        self._chunks: list[pa.Array] = []

    @property
    def is_text(self) -> bool:
        """Whether the cells are kept as they are spelt."""
        return self._kind == "text" or (self._kind == "nothing" and self._plain)

    def add(self, cells: pa.Array) -> None:
        """Take in the next cells: text, without nulls."""
        if self.fallen:
            return
        if self._kind == "text":
            self._add_text(cells)
            return
        found = narrowest(cells, whole=self._kind != "float")
        kind = _common(self._kind, found.kind)
        if kind == "text" and not self.is_text:
            self._fall()
        elif kind == "text":
            self._kind = kind
            self._seen_nothing()
            self._add_text(cells)
        else:
            self._add_typed(found, kind)

    def values(self) -> pa.ChunkedArray:
        """All cells in the one type that they have, with nulls; gives the batches away."""
        dtype = _arrow_type(self._kind, self._chunks)
        chunks = [chunk.cast(dtype) for chunk in self._chunks]
        self._chunks = []
        return pa.chunked_array(chunks, dtype)

    def _add_text(self, cells: pa.Array) -> None:
        self.watch.look(cells)
        self._chunks.append(emptied(cells))

    def _add_typed(self, found: Found, kind: Kind) -> None:
        inexact = kind == "float" and (
            (found.kind == "int" and not exact_as_double(found.values))
            or (self._kind == "int" and not all(map(exact_as_double, self._chunks)))
        )
        self._chunks.append(found.values)
        self._plain = self._plain and found.plain
        self._kind = kind
        if inexact or not _fit_together(kind, self._chunks):
            self._fall()

    def _seen_nothing(self) -> None:
        for chunk in self._chunks:
            self.watch.look(chunk)

    def _fall(self) -> None:
        self.fallen = True
        self._chunks = []


def _common(one: Kind, other: Kind) -> Kind:
    """The narrowest kind that holds both."""
    if one == other or other == "nothing":
        return one
    if one == "nothing":
        return other
    both = {one, other}
    if both <= {"int", "wide_int"}:
        return "wide_int"
    return "float" if both <= {"int", "float"} else "text"


def _fit_together(kind: Kind, chunks: list[pa.Array]) -> bool:
    """Whether no number is negative where one needs 64 bits, no time too far for nanoseconds."""
    if kind not in ("wide_int", "datetime", "zoned"):
        return True
    dtype = _arrow_type(kind, chunks)
    try:
        for chunk in chunks:
            chunk.cast(dtype)
    except pa.ArrowInvalid:
        return False
    return True


def _arrow_type(kind: Kind, chunks: list[pa.Array]) -> pa.DataType:
    if kind in ("datetime", "zoned"):
        unit = "ns" if any(str(chunk.type).startswith("timestamp[ns") for chunk in chunks) else "us"
        return pa.timestamp(unit, "UTC" if kind == "zoned" else None)
    types = {
        "bool": pa.bool_(),
        "int": pa.int64(),
        "wide_int": pa.uint64(),
        "float": pa.float64(),
    }
    return types.get(kind, pa.string())
