"""The report of a run as a Metaflow card: importing this module makes the card type known."""

from __future__ import annotations

from typing import Any

from metaflow.cards import MetaflowCard
from metaflow.plugins import CARDS


class PageCard(MetaflowCard):
    """The step's artifact ``report``, an HTML page complete in itself, as the card of the step.

    Use it as ``@card(type="limelight_page")`` in a flow that imports this module: Metaflow imports
    the flow again where it makes the card.
    """

    type = "limelight_page"

    def render(self, task: Any) -> str:
        return str(task["report"].data)


if all(known.type != PageCard.type for known in CARDS):
    CARDS.append(PageCard)
