"""The card of a dataset, put together from what is known and what the user says."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pandas as pd

from limelight.data import DatasetCard
from limelight.errors import InputError, did_you_mean
from limelight.ingest.request import Request

_LISTS = ("key", "ignore")
_FIELDS = tuple(field.name for field in fields(DatasetCard))


def assemble_card(request: Request, known: DatasetCard | None, origin: str = "") -> DatasetCard:
    """The card that the next version gets: the last one, with the file and the wishes on top.

    Args:
        request: Its wishes win over the card's file, and that over the last card.
        known: The card of the last version.
        origin: Where the rows are from, if nobody says.

    Raises:
        InputError: The card's file cannot be read, or says something unknown.

    Example:
        >>> request = Request("loans.csv", target="default", key=("id",))
        >>> assemble_card(request, DatasetCard("loans", "paid", positive="no")).positive
        ''
    """
    said: dict[str, Any] = read_card_file(request.card) if request.card else {}
    wished = {
        **{name: getattr(request, name) for name in _FIELDS if name not in ("name", "source")},
        "source": request.source_note,
    }
    said |= {name: wish for name, wish in wished.items() if wish}
    card = known or DatasetCard(name=request.name, target="")
    if said.get("target", card.target) != card.target:
        # What the card says of its own target does not hold for another one.
        card = replace(card, problem="", positive="")
    card = replace(card, **{**said, "name": request.name})
    return replace(card, source=card.source or origin)


def read_card_file(path: str) -> dict[str, Any]:
    """What a card's file says: JSON, TOML or YAML with the fields of `DatasetCard`.

    Raises:
        InputError: It is missing, no such file, or has a field that is unknown or of another type.
    """
    place = Path(path).expanduser()
    read = _READERS.get(place.suffix.lower())
    if read is None:
        raise InputError(
            f"the card {path} does not say what it is.", f"Let it end in {', '.join(_READERS)}."
        )
    try:
        found = read(place.read_text(encoding="utf-8"))
    except OSError as problem:
        raise InputError(
            f"the card {path} cannot be read: {problem.strerror}.", "Check the path."
        ) from problem
    except ValueError as problem:
        said = " ".join(str(problem).split())
        raise InputError(f"the card {path} is not valid: {said}.", "Correct it.") from problem
    if not isinstance(found, dict):
        raise InputError(f"the card {path} has no fields.", "Write e.g. target: default.")
    return {str(name): _field(path, str(name), value) for name, value in found.items()}


def _field(path: str, name: str, value: Any) -> Any:
    if name not in _FIELDS:
        raise InputError(
            f"the card {path} has an unknown field {name!r}.", did_you_mean(name, _FIELDS)
        )
    if name in _LISTS:
        items = [value] if isinstance(value, str) else value
        if isinstance(items, list) and all(isinstance(item, str) for item in items):
            return tuple(items)
        raise InputError(
            f"{name!r} in the card {path} is no list of columns.", 'Write e.g. ["year", "id"].'
        )
    if not isinstance(value, (str, bool, int, float)):
        raise InputError(f"{name!r} in the card {path} is no text.", "Write one text.")
    return str(value)


def _yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as problem:
        raise ValueError(str(problem)) from problem


_READERS: dict[str, Callable[[str], Any]] = {
    ".json": json.loads,
    ".toml": tomllib.loads,
    ".yaml": _yaml,
    ".yml": _yaml,
}


def check_card(card: DatasetCard, frame: pd.DataFrame, also: Iterable[str] = ()) -> None:
    """The columns that a card names are there, and have one role each.

    Args:
        card: The card.
        frame: The rows, with the key as columns.
        also: Columns that the dataset has beside those of the frame.

    Raises:
        InputError: One is not, or the positive class does not come in the target.
    """
    names = list(dict.fromkeys([*map(str, frame.columns), *also]))
    if set(names) <= set(card.key):
        raise InputError(
            "the source has no column beside the key.", "Give one, or leave columns out of --key."
        )
    for role, columns in (("target", (card.target,)), ("key", card.key), ("ignore", card.ignore)):
        for name in filter(None, columns):
            if name not in names:
                raise InputError(
                    f"the column {name!r} to be the {role} is not in the source."
                    if role != "ignore"
                    else f"the column {name!r} to ignore is not in the source.",
                    did_you_mean(name, names),
                )
    for role, columns in (("key", card.key), ("ignore", card.ignore)):
        if card.target and card.target in columns:
            raise InputError(
                f"the target {card.target!r} is under --{role} too.",
                f"Choose another --target or --{role}.",
            )
    if not card.positive or card.target not in frame.columns:
        return
    classes = frame[card.target].dropna().astype(str).unique().tolist()
    if len(classes) <= 100 and len(classes) > 1 and card.positive not in classes:
        raise InputError(
            f"the positive class {card.positive!r} does not come in {card.target!r}.",
            did_you_mean(card.positive, classes),
        )


def check_problem(card: DatasetCard, frame: pd.DataFrame) -> None:
    """The target can be what the card says that is to be solved.

    Raises:
        InputError: It cannot, e.g. text for a regression.
    """
    if not card.problem or card.target not in frame.columns:
        return
    # Imported for this alone: the metrics behind it take a second.
    from limelight.search.task import infer_task

    try:
        infer_task(frame[card.target].dropna(), card.problem)
    except InputError as error:
        raise InputError(error.problem, "Choose another --problem, or another --target.") from None
