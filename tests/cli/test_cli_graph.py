"""The lines beside a log."""

from __future__ import annotations

from limelight.cli.graph import drawn, simplified


def picture(commits: str, parents: dict[str, str]) -> list[str]:
    lines = []
    for left, between in drawn(commits, parents):
        lines += [left, *between]
    return lines


def test_a_line_of_commits():
    assert picture("cba", {"c": "b", "b": "a", "a": ""}) == ["●", "●", "●"]


def test_a_branch_that_is_not_merged_yet():
    assert picture("abc", {"a": "c", "b": "c", "c": ""}) == ["●", "│ ●", "├─╯", "●"]


def test_a_merge_of_three_crosses_the_lanes_between():
    parents = {"m": "azb", "z": "a", "y": "x", "x": "b", "b": "a", "a": ""}
    assert picture("mzyxba", parents) == [
        "◎",
        "├─╮",
        "├─┼─╮",
        "│ ● │",
        "├─╯ │",
        "│ ● │",
        "│ ● │",
        "│ ├─╯",
        "│ ●",
        "├─╯",
        "●",
    ]


def test_a_lane_stays_where_it_is_when_one_beside_it_ends():
    parents = {"m": "bf", "f": "be", "e": "a", "b": "a", "a": ""}
    assert picture("mfeba", parents) == [
        "◎",
        "├─╮",
        "│ ◎",
        "│ ├─╮",
        "├─╯ │",
        "│   ●",
        "●   │",
        "├───╯",
        "●",
    ]


def test_lanes_that_lead_to_one_commit_meet():
    parents = {"g": "ef", "e": "cd", "f": "d", "d": "c", "c": ""}
    assert picture("gefdc", parents) == [
        "◎",
        "├─╮",
        "◎ │",
        "├─┼─╮",
        "│ ● │",
        "│ ├─╯",
        "│ ●",
        "├─╯",
        "●",
    ]


def test_a_merge_into_a_lane_that_is_there_already():
    assert picture("gefdc", {"g": "ef", "e": "cf", "f": "d", "d": "c", "c": ""})[3] == "├─┤"


def test_commits_that_are_left_out_are_bridged():
    parents = {"m": ["b", "f"], "f": ["e"], "e": ["a"], "b": ["a"], "a": []}
    assert simplified(parents, ["m", "f", "a"]) == {"m": ("a", "f"), "f": ("a",), "a": ()}
    assert simplified(parents, ["m", "a"]) == {"m": ("a",), "a": ()}
