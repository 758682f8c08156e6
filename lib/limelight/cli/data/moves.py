"""What a branch's new commit changed, dataset by dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from limelight.cli.output import print_json, print_table, say, visible

if TYPE_CHECKING:
    from limelight.data.store import Store


def report_move(
    store: Store,
    branch: str,
    before: str,
    after: str,
    what: str,
    nothing: str,
    *,
    as_json: bool,
) -> None:
    """Say what a branch's new commit changed, dataset by dataset."""
    changed = [] if after == before else _changed(store, before, after)
    if as_json:
        print_json({"branch": branch, "before": before, "commit": after, "datasets": changed})
    elif after == before:
        say(visible(nothing))
    else:
        say(f"{what}: {after}")
        _print_changed(changed)


def _changed(store: Store, before: str, after: str) -> list[dict[str, Any]]:
    """The datasets that differ between two commits, with their rows in numbers."""
    was, now = set(store.datasets(before)), set(store.datasets(after))
    found: list[dict[str, Any]] = []
    for name in sorted(was | now):
        rows = {"added": 0, "removed": 0, "modified": 0}
        if name not in was:
            rows["added"] = store.resolve(name, after).rows
        elif name not in now:
            rows["removed"] = store.resolve(name, before).rows
        else:
            old, new = store.resolve(name, before), store.resolve(name, after)
            if store.columns(old) == store.columns(new) and old.table_hash == new.table_hash:
                if store.card(old) != store.card(new):
                    found.append({"dataset": name, **rows, "card_changed": True})
                continue
            summary = store.diff(old, new)
            rows = {kind: getattr(summary, kind) for kind in rows}
        found.append({"dataset": name, **rows, "card_changed": False})
    return found


def _print_changed(changed: list[dict[str, Any]]) -> None:
    from rich.text import Text

    from limelight.cli.table import Field

    marks = {"added": ("+", "green"), "removed": ("-", "red"), "modified": ("~", "yellow")}
    print_table(
        [Field(""), *[Field("", right=True)] * len(marks)],
        [
            [
                Text("  " + visible(one["dataset"])),
                *(
                    Text(f"{mark}{one[kind]:,}", style if one[kind] else "dim")
                    for kind, (mark, style) in marks.items()
                ),
            ]
            for one in changed
        ],
    )
