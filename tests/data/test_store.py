"""What every store must do."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest

from limelight.data import DatasetCard, Store
from limelight.errors import InputError

LOANS = DatasetCard(name="loans", target="default", key=("id",))


def loans(**changes: list) -> pd.DataFrame:
    columns = {"id": [3, 1, 2], "amount": [30.0, 10.0, 20.0], "default": ["no", "yes", "no"]}
    return pd.DataFrame(columns | changes)


def test_what_is_written_is_read_in_the_order_of_the_key(store: Store) -> None:
    version = store.write("loans", loans(), "First", card=LOANS)
    expected = loans().sort_values("id").set_index("id")
    pd.testing.assert_frame_equal(store.read(version), expected)
    assert version.rows == 3
    assert version.branch == "main"
    assert store.card(version) == LOANS


def test_the_order_of_the_rows_makes_no_other_version(store: Store) -> None:
    first = store.write("loans", loans(), "First", card=LOANS)
    again = store.write("loans", loans().iloc[::-1], "The same rows")
    assert again == first
    assert store.write("loans", store.read(first), "As it was read") == first
    assert [entry.message for entry in store.log("loans")] == ["First"]


def test_a_card_alone_makes_a_version(store: Store) -> None:
    first = store.write("loans", loans(), "First", card=LOANS)
    described = DatasetCard(name="loans", target="default", key=("id",), description="Loans.")
    second = store.write("loans", loans(), "Describe", card=described)
    assert second.commit != first.commit
    assert second.table_hash == first.table_hash
    assert store.card(second) == described
    assert store.card(first) == LOANS
    assert [entry.message for entry in store.log("loans")] == ["Describe", "First"]


def test_old_versions_stay_as_they_were(store: Store) -> None:
    first = store.write("loans", loans(), "First", card=LOANS)
    before = store.read(first)
    wider = loans(amount=["a", "b", "c"]).assign(term=[1, 2, 3])
    second = store.write("loans", wider, "Another schema")
    pd.testing.assert_frame_equal(store.read(first), before)
    assert store.read(second).columns.tolist() == ["amount", "default", "term"]


def test_rows_without_a_key_are_found_by_their_content(store: Store) -> None:
    card = DatasetCard(name="loans", target="default")
    old = store.write("loans", loans(), "First", card=card)
    new = store.write("loans", loans(amount=[30.0, 10.0, 21.0]), "One changed")
    assert store.read(old).index.name == "row_key"
    assert len(set(store.read(old).index) & set(store.read(new).index)) == 2
    summary = store.diff(old, new)
    assert (summary.added, summary.removed, summary.unchanged) == (1, 1, 2)


def test_a_diff_counts_rows_by_key_and_names_columns(store: Store) -> None:
    old = store.write("loans", loans(), "First", card=LOANS)
    changed = loans(id=[3, 1, 4], amount=[30.0, 11.0, 40.0])
    new = store.write("loans", changed, "Second")
    summary = store.diff(old, new)
    assert (summary.added, summary.removed, summary.modified, summary.unchanged) == (1, 1, 1, 1)
    assert summary.columns_changed == ("amount",)
    assert store.diff(new, new) == type(summary)(0, 0, 0, 3)


def test_a_diff_across_schemas_compares_the_shared_columns(store: Store) -> None:
    old = store.write("loans", loans(), "First", card=LOANS)
    changed = loans(id=[3, 1, 4], amount=["30", "10", "20"]).assign(term=1)
    new = store.write("loans", changed.drop(columns="default").assign(default="no"), "Second")
    summary = store.diff(old, new)
    assert (summary.added, summary.removed) == (1, 1)
    assert summary.columns_added == ("term",)
    assert summary.columns_changed == ("amount", "default")
    assert store.diff(new, old).columns_removed == ("term",)


def test_a_diff_knows_a_column_by_its_values_when_its_name_changes(store: Store) -> None:
    old = store.write("loans", loans(), "First", card=LOANS)
    renamed = loans().rename(columns={"amount": "sum"}).assign(term=1)
    new = store.write("loans", renamed, "Another name")
    summary = store.diff(old, new)
    assert summary.columns_renamed == (("amount", "sum"),)
    assert (summary.columns_added, summary.columns_removed) == (("term",), ())
    assert (summary.modified, summary.unchanged) == (0, 3)
    edited = loans(amount=[30.0, 10.0, 21.0]).rename(columns={"amount": "sum"})
    other = store.write("loans", edited, "Another name, and an edit")
    assert store.diff(old, other).columns_renamed == ()


def test_a_diff_under_another_key_shares_no_rows(store: Store) -> None:
    frame = loans(amount=[1.0, 2.0, 3.0])  # the same values as the other key's
    old = store.write("loans", frame, "First", card=LOANS)
    by_amount = DatasetCard(name="loans", target="default", key=("amount",))
    new = store.write("loans", frame, "Another key", card=by_amount)
    summary = store.diff(old, new)
    assert (summary.added, summary.removed, summary.modified, summary.unchanged) == (3, 3, 0, 0)


def test_a_diff_does_not_take_a_text_for_a_number(store: Store) -> None:
    """To an engine the text '01' is equal to 1, and would be so to two rows at once."""
    card = DatasetCard(name="loans", target="x", key=("id",))
    old, new, whole = (
        store.write("loans", pd.DataFrame({"id": ids, "x": 0}), "Ids", card=card)
        for ids in ([1], ["1", "01"], [1.0])
    )
    summary, found = store.diff(old, new), store.changes(old, new)
    assert (summary.added, summary.removed, summary.modified, summary.unchanged) == (2, 1, 0, 0)
    assert (found.added.index.tolist(), found.removed.index.tolist()) == (["01", "1"], [1])
    assert store.diff(old, whole).unchanged == 1


def test_an_unknown_mode_is_refused_for_a_new_dataset_too(store: Store) -> None:
    with pytest.raises(InputError, match="mode 'apend'"):
        store.write("loans", loans(), "First", card=LOANS, mode="apend")  # type: ignore[arg-type]
    assert store.datasets() == []


def test_branch_tag_and_hashes_resolve_to_one_commit(store: Store) -> None:
    first = store.write("loans", loans(), "First", card=LOANS)
    store.tag("v1", first, "The first")
    store.write("loans", loans(amount=[1.0, 2.0, 3.0]), "Second")
    for ref in ("v1", first.commit, first.commit[:8]):
        found = store.resolve("loans", ref)
        assert (found.commit, found.table_hash, found.branch) == (
            first.commit,
            first.table_hash,
            "",
        )
    assert store.resolve("loans").commit != first.commit
    assert store.resolve("loans").branch == "main"
    assert store.log()[1].tags == ("v1",)
    assert [entry.message for entry in store.log("loans", "v1")] == ["First"]


def test_a_tag_is_never_moved(store: Store) -> None:
    first = store.write("loans", loans(), "First", card=LOANS)
    second = store.write("loans", loans(amount=[1.0, 2.0, 3.0]), "Second")
    store.tag("v1", first)
    store.tag("v1", first)
    with pytest.raises(InputError, match="'v1' is taken by a tag"):
        store.tag("v1", second)
    with pytest.raises(InputError, match="'main' is taken by a branch"):
        store.tag("main", second)
    for name in ("", "a b", "-x", "abcdef"):
        with pytest.raises(InputError, match="not a valid tag"):
            store.tag(name, first)


def test_datasets_live_side_by_side(store: Store) -> None:
    assert store.datasets() == []
    first = store.write("loans", loans(), "Loans", card=LOANS)
    store.write('odd "né name', loans(), "Odd", card=LOANS)
    assert store.datasets() == ["loans", 'odd "né name']
    assert store.datasets(first.commit) == ["loans"]
    assert [entry.message for entry in store.log("loans")] == ["Loans"]
    assert store.resolve("loans").table_hash == first.table_hash
    odd = store.resolve('odd "né name')
    changed = store.write(odd.dataset, loans(amount=[0.0, 10.0, 20.0]), "Change")
    assert store.diff(odd, changed).modified == 1


def test_unknown_names_are_answered_with_the_nearest(store: Store) -> None:
    with pytest.raises(InputError, match="There are none yet"):
        store.resolve("loans")
    store.write("loans", loans(), "First", card=LOANS)
    with pytest.raises(InputError, match=r"dataset 'loan' .* Did you mean 'loans'\?"):
        store.resolve("loan")
    with pytest.raises(InputError, match=r"ref 'mian' .* Did you mean 'main'\?"):
        store.resolve("loans", "mian")
    with pytest.raises(InputError, match="ref 'deadbeef'"):
        store.resolve("loans", "deadbeef")
    with pytest.raises(InputError, match="dataset 'loan'"):
        store.log("loan")


def test_what_cannot_be_written_leaves_the_store_as_it_was(store: Store) -> None:
    version = store.write("loans", loans(), "First", card=LOANS)
    bad = {
        r"key 'id' is not unique: 1 value in 2 rows \(1\)": loans(id=[1, 1, 2]),
        r"key 'id' is missing in 1 row \(row 2\)": loans(id=[1, None, 2]),
        "key column 'id' is not in": loans().drop(columns="id"),
        "target 'default' is not in": loans().drop(columns="default"),
        "column 'amount' holds values of several types": loans(amount=[1, "a", 2]),
        "index 'amount' is not the dataset's key": loans().set_index("amount"),
        "column name 'id' given more than once": pd.concat([loans(), loans()[["id"]]], axis=1),
    }
    for message, frame in bad.items():
        with pytest.raises(InputError, match=message):
            store.write("loans", frame, "Bad")
    assert store.resolve("loans") == version
    assert len(store.log("loans")) == 1


def test_names_that_cannot_be_a_dataset_are_refused(store: Store) -> None:
    store.write("loans", loans(), "First", card=LOANS)
    for name in ("", " loans", "dolt_log", "limelight_cards", "a\nb", "x" * 61):
        with pytest.raises(InputError, match="not a valid dataset name"):
            store.write(name, loans(), "Bad", card=LOANS)
    with pytest.raises(InputError, match="taken by the table 'loans'"):
        store.write("Loans", loans(), "Bad", card=LOANS)
    with pytest.raises(InputError, match="new dataset needs a card"):
        store.write("other", loans(), "Bad")
    with pytest.raises(InputError, match="has no message"):
        store.write("loans", loans(), " ")
    with pytest.raises(InputError, match="author 'me' is not valid"):
        store.write("loans", loans(), "Bad", author="me")


def test_the_log_says_who_and_when(store: Store) -> None:
    store.write("loans", loans(), "First", card=LOANS, author="Ada L <ada@example.org>")
    (entry,) = store.log("loans")
    assert entry.author == "Ada L <ada@example.org>"
    assert abs((pd.Timestamp.now("UTC") - entry.date).total_seconds()) < 60


def test_a_key_of_several_columns(store: Store) -> None:
    card = DatasetCard(name="loans", target="default", key=("bank", "id"))
    frame = loans(id=[1, 1, 2]).assign(bank=["b", "a", "b"])
    version = store.write("loans", frame, "First", card=card)
    assert store.read(version).index.tolist() == [("a", 1), ("b", 1), ("b", 2)]
    assert store.read(version).index.names == ["bank", "id"]
    changed = store.write("loans", frame.assign(amount=[1.0, 10.0, 20.0]), "Second")
    assert store.diff(version, changed).modified == 1


def test_a_wide_table(store: Store) -> None:
    card = DatasetCard(name="wide", target="c0")
    wide = pd.DataFrame([range(989)], columns=[f"c{n}" for n in range(989)])
    old = store.write("wide", wide, "First", card=card)
    new = store.write("wide", wide.assign(c988=0), "Second")
    assert store.diff(old, new).added == 1
    keyed = DatasetCard(name="wide", target="c1", key=("c0",))
    old = store.write("wide", wide, "Third", card=keyed)
    new = store.write("wide", wide.assign(c988=0), "Fourth")
    assert store.diff(old, new).columns_changed == ("c988",)
    wider = store.write("wide", wide.assign(c988="x"), "Fifth")
    assert store.diff(new, wider).columns_changed == ("c988",)
    with pytest.raises(InputError, match="991 columns"):
        store.write("wide", pd.DataFrame([range(991)]).rename(columns=str), "Bad", card=card)


def test_branches_go_their_own_ways(store: Store) -> None:
    first = store.write("loans", loans(), "First", card=LOANS)
    store.branch("dev/try")
    changed = store.write("loans", loans(amount=[1.0, 2.0, 3.0]), "Try", branch="dev/try")
    assert store.resolve("loans") == first
    assert (changed.branch, store.resolve("loans", "dev/try")) == ("dev/try", changed)
    assert store.branches() == {"main": first.commit, "dev/try": changed.commit}
    assert [entry.message for entry in store.log("loans", "dev/try")] == ["Try", "First"]
    assert store.log("loans", "dev/try")[0].parents == (first.commit,)
    store.branch("old", "dev/try~1")
    assert store.resolve("loans", "old").commit == first.commit
    with pytest.raises(InputError, match="'old' is taken by a branch"):
        store.branch("old")
    with pytest.raises(InputError, match=r"no branch 'dve' .* Known: 'dev/try', 'main', 'old'"):
        store.write("loans", loans(), "Bad", branch="dve")


def test_a_branch_with_commits_of_its_own_is_not_lost_by_accident(store: Store) -> None:
    store.write("loans", loans(), "First", card=LOANS)
    store.branch("dev")
    store.write("loans", loans(amount=[1.0, 2.0, 3.0]), "Try", branch="dev")
    with pytest.raises(InputError, match="'dev' has 1 commit that no other"):
        store.unbranch("dev")
    store.unbranch("dev", force=True)
    store.branch("same")
    store.unbranch("same")
    assert list(store.branches()) == ["main"]
    with pytest.raises(InputError, match="'main' cannot be taken away"):
        store.unbranch("main")


def test_tags_are_listed_and_taken_away(store: Store) -> None:
    assert store.tags() == {}
    first = store.write("loans", loans(), "First", card=LOANS)
    store.tag("v1", first)
    assert store.tags() == {"v1": first.commit}
    store.untag("v1")
    assert store.tags() == {}
    with pytest.raises(InputError, match="no tag 'v1'"):
        store.untag("v1")


def test_a_ref_goes_back_along_the_first_parents(store: Store) -> None:
    first = store.write("loans", loans(), "First", card=LOANS)
    store.write("loans", loans(amount=[1.0, 2.0, 3.0]), "Second")
    third = store.write("loans", loans(amount=[1.0, 2.0, 4.0]), "Third")
    assert store.resolve("loans", "main~2").commit == first.commit
    assert store.resolve("loans", f"{third.commit[:10]}~2").commit == first.commit
    with pytest.raises(InputError, match="behind the first commit"):
        store.resolve("loans", "main~99")


def test_a_dropped_dataset_lives_on_in_its_versions(store: Store) -> None:
    first = store.write("loans", loans(), "First", card=LOANS)
    store.write("other", loans(), "Other", card=LOANS)
    store.drop("loans", "No longer needed")
    assert store.datasets() == ["other"]
    assert len(store.read(first)) == 3
    with pytest.raises(InputError, match="dataset 'loans' is not in"):
        store.drop("loans", "Again")
    again = store.write("loans", loans(), "It comes back", card=LOANS)
    assert again.table_hash == first.table_hash


def test_the_date_of_a_commit_can_be_given(store: Store) -> None:
    date = datetime(2020, 2, 29, 23, 59, 58, tzinfo=UTC)
    store.write("loans", loans(), "First", card=LOANS, date=date)
    assert store.log("loans")[0].date == date


def test_changes_are_typed_rows(store: Store) -> None:
    typed = {"kind": pd.Categorical(["a", "b", "a"]), "when": pd.to_datetime(["2020-01-01"] * 3)}
    old = store.write("loans", loans().assign(**typed), "First", card=LOANS)
    frame = loans(id=[3, 1, 4], amount=[30.0, 11.0, 40.0]).assign(**typed)
    new = store.write("loans", frame, "Second")
    found = store.changes(old, new)
    before, after = store.read(old), store.read(new)
    pd.testing.assert_frame_equal(found.added, after.loc[[4]])
    pd.testing.assert_frame_equal(found.removed, before.loc[[2]])
    pd.testing.assert_frame_equal(found.before, before.loc[[1]])
    pd.testing.assert_frame_equal(found.after, after.loc[[1]])
    same = store.changes(new, new)
    pd.testing.assert_frame_equal(same.after, after.loc[[]])


def test_changes_across_schemas_have_the_columns_of_their_version(store: Store) -> None:
    old = store.write("loans", loans(), "First", card=LOANS)
    # A column of another type has changed; a row in which it reads the same has not.
    frame = loans(id=[3, 1, 4], amount=["30", "one", "20"]).assign(term=1)
    new = store.write("loans", frame, "Second")
    assert (store.diff(old, new).modified, store.diff(old, new).unchanged) == (1, 1)
    found = store.changes(old, new)
    pd.testing.assert_frame_equal(found.added, store.read(new).loc[[4]])
    pd.testing.assert_frame_equal(found.removed, store.read(old).loc[[2]])
    pd.testing.assert_frame_equal(found.before, store.read(old).loc[[1]])
    pd.testing.assert_frame_equal(found.after, store.read(new).loc[[1]])
    other = store.write("loans", frame, "Key", card=DatasetCard("loans", "default", ("amount",)))
    rekeyed = store.changes(new, other)
    assert (len(rekeyed.added), len(rekeyed.removed), len(rekeyed.after)) == (3, 3, 0)


def test_changes_can_be_limited(store: Store) -> None:
    old = store.write("loans", loans(), "First", card=LOANS)
    new = store.write("loans", loans(id=[5, 6, 2], amount=[1.0, 2.0, 3.0]), "Second")
    found = store.changes(old, new, limit=1)
    assert (found.added.index.tolist(), found.removed.index.tolist()) == ([5], [1])
    assert store.changes(old, new, limit=2).added.index.tolist() == [5, 6]


def test_columns_of_any_name_come_back(store: Store) -> None:
    names = ["a", "a ", "A", "x" * 100, "x" * 100 + "y", "", " ", "%s", "?", "`", '"', "é\n", "🙂"]
    frame = pd.DataFrame([range(len(names)), range(1, len(names) + 1)], columns=names)
    card = DatasetCard(name="odd", target="🙂", key=("x" * 100 + "y",))
    old = store.write("odd", frame, "First", card=card)
    expected = frame.set_index("x" * 100 + "y")
    pd.testing.assert_frame_equal(store.read(old), expected)
    new = store.write("odd", frame.assign(**{"%s": 0}), "Second")
    assert store.diff(old, new).columns_changed == ("%s",)
    assert store.changes(old, new).after["%s"].tolist() == [0, 0]
