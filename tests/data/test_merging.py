from __future__ import annotations

import datetime as dt
import pickle
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

from limelight.data import DatasetCard
from limelight.data.keys import content_keys
from limelight.data.merging import (
    Snapshot,
    Versions,
    as_text,
    find_renames,
    merge_datasets,
    read_decisions,
)
from limelight.data.schema import describe
from limelight.errors import ConflictError, InputError

BASE: dict[str, Any] = {"id": [1, 2, 3], "amount": [10.0, 20.0, 30.0], "default": ["n", "y", "n"]}
CARD = DatasetCard(name="loans", target="default", key=("id",))


def snap(columns: dict[str, Any] | pd.DataFrame, card: DatasetCard = CARD) -> Snapshot:
    """A version as a store reads it."""
    frame = pd.DataFrame(columns)
    if card.key:
        return Snapshot(frame.set_index([*card.key]).sort_index(), card)
    index = pd.Index(content_keys(frame, describe(frame)), name="row_key")
    return Snapshot(frame.set_axis(index, axis=0).sort_index(), card)


def loans(card: DatasetCard = CARD, **changes: Any) -> Snapshot:
    """The base with columns changed, added, or (None) dropped."""
    columns = {name: values for name, values in (BASE | changes).items() if values is not None}
    return snap(columns, card)


def renamed(**names: str) -> Snapshot:
    return snap(pd.DataFrame(BASE).rename(columns=names))


def merge(
    base: Snapshot | None, ours: Snapshot | None, theirs: Snapshot | None, **how: Any
) -> Snapshot:
    found = merge_datasets([Versions("loans", base, ours, theirs)], **how)["loans"]
    assert found is not None
    return found


def conflicts(base: Snapshot | None, ours: Snapshot | None, theirs: Snapshot | None) -> list[tuple]:
    with pytest.raises(ConflictError) as caught:
        merge(base, ours, theirs)
    found = caught.value.conflicts
    assert list(found) == ["dataset", "kind", "key", "column", "base", "ours", "theirs", "take"]
    assert set(found["take"]) == {""}
    return list(found.drop(columns=["dataset", "take"]).itertuples(index=False, name=None))


def check(found: Snapshot, columns: dict[str, Any], card: DatasetCard = CARD) -> None:
    expected = snap(columns, card)
    pd.testing.assert_frame_equal(found.frame, expected.frame)
    assert found.card == card


# Rows and cells.


def test_what_one_side_did_is_taken() -> None:
    ours = snap({"id": [1, 2, 4], "amount": [11.0, 20, 40], "default": ["n", "y", "n"]})
    theirs = snap({"id": [0, 1, 2, 3], "amount": [0.0, 10, 22, 30], "default": list("yyyn")})
    expected = {"id": [0, 1, 2, 4], "amount": [0.0, 11, 22, 40], "default": list("yyyn")}
    check(merge(loans(), ours, theirs), expected)
    check(merge(loans(), theirs, ours), expected)


def test_one_cell_changed_twice_is_a_conflict_with_three_ways_out() -> None:
    ours, theirs = loans(amount=[11, 20, 33.0]), loans(amount=[12, 20, 33.0], default=list("nnn"))
    assert conflicts(loans(), ours, theirs) == [("cell", "[1]", "amount", 10.0, 11.0, 12.0)]
    for take, amount in {"ours": 11.0, "theirs": 12.0}.items():
        found = merge(loans(), ours, theirs, take=take)
        check(found, BASE | {"amount": [amount, 20, 33.0], "default": list("nnn")})
    with pytest.raises(ConflictError) as caught:
        merge(loans(), ours, theirs)
    decided = caught.value.conflicts.assign(take="base")
    found = merge(loans(), ours, theirs, decisions=decided, take="theirs")
    check(found, BASE | {"amount": [10, 20, 33.0], "default": list("nnn")})


def test_a_row_removed_here_and_changed_there_is_a_conflict() -> None:
    ours = snap({"id": [1, 3], "amount": [10.0, 30], "default": ["n", "n"]})
    theirs = loans(amount=[10, 22.0, 30])
    said = [("row", "[2]", "", {"amount": 20.0}, None, {"amount": 22.0})]
    assert conflicts(loans(), ours, theirs) == said
    assert merge(loans(), ours, theirs, take="ours").frame.index.tolist() == [1, 3]
    check(merge(loans(), ours, theirs, take="theirs"), BASE | {"amount": [10, 22.0, 30]})
    decided = pd.DataFrame(
        [("loans", "row", "[2]", "", "base")],
        columns=["dataset", "kind", "key", "column", "take"],
    )
    check(merge(loans(), ours, theirs, decisions=decided), BASE)
    # The same, seen from the other side.
    assert conflicts(loans(), theirs, ours)[0][4:] == ({"amount": 22.0}, None)
    assert merge(loans(), theirs, ours, take="theirs").frame.index.tolist() == [1, 3]


