"""From a request to the rows of one data version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from limelight.data import DatasetCard, DataVersion, Store, default_location, open_store
from limelight.data.bundled import bundled_names, load_bundled
from limelight.data.checks import check_training_data
from limelight.data.keys import content_keys
from limelight.data.schema import ROW_KEY, describe
from limelight.data.source import read_source
from limelight.errors import InputError, did_you_mean
from limelight.training.prepare import prepare
from limelight.training.request import Request

DEFAULT_DATASET = "credit_g"


@dataclass(frozen=True)
class Table:
    """The rows of one data version, with what is known about them.

    Args:
        version: Where the rows can be read again.
        card: The dataset's card, with what the request overrides.
        frame: The rows, indexed by their key.
        notes: What was done to get here, for the user.
        first: ``day`` or ``month``, by column with local dates in the source of this request;
            empty for rows that the store had before, as it keeps times alone.
    """

    version: DataVersion
    card: DatasetCard
    frame: pd.DataFrame
    notes: tuple[str, ...] = ()
    first: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.version.dataset


def load(request: Request) -> Table:
    """The rows that the request asks for, at one commit.

    A source, or a bundled dataset that the store does not have yet, is checked and committed
    first. Nothing is written when a check fails.

    Raises:
        InputError, StoreError: The data, the reference or the store cannot be used.
    """
    store = open_store(request.store or default_location())
    notes: list[str] = []
    first: Mapping[str, str] = {}
    name = request.dataset or (_stem(request.source) if request.source else DEFAULT_DATASET)
    if request.source:
        version, remarks, first = _import_source(store, name, request)
        notes += [f"in {request.source}, {remark}" for remark in remarks]
        notes.append(f"{request.source} is commit {version.commit[:10]} of dataset {name!r}")
    elif name not in store.datasets() and name in bundled_names(request.bundled):
        frame, card = load_bundled(name, request.bundled)
        version = store.write(name, frame, f"Import the bundled dataset {name}", card=card)
        notes.append(f"bundled dataset {name!r} is commit {version.commit[:10]} in {store.url}")
    if not request.source:
        version = _resolve(store, name, request)
    card = _with_wishes(store.card(version), request)
    frame = _trainable(store.read(version), card, request)
    return Table(version, card, frame, tuple(notes), first)


def _stem(source: str) -> str:
    return Path(source).name.split(".")[0]


def _resolve(store: Store, name: str, request: Request) -> DataVersion:
    known = store.datasets()
    if name not in known and not known:
        raise InputError(
            f"dataset {name!r} is unknown: the store {store.url} is empty.",
            f"Give --source FILE --target COLUMN, or a bundled one:"
            f" {', '.join(bundled_names(request.bundled))}.",
        )
    return store.resolve(name, request.ref)


def _import_source(
    store: Store, name: str, request: Request
) -> tuple[DataVersion, tuple[str, ...], Mapping[str, str]]:
    """Commit a file that can be trained on; one that cannot leaves the store as it is.

    Returns:
        The version, what was odd about the file, and the order of its local dates by column.
    """
    known = name in store.datasets()
    card = store.card(store.resolve(name)) if known else DatasetCard(name=name, target="")
    card = _with_wishes(card, request)
    table = read_source(request.source, key=card.key)
    frame, card = table.frame, replace(card, source=card.source or table.origin)
    if not card.target:
        raise InputError(
            f"{request.source} is new, and which column to predict is not known.",
            f"Give --target COLUMN. {did_you_mean('', map(str, frame.columns))}",
        )
    # A rehearsal: nothing is written if it fails.
    prepare(_trainable(keyed(frame, card.key), card, request), card, request)
    version = store.write(name, frame, f"Import {Path(request.source).name}", card=card)
    return version, table.notes, table.first


def _trainable(frame: pd.DataFrame, card: DatasetCard, request: Request) -> pd.DataFrame:
    """The rows to train on, checked."""
    if request.drop_missing_target and card.target in frame.columns:
        frame = frame[frame[card.target].notna()]
    check_training_data(frame, card.target, ignore=card.ignore)
    return frame


def keyed(frame: pd.DataFrame, key: tuple[str, ...]) -> pd.DataFrame:
    """A frame indexed as a store reads it back: by its key, or by one made from the content."""
    if key:
        return frame.set_index(list(key))
    return frame.set_axis(pd.Index(content_keys(frame, describe(frame)), name=ROW_KEY))


def _with_wishes(card: DatasetCard, request: Request) -> DatasetCard:
    """The card, with what the request says otherwise."""
    target = request.target or card.target
    # What the card says of its own target does not hold for another one.
    known = card if target == card.target else DatasetCard(name=card.name, target=target)
    return replace(
        card,
        target=target,
        key=(request.key if request.source else ()) or card.key,
        ignore=request.ignore or card.ignore,
        problem=request.task or known.problem,
        positive=request.positive or known.positive,
    )
