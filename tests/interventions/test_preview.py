"""Changes before they happen, and the part of them that is accepted."""

import pytest

from core.interventions.relabelling.relabel import (
    Change,
    Flow,
    Replacement,
    accept_changes,
    label_changes,
    within_confidence,
)

IDS = ("t1", "t2", "t3", "t4", "t5", "t6")
RESULT = Replacement(
    label_names=("a", "b", "c"),
    old=("a", "a", "b", "b", "c", "a"),
    new=("b", "a", "c", "b", "a", "b"),
    judged=(None, "a", None, None, "a", None),
    proxy=("b", "a", "c", "b", "c", "b"),
    confidence=(0.9, None, 0.5, 0.8, None, 1.0),
    explanations=("note",),
)
CHANGES = [
    Change("t1", "a", "b", 0.9, False),
    Change("t3", "b", "c", 0.5, False),
    Change("t5", "c", "a", None, True),
    Change("t6", "a", "b", 1.0, False),
]


def test_changes_and_their_flow() -> None:
    assert label_changes(IDS, RESULT) == CHANGES
    assert RESULT.flows == [Flow("a", "b", 2), Flow("b", "c", 1), Flow("c", "a", 1)]
    with pytest.raises(ValueError, match="differ in length"):
        label_changes(IDS[:2], RESULT)


def test_a_threshold_keeps_the_annotators_own() -> None:
    assert [c.id for c in within_confidence(CHANGES, 0.9)] == ["t1", "t5", "t6"]
    assert within_confidence(CHANGES, 0) == CHANGES
    sure = {change.id: change.confidence for change in CHANGES}
    band = [key for key, found in sure.items() if found is None or 0.5 <= found <= 0.9]
    assert [c.id for c in within_confidence(CHANGES, 0.5, 0.9)] == band
    assert 0 < len(band) < len(CHANGES)


def test_a_part_is_accepted() -> None:
    part = accept_changes(RESULT, IDS, {"t3", "t5"})
    assert part.new == ("a", "a", "c", "b", "a", "a")
    assert part.confidence == (None, None, 0.5, 0.8, None, None)
    assert (part.old, part.judged, part.proxy) == (RESULT.old, RESULT.judged, RESULT.proxy)
    assert part.changed == (2, 4)
    assert accept_changes(RESULT, IDS, [c.id for c in CHANGES]) == RESULT
    assert accept_changes(RESULT, IDS, ()).changed == ()
    for stranger in ("t2", "t9"):
        with pytest.raises(ValueError, match="none of the replacement's"):
            accept_changes(RESULT, IDS, [stranger])
