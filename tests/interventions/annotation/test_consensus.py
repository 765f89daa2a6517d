"""One label and one scope per text, from all judgements of it."""

from core.interventions.annotation.consensus import (
    Consensus,
    consensus_by_text,
    labels_by_row,
    scopes_by_row,
)
from core.store.interventions.judgements import Judgement, Verdict


def event(number: int, who: str, label: str | None, **more: object) -> Judgement:
    given = {"why": "uncertain", "in_scope": None, "skipped": False, "text": "t", **more}
    verdict = Verdict(str(given["text"]), label, given["in_scope"], bool(given["skipped"]))  # type: ignore[arg-type]
    return Judgement(number, str(number), "r", who, 0.0, given["why"], "", verdict)  # type: ignore[arg-type]


def test_most_decide_and_the_latest_of_equals() -> None:
    two = [event(1, "Ann", "a"), event(2, "Ben", "b")]
    assert consensus_by_text(two) == {"t": Consensus("b", None, "Ann, Ben", False)}
    assert consensus_by_text([*two, event(3, "Eve", "a")])["t"].label == "a"
    assert consensus_by_text([two[0], event(3, "Eve", None, in_scope=False)])["t"] == Consensus(
        "a", False, "Ann, Eve", False
    )
    skip = event(3, "Eve", None, skipped=True)
    assert consensus_by_text([skip]) == {}
    assert consensus_by_text([two[0], skip])["t"].who == "Ann"


def test_people_count_before_machines_and_audits_are_marked() -> None:
    machines = [event(n, f"m{n}", "b", why="oracle") for n in range(3)]
    assert consensus_by_text(machines)["t"] == Consensus("b", None, "m0, m1, m2", False)
    found = consensus_by_text(
        [event(9, "Ann", "a", why="audit"), *machines, event(10, "Ann", "b", text="u")]
    )
    assert found == {
        "t": Consensus("a", None, "Ann", True),
        "u": Consensus("b", None, "Ann", False),
    }


def test_what_stands_by_row() -> None:
    found = {
        "x": Consensus("a", True, "Ann", True),
        "y": Consensus("b", None, "Ann", False),
        "z": Consensus(None, False, "Ann", False),
    }
    ids = ["w", "z", "y", "x"]
    assert labels_by_row(ids, found) == {2: "b"}
    assert labels_by_row(ids, found, audit=True) == {3: "a"}
    assert labels_by_row(ids, found, audit=None) == {2: "b", 3: "a"}
    assert scopes_by_row(ids, found) == {1: False, 3: True}
