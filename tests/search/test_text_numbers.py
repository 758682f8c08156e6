"""Texts as numbers: topics in a bounded number, and counts that differ."""

import numpy as np
import pytest

from limelight.search.text import MOST_CHARACTERS, MOST_TOPICS, TextNumbers, tells

TEXTS = [f"{a} {b} {n}" for a in ("red", "blue", "green") for b in ("house", "boat", "tree")
         for n in range(40)]  # fmt: skip


def test_texts_of_the_same_words_are_near_each_other() -> None:
    numbers = TextNumbers(topics=6).fit(TEXTS)
    topics = numbers.transform(["red house 3", "red house 7000", "green boat 3"])[:, :6]
    same, other = np.linalg.norm(topics[1:] - topics[0], axis=1)
    assert same < 0.5 * other


def test_topics_are_few_where_texts_are_few() -> None:
    assert len(TextNumbers().fit(TEXTS[::8]).names_) < 12
    names = TextNumbers().fit(TEXTS * 3).names_
    assert sum(name.startswith("topic") for name in names) <= MOST_TOPICS


@pytest.mark.parametrize("texts", [["", " "], ["a", "b", "c"], ["!", "?"], ["x" * 5, "y" * 9]])
def test_texts_without_a_common_word_leave_their_counts(texts: list[str]) -> None:
    numbers = TextNumbers().fit(texts)
    assert not any(name.startswith("topic") for name in numbers.names_)
    assert np.isfinite(numbers.transform([*texts, "", "new words here"])).all()


def test_long_texts_are_cut() -> None:
    long = ["word " * 10_000_0 + end for end in ("a", "b")]
    numbers = TextNumbers().fit(long)
    assert numbers.cut_ <= MOST_CHARACTERS
    assert numbers.transform(long).shape == (2, len(numbers.names_))


def test_it_is_the_same_each_time() -> None:
    first, second = (TextNumbers().fit(TEXTS).transform(TEXTS) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_noise_tells_nothing_and_ranks_do() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(400, 5))
    assert not tells(values, rng.normal(size=400))
    assert not tells(values, rng.integers(0, 3, 400))
    assert tells(values, np.exp(5 * values[:, 2]))
    assert tells(values, (values[:, 2] > 0).astype(int))
    assert not tells(np.zeros((400, 2)), rng.normal(size=400))
    assert not tells(values, np.zeros(400))
