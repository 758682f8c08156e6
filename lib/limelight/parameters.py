"""What a flow's parameters say, as the fields of a request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def wishes(given: Any, names: Iterable[str], lists: Iterable[str] = ()) -> dict[str, Any]:
    """The parameters that were given; lists are texts with commas.

    A parameter may be called ``<name>_option`` where an artifact has its plain name.

    Args:
        given: An object with the parameters as typed: a flow.
        names: Parameters to look for.
        lists: Those of them that are lists.

    Example:
        >>> from types import SimpleNamespace
        >>> given = SimpleNamespace(key="year, id", seed=None, task_option="binary")
        >>> wishes(given, ["key", "seed", "task"], lists=["key"])
        {'key': ('year', 'id'), 'task': 'binary'}
    """
    found = {
        name: getattr(given, option if hasattr(given, option := f"{name}_option") else name)
        for name in names
    }
    for name in lists:
        words = (word.strip() for word in (found[name] or "").split(","))
        found[name] = tuple(word for word in words if word)
    return {name: wish for name, wish in found.items() if wish is not None}
