"""What becomes of a raw column: which blocks of the matrix tell what there is in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from limelight.search.amounts import AmountForm, find_amounts
from limelight.search.category_block import (
    MAX_ONEHOT_LEVELS,
    MAX_ORDINAL_LEVELS,
    AllCodes,
    Codes,
    Counted,
    Onehot,
)
from limelight.search.columns import FrameReader, Texts, read_booleans, read_numbers, zone_of
from limelight.search.dates import find_form
from limelight.search.number_block import (
    DaysBetween,
    Numbers,
    OneNumber,
    Reader,
    TimeParts,
    WrittenNumber,
)
from limelight.search.roles import column_role
from limelight.search.target_means import LEAST_EXPLAINED, TargetMeans, outputs_of
from limelight.search.text import tells
from limelight.search.text_block import TextTopics, TextVerdicts

Array = NDArray[Any]

#: Numbers and dates written as text are categories too where they have so few levels.
FEW_LEVELS = 20
#: More levels than these are more than a list of names: their texts are looked into.
MANY_LEVELS = 50
#: Where the levels with codes of their own make up this share of the rows, nothing is looked into.
COVERED = 0.98
#: Differences are made of up to so many columns of dates.
MOST_DATES = 4


class Block(Protocol):
    """Some columns of the matrix.

    Attributes:
        names: What they are.
        levels: How many codes the first of them holds; 0 if it holds numbers.
    """

    names: list[str]
    levels: int

    def encode(self, frame: FrameReader, out: Array) -> None:
        """Write them, ``out`` of shape (n, len(names))."""

    def encode_training(self, frame: FrameReader, target: Array | None, out: Array) -> None:
        """Write them for the rows that the block was fitted on."""


@dataclass(frozen=True)
class Planner:
    """Makes the blocks of a kind of matrix, fitted on a frame.

    Args:
        kind, scaled: As `limelight.search.features.FrameEncoder` has them.
        frame: The raw training rows.
        target: Their target, or None.
    """

    kind: str
    scaled: bool
    frame: FrameReader
    target: Array | None

    def blocks(self) -> list[Block]:
        """The blocks of all columns, those without columns left out."""
        blocks: list[Block] = []
        times: list[TimeParts] = []
        for name in self.frame.frame.columns:
            blocks += self._of_column(name, times)
        if 2 <= len(times) <= MOST_DATES:
            blocks.append(self._numbers(DaysBetween(times), indicated=False))
        return [block for block in blocks if block.names]

    def _of_column(self, name: Any, times: list[TimeParts]) -> list[Block]:
        column = self.frame.column(name)
        role = column_role(column)
        if role == "category":
            return self._of_texts(Texts(name), times)
        if role == "datetime":
            times.append(TimeParts(name, zone_of(column), cyclic=self._is_onehot))
            return [self._numbers(times[-1])]
        reads = read_numbers if role == "number" else read_booleans
        return [self._numbers(OneNumber(name, reads), scaled=role == "number")]

    def _of_texts(self, texts: Texts, times: list[TimeParts]) -> list[Block]:
        levels = Counted(self.frame.levels(texts))
        if not levels.texts:
            return []
        category = self._category(texts, str(texts.name), levels)
        form = find_form(levels.texts, levels.counts)
        if form is not None:
            times.append(TimeParts(texts.name, form=form, cyclic=self._is_onehot))
            return [self._numbers(times[-1]), *self._if_few(levels, category)]
        amounts = find_amounts(levels.texts, levels.counts)
        if amounts is not None:
            return self._of_amounts(texts, levels, amounts, category)
        if len(levels.texts) <= MANY_LEVELS:
            return [category]
        if self._all_coded(levels):
            return [category]
        further = self._of_code(texts) if _is_code(levels.texts) else self._of_words(texts, levels)
        return [category, *self._means(texts, levels), *further]

    def _of_amounts(
        self, texts: Texts, levels: Counted, form: AmountForm, category: Block
    ) -> list[Block]:
        if form.plain and len(levels.texts) <= MAX_ONEHOT_LEVELS:
            return [category]
        number = self._numbers(WrittenNumber(texts, form), indicated=not form.plain)
        if form.plain:
            return [category, *self._means(texts, levels), number]
        return [number, *self._if_few(levels, category)]

    def _of_code(self, texts: Texts) -> list[Block]:
        """The letters and digits that a code begins and ends with."""
        blocks: list[Block] = []
        for last in self._ends(texts, "letters"):
            place = "last" if last else "first"
            letters = Texts(texts.name, "letters", last)
            blocks += self._of_letters(letters, f"{texts.name} ({place} letters)")
        for last in self._ends(texts, "digits"):
            place = "last" if last else "first"
            digits = Texts(texts.name, "digits", last)
            form = AmountForm(",", {"": 1.0}, plain=True)
            number = WrittenNumber(digits, form, f"{texts.name} ({place} digits)")
            blocks += self._if_telling(number)
        return blocks

    def _ends(self, texts: Texts, part: str) -> list[bool]:
        """Whether to look at the first run, or at the last too, where it is another."""
        first, last = (
            self.frame.levels(Texts(texts.name, part, last=last)) for last in (False, True)
        )
        same = first.texts == last.texts and np.array_equal(first.codes, last.codes)
        return [False] if same else [False, True]

    def _of_letters(self, texts: Texts, name: str) -> list[Block]:
        levels = Counted(self.frame.levels(texts))
        if not 2 <= len(levels.texts) <= MAX_ORDINAL_LEVELS or levels.is_name:
            return []
        return [self._category(texts, name, levels)]

    def _of_words(self, texts: Texts, levels: Counted) -> list[Block]:
        if self.target is None:
            return []
        outputs = outputs_of(self.target)
        if outputs is None or not levels.is_name:
            return self._if_telling(TextTopics(texts, self.frame))
        return self._if_telling(TextVerdicts(texts, self.frame, outputs))

    def _if_telling(self, reader: Reader) -> list[Block]:
        """Numbers, if there is a target and any of them has to do with it."""
        if self.target is None:
            return []
        values = reader.read_training(self.frame, self.target)
        if not len(values) or not tells(np.column_stack(values), self.target):
            return []
        return [self._numbers(reader, indicated=False)]

    def _means(self, texts: Texts, levels: Counted) -> list[Block]:
        outputs = outputs_of(self.target)
        if self.kind == "levels" or outputs is None or levels.is_name:
            return []
        means = TargetMeans(texts, self.frame, outputs)
        if means.explained(self.frame, outputs) < LEAST_EXPLAINED:
            return []
        return [self._numbers(means, indicated=False)]

    def _all_coded(self, levels: Counted) -> bool:
        """Whether there is next to no text in it but levels that the category block tells apart."""
        limit = MAX_ONEHOT_LEVELS if self._is_onehot else MAX_ORDINAL_LEVELS
        if levels.is_name:
            return False
        return sum(levels.counts[:limit]) >= COVERED * levels.present

    def _if_few(self, levels: Counted, category: Block) -> list[Block]:
        return [category] if len(levels.texts) <= FEW_LEVELS else []

    def _category(self, texts: Texts, name: str, levels: Counted) -> Block:
        blocks = {"onehot": Onehot, "levels": AllCodes}
        return blocks.get(self.kind, Codes)(texts, name, levels, len(self.frame))

    def _numbers(self, reader: Reader, *, indicated: bool = True, scaled: bool = True) -> Numbers:
        return Numbers(
            reader,
            self.frame,
            self.target,
            filled=self._is_onehot,
            indicated=indicated,
            scaled=self.scaled and scaled,
        )

    @property
    def _is_onehot(self) -> bool:
        return self.kind == "onehot"


def _is_code(texts: list[str]) -> bool:
    """Whether most texts are short codes with digits, as of planes and licences."""
    some = texts[:: max(1, len(texts) // 500)]
    digits = sum(any(map(str.isdigit, text)) for text in some) >= 0.8 * len(some)
    return digits and sum(len(text.split()) <= 2 for text in some) >= 0.9 * len(some)
