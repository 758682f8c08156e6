"""``limelight data gc | doctor``: a store's disk and its health."""

from __future__ import annotations

import glob
from dataclasses import asdict
from pathlib import Path

import typer

from limelight.cli.options import JsonOption, StoreOption, opened
from limelight.cli.output import counted, print_json, say, visible


def gc(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Give back the space of what no commit holds any more. No version is lost.

    \b
    Example:
      limelight data gc
    """
    kept = opened(store)
    before = disk_use(kept.url)
    kept.gc()
    after = disk_use(kept.url)
    if as_json:
        print_json({"store": kept.url, "bytes_before": before, "bytes_after": after})
    elif before is None or after is None:
        say("Done. How much it gave back, only the server's machine knows.")
    else:
        freed = size(max(before - after, 0))
        say(f"{freed} given back; the store has {size(after)} now.")


def disk_use(url: str) -> int | None:
    """Bytes of an embedded store's file and of what lies beside it; None for a server."""
    scheme, _, place = url.partition("://")
    if scheme != "doltlite":
        return None
    path = Path(place)
    return sum(one.stat().st_size for one in path.parent.glob(f"{glob.escape(path.name)}*"))


def size(number: int) -> str:
    """A number of bytes for a person.

    Example:
        >>> size(1_280), size(5 * 2**20)
        ('1.2 KiB', '5.0 MiB')
    """
    unit, places = ("MiB", 20) if number >= 2**20 else ("KiB", 10)
    return f"{number / 2**places:,.1f} {unit}"


def doctor(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Look after the store's health. Changes nothing; ends with code 1 if something is wrong.

    \b
    Example:
      limelight data doctor
    """
    kept = opened(store)
    findings = kept.doctor()
    wrong = [finding for finding in findings if not finding.ok]
    if as_json:
        print_json(
            {"store": kept.url, "ok": not wrong, "findings": [asdict(one) for one in findings]}
        )
    else:
        say((visible(kept.url), "bold"))
        width = max((len(finding.about) for finding in findings), default=0)
        for finding in findings:
            mark = ("✓", "green") if finding.ok else ("✗", "red")
            say(mark, f" {finding.about:<{width}}  {visible(finding.text)}")
            if finding.way_out:
                say(f"  {'':<{width}}  {visible(finding.way_out)}")
        say(_verdict(len(wrong)))
    if wrong:
        raise typer.Exit(1)


def _verdict(wrong: int) -> tuple[str, str]:
    if not wrong:
        return "All is well.", "green"
    return f"{counted(wrong, 'thing')} to look after.", "red"