def test_a_row_added_on_both_sides_is_compared_cell_by_cell() -> None:
    ours = snap({"id": [1, 2, 3, 4], "amount": [10.0, 20, 30, 40], "default": list("nyny")})
    theirs = snap({"id": [1, 2, 3, 4], "amount": [10.0, 20, 30, 44], "default": list("nyny")})
    check(merge(loans(), ours, ours), ours.frame.reset_index())
    assert conflicts(loans(), ours, theirs) == [("cell", "[4]", "amount", None, 40.0, 44.0)]


def test_missing_values_of_any_kind_are_equal() -> None:
    gone = pd.DataFrame(BASE).assign(
        x=pd.array([1, None, 3], dtype="Int64"),
        y=pd.Series([dt.date(2020, 1, 1), None, None], dtype=object),
        z=[np.nan, 1.0, np.nan],
        c=pd.Categorical(["a", None, "b"]),
    )
    base, theirs = snap(gone), snap(gone.assign(amount=[1.0, 2, 3]))
    ours = snap(gone.assign(y=pd.Series([dt.date(2020, 1, 1), np.nan, pd.NaT], dtype=object)))
    for sides in ((ours, theirs), (theirs, ours)):
        check(merge(base, *sides), gone.assign(amount=[1.0, 2, 3]))
    filled = snap(gone.assign(z=[np.nan, 1.0, 5.0]))
    assert conflicts(base, filled, snap(gone.assign(z=[np.nan, 1.0, 6.0])))[0][3:] == (None, 5, 6)


def test_values_keep_their_types() -> None:
    zone = "Europe/Berlin"
    base = pd.DataFrame(
        {
            "id": [1, 2],
            "time": pd.to_datetime(["2020-01-01", None]).tz_localize(zone),
            "exact": pd.Series([Decimal("1.50"), None], dtype=object),
            "raw": pd.Series([b"a", b"\0"], dtype=object),
            "day": pd.period_range("2020-01", periods=2, freq="M"),
            "big": pd.Series([2**64 - 1, 0], dtype="uint64"),
            "zero": [0.0, 1.0],
            "flag": [True, False],
            "default": ["n", "y"],
        }
    )
    ours, theirs = base.copy(), base.copy()
    ours["time"] = pd.to_datetime(["2021-01-01", None]).tz_localize(zone)
    theirs["exact"] = pd.Series([Decimal("1.5"), Decimal(2)], dtype=object)
    ours["raw"] = pd.Series([b"b", b"\0"], dtype=object)
    theirs["big"] = pd.Series([2**64 - 2, 0], dtype="uint64")
    theirs["zero"] = [-0.0, 2.0]
    ours["flag"] = [True, True]
    expected = ours.assign(exact=theirs["exact"], big=theirs["big"], zero=[0.0, 2.0])
    found = merge(snap(base), snap(ours), snap(theirs))
    check(found, expected)
    assert str(found.frame["exact"].iloc[0]) == "1.5"


@pytest.mark.parametrize(
    "keys",
    [
        pd.Series(["b", "ä", "z", "ß"]),
        pd.to_datetime(pd.Series(["2020-01-01", "2019-01-01", "2021-01-01", "2018-01-01"])),
        pd.Series([dt.date(2020, 1, 2), dt.date(2020, 1, 1), dt.date(1, 1, 1), dt.date(2, 2, 2)]),
        pd.Series(pd.Categorical(["b", "a", "c", "d"], ["d", "c", "b", "a"])),
        pd.Series([2**64 - 1, 5, 7, 10**19], dtype="uint64"),
        pd.Series([b"b", b"a", b"\xff", b""], dtype=object),
    ],
)
def test_keys_of_any_type_match_and_stay_in_order(tmp_path: Path, keys: pd.Series) -> None:
    from limelight.data import open_store

    store = open_store(tmp_path / "store.db")

    def read(places: list[int], values: list[int]) -> Snapshot:
        frame = pd.DataFrame({"id": keys.iloc[places].array, "default": values})
        version = store.write("loans", frame, "Write", card=CARD)
        return Snapshot(store.read(version), CARD)

    base, ours = read([0, 1, 2], [0, 1, 2]), read([0, 1, 2], [0, 5, 2])
    theirs = read([3, 1, 2], [3, 1, 2])
    expected = read([1, 2, 3], [5, 2, 3])
    found = merge(base, ours, theirs)
    assert found.frame.index.tolist() == expected.frame.index.tolist()
    assert found.frame["default"].tolist() == expected.frame["default"].tolist()


