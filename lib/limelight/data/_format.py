"""The number of the way in which datasets are kept in tables, and what a newer one means."""

from __future__ import annotations

from limelight.data._session import Session
from limelight.errors import StoreError

META = "limelight_meta"
"""The table that holds the number; it is versioned as all tables are."""

FORMAT = 1
"""What this program writes. Stores without the table are of format 1 as well."""


def read_format(session: Session) -> int:
    """The number of a store's format, where a session stands."""
    if META not in session.tables():
        return 1
    found = session.rows(f"SELECT value FROM {META} WHERE name = 'format'")
    return int(found[0][0]) if found else 1


def mark_format(session: Session) -> None:
    """Say in a new store how its datasets are kept."""
    place = session.place
    session.run(
        f"INSERT INTO {META} (name, value) VALUES ({place}, {place})", ("format", str(FORMAT))
    )


def check_format(session: Session, where: str) -> None:
    """This program may write to a store.

    Raises:
        StoreError: A newer program made it, whose rules this one does not know.
    """
    found = read_format(session)
    if found > FORMAT:
        raise newer(where, f"its datasets are kept in format {found}, and this one knows {FORMAT}")


def newer(where: str, what: str) -> StoreError:
    """What to say of a store that a newer program made."""
    return StoreError(
        f"the store {where} was made by a newer version of Limelight: {what}.",
        "Install that version: pip install --upgrade limelight. Nothing was changed.",
    )
