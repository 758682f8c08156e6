"""What all commands share: JSON, help, errors, pipes, terminals, and a quick start."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from functools import partial
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.text import Text
from typer.main import get_command
from typer.testing import CliRunner

from limelight.cli.app import app
from limelight.cli.output import print_json
from limelight.cli.table import Field, fitting
from limelight.data import open_store

PROGRAM = [sys.executable, "-m", "limelight.cli"]
HEAVY = ("pandas", "numpy", "pyarrow", "sqlalchemy", "metaflow", "pandera", "rich")

COPIED = {"commits", "known", "branches", "tags", "linearised", "left_out", "compared"}

# A way to call every command that ends well, and the keys of what it then says as JSON.
CALLS = {
    "list": ([], {"store", "ref", "datasets"}),
    "log": (["loans"], {"store", "ref", "dataset", "commits"}),
    "show": (["loans"], {"version", "card", "last_commit", "columns", "first_rows"}),
    "diff": (["loans", "v1"], {"old", "new", "summary", "types_changed"}),
    "export": (["loans", "-o", "out.csv"], {"version", "file"}),
    "query": (["SELECT count(*) AS n FROM loans"], {"columns", "rows", "of"}),
    "tag": (["v2", "loans"], {"tag", "dataset", "commit"}),
    "untag": (["v1"], {"untagged", "commit"}),
    "branch": (["fixes", "v1"], {"branch", "commit"}),
    "merge": (["rates"], {"branch", "before", "commit", "datasets"}),
    "revert": (["main"], {"branch", "before", "commit", "datasets"}),
    "remote": (["origin", "file:///{folder}/backup.db"], {"remotes"}),
    "push": ([], {"remote", "branch", "commit"}),
    "pull": ([], {"branch", "before", "commit", "datasets"}),
    "clone": (["{folder}/backup.db", "cloned.db"], {"store", "branches"}),
    "gc": ([], {"store", "bytes_before", "bytes_after"}),
    "doctor": ([], {"store", "ok", "findings"}),
    "copy": (["{store}", "copied.db", "--branch", "main"], {"source", "target", *COPIED}),
}
COMMANDS = get_command(app).commands["data"].commands  # type: ignore[attr-defined]


def shown(*words: str) -> str:
    return CliRunner().invoke(app, [*words, "--help"], prog_name="limelight").output


def test_every_command_is_tried_here():
    assert set(CALLS) == set(COMMANDS)


@pytest.mark.parametrize("name", CALLS)
def test_every_command_has_json_for_machines(limelight, path, tmp_path, name):
    if name in ("push", "pull", "clone"):
        limelight("remote", "origin", f"file://{tmp_path}/backup.db")
        if name != "push":
            limelight("push")
    words, keys = CALLS[name]
    filled = [word.format(folder=tmp_path, store=path) for word in words]
    assert set(json.loads(limelight(name, *filled, "--json"))) == keys


@pytest.mark.parametrize("name", CALLS)
def test_every_command_explains_itself_by_an_example(name):
    said = shown("data", name)
    assert "Example" in said
    assert f"\n    limelight data {name}" in said
    for word in ("--json", "PATH|URL" if name not in ("copy", "clone") else "URL"):
        assert word in said


def test_every_command_says_what_it_is_in_a_line_of_the_list():
    lines = shown("data").partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in lines] == list(COMMANDS)
    assert not [line for line in lines if line.endswith("...")]


def test_the_flow_is_named_as_the_way_in():
    assert "flows/ingest.py run --source" in shown("data")


def started(*words: str, **options) -> subprocess.Popen:
    """The program, in a process of its own; as from a terminal, where an interrupt counts."""
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "preexec_fn": heard, **options}
    return subprocess.Popen([*PROGRAM, *words], **given)


def test_help_is_there_at_once():
    check = (
        "import sys; from limelight.cli.app import app\n"
        "try: app(['data', '--help'])\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines()[-1] == "[]"
    assert min(processor_seconds("--help") for _ in range(3)) < 0.5


def processor_seconds(*words: str) -> float:
    """What a command takes of one core, which other programs do not make longer."""
    running = started(*words, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    assert running.returncode == 0
    return used.ru_utime + used.ru_stime


def test_the_version_is_said():
    assert CliRunner().invoke(app, ["--version"]).stdout.startswith("limelight 0.")


@pytest.mark.usefixtures("path")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device on this system")
@pytest.mark.parametrize("words", [("log",), ("show", "loans", "--json"), ("export", "loans")])
def test_a_full_disk_behind_stdout_is_said_in_a_line(words):
    with Path("/dev/full").open("wb") as full:
        running = started("data", *words, stdout=full)
        said = running.communicate()[1].decode()
    assert running.returncode == 1
    problem = "there is no space left for the output."
    assert said == f"{problem} Free some.\n" or json.loads(said)["error"]["problem"] == problem


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("words", [("log", "--json"), ("export", "loans")])
def test_a_reader_that_goes_away_is_no_error(words):
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    running = started("data", *words, env=buffered)
    running.stdout.close()
    assert running.wait() == 1
    assert running.stderr.read() == b""


@pytest.mark.usefixtures("path")
def test_an_interrupt_ends_it_quietly(tmp_path):
    os.mkfifo(tmp_path / "endless.csv")  # whose reader waits for more
    running = started("data", "merge", "rates", "--decisions", "endless.csv")
    end = opened_for_a_reader(tmp_path / "endless.csv")
    running.send_signal(signal.SIGINT)
    _, said = running.communicate()
    os.close(end)
    assert running.returncode == 130
    assert said == b""


def opened_for_a_reader(pipe: Path) -> int:
    """The end of a pipe that is written to, once somebody reads from it."""
    while True:
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody does as yet
            time.sleep(0.05)


def test_a_wrong_call_ends_with_two(limelight):
    assert "Did you mean 'list'" in limelight("lst", code=2)
    assert "Missing argument" in limelight("show", code=2)
    assert "which dataset" in limelight("tag", "v2", code=2)
    assert "exclude each other" in limelight("merge", "rates", "--ours", "--theirs", code=2)


@pytest.mark.parametrize("words", [["--json"], []])
def test_a_password_is_never_repeated(limelight, words):
    url = "mysql+pymysql://me:hunter2@127.0.0.1:1/x"
    said = limelight("list", "--store", url, *words, code=1)
    assert "hunter2" not in said


def test_as_many_columns_are_shown_as_fit():
    fields = [Field("a" * 10), Field("b" * 10), Field("c" * 10)]
    assert fitting(fields, [], 34) == [0, 1, 2]
    assert fitting(fields, [], 33) == [0, 1]
    assert fitting(fields, [], 5) == [0]


@pytest.mark.usefixtures("path")
def test_a_terminal_gets_colours_and_lines_that_fit():
    said = in_terminal("diff", "loans", "v1", "--rows", columns=50)
    assert "\x1b[32m+ 1 row added\x1b[0m" in said
    plain = Text.from_ansi(said).plain
    assert "and 1 more column: default" in plain
    assert max(cell_len(line) for line in plain.splitlines()) <= 50


def in_terminal(*words: str, columns: int) -> str:
    """What a command prints in a terminal of some width."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color"}
    running = started("data", *words, stdout=slave, stderr=slave, stdin=slave, env=environment)
    os.close(slave)
    found = b""
    while True:
        try:
            found += os.read(master, 65536)
        except OSError:  # the other end is closed
            break
    os.close(master)
    assert running.wait() == 0
    return found.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [100, 70, 50])