def test_a_key_of_several_columns() -> None:
    card = replace(CARD, key=("bank", "id"))
    base = pd.DataFrame(BASE).assign(bank=["a", "b", "b"])
    ours = base.assign(amount=[1.0, 20, 30])
    theirs = pd.concat([base.assign(amount=[2.0, 20, 30]), base.tail(1).assign(bank="aa")])
    assert conflicts(snap(base, card), snap(ours, card), snap(theirs, card)) == [
        ("cell", '["a", 1]', "amount", 10.0, 1.0, 2.0)
    ]
    found = merge(snap(base, card), snap(ours, card), snap(theirs, card), take="theirs")
    assert found.frame.index.tolist() == [("a", 1), ("aa", 3), ("b", 2), ("b", 3)]


# Columns.


def test_a_column_added_is_missing_in_the_rows_that_the_other_side_added() -> None:
    ours = loans(term=[1, 2, 3], sure=[True, True, False], note=["a", "b", "c"])
    theirs = snap({"id": [1, 2, 3, 4], "amount": [10.0, 20, 30, 40], "default": list("nyny")})
    expected = {
        "id": [1, 2, 3, 4],
        "amount": [10.0, 20, 30, 40],
        "default": list("nyny"),
        "term": pd.array([1, 2, 3, None], dtype="Int64"),
        "sure": pd.array([True, True, False, None], dtype="boolean"),
        "note": ["a", "b", "c", None],
    }
    check(merge(loans(), ours, theirs), expected)
    check(merge(loans(), theirs, ours), expected)


def test_a_new_column_is_no_change_of_a_row_that_the_other_side_removed() -> None:
    theirs = snap(pd.DataFrame(BASE).head(1))
    check(
        merge(loans(), loans(term=[1, 2, 3]), theirs),
        {k: [v[0]] for k, v in (BASE | {"term": [1]}).items()},
    )


def test_columns_added_on_both_sides() -> None:
    ours, theirs = loans(a=[1, 2, 3], x=[1, 2, 3]), loans(b=[7, 8, 9], x=[1.0, 2.0, 3.0])
    found = merge(loans(), ours, theirs)
    assert found.frame.columns.tolist() == ["amount", "default", "a", "b", "x"]
    assert found.frame["x"].dtype == "float64"
    assert conflicts(loans(), loans(x=[1, 2, 3]), loans(x=[1, 2, 4])) == [
        ("cell", "[3]", "x", None, 3, 4)
    ]
    said = [("column", "", "x", None, "x (int64)", "x (str)")]
    ours, theirs = loans(x=[1, 2, 3]), loans(x=["1", "2", "c"])
    assert conflicts(loans(), ours, theirs) == said
    assert merge(loans(), ours, theirs, take="ours").frame["x"].tolist() == [1, 2, 3]
    assert merge(loans(), ours, theirs, take="theirs").frame["x"].tolist() == ["1", "2", "c"]
    decided = pd.DataFrame({"dataset": ["loans"], "kind": "column", "key": "", "column": "x"})
    assert "x" not in merge(loans(), ours, theirs, decisions=decided.assign(take="base")).frame


def test_a_dropped_column_is_gone_for_all_rows() -> None:
    ours = loans(amount=None)
    theirs = snap({"id": [1, 2, 3, 4], "amount": [10.0, 20, 30, 40], "default": list("nyny")})
    expected = {"id": [1, 2, 3, 4], "default": list("nyny")}
    check(merge(loans(), ours, theirs), expected)
    check(merge(loans(), theirs, ours), expected)


def test_a_column_dropped_here_and_changed_there_is_a_conflict() -> None:
    changes = {
        "amount (float64)": loans(amount=[10, 20, 33.0]),
        "amount (int64)": loans(amount=[10, 20, 30]),
        "sum (float64)": renamed(amount="sum"),
    }
    for said, theirs in changes.items():
        found = conflicts(loans(), loans(amount=None), theirs)
        assert found == [("column", "", "amount", "amount (float64)", None, said)]
        check(
            merge(loans(), loans(amount=None), theirs, take="ours"),
            {k: BASE[k] for k in ("id", "default")},
        )
        check(merge(loans(), loans(amount=None), theirs, take="theirs"), theirs.frame.reset_index())
    role = replace(CARD, target="amount")
    assert conflicts(loans(), loans(role), loans(amount=None))[0][0] == "column"


def test_edits_land_in_the_renamed_column() -> None:
    theirs = snap({"id": [1, 2, 4], "amount": [10.0, 22, 40], "default": list("nyy")})
    expected = {"id": [1, 2, 4], "sum": [10.0, 22, 40], "default": list("nyy")}
    check(merge(loans(), renamed(amount="sum"), theirs), expected)
    check(merge(loans(), theirs, renamed(amount="sum")), expected)


