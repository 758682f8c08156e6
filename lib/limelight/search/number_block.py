"""Blocks of numbers: what a reader makes of a column, without gaps and to one scale where asked."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from limelight.search.amounts import AmountForm, read_amounts
from limelight.search.columns import FrameReader, Texts, read_times
from limelight.search.dates import read_dates

Array = NDArray[Any]

#: Scaled numbers come near to this, and never reach it.
LIMIT = 3.0


class Reader:
    """From raw columns to float64 columns with NaN where missing.

    Attributes:
        names: What the columns are.
    """

    names: list[str]

    def read(self, frame: FrameReader) -> Sequence[Array]:
        """The columns, each of shape (n,)."""
        raise NotImplementedError

    def read_training(self, frame: FrameReader, target: Array | None) -> Sequence[Array]:  # noqa: ARG002
        """The columns of the rows that the reader was fitted on."""
        return self.read(frame)


class OneNumber(Reader):
    """A column of numbers or booleans."""

    def __init__(self, name: Hashable, function: Callable[[pd.Series], Array]) -> None:
        self.name = name
        self.names = [str(name)]
        self.function = function

    def read(self, frame: FrameReader) -> Sequence[Array]:
        return [self.function(frame.column(self.name))]


class WrittenNumber(Reader):
    """A column of numbers written as text."""

    def __init__(self, texts: Texts, form: AmountForm, called: str = "") -> None:
        self.texts = texts
        self.form = form
        self.names = [called or str(texts.name)]

    def read(self, frame: FrameReader) -> Sequence[Array]:
        return [frame.looked_up(self.texts, self, self._read)]

    def _read(self, texts: list[str]) -> Array:
        return read_amounts(texts, self.form)


class TimeParts(Reader):
    """A point in time as days since 1970, and its places in the year, the week and the day.

    Args:
        name: The column.
        zone: Its time zone, or None.
        form: How it is written, if it is text.
        cyclic: Whether to add sines and cosines: for models that only know straight lines,
            December is far from January.
    """

    def __init__(
        self, name: Hashable, zone: Any = None, form: str = "", *, cyclic: bool = False
    ) -> None:
        self.name = name
        self.zone = zone
        self.form = form
        self.cyclic = cyclic
        parts = ["days", "month", "day", "weekday", "hour"]
        if cyclic:
            parts += [f"{part} {wave}" for part in _PERIODS for wave in ("sine", "cosine")]
        self.names = [f"{name}: {part}" for part in parts]

    def read(self, frame: FrameReader) -> Sequence[Array]:
        if not self.form:
            return list(self._parts(read_times(frame.column(self.name), self.zone)).T)
        return list(frame.looked_up(Texts(self.name), self, self._of_texts).T)

    def days(self, frame: FrameReader) -> Array:
        """Days since 1970, shape (n,)."""
        return np.asarray(self.read(frame)[0])

    def _of_texts(self, texts: list[str]) -> Array:
        return self._parts(read_dates(texts, self.form))

    def _parts(self, times: pd.DatetimeIndex) -> Array:
        # In milliseconds, years beyond the range of nanoseconds fit too.
        days = np.where(times.isna(), np.nan, _milliseconds(times) / 86_400_000)
        hours = times.hour + times.minute / 60
        parts = [days, times.month, times.day, times.day_of_week, hours]
        if self.cyclic:
            places = {"month": times.month, "weekday": times.day_of_week, "hour": hours}
            for part, period in _PERIODS.items():
                turn = 2 * np.pi * np.asarray(places[part], dtype="float64") / period
                parts += [np.sin(turn), np.cos(turn)]
        return np.column_stack([np.asarray(part, dtype="float64") for part in parts])


_PERIODS = {"month": 12.0, "weekday": 7.0, "hour": 24.0}


def _milliseconds(times: pd.DatetimeIndex) -> Array:
    return times.to_numpy().astype("datetime64[ms]").astype("int64")


class DaysBetween(Reader):
    """The days from each point in time to each later column's."""

    def __init__(self, times: Sequence[TimeParts]) -> None:
        self.pairs = list(combinations(times, 2))
        self.names = [f"{b.name} - {a.name} (days)" for a, b in self.pairs]

    def read(self, frame: FrameReader) -> Sequence[Array]:
        return [later.days(frame) - first.days(frame) for first, later in self.pairs]


class Numbers:
    """Numbers as they are, with NaN; or filled with the median, and an indicator of it.

    Args:
        reader: Reads them.
        frame, target: What the encoder is fitted on.
        filled: Whether gaps are filled.
        indicated: Whether filled gaps are indicated.
        scaled: Whether they are brought to one scale, outliers bent back: the median becomes 0,
            the middle half is 1 wide, and nothing is beyond 3 (Holzmueller et al., *Better by
            default*, 2024). With deviations instead of quartiles, linear models were worse on 9
            of 10 tables and networks on 7.
    """

    levels = 0

    def __init__(
        self,
        reader: Reader,
        frame: FrameReader,
        target: Array | None,
        *,
        filled: bool,
        indicated: bool = True,
        scaled: bool = False,
    ) -> None:
        self.reader = reader
        self.filled = filled
        self.kept: list[tuple[int, float, float]] = []
        self.names: list[str] = []
        values = reader.read_training(frame, target)
        missing = np.isnan(values[0])
        for place, (name, part) in enumerate(zip(reader.names, values, strict=True)):
            present = part[~np.isnan(part)]
            constant = len(present) == 0 or present.min() == present.max()
            # With NaN kept, a constant with gaps still tells where the gaps are.
            if constant and (filled or len(present) in (0, len(part)) or place > 0):
                continue
            width = _width(present) if scaled else 0.0
            self.kept.append((place, float(np.median(present)), width))
            self.names.append(name)
        self.indicated = bool(filled and indicated and missing.any() and not missing.all())
        if self.indicated:
            self.names.append(f"{reader.names[0].partition(': ')[0]} (missing)")

    def encode(self, frame: FrameReader, out: Array) -> None:
        """Write the columns of the matrix, ``out`` of shape (n, len(names))."""
        self._write(self.reader.read(frame), out)

    def encode_training(self, frame: FrameReader, target: Array | None, out: Array) -> None:
        """Write the columns for the rows that the block was fitted on."""
        self._write(self.reader.read_training(frame, target), out)

    def _write(self, values: Sequence[Array], out: Array) -> None:
        for position, (place, median, width) in enumerate(self.kept):
            part = values[place]
            if self.filled:
                part = np.where(np.isnan(part), median, part)
            if width:
                part = (part - median) / width
                part = part / np.sqrt(1.0 + (part / LIMIT) ** 2)
            out[:, position] = part
        if self.indicated:
            out[:, -1] = np.isnan(values[0])


def _width(present: Array) -> float:
    """How wide the middle half of some numbers is, or half of nearly all where that is a point."""
    least, first, third, most = np.quantile(present, (0.01, 0.25, 0.75, 0.99))
    return float(third - first) or float(most - least) / 2 or float(present.std()) or 1.0
