"""Names that try to leave their quotes, on every kind of store.

Whatever a store takes as a name, it gives back as the same name; whatever it does not take, it
refuses before any work. In both cases everything else stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from limelight.data import DatasetCard, DataVersion, Store
from limelight.data._refs import Refs
from limelight.data.dolt import DoltStore
from limelight.data.schema import describe
from limelight.data.store import AUTHOR, Dataset
from limelight.errors import InputError, LimelightError

CANARY = DatasetCard(name="canary", target="value", key=("id",))
ROWS = pd.DataFrame({"id": [1, 2], "value": ["a", "b"]})

NASTY = [
    "",
    " ",
    "a b",
    "'",
    '"',
    "`",
    "\\",
    "\\'",
    "a\\",
    "%s",
    "100%",
    "%(name)s",
    "?",
    ":name",
    "$1",
    ";",
    "--",
    "-- x",
    "*/",
    "#",
    "-D",
    "HEAD",
    "HEAD~1",
    "main~1",
    "main",
    "MAIN",
    "..",
    "a..b",
    "./a",
    "/",
    "a/b",
    "a/",
    "a@b",
    "a^",
    "@{1}",
    "refs/heads/main",
    "remotes/origin/main",
    "origin/main",
    "WORKING",
    "STAGED",
    "0123456789abcdef0123456789abcdef01234567",
    "vglptms3asph3d28hecd8v96mk9v3pam",
    "deadbeef",
    "limelight/x",
    "limelight_cards",
    "dolt_log",
    "table",
    "row_key",
    "commit",
    "to_id",
    "diff_type",
    "CANARY",
    "canary ",
    "canary'; DROP TABLE canary; --",
    'canary"; DROP TABLE canary; --',
    "canary`; DROP TABLE canary; --",
    "x'); SELECT dolt_reset('--hard', 'HEAD~1'); --",
    "x) VALUES (1); DROP TABLE canary; --",
    "'||(SELECT dolt_branch('evil'))||'",
    "main'; CALL dolt_branch('evil'); --",
    "\n",
    "a\nb",
    "a\rb",
    "a\0b",
    "\x1a",
    "\u200b",
    "\u202eabc",
    "é",
    "e\u0301",
    "İ",
    "🍋",
    "a" * 60,
    "a" * 61,
    "é" * 60,
    "🍋" * 60,
    "\ud800",
    "\ufffe",
    "true",
    "1e5",
    "../../etc/passwd",
    "{}",
    "$(reboot)",
]

names = st.one_of(
    st.sampled_from(NASTY),
    st.text(max_size=12),
    st.text("'\"`\\;%-*/ ?@~^:.ab", max_size=12),
    st.tuples(st.sampled_from(NASTY), st.sampled_from(NASTY)).map("".join),
)
fuzzed = settings(
    deadline=None,
    max_examples=4,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
many = st.lists(names, min_size=5, max_size=15, unique=True)


class Watched:
    """A store with a canary: what must not change, whatever name is tried."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.version = store.write("canary", ROWS, "Canary", card=CANARY)
        store.tag("kept", self.version)
        store.branch("side")
        self._before: tuple[object, ...] = ()

    def takes(self, work: Callable[[], object]) -> bool:
        """Whether the store takes a name; what it refuses changes nothing."""
        self._before = self._before or self._refs()
        try:
            work()
        except InputError as problem:
            assert "\n" not in str(problem), "an error is one line"
            assert self._refs() == self._before, "what is refused changes nothing"
            return False
        self._before = ()
        return True

    def changed(self) -> None:
        """Something was changed on purpose."""
        self._before = ()

    def check(self) -> None:
        """The canary lives."""
        self.changed()
        now = self.store.resolve("canary")
        assert now.table_hash == self.version.table_hash
        pd.testing.assert_frame_equal(self.store.read(now), ROWS.set_index("id"))
        assert self.store.tags()["kept"] == self.version.commit
        assert {"main", "side"} <= set(self.store.branches())
        assert "evil" not in {*self.store.branches(), *self.store.tags()}

    def _refs(self) -> tuple[object, ...]:
        assert isinstance(self.store, DoltStore)
        with self.store.backend.reading() as session:
            return Refs.of(session), session.tables()


