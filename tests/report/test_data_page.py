import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from limelight.data.card import DatasetCard
from limelight.data.quality import check_quality, facts_of
from limelight.data.store import Changes, DataVersion, DiffSummary
from limelight.report.data_page import DataReport, render_data_report

EVIL = '<script>alert("x")</script>'


def version(commit: str, rows: int) -> DataVersion:
    return DataVersion("doltlite:///store.db", f"loans {EVIL}", "main", commit * 40, "beef", rows)


def frame(rows: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "id": range(rows),
            EVIL: rng.choice(["a", EVIL, None], rows),
            "age": rng.integers(18, 80, rows),
            "y": rng.choice(["yes", "no"], rows),
        }
    )


def report(**given: Any) -> DataReport:
    old, new = frame(), frame().assign(age=lambda f: f["age"].mask(f["id"] == 3, 9999))
    card = DatasetCard(f"loans {EVIL}", "y", ("id",), description=EVIL, ignore=(EVIL,))
    old_rows, new_rows = old.set_index("id"), new.set_index("id")
    made = DataReport(
        title="IngestFlow/7",
        card=card,
        frame=new,
        checks=check_quality(new, card, facts_of(old, ("id",)), allow=("range",)).frame(),
        origin=f"{EVIL}.csv",
        outcome="Commit aaaa on main: 1 row changed.",
        notes=[EVIL],
        version=version("a", 60),
        before=version("b", 60),
        old=old,
        changes=DiffSummary(1, 1, 1, 58, ("new",), (EVIL,), ("age",), (("o", EVIL),)),
        rows=Changes(new_rows.head(1), old_rows.tail(1), old_rows.loc[[3]], new_rows.loc[[3]]),
        message=f"{EVIL}\n\nRun: IngestFlow/7",
        tags=("v1",),
    )
    return replace(made, **given)


def visible(page: str) -> str:
    text = re.sub(r"<style.*?</style>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def test_the_page_needs_nothing_from_outside_and_escapes_what_comes_from_data() -> None:
    page = render_data_report(report())
    assert page.startswith("<!doctype html>")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", page)
    assert not re.search(r"url\(\s*[\"']?http|@import|<link|<img", page)


def test_it_says_what_changed_what_was_checked_and_what_the_rows_are() -> None:
    text = visible(render_data_report(report()))
    for word in ("1 row added", "58 rows as before", "a" * 40, "Columns added new", "v1"):
        assert word in text, word
    assert "1 allowed to fail" in text
    assert re.search(r"range allowed age column &#39;age&#39; has values far .*9999.* id 3", text)
    assert re.search(r"3 age \d+ 9999 ", text), "the cell before and now"
    assert text.index("Checks") < text.index("What changed") < text.index("Columns Column Role")
    assert "age number int64" in text


def test_a_first_version_has_nothing_to_be_held_against() -> None:
    text = visible(render_data_report(report(before=None, old=None, changes=None, rows=None)))
    assert "What changed" not in text
    assert "60 rows 4 columns" in text


def test_rows_that_are_not_committed_have_no_commit() -> None:
    card = DatasetCard("loans", "y", ("id",))
    bare = DataReport("IngestFlow/7", card, frame(), report().checks, "x.csv", "Nothing yet.")
    text = visible(render_data_report(bare))
    assert "what was read" in text
    assert "Commit" not in text


def test_only_what_moved_has_a_figure_and_keys_have_none() -> None:
    grown = frame(90).assign(age=30)
    assert set(grown["id"]) > set(range(60)), "the key moved too"
    page = render_data_report(report(frame=grown, old=grown.head(60).assign(age=31)))
    named = re.findall(r'aria-label="(\w+) before and now"', page)
    assert set(named) == {"age", "y"}


def test_large_tables_do_not_make_a_large_page() -> None:
    rng = np.random.default_rng(0)
    wide = pd.DataFrame(rng.normal(size=(300, 900)), columns=[f"c{n}" for n in range(900)])
    moved = wide + rng.normal(size=900)
    rows = Changes(moved, wide, wide, moved)
    changes = DiffSummary(300, 300, 300, 0, columns_changed=tuple(wide.columns))
    card = DatasetCard("wide", "")
    page = render_data_report(report(card=card, frame=moved, old=wide, rows=rows, changes=changes))
    assert len(page.encode()) < 1_500_000
    assert "700 more columns are not shown" in page
