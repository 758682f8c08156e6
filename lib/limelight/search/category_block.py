"""Blocks of categories: a column for each level, or one column of codes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from limelight.search.columns import FrameReader, Levels, Texts

Array = NDArray[Any]

MAX_ONEHOT_LEVELS = 40
MAX_ORDINAL_LEVELS = 100
"""More levels than these share one; an extra column then tells how frequent the level is."""


class Counted:
    """The levels of a category, most frequent first, and how often each came."""

    def __init__(self, levels: Levels) -> None:
        codes, texts = levels
        counts = np.bincount(codes[codes >= 0], minlength=len(texts))
        order = sorted(range(len(texts)), key=lambda code: (-counts[code], texts[code]))
        self.texts = [texts[code] for code in order]
        self.counts = [int(counts[code]) for code in order]
        self.present = int(counts.sum())
        self.has_missing = bool((codes < 0).any())

    @property
    def is_name(self) -> bool:
        """Whether nearly every row has a text of its own, as keys and free text do."""
        return len(self.texts) > 20 and len(self.texts) > 0.9 * self.present

    def frequent(self, limit: int, rows: int) -> list[str]:
        """The most frequent levels that come often enough to learn from."""
        least = min(self.counts[0], max(2, rows // 1000)) if self.counts else 0
        enough = [
            text for text, count in zip(self.texts, self.counts, strict=True) if count >= least
        ]
        return enough[:limit]

    def frequencies(self) -> dict[str, float]:
        """Logarithm of one plus the count of each level."""
        return dict(zip(self.texts, np.log1p(self.counts).tolist(), strict=True))


class _Category:
    """What the blocks of categories have in common."""

    def __init__(self, texts: Texts, name: str) -> None:
        self.source = texts
        self.name = name
        self.names: list[str] = []
        self.levels = 0

    def encode(self, frame: FrameReader, out: Array) -> None:
        """Write the columns of the matrix, ``out`` of shape (n, len(names))."""
        raise NotImplementedError

    def encode_training(self, frame: FrameReader, target: Array | None, out: Array) -> None:  # noqa: ARG002
        """Write the columns for the rows that the block was fitted on."""
        self.encode(frame, out)

    def _looked_up(
        self, frame: FrameReader, table: dict[str, float], unseen: float, missing: float
    ) -> Array:
        codes, texts = frame.levels(self.source)
        return np.asarray([*(table.get(text, unseen) for text in texts), missing])[codes]


class Onehot(_Category):
    """A column for each frequent level, one for the others, one for missing values."""

    def __init__(self, texts: Texts, name: str, levels: Counted, rows: int) -> None:
        super().__init__(texts, name)
        kept = [] if levels.is_name else levels.frequent(MAX_ONEHOT_LEVELS, rows)
        rest = 0 if levels.is_name else len(levels.texts) - len(kept)
        names = [f"{name} = {text}" for text in kept]
        self.positions = {text: float(place) for place, text in enumerate(kept)}
        self.unseen = self.missing = -1.0
        if rest:
            self.unseen = float(len(names))
            names.append(f"{name} (infrequent)")
        if levels.has_missing and levels.texts:
            self.missing = float(len(names))
            names.append(f"{name} (missing)")
        # One of the columns follows from the others: of two, one is enough.
        self.skipped = 1 if 1 <= len(names) <= 2 and not levels.is_name else 0
        self.frequencies = levels.frequencies() if rest > 1 else {}
        self.names = names[self.skipped :] + ([f"{name} (frequency)"] if self.frequencies else [])

    def encode(self, frame: FrameReader, out: Array) -> None:
        position = self._looked_up(frame, self.positions, self.unseen, self.missing)
        place = position.astype("int64") - self.skipped
        rows = np.flatnonzero(place >= 0)
        out[rows, place[rows]] = 1.0
        if self.frequencies:
            out[:, -1] = self._looked_up(frame, self.frequencies, 0.0, 0.0)


class Codes(_Category):
    """The rank of a level by frequency; the infrequent share one, with their frequency beside."""

    def __init__(self, texts: Texts, name: str, levels: Counted, rows: int) -> None:
        super().__init__(texts, name)
        kept = [] if levels.is_name else levels.frequent(MAX_ORDINAL_LEVELS, rows)
        rest = 0 if levels.is_name else len(levels.texts) - len(kept)
        self.codes = {text: float(code) for code, text in enumerate(kept)}
        self.unseen = float(len(kept)) if rest else np.nan
        self.levels = len(kept) + bool(rest)
        self.frequencies = levels.frequencies() if rest > 1 else {}
        self.names = [name] if self.levels and self.levels + levels.has_missing > 1 else []
        if self.names and self.frequencies:
            self.names.append(f"{name} (frequency)")

    def encode(self, frame: FrameReader, out: Array) -> None:
        out[:, 0] = self._looked_up(frame, self.codes, self.unseen, np.nan)
        if self.frequencies:
            out[:, 1] = self._looked_up(frame, self.frequencies, 0.0, np.nan)


class AllCodes(_Category):
    """The rank of every level by frequency; unseen ones share the next code."""

    def __init__(self, texts: Texts, name: str, levels: Counted, rows: int) -> None:  # noqa: ARG002
        super().__init__(texts, name)
        kept = [] if levels.is_name else levels.texts
        self.codes = {text: float(code) for code, text in enumerate(kept)}
        self.names = [name] if len(kept) + levels.has_missing > 1 and kept else []
        self.levels = len(kept) + 1 if self.names else 0

    def encode(self, frame: FrameReader, out: Array) -> None:
        out[:, 0] = self._looked_up(frame, self.codes, float(len(self.codes)), np.nan)
