"""Interventions as rows of a version, their export, and two versions side by side."""

import json
from dataclasses import replace

import numpy as np
import pytest

from core.interventions.card import COLUMNS, export_version
from core.interventions.relabelling.relabel import Replacement
from core.interventions.scope_filter import ScopeFilter
from core.interventions.versions import compare_versions, edited, filtered, relabelled
from core.store.interventions.versions import VersionRow

ROWS = [
    VersionRow("1", "a"),
    VersionRow("2", "a", kept=False, in_scope=False),
    VersionRow("3", "b", human_label="b", who="Eve"),
    VersionRow("4", "b"),
]


RESULT = Replacement(
    label_names=("a", "b"),
    old=("a", "b", "b"),
    new=("b", "b", "a"),
    judged=("b", None, None),
    proxy=("a", "b", "a"),
    confidence=(None, 0.75, 0.5),
)


def test_replaced_labels_leave_alone_what_is_not_kept() -> None:
    assert relabelled(ROWS, RESULT, who="Ann") == [
        VersionRow("1", "b", "a", None, "b", "Ann"),
        ROWS[1],
        VersionRow("3", "b", "b", 0.75, "b", "Eve"),
        VersionRow("4", "a", "a", 0.5),
    ]
    signed = relabelled(ROWS, RESULT, who={"1": "Ann, Ben"})
    assert signed[0].who == "Ann, Ben"
    with pytest.raises(ValueError, match="other rows"):
        relabelled(ROWS[:3], RESULT, who="Ann")


def test_the_filter_keeps_labels_and_marks_what_goes() -> None:
    scope = ScopeFilter(np.array([0.25, 0.5, 0.9]), {2: False}, ())
    first, second, third, fourth = filtered(ROWS, scope, threshold=0.5, who="Ann")
    assert first == replace(ROWS[0], kept=False, in_scope=False, scope_confidence=0.25)
    assert second == ROWS[1]
    assert third == replace(ROWS[2], in_scope=True, scope_confidence=0.5)
    assert fourth == replace(ROWS[3], kept=False, in_scope=False, scope_confidence=0.9, who="Ann")
    with pytest.raises(ValueError, match="other rows"):
        filtered(ROWS[:2], scope, who="Ann")


def test_edits_by_hand() -> None:
    first, second, third, fourth = edited(
        [replace(ROWS[0], confidence=0.5), *ROWS[1:]],
        {"1": "b"},
        {"2": True, "4": False},
        who={"1": "Ann", "2": "Ben", "4": "Ann"},
    )
    assert first == VersionRow("1", "b", human_label="b", who="Ann", proposed_label="a")
    assert second == VersionRow("2", "a", in_scope=True, who="Ben", kept=True)
    assert third == ROWS[2]
    assert fourth == VersionRow("4", "b", in_scope=False, who="Ann", kept=False)


def test_the_export_says_where_each_label_is_from() -> None:
    rows = relabelled(ROWS, RESULT, who="Ann")
    content = export_version(
        ["=one", "two", "three", "four"], ["a", "a", "b", "b"], rows, format="jsonl"
    )
    found = [json.loads(line) for line in content.decode().splitlines()]
    assert [row["id"] for row in found] == ["1", "3", "4"]
    assert found[0] == {
        **{"id": "1", "text": "=one", "label": "b", "specified": "a", "proxy": "a", "human": "b"},
        **{"confidence": None, "in_scope": None, "scope_confidence": None, "who": "Ann"},
        **{"oracle": None, "proposed": None, "scope_who": None},
    }
    assert (found[2]["label"], found[2]["specified"], found[2]["confidence"]) == ("a", "b", 0.5)
    sheet = export_version(["=one"], ["a"], rows[:1], format="csv").decode("utf-8-sig")
    assert sheet.splitlines()[0] == ",".join(COLUMNS)
    assert sheet.splitlines()[1].startswith("1,'=one,b,a,a,,b,Ann,")


def test_an_export_names_people_for_their_own_labels_only() -> None:
    rows = [
        VersionRow("1", "a", human_label="a", who="oracle"),
        VersionRow("2", "a", human_label="a", who="Ann", proposed_label="b"),
        VersionRow("3", "a", proxy_label="a", in_scope=True, who="Ben"),
    ]
    content = export_version(["1", "2", "3"], ["b", "b", "b"], rows, format="jsonl")
    found = [json.loads(line) for line in content.decode().splitlines()]
    columns = ("label", "oracle", "human", "who", "proposed", "scope_who")
    assert [tuple(row[name] for name in columns) for row in found] == [
        ("a", "a", None, "oracle", None, None),
        ("a", None, "a", "Ann", "b", None),
        ("a", None, None, None, None, "Ben"),
    ]


def test_an_edit_keeps_what_the_repair_proposed() -> None:
    row = VersionRow("1", "a", confidence=0.9)
    (once,) = edited([row], {"1": "b"}, {}, who="Ann")
    (twice,) = edited([once], {"1": "c"}, {}, who="Ann")
    assert (once.label, once.proposed_label) == ("b", "a")
    assert (twice.label, twice.proposed_label) == ("c", "a")
    (back,) = edited([twice], {"1": "a"}, {}, who="Ann")
    assert (back.label, back.proposed_label) == ("a", None)


def test_two_versions_side_by_side() -> None:
    before = [
        *(VersionRow(str(n), "a") for n in range(4)),
        VersionRow("4", "b"),
        VersionRow("5", "b", kept=False),
        VersionRow("6", "a", kept=False),
    ]
    after = [
        VersionRow("0", "a"),
        VersionRow("1", "b"),
        VersionRow("2", "b"),
        VersionRow("3", "b", kept=False),
        VersionRow("4", "a"),
        VersionRow("5", "a"),
        VersionRow("6", "b", kept=False),
    ]
    found = compare_versions(before, after, label_names=("a", "b", "c"))
    assert found.relabelled == ("1", "2", "4")
    assert (found.gone, found.come) == (("3",), ("5",))
    assert found.balance == {"a": (4, 3), "b": (1, 2), "c": (0, 0)}
    same = compare_versions(after, after, label_names=("a", "b"))
    assert (same.relabelled, same.gone, same.come) == ((), (), ())
