"""Changes row by row: as a table with marks, as one frame, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from rich.text import Text

from limelight.cli.table import Field
from limelight.cli.values import cells, fields, flat, json_values, plain_values, records

if TYPE_CHECKING:
    from limelight.data.store import Changes, DiffSummary

ARROW = " → "


def document(changes: Changes, summary: DiffSummary) -> dict[str, Any]:
    """Changes as JSON: whole rows that came and went, and the cells that changed.

    A cell of a column that only one version has, has only ``old`` or only ``new``.
    """
    return {
        "added": records(changes.added),
        "removed": records(changes.removed),
        "modified": _modified(changes, summary),
    }


def stacked(changes: Changes, summary: DiffSummary) -> pd.DataFrame:
    """Changes as one frame: ``change``, the key, and every column of both versions.

    ``change`` is ``added`` or ``removed``, or ``before`` and below it ``after``; it is called
    ``change_2`` where a column has that name, and so on. Columns that were renamed have their new
    name.
    """
    names = dict(summary.columns_renamed)
    parts = {
        "removed": changes.removed.rename(columns=names),
        "added": changes.added,
        "before": changes.before.rename(columns=names),
        "after": changes.after,
    }
    pairs = len(changes.after)
    order = {"removed": [0] * len(changes.removed), "added": [1] * len(changes.added)}
    order |= {kind: list(range(2, 2 + pairs)) for kind in ("before", "after")}
    tables = [flat(part).astype(object) for part in parts.values()]
    names_of_all = list(dict.fromkeys(name for part in [tables[-1], *tables] for name in part))
    marker = next(name for name in _markers() if name not in names_of_all)
    found = pd.concat(tables, ignore_index=True)[names_of_all]
    found.insert(0, marker, [kind for kind, part in parts.items() for _ in range(len(part))])
    places = np.concatenate([order[kind] for kind in parts])
    return found.iloc[np.argsort(places, kind="stable")]


def _markers() -> Iterator[str]:
    yield "change"
    yield from (f"change_{number}" for number in count(2))


def marked(changes: Changes, summary: DiffSummary) -> tuple[list[Field], list[list[Text]]]:
    """Changes as a table: ``~``, ``+`` and ``-``, the key, the columns that changed, the others."""
    key = [str(name) for name in changes.after.index.names]
    was = {new: old for old, new in summary.columns_renamed}
    every = [*map(str, changes.after.columns), *summary.columns_removed]
    every = [name for name in dict.fromkeys(every) if name not in was.values()]
    changed = {*summary.columns_changed, *summary.columns_added, *was}
    ordered = [*key, *sorted(every, key=lambda name: name not in changed)]
    columns = [_column(changes, name, was.get(name, name)) for name in ordered]
    heads = [
        Field(f"{name} (was {was[name]})" if name in was else name, right=right, shrinks=True)
        for name, (right, _) in zip(ordered, columns, strict=True)
    ]
    marks = ["~"] * len(changes.after) + ["+"] * len(changes.added) + ["-"] * len(changes.removed)
    styles = {"~": "yellow", "+": "green", "-": "red"}
    rows = zip(*(words for _, words in columns), strict=True)
    return [Field(""), *heads], [
        [Text(mark, styles[mark]), *row] for mark, row in zip(marks, rows, strict=True)
    ]


def _column(changes: Changes, name: str, was: str) -> tuple[bool, list[Text]]:
    """Whether a column is aligned to the right, and its cells: modified, added, removed."""
    after, added = _series(changes.after, name), _series(changes.added, name)
    before, removed = _series(changes.before, was), _series(changes.removed, was)
    modified = (
        _pairs(before, after)
        if before is not None and after is not None
        else _styled(after, len(changes.after), "green")
        if after is not None
        else _styled(before, len(changes.before), "red")
    )
    sample = after if after is not None else before
    right = sample is not None and fields(sample.to_frame())[0].right
    return right, [
        *modified,
        *_styled(added, len(changes.added), "green"),
        *_styled(removed, len(changes.removed), "red"),
    ]


def _series(frame: pd.DataFrame, name: str) -> pd.Series | None:
    table = flat(frame)
    return table[name] if name in table.columns else None


def _styled(series: pd.Series | None, count: int, style: str) -> list[Text]:
    if series is None:
        return [Text("")] * count
    return [Text(str(cell).strip(), style) for cell in cells(series)]


def _pairs(before: pd.Series, after: pd.Series) -> list[Text]:
    """``old → new`` where a cell changed, else the value."""
    found = []
    values = zip(plain_values(before), plain_values(after), strict=True)
    for same, old, new in zip(
        (a == b for a, b in values), cells(before), cells(after), strict=True
    ):
        word = str(new).strip()
        found.append(
            Text(word, "dim")
            if same
            else Text.assemble((str(old).strip(), "red"), (ARROW, "dim"), (word, "green"))
        )
    return found


def _modified(changes: Changes, summary: DiffSummary) -> list[dict[str, Any]]:
    was = {new: old for old, new in summary.columns_renamed}
    keys = records(changes.after[[]])
    found: list[dict[str, Any]] = [{"key": key, "cells": {}} for key in keys]
    old_only = [name for name in changes.before.columns if name not in was.values()]
    for name in dict.fromkeys([*changes.after.columns, *old_only]):
        before, after = _series(changes.before, was.get(name, name)), _series(changes.after, name)
        for place, cell in enumerate(_cells(before, after)):
            if cell:
                found[place]["cells"][str(name)] = cell
    return found


def _cells(before: pd.Series | None, after: pd.Series | None) -> list[dict[str, Any]]:
    """What to say of each row's cell; nothing where it is the same."""
    if before is None or after is None:
        side, series = ("new", after) if before is None else ("old", before)
        return [] if series is None else [{side: value} for value in json_values(series)]
    same = [a == b for a, b in zip(plain_values(before), plain_values(after), strict=True)]
    sides = zip(json_values(before), json_values(after), strict=True)
    return [
        {} if equal else {"old": a, "new": b} for equal, (a, b) in zip(same, sides, strict=True)
    ]
