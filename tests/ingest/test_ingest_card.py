"""The card of a dataset: put together from the last one, a file, and the options."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from limelight.data import DatasetCard
from limelight.errors import InputError
from limelight.ingest.card import assemble_card, check_card, check_problem, read_card_file
from limelight.ingest.request import Request

LAST = DatasetCard(
    "loans", "default", ("id",), "binary", "yes", "Loans", "loans.csv", "CC0", ignore=("name",)
)
FRAME = pd.DataFrame({"id": [1, 2], "name": ["a", "b"], "default": ["yes", "no"]})


def test_a_card_stays_as_it_is_where_nobody_says_otherwise() -> None:
    assert assemble_card(Request("new.csv", dataset="loans"), LAST, "new.csv") == LAST


def test_options_win_over_the_file_and_that_over_the_last_card(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    path.write_text(
        json.dumps({"name": "x", "description": "File", "licence": "File", "key": "no"})
    )
    request = Request("new.csv", dataset="loans", card=str(path), licence="CC BY 4.0")
    card = assemble_card(request, LAST)
    assert (card.name, card.description, card.licence) == ("loans", "File", "CC BY 4.0")
    assert (card.key, card.source) == (("no",), "loans.csv")


def test_another_target_has_no_use_for_what_was_said_of_the_old_one() -> None:
    card = assemble_card(Request("x.csv", dataset="loans", target="amount"), LAST)
    assert (card.target, card.problem, card.positive) == ("amount", "", "")


def test_the_source_is_the_origin_if_nobody_says() -> None:
    assert assemble_card(Request("x.csv"), None, "x.csv").source == "x.csv"
    assert assemble_card(Request("x.csv", source_note="A bank"), None, "x.csv").source == "A bank"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("card.toml", 'target = "default"\nkey = ["id"]\nignore = []'),
        ("card.yaml", "target: default\nkey: [id]\nignore: []"),
        ("card.yml", "target: default\nkey: id\nignore: []"),
        ("card.json", '{"target": "default", "key": ["id"], "ignore": []}'),
    ],
)
def test_a_cards_file_may_be_of_three_kinds(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    found = read_card_file(str(tmp_path / name))
    assert found == {"target": "default", "key": ("id",), "ignore": ()}


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("card.txt", "", "does not say what it is"),
        ("nowhere.json", None, "cannot be read"),
        ("card.json", "{", "is not valid"),
        ("card.toml", "x", "is not valid"),
        ("card.yaml", "a: [", "is not valid"),
        ("card.yaml", "default", "has no fields"),
        ("card.json", '{"traget": "x"}', "Did you mean 'target'"),
        ("card.json", '{"key": 3}', "no list of columns"),
        ("card.json", '{"target": ["x"]}', "is no text"),
    ],
)
def test_a_bad_file_is_refused_with_a_reason(tmp_path, name, text, problem) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=problem) as caught:
        read_card_file(str(tmp_path / name))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("card", "problem"),
    [
        (DatasetCard("loans", "defualt"), "Did you mean 'default'"),
        (DatasetCard("loans", "default", key=("idd",)), "Did you mean 'id'"),
        (DatasetCard("loans", "default", ignore=("nmae",)), "Did you mean 'name'"),
        (DatasetCard("loans", "default", key=("default",)), "under --key too"),
        (DatasetCard("loans", "default", ignore=("default",)), "under --ignore too"),
        (DatasetCard("loans", "default", positive="Yes"), "Did you mean 'yes'"),
    ],
)
def test_a_card_that_does_not_fit_the_rows_is_refused(card: DatasetCard, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        check_card(card, FRAME)
    check_card(LAST, FRAME)


def test_a_part_of_a_dataset_need_not_have_all_columns() -> None:
    check_card(LAST, FRAME[["id", "default"]], also=["name"])


def test_the_target_can_be_what_is_to_be_solved() -> None:
    frame = pd.DataFrame({"city": ["Oslo", "Bergen", "Rome"], "size": [1.5, 2.5, 3.5]})
    with pytest.raises(InputError, match="'city' holds str, and a regression needs numbers"):
        check_problem(DatasetCard("t", "city", problem="regression"), frame)
    with pytest.raises(InputError, match=r"3 values, and a binary .* Choose another --problem"):
        check_problem(DatasetCard("t", "city", problem="binary"), frame)
    check_problem(DatasetCard("t", "city", problem="multiclass"), frame)
    check_problem(DatasetCard("t", "size", problem="regression"), frame)
    check_problem(DatasetCard("t", "city"), frame)
