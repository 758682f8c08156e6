"""Dataset versions: rows and their card in Dolt, typed, keyed, and addressed by commit."""

from limelight.data.card import DatasetCard
from limelight.data.location import default_location, open_store
from limelight.data.store import Commit, DataVersion, DiffSummary, Store

__all__ = [
    "Commit",
    "DataVersion",
    "DatasetCard",
    "DiffSummary",
    "Store",
    "default_location",
    "open_store",
]
