"""Datasets that come with the project: a folder of CSV files, each with a card beside it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from limelight.data.card import DatasetCard
from limelight.data.source import read_source
from limelight.errors import InputError, did_you_mean

DEFAULT = "credit_g"
"""The dataset that a run without arguments uses."""


def bundled_names(folder: str | Path) -> list[str]:
    """Names of the datasets in a folder that have a card there, sorted."""
    place = Path(folder)
    return sorted(card.stem for card in place.glob("*.json") if _data_file(place, card.stem))


def load_bundled(name: str, folder: str | Path) -> tuple[pd.DataFrame, DatasetCard]:
    """The rows and the card of a bundled dataset.

    Args:
        name: One of `bundled_names`.
        folder: Where ``<name>.csv`` (or ``.csv.gz``) and ``<name>.json`` are.

    Raises:
        InputError: There is no such dataset.
    """
    place = Path(folder)
    if name not in (names := bundled_names(place)):
        raise InputError(f"no dataset {name!r} is bundled.", did_you_mean(name, names))
    card = DatasetCard.from_json((place / f"{name}.json").read_text(encoding="utf-8"))
    return read_source(_data_file(place, name) or place, key=card.key).frame, card


def _data_file(folder: Path, name: str) -> Path | None:
    files = (folder / f"{name}{ending}" for ending in (".csv", ".csv.gz"))
    return next((file for file in files if file.is_file()), None)
