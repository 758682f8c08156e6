"""Dataset versions: rows and their card in Dolt, typed, keyed, and addressed by commit."""

from limelight.data.card import DatasetCard
from limelight.data.cloning import clone_store
from limelight.data.copying import CopyReport, copy_history
from limelight.data.location import default_location, open_store
from limelight.data.store import (
    Changes,
    Commit,
    Dataset,
    DataVersion,
    DiffSummary,
    Finding,
    Store,
)

__all__ = [
    "Changes",
    "Commit",
    "CopyReport",
    "DataVersion",
    "Dataset",
    "DatasetCard",
    "DiffSummary",
    "Finding",
    "Store",
    "clone_store",
    "copy_history",
    "default_location",
    "open_store",
]