def test_the_target_goes_with_its_column() -> None:
    target = replace(CARD, target="bad", ignore=("amount",))
    ours = snap(pd.DataFrame(BASE).rename(columns={"default": "bad"}), target)
    theirs = loans(replace(CARD, description="Loans."), default=list("nnn"))
    expected = pd.DataFrame(BASE | {"default": list("nnn")}).rename(columns={"default": "bad"})
    check(merge(loans(), ours, theirs), expected, replace(target, description="Loans."))
    ignoring = loans(replace(CARD, ignore=("amount",)))
    assert merge(loans(), ignoring, renamed(amount="sum")).card.ignore == ("sum",)
    assert merge(loans(), ignoring, loans(amount=None)).card.ignore == ()


def test_two_new_names_for_one_column() -> None:
    ours, theirs = renamed(amount="sum"), renamed(amount="total")
    check(merge(loans(), ours, ours), ours.frame.reset_index())
    said = [("column", "", "amount", "amount (float64)", "sum (float64)", "total (float64)")]
    assert conflicts(loans(), ours, theirs) == said
    check(merge(loans(), ours, theirs, take="theirs"), theirs.frame.reset_index())


def test_a_new_name_that_the_other_side_uses_is_no_rename() -> None:
    ours, theirs = renamed(amount="sum"), loans(sum=[7.0, 8, 9])
    found = conflicts(loans(), ours, theirs)
    assert [line[:3] for line in found] == [("cell", f"[{n}]", "sum") for n in (1, 2, 3)]
    check(
        merge(loans(), ours, theirs, take="theirs"),
        {"id": [1, 2, 3], "sum": [7.0, 8, 9], "default": list("nyn")},
    )


def test_types_widen() -> None:
    whole = snap(BASE | {"amount": [10, 20, 30]})
    wider = snap(BASE | {"amount": [10.5, 20, 30]})
    nullable = snap(BASE | {"amount": pd.array([10, None, 30], dtype="Int64")})
    edited = snap(BASE | {"amount": [10, 20, 33]})
    check(merge(whole, wider, edited), BASE | {"amount": [10.5, 20, 33]})
    check(
        merge(whole, edited, nullable), BASE | {"amount": pd.array([10, None, 33], dtype="Int64")}
    )
    check(merge(whole, wider, nullable), BASE | {"amount": [10.5, np.nan, 30]})
    narrow = snap(BASE | {"amount": np.array([10, 20, 30], dtype="int8")})
    check(
        merge(whole, narrow, edited),
        edited_small := BASE | {"amount": np.array([10, 20, 33], dtype="int8")},
    )
    assert edited_small
    big = snap(BASE | {"amount": [10, 20, 2**40]})
    check(merge(whole, narrow, big), BASE | {"amount": [10, 20, 2**40]})


def test_a_number_that_a_double_cannot_hold_is_never_rounded() -> None:
    whole = snap(BASE | {"amount": [10, 20, 30]})
    wider, big = (
        snap(BASE | {"amount": [10.5, 20, 30]}),
        snap(BASE | {"amount": [10, 20, 2**60 + 1]}),
    )
    found = conflicts(whole, wider, big)
    assert found == [
        ("column", "", "amount", "amount (int64)", "amount (float64)", "amount (int64)")
    ]
    assert merge(whole, wider, big, take="theirs").frame["amount"].tolist() == [10, 20, 2**60 + 1]


def test_text_for_numbers_is_a_conflict_where_the_other_side_touched_the_column() -> None:
    text = loans(amount=["ten", "twenty", "thirty"])
    check(
        merge(loans(), text, loans(default=list("yyy"))),
        BASE | {"amount": ["ten", "twenty", "thirty"], "default": list("yyy")},
    )
    edited = loans(amount=[10, 20, 33.0])
    added = snap({"id": [1, 2, 3, 4], "amount": [10.0, 20, 30, 40], "default": list("nyny")})
    said = [("column", "", "amount", "amount (float64)", "amount (str)", "amount (float64)")]
    assert conflicts(loans(), text, edited) == conflicts(loans(), text, added) == said
    assert merge(loans(), text, added, take="ours").frame["amount"].tolist() == [
        "ten",
        "twenty",
        "thirty",
        "40.0",
    ]
    assert merge(loans(), text, edited, take="theirs").frame["amount"].tolist() == [10, 20, 33]
    more = snap({"id": [1, 2, 3, 5], "amount": ["ten", "a", "b", "five"], "default": list("nyny")})
    with pytest.raises(
        InputError, match="value 'five' of column 'amount' cannot be had as float64"
    ):
        merge(loans(), more, edited, take="theirs")


def test_a_row_that_may_come_back_counts_for_the_type_of_its_columns() -> None:
    ours = loans(amount=None).frame.assign(amount=["a", "b", "c"]).drop(index=1)
    theirs = loans(default=list("ynn"), amount=[10.0, 20, 30])
    found = conflicts(loans(), Snapshot(ours, CARD), theirs)
    assert [line[0] for line in found] == ["row", "column"]


