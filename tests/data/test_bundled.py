from __future__ import annotations

from pathlib import Path

import pytest

from limelight.data.bundled import DEFAULT, bundled_names, load_bundled
from limelight.data.checks import check_training_data
from limelight.data.doltlite import DoltliteStore
from limelight.errors import InputError

FOLDER = Path(__file__).parents[2] / "data"


@pytest.mark.parametrize(("name", "shape"), [("credit_g", (1000, 21)), ("ames", (2930, 80))])
def test_bundled_data_can_be_trained_on(tmp_path: Path, name: str, shape: tuple[int, int]) -> None:
    frame, card = load_bundled(name, FOLDER)
    assert frame.shape == shape
    assert card.name == name
    assert all((card.source, card.licence, card.description))
    check_training_data(frame, card.target, card.ignore)
    store = DoltliteStore(tmp_path / "store.db")
    version = store.write(name, frame, "Import", card=card)
    read = store.read(version)
    assert read.dtypes.equals(frame.dtypes)
    assert read.isna().sum().equals(frame.isna().sum())


def test_the_default_is_among_them() -> None:
    assert DEFAULT in bundled_names(FOLDER) == ["ames", "credit_g"]


def test_every_bundled_dataset_is_described() -> None:
    text = (FOLDER / "README.md").read_text()
    assert all(f"**{name}**" in text for name in bundled_names(FOLDER))


def test_the_words_of_credit_g_are_readable() -> None:
    frame, card = load_bundled("credit_g", FOLDER)
    assert set(frame["checking_status"]) == {
        "< 0 DM",
        "0 to 200 DM",
        ">= 200 DM",
        "no checking account",
    }
    assert frame[card.target].value_counts().to_dict() == {"good": 700, card.positive: 300}


def test_an_unknown_name_is_named() -> None:
    with pytest.raises(InputError, match="Did you mean 'credit_g'"):
        load_bundled("credit-g", FOLDER)
