"""``limelight data gc | doctor``: a store's health."""

from __future__ import annotations

from dataclasses import asdict

import typer

from limelight.cli.options import JsonOption, StoreOption, opened
from limelight.cli.output import counted, print_json, say, visible


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
        for finding in findings:
            mark = ("✓", "green") if finding.ok else ("✗", "red")
            say(mark, f" {finding.about:<12} {visible(finding.text)}")
            if finding.way_out:
                say(f"  {'':<12} {visible(finding.way_out)}")
        say(_verdict(len(wrong)))
    if wrong:
        raise typer.Exit(1)


def _verdict(wrong: int) -> tuple[str, str]:
    if not wrong:
        return "All is well.", "green"
    return f"{counted(wrong, 'thing')} to look after.", "red"
