"""Checks of a table before it is committed: by itself, and against the last version."""

from limelight.data.quality.check import CHECKS, QualityReport, check_quality
from limelight.data.quality.facts import TableFacts, facts_of
from limelight.data.quality.issue import Issue
from limelight.data.quality.types import conformed

__all__ = [
    "CHECKS",
    "Issue",
    "QualityReport",
    "TableFacts",
    "check_quality",
    "conformed",
    "facts_of",
]