@pytest.fixture
def watched(store: Store) -> Watched:
    return Watched(store)


def test_nasty_names_of_datasets(watched: Watched) -> None:
    taken = _check_datasets(watched, NASTY)
    assert {"'", '"', "`", "%s", "--", "é", "a" * 60} <= taken
    assert not {"", "a\0b", "a" * 61, "CANARY", "dolt_log", "🍋"} & taken


def test_nasty_names_of_columns(watched: Watched) -> None:
    taken = _check_columns(watched, NASTY)
    assert {"", "'", '"', "`", "%s", "🍋", "İ", "canary'; DROP TABLE canary; --"} <= taken


def test_nasty_names_of_branches_and_tags(watched: Watched) -> None:
    taken = _check_names_of_commits(watched, NASTY)
    assert "a/b" in taken
    assert not {"", "'", "-D", "HEAD", "MAIN", "deadbeef", "main~1", "..", "é"} & taken


def test_nasty_refs(watched: Watched) -> None:
    _check_refs(watched, NASTY)


def test_nasty_messages_and_authors(watched: Watched) -> None:
    _check_texts(watched, NASTY)


@pytest.mark.slow
@given(given_names=many)
@fuzzed
def test_any_names_of_datasets(watched: Watched, given_names: list[str]) -> None:
    _check_datasets(watched, given_names)


@pytest.mark.slow
@given(given_names=many)
@fuzzed
def test_any_names_of_columns(watched: Watched, given_names: list[str]) -> None:
    _check_columns(watched, given_names)


@pytest.mark.slow
@given(given_names=many)
@fuzzed
def test_any_names_of_branches_and_tags(watched: Watched, given_names: list[str]) -> None:
    _check_names_of_commits(watched, given_names)


@pytest.mark.slow
@given(given_names=many)
@fuzzed
def test_any_refs(watched: Watched, given_names: list[str]) -> None:
    _check_refs(watched, given_names)


@pytest.mark.slow
@given(texts=many)
@fuzzed
def test_any_messages_and_authors(watched: Watched, texts: list[str]) -> None:
    _check_texts(watched, texts)


def _check_datasets(watched: Watched, tried: Iterable[str]) -> set[str]:
    """All that are taken side by side, each with rows of its own; gives them back."""
    store = watched.store
    taken: dict[str, Dataset] = {}
    for number, name in enumerate(tried):
        card = DatasetCard(name=name, target="value", key=("id",))
        given_rows = Dataset(ROWS.assign(value=[str(number), "y"]), card)
        if name != "canary" and watched.takes(_writing(store, name, given_rows)):
            taken[name] = given_rows
    assert set(store.datasets()) == {"canary", *taken}
    old = {name: store.resolve(name) for name in taken}
    for name, given_rows in taken.items():
        pd.testing.assert_frame_equal(store.read(old[name]), given_rows.frame.set_index("id"))
        assert store.card(old[name]) == given_rows.card
    store.commit({name: Dataset(ROWS, each.card) for name, each in taken.items()}, "Changed")
    for name, version in list(old.items())[:10]:
        new = store.resolve(name)
        assert store.diff(version, new).modified == 2
        assert store.changes(version, new).after["value"].tolist() == ["a", "b"]
        assert [entry.message for entry in store.log(name)][:2] == ["Changed", "Named"]
    watched.check()
    store.commit(dict.fromkeys(taken), "Gone")
    assert store.datasets() == ["canary"]
    return set(taken)


def _writing(store: Store, name: str, content: Dataset) -> Callable[[], object]:
    return lambda: store.write(name, content.frame, "Named", card=content.card)