def test_the_base_may_not_fit_what_both_sides_turned_a_column_into() -> None:
    day = pd.Series([dt.date(2020, 1, 1), dt.date(2021, 1, 1), None], dtype=object)
    base, theirs = loans(x=["a", "b", "c"]), loans(x=day)
    ours = Snapshot(base.frame.assign(x=pd.Series([None] * 3, base.frame.index, object)), CARD)
    found = merge(base, ours, theirs, take="theirs")
    assert found.frame["x"].tolist() == day.tolist()
    with pytest.raises(ConflictError) as caught:
        merge(base, ours, theirs)
    decided = caught.value.conflicts.assign(take=["base", "theirs"])
    with pytest.raises(InputError, match="value 'a' of column 'x' cannot be had"):
        merge(base, ours, theirs, decisions=decided)


def test_categories_of_both_sides_come_together() -> None:
    def kind(values: list, known: list, ordered: bool = False) -> Snapshot:
        return loans(kind=pd.Categorical(values, known, ordered=ordered))

    base = kind(["a", "b", None], ["a", "b", "z"])
    ours, theirs = (
        kind(["x", "b", None], ["a", "x", "b", "z"]),
        kind(["a", "b", "y"], ["a", "b", "y"]),
    )
    found = merge(base, ours, theirs).frame["kind"]
    assert found.tolist() == ["x", "b", "y"]
    assert found.cat.categories.tolist() == ["a", "x", "b", "y"]
    used = merge(base, kind(["z", "b", None], ["a", "b", "z"]), theirs).frame["kind"]
    assert used.cat.categories.tolist() == ["a", "b", "z", "y"]
    size = kind(["a", "b", "b"], ["a", "b"], True)
    longer = merge(
        size,
        kind(["a", "c", "b"], ["a", "b", "c"], True),
        kind(["d", "b", "b"], ["d", "a", "b"], True),
    )
    assert longer.frame["kind"].cat.categories.tolist() == ["d", "a", "b", "c"]
    up, down = (
        kind(["a", "b", "b"], ["a", "b", "c"], True),
        kind(["a", "b", "b"], ["b", "c", "a"], True),
    )
    assert conflicts(size, up, down)[0][:3] == ("column", "", "kind")
    turned = merge(
        size, kind(["a", "b", "b"], ["b", "a"], True), kind(["b", "b", "b"], ["a", "b"], True)
    )
    assert turned.frame["kind"].cat.categories.tolist() == ["b", "a"]
    text = merge(
        loans(kind=["a", "b", "b"]), kind(["a", "b", "b"], ["b", "a"]), loans(kind=["a", "c", "b"])
    )
    assert text.frame["kind"].cat.categories.tolist() == ["b", "a", "c"]
    plain = merge(
        kind(["a", "b", "b"], ["a", "b"]),
        loans(kind=["a", "b", "?"]),
        kind(["b", "b", "b"], ["a", "b"]),
    )
    assert plain.frame["kind"].tolist() == ["b", "b", "?"]


def test_times_take_the_finer_unit_and_the_new_zone() -> None:
    def at(values: list, dtype: str) -> Snapshot:
        return loans(at=pd.Series(values).astype("datetime64[s]").astype(dtype))

    days = ["2020-01-01", "2020-01-02", None]
    found = merge(at(days, "M8[s]"), at(days, "M8[ms]"), at(["2021-01-01", *days[1:]], "M8[us]"))
    assert found.frame["at"].dtype == "datetime64[us]"
    assert found.frame["at"].iloc[0] == pd.Timestamp("2021-01-01")
    utc = pd.Series(pd.to_datetime(days)).dt.tz_localize("UTC")
    berlin = utc.dt.tz_convert("Europe/Berlin")
    later = utc + pd.Timedelta(days=1)
    moved = merge(loans(at=utc), loans(at=berlin), loans(at=later)).frame["at"]
    assert str(moved.dtype.tz) == "Europe/Berlin"
    assert moved.iloc[0] == later[0]
    assert (
        conflicts(loans(at=utc), loans(at=berlin), at(["2021-01-01", *days[1:]], "M8[s]"))[0][0]
        == "column"
    )


def test_the_order_of_columns_is_that_of_the_side_that_moved_them() -> None:
    base = loans(a=[1, 2, 3], b=[1, 2, 3])
    moved = snap(base.frame.reset_index()[["id", "b", "amount", "a", "default"]])
    more = snap(base.frame.assign(c=1).reset_index()[["id", "amount", "c", "default", "a", "b"]])
    for sides in ((moved, more), (more, moved)):
        found = merge(base, *sides)
        assert found.frame.columns.tolist() == ["b", "amount", "c", "a", "default"]


# The card, and the dataset as a whole.


