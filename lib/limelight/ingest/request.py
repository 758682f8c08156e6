"""What the user asks of an ingest."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from limelight.data.source import parse_types
from limelight.data.store import MAIN, Mode
from limelight.errors import InputError, did_you_mean
from limelight.parameters import wishes

PROBLEMS = ("binary", "multiclass", "regression")


@dataclass(frozen=True)
class Request:
    """What the user asks for; empty text stands for "as it is" or "decide for me".

    Fields are the parameters of `flows/ingest.py`, whose ``--help`` says what each one is.
    """

    source: str
    query: str = ""
    types: str = ""
    dataset: str = ""
    store: str = ""
    branch: str = MAIN
    new_branch: bool = False
    mode: Mode = "replace"
    card: str = ""
    target: str = ""
    key: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    problem: str = ""
    positive: str = ""
    description: str = ""
    licence: str = ""
    source_note: str = ""
    allow: tuple[str, ...] = ()
    message: str = ""
    author: str = ""
    tags: tuple[str, ...] = ()

    @classmethod
    def from_parameters(cls, given: Any, tags: Iterable[str] = ()) -> Request:
        """A request from an object with the parameters as typed: lists are texts with commas.

        Args:
            given: A flow.
            tags: Those of the run. One with a colon is the run's alone; the others name the
                data version too.
        """
        names = [name for name in cls.__dataclass_fields__ if name != "tags"]
        found = wishes(given, names, lists=("key", "ignore", "allow"))
        if not found.get("source", "").strip():
            raise InputError(
                "there is no source to read.", "Give --source FILE, a folder, or a URL and --query."
            )
        return cls(**found, tags=tuple(sorted(tag for tag in tags if ":" not in tag)))

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise InputError(
                f"the mode {self.mode!r} is unknown.", did_you_mean(self.mode, get_args(Mode))
            )
        if self.problem and self.problem not in PROBLEMS:
            raise InputError(
                f"the problem {self.problem!r} is unknown.", did_you_mean(self.problem, PROBLEMS)
            )
        parse_types(self.types)

    @property
    def name(self) -> str:
        """The dataset: as given, or as the source is called.

        Example:
            >>> Request("data/loans.csv.gz").name, Request("x.csv", dataset="loans").name
            ('loans', 'loans')
        """
        if self.dataset:
            return self.dataset
        if "://" in self.source:
            raise InputError(
                "what to call the rows of a query is not known.", "Give --dataset NAME."
            )
        return re.split(r"(?<=.)\.", Path(self.source).name)[0]