def _check_columns(watched: Watched, tried: Iterable[str]) -> set[str]:
    """All columns in one table, and each as the key of another; gives back those taken."""
    store = watched.store
    fit = [name for name in tried if _is_text(name) and name not in ("id", "other")]
    frame = pd.DataFrame({"id": [1, 2], "other": ["o", "p"]}).assign(
        **{name: [f"{number}", "y"] for number, name in enumerate(fit)}
    )
    taken = [name for name in fit if watched.takes(lambda n=name: _describe(n))]
    frame = frame[["id", "other", *taken]]
    card = DatasetCard(name="columns", target="other", key=("id",))
    old = store.write("columns", frame, "Named", card=card)
    pd.testing.assert_frame_equal(store.read(old), frame.set_index("id"))
    assert [column.name for column in store.columns(old)] == list(frame)
    new = store.write("columns", frame.assign(**dict.fromkeys(taken, "z")), "Changed")
    assert store.diff(old, new).columns_changed == tuple(taken)
    assert store.changes(old, new).before.columns.tolist() == ["other", *taken]
    for name in taken[:10]:
        keyed = DatasetCard(name="columns", target="other", key=(name,))
        version = store.write("columns", frame, "Keyed", card=keyed)
        rest = [column for column in frame if column != name]
        pd.testing.assert_frame_equal(store.read(version), frame.set_index(name)[rest].sort_index())
    watched.check()
    store.drop("columns", "Gone")
    return set(taken)


def _describe(name: str) -> None:
    describe(pd.DataFrame({name: ["x"]}))


def _is_text(name: str) -> bool:
    """Whether pandas can have such a column at all."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_names_of_commits(watched: Watched, tried: Iterable[str]) -> set[str]:
    """Branches and tags side by side; gives back the names that were taken."""
    store, taken = watched.store, set[str]()
    for name in tried:
        if name in ("main", "side", "kept"):
            continue
        tags = watched.takes(lambda n=name: store.tag(n, watched.version, f"About {n}"))
        if tags:
            assert store.tags()[name] == watched.version.commit
            assert store.resolve("canary", name).commit == watched.version.commit
            assert not watched.takes(lambda n=name: store.branch(n)), "a tag has the name"
            store.untag(name)
            watched.changed()
        assert watched.takes(lambda n=name: store.branch(n, "kept")) == tags
        if tags:
            taken.add(name)
            version = store.write("canary", ROWS.iloc[:1], f"On {name}", branch=name)
            watched.changed()
            assert store.resolve("canary", name) == version
            assert version.branch == name
    for name in taken:
        assert [entry.message for entry in store.log(ref=name)][:2] == [f"On {name}", "Canary"]
        store.unbranch(name, force=True)
    assert set(store.branches()) == {"main", "side"}
    watched.check()
    return taken


def _check_refs(watched: Watched, tried: Iterable[str]) -> None:
    """A ref is known or is refused, in all places where one can be given."""
    store, version = watched.store, watched.version
    for name in tried:
        base = re.sub(r"~\d*$", "", name)
        known = base in {*store.branches(), *store.tags()} or version.commit.startswith(base)
        uses: list[Callable[[], object]] = [
            lambda n=name: store.datasets(n),
            lambda n=name: store.log(ref=n),
            lambda n=name: store.query("SELECT 1", n),
            lambda n=name: store.branch("from-a-ref", n),
        ]
        taken = {watched.takes(use) for use in uses}
        assert known or taken == {False}, name
        if True in taken:
            store.unbranch("from-a-ref", force=True)
            watched.changed()
        if name != version.commit:
            forged = DataVersion(version.store, "canary", "", name, version.table_hash, 2)
            with pytest.raises(LimelightError):
                store.read(forged)
    watched.check()


def _check_texts(watched: Watched, tried: Iterable[str]) -> None:
    """Messages and authors are kept letter by letter."""
    store = watched.store
    card = DatasetCard(name="texts", target="value", key=("id",))
    kept: list[tuple[str, str]] = []
    for number, text in enumerate(tried):
        content, author = Dataset(ROWS.assign(value=["m", str(number)]), card), f"{text} <a@b>"
        both = {"texts": content}
        if watched.takes(lambda t=text, a=author, b=both: store.commit(b, t, author=a)):
            kept.append((text, author))
        elif watched.takes(lambda t=text, b=both: store.commit(b, f"x{t}x")):
            kept.append((f"x{text}x", AUTHOR))
    newest = store.log()[: len(kept)]
    assert [(entry.message, entry.author) for entry in newest] == kept[::-1]
    watched.check()