def test_cards_merge_field_by_field() -> None:
    ours = loans(replace(CARD, description="Ours.", licence="MIT", ignore=("amount",)))
    theirs = loans(replace(CARD, description="Theirs.", source="A bank.", ignore=("x",)))
    said = [("card", "", "description", "", "Ours.", "Theirs.")]
    base = loans(replace(CARD, ignore=("gone",)))
    assert conflicts(base, ours, theirs) == said
    card = replace(CARD, licence="MIT", source="A bank.", ignore=("amount", "x"))
    check(merge(base, ours, theirs, take="theirs"), BASE, replace(card, description="Theirs."))


def test_a_dataset_that_one_side_has_or_dropped() -> None:
    edited = loans(amount=[1.0, 2, 3])
    assert merge(None, None, edited) is edited
    assert merge(None, edited, None) is edited
    check(merge(None, edited, loans(amount=[1.0, 2, 3])), edited.frame.reset_index())
    assert merge_datasets([Versions("loans", loans(), loans(), None)]) == {"loans": None}
    assert merge_datasets([Versions("loans", loans(), None, None)]) == {"loans": None}
    said = [("dataset", "", "", "3 rows, key 'id'", "3 rows, key 'id'", None)]
    assert conflicts(loans(), edited, None) == said
    assert merge(loans(), edited, None, take="ours") is edited
    found = merge_datasets([Versions("loans", loans(), edited, None)], take="theirs")
    assert found == {"loans": None}
    assert conflicts(None, loans(), edited)[0] == ("cell", "[1]", "amount", None, 10.0, 1.0)


def test_another_key_is_fine_if_the_other_side_left_the_rows_alone() -> None:
    by_amount = loans(replace(CARD, key=("amount",)))
    described = loans(replace(CARD, description="Loans."))
    for sides in ((by_amount, described), (described, by_amount)):
        found = merge(loans(), *sides)
        check(found, BASE, replace(CARD, key=("amount",), description="Loans."))
    said = [("dataset", "", "", *(f"3 rows, key '{key}'" for key in ("id", "amount", "id")))]
    assert conflicts(loans(), by_amount, loans(default=list("yyy"))) == said


def test_a_key_that_both_sides_changed_alike() -> None:
    card = replace(CARD, key=("amount",))
    ours, theirs = loans(card, default=list("yyn")), loans(card, id=[1, 2, 7])
    found = merge(loans(), ours, theirs)
    pd.testing.assert_frame_equal(
        found.frame,
        pd.DataFrame(BASE | {"id": [1, 2, 7], "default": list("yyn")}).set_index("amount"),
    )


def test_a_key_column_may_be_renamed_and_widened() -> None:
    card = replace(CARD, key=("loan",))
    ours = snap(pd.DataFrame(BASE).rename(columns={"id": "loan"}), card)
    theirs = snap({"id": [1.0, 2.0, 3.5], "amount": [10.0, 22, 35], "default": list("nyn")})
    expected = {"loan": [1.0, 2.0, 3.5], "amount": [10.0, 22, 35], "default": list("nyn")}
    check(merge(loans(), ours, theirs), expected, card)
    check(merge(loans(), theirs, ours), expected, card)
    text = snap(BASE | {"id": ["1", "2", "3"]})
    assert conflicts(loans(), text, theirs)[0][0] == "dataset"
    check(merge(loans(), text, loans()), BASE | {"id": ["1", "2", "3"]})


# Without a key.

LOOSE = DatasetCard(name="loans", target="default")


def test_rows_without_a_key_are_added_and_removed() -> None:
    base = pd.DataFrame({"a": [1, 1, 2], "default": list("nny")})
    ours = pd.concat([base, base.head(1)]).assign(a=lambda f: f["a"].replace(2, 3))
    theirs = base.iloc[1:]
    found = merge(snap(base, LOOSE), snap(ours, LOOSE), snap(theirs, LOOSE))
    assert sorted(found.frame["a"]) == [1, 1, 3]
    check(found, found.frame.reset_index(drop=True), LOOSE)


def test_columns_change_without_a_key() -> None:
    base = pd.DataFrame({"a": [1, 2, 3, 3], "b": list("wxyz"), "default": list("nyny")})
    added, fewer = base.assign(c=[1.5, 2.5, 3.5, 4.5]), base.iloc[[0, 2, 3]]
    expected = added.iloc[[0, 2, 3]]
    check(merge(snap(base, LOOSE), snap(added, LOOSE), snap(fewer, LOOSE)), expected, LOOSE)
    check(merge(snap(base, LOOSE), snap(fewer, LOOSE), snap(added, LOOSE)), expected, LOOSE)
    renamed, dropped = base.rename(columns={"b": "letter"}), base.drop(columns="a")
    found = merge(snap(base, LOOSE), snap(renamed, LOOSE), snap(dropped, LOOSE))
    check(found, base[["b", "default"]].rename(columns={"b": "letter"}), LOOSE)
    both = merge(snap(base, LOOSE), snap(renamed, LOOSE), snap(fewer, LOOSE))
    check(both, fewer.rename(columns={"b": "letter"}), LOOSE)
    new = merge(None, snap(base, LOOSE), snap(added.head(2), LOOSE))
    assert sorted(new.frame["b"]) == list("wxyz")