@pytest.mark.parametrize(
    "words", ["list", "log", "show loans", "branch", "tag", "diff loans --rows"]
)
def test_lines_fit_every_width(limelight, monkeypatch, columns, words):
    # What rich looks at first when it asks whether it writes to a terminal, and how wide that is.
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(columns))
    said = limelight(*words.split())
    assert "\x1b[" in said
    plain = Text.from_ansi(said).plain
    assert max(cell_len(line) for line in plain.splitlines()) <= columns, plain


def test_colours_are_for_terminals_that_want_them(limelight, monkeypatch):
    assert "\x1b" not in limelight("log")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in limelight("log")


def test_pipes_get_everything_uncut(limelight, path):
    store = open_store(path)
    frame = store.read(store.resolve("loans"))
    long = "long " * 60 + "end"
    wide = frame.assign(**{f"column_{n}": long for n in range(40)})
    store.write("loans", wide, long)
    assert f"{long}\n" in limelight("log")
    assert limelight("show", "loans").count(long) == 1 + 4 * 40


@pytest.mark.usefixtures("path")
def test_an_output_without_unicode_still_works():
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    out, said = started("data", "show", "loans", "--ref", "v1", env=environment).communicate()
    assert rb"na\xefve" in out
    assert said == b""


def test_json_is_ascii_where_the_output_is(monkeypatch):
    for encoding, written in (("ascii", rb'"na\u00efve"'), ("utf-8", '"naïve"'.encode())):
        stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        monkeypatch.setattr(sys, "stdout", stream)
        print_json("naïve")
        stream.flush()
        assert stream.buffer.getvalue().strip() == written


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    ("typed", "expected"),
    [("data show lo", "loans"), ("data log --ref r", "rates"), ("data untag v", "v1")],
)
def test_names_are_completed(typed, expected):
    environment = {
        "_LIMELIGHT_COMPLETE": "complete_bash",
        "COMP_WORDS": f"limelight {typed}",
        "COMP_CWORD": str(len(typed.split())),
    }
    result = CliRunner().invoke(app, [], prog_name="limelight", env=environment)
    assert result.stdout.split() == [expected]
