"""The card of a dataset: what its columns mean, versioned together with its rows."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class DatasetCard:
    """What a dataset is and how it is meant to be used.

    Args:
        name: Name of the dataset.
        target: The column to predict.
        key: The columns that identify a row; empty for a key made from the row's content.
        problem: Problem type, or empty to infer it.
        positive: Positive class of a binary task, or empty.
        description, source, licence: For the reader; Markdown.
        ignore: Columns that are kept but are no features (names, free identifiers).

    Example:
        >>> card = DatasetCard(name="loans", target="default", key=("id",))
        >>> DatasetCard.from_json(card.to_json()) == card
        True
    """

    name: str
    target: str
    key: tuple[str, ...] = ()
    problem: str = ""
    positive: str = ""
    description: str = ""
    source: str = ""
    licence: str = ""
    ignore: tuple[str, ...] = ()

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> DatasetCard:
        """The card in a JSON text; fields of a newer version of this program are left out."""
        given: dict[str, Any] = json.loads(text)
        known = {field.name for field in fields(cls)}
        kept = {name: value for name, value in given.items() if name in known}
        for name in ("key", "ignore"):
            kept[name] = tuple(kept.get(name, ()))
        return cls(**kept)