# Decisions.


def contested() -> tuple[Snapshot, Snapshot, Snapshot]:
    """A conflict of each kind but the whole dataset."""
    base = loans(raw=pd.Series([b"a", b"b", b"c"], dtype=object), gone=[1, 2, 3])
    ours = base.frame.assign(raw=[b"\xff", b"b", b"c"], amount=[1.0, 20, 30]).drop(columns="gone")
    theirs = base.frame.assign(raw=[b"x", b"b", b"c"], gone=[1, 2, 4], amount=[2.0, 20, 30])
    return (
        base,
        Snapshot(ours.drop(index=3), replace(CARD, description="Ours.")),
        Snapshot(theirs, replace(CARD, description="Theirs.")),
    )


@pytest.mark.parametrize("name", ["d.csv", "d.json", "d.jsonl"])
def test_decisions_come_back_from_a_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConflictError) as caught:
        merge(*contested())
    found = as_text(caught.value.conflicts)
    assert found["kind"].tolist() == ["row", "cell", "column", "cell", "card"] or set(
        found["kind"]
    ) == {"row", "cell", "column", "card"}
    takes = {"row": "theirs", "column": "theirs", "card": "base", "cell": "ours"}
    found["take"] = found["kind"].map(takes)
    path = tmp_path / name
    if name.endswith("csv"):
        found.to_csv(path, index=False)
    else:
        found.to_json(path, orient="records", lines=name.endswith("l"))
    for decided in (read_decisions(path), *([pd.read_csv(path)] if name == "d.csv" else [])):
        merged = merge(*contested(), decisions=decided)
        assert merged.frame["raw"].tolist() == [b"\xff", b"b", b"c"]
        assert merged.frame["gone"].tolist() == [1, 2, 4]
        assert merged.frame["amount"].tolist() == [1.0, 20, 30]
        assert merged.card.description == ""


def test_wrong_decisions_are_refused() -> None:
    with pytest.raises(ConflictError) as caught:
        merge(*contested())
    caught_first, found = caught.value, caught.value.conflicts
    assert "5 conflicts; the first in dataset 'loans', row [3]" in str(caught.value)

    def refused(decided: pd.DataFrame) -> str:
        with pytest.raises(InputError) as problem:
            merge(*contested(), decisions=decided)
        return str(problem.value)

    ours = found.assign(take="ours")
    assert "'mine' (row [3], column '') is no side" in refused(found.assign(take="mine"))
    assert "no column 'key'" in refused(ours.drop(columns="key"))
    stale = pd.concat([ours, ours.head(1).assign(key="[7]")])
    assert "1 decision of no conflict: the row [7] of the dataset 'loans'" in refused(stale)
    twice = pd.concat([ours, ours.head(1).assign(take="theirs")])
    assert "decided twice, as 'ours' and 'theirs'" in refused(twice)
    with pytest.raises(InputError, match="take='mine' is no side"):
        merge(*contested(), take="mine")
    again = pickle.loads(pickle.dumps(caught_first))
    pd.testing.assert_frame_equal(again.conflicts, found)
    assert str(again) == str(caught_first)
    some = ours.assign(take=["ours", "ours", "", "ours", None])
    with pytest.raises(ConflictError) as caught:
        merge(*contested(), decisions=some)
    assert len(caught.value.conflicts) == 2
    assert merge(*contested(), decisions=some, take="ours").frame.index.tolist() == [1, 2]


def test_a_key_edited_by_a_person_is_still_the_same() -> None:
    base, ours, theirs = loans(), loans(amount=[1.0, 20, 30]), loans(amount=[2.0, 20, 30])
    decided = pd.DataFrame(
        [("loans", "cell", " [ 1 ] ", "amount", " theirs ")],
        columns=["dataset", "kind", "key", "column", "take"],
    )
    assert merge(base, ours, theirs, decisions=decided).frame["amount"].iloc[0] == 2.0


# Renames.


def test_renames_are_found_by_content() -> None:
    before = pd.DataFrame({"a": [1, 2], "b": [1, 2], "c": ["x", "y"], "gone": [5, 6]})
    after = pd.DataFrame({"bb": [1, 2, 9], "aa": [1, 2, 9], "c": ["x", "y", "z"], "new": [5, 7, 8]})
    assert find_renames(before, after) == {"a": "aa", "b": "bb"}
    assert find_renames(before, after.astype({"aa": "float64"})) == {"a": "bb"}
    assert find_renames(before.head(0), after) == {}
    assert find_renames(before.assign(a=np.nan), after.assign(aa=np.nan)) == {"b": "bb"}
    assert find_renames(before, after, key=["a"]) == {"b": "bb"}


