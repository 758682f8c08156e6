"""Which names datasets can have, and which messages and authors commits."""

from __future__ import annotations

import re

from limelight.data.schema import is_unicode
from limelight.errors import InputError

_RESERVED = ("sqlite_", "dolt_", "limelight_", "__database__")

# Dolt takes the last byte of a table's name for a letter, and two of them for spaces ("à", "Å").
_LIKE_SPACES = (0x85, 0xA0)


def check_dataset_name(dataset: str) -> None:
    """The name can be a table's in both engines.

    Raises:
        InputError: It cannot.
    """
    if (
        not 0 < len(dataset.encode(errors="replace")) <= 60
        or dataset != dataset.strip()
        or not all(letter.isprintable() and letter < "\U00010000" for letter in dataset)
        or dataset.casefold().startswith(_RESERVED)
    ):
        raise InputError(
            f"{dataset!r} is not a valid dataset name.",
            "Use 1 to 60 characters (30 with accents), no pictures (emoji), and none of these at"
            f" the start: {', '.join(map(repr, _RESERVED))}.",
        )
    if dataset.encode()[-1] in _LIKE_SPACES or len(dataset.lower()) > len(dataset):
        raise InputError(
            f"{dataset!r} is not a valid dataset name, since a Dolt server does not take it.",
            "Leave the last letter's accent away, or use another name.",
        )


def check_names(dataset: str, message: str, author: str) -> None:
    """What `DoltStore.write` asks of names, for those who want to know before any work.

    Raises:
        InputError: One cannot be used.
    """
    check_dataset_name(dataset)
    check_commit(message, author)


def check_commit(message: str, author: str) -> None:
    """A message and an author can be kept as they are.

    Raises:
        InputError: They cannot.
    """
    if not message.strip():
        raise InputError("the commit has no message.", "Say in a few words what changed.")
    for text in (message, author):
        if "\0" in text or not is_unicode(text):
            raise InputError(f"the text {text!r} is not valid.", "Leave odd characters out.")
    # What stands before a parenthesis would be lost.
    if not re.fullmatch(r"[^<>\n()\s]([^<>\n()]*[^<>\n()\s])? <[^<>\s()]*>", author):
        raise InputError(
            f"the author {author!r} is not valid.",
            "Give it as 'Name <e-mail>', without parentheses.",
        )