# Laws that hold for any tables.


@st.composite
def versions(draw: st.DrawFn) -> Snapshot:
    """A small table with rows, columns and types of its own."""
    ids = draw(st.lists(st.integers(0, 6), unique=True, max_size=6))
    numbers = st.sampled_from([0.0, 1.0, 2.5, None])
    kinds = {
        "f": lambda n: pd.Series(draw(st.lists(numbers, min_size=n, max_size=n)), dtype="float64"),
        "i": lambda n: pd.Series(
            draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)), dtype="int64"
        ),
        "n": lambda n: pd.Series(
            draw(st.lists(st.sampled_from([1, 2, None]), min_size=n, max_size=n)), dtype="Int64"
        ),
        "t": lambda n: pd.Series(
            draw(st.lists(st.sampled_from(["", "a", None]), min_size=n, max_size=n)), dtype="str"
        ),
        "c": lambda n: pd.Series(
            pd.Categorical(
                draw(st.lists(st.sampled_from(["a", "b", None]), min_size=n, max_size=n)),
                draw(st.permutations(["a", "b", "c"])),
            )
        ),
        "d": lambda n: pd.Series(
            draw(
                st.lists(
                    st.sampled_from([dt.date(2020, 1, 1), None]),
                    min_size=n - 1 if n else 0,
                    max_size=n - 1 if n else 0,
                )
            )
            + [dt.date(2021, 1, 1)] * bool(n),
            dtype=object,
        ),
    }
    names = draw(st.lists(st.sampled_from("uvwxyz"), unique=True, min_size=1, max_size=4))
    columns = {name: kinds[draw(st.sampled_from("fintcd"))](len(ids)) for name in names}
    card = DatasetCard(
        name="loans", target="", key=("id",), description=draw(st.sampled_from(["", "a", "b"]))
    )
    return snap(pd.DataFrame({"id": pd.Series(ids, dtype="int64"), **columns}), card)


LAW = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def copied(side: Snapshot) -> Snapshot:
    """The same version as another object, so that nothing is decided by identity."""
    return Snapshot(side.frame.copy(), replace(side.card))


def same(left: Snapshot, right: Snapshot) -> None:
    assert left.card == right.card
    assert left.frame.columns.tolist() == right.frame.columns.tolist()
    pd.testing.assert_frame_equal(left.frame, right.frame)


@LAW
@given(versions(), versions())
def test_a_merge_with_what_did_nothing_is_the_other_side(base: Snapshot, side: Snapshot) -> None:
    same(merge(base, copied(base), side), side)
    same(merge(base, side, copied(base)), side)
    same(merge(base, side, copied(side)), side)


@LAW
@given(versions(), versions(), versions(), st.sampled_from(["ours", "theirs"]))
def test_the_sides_may_be_swapped(base: Snapshot, a: Snapshot, b: Snapshot, take: Any) -> None:
    other: Any = "theirs" if take == "ours" else "ours"
    try:
        left = merge(base, a, b, take=take)
    except InputError:
        with pytest.raises(InputError):
            merge(base, b, a, take=other)
        return
    right = merge(base, b, a, take=other)
    assert left.card == right.card
    assert set(left.frame.columns) == set(right.frame.columns)
    for name, column in right.frame.items():
        if isinstance(column.dtype, pd.CategoricalDtype):
            known = left.frame[name].cat.categories
            right.frame[name] = column.cat.set_categories(known)
    pd.testing.assert_frame_equal(left.frame, right.frame[left.frame.columns])


@LAW
@given(versions(), versions(), versions(), st.data())
def test_a_list_of_decisions_does_what_it_says(
    base: Snapshot, ours: Snapshot, theirs: Snapshot, data: st.DataObject
) -> None:
    try:
        merge(base, ours, theirs)
    except ConflictError as problem:
        open_ones = problem.conflicts
    else:
        return
    takes = st.sampled_from(["ours", "theirs", "base"])
    decided = open_ones.assign(take=[data.draw(takes) for _ in range(len(open_ones))])
    try:
        found = merge(base, ours, theirs, decisions=decided)
    except InputError as problem:
        assert "cannot be had" in str(problem)
        return
    for line in decided[decided["kind"] == "cell"].itertuples():
        value = found.frame.loc[int(line.key[1:-1]), line.column]
        wanted = getattr(line, line.take)
        assert (pd.isna(value) and wanted is None) or value == wanted
    for line in decided[decided["kind"] == "row"].itertuples():
        there = int(line.key[1:-1]) in found.frame.index
        assert there == (getattr(line, line.take) is not None)
    for line in decided[decided["kind"] == "column"].itertuples():
        assert (line.column in found.frame) == (getattr(line, line.take) is not None) or (
            len(find_renames(base.frame, ours.frame)) + len(find_renames(base.frame, theirs.frame))
        )
