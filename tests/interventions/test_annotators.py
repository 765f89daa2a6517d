"""Consensus by hand; agreement by hand and against scikit-learn's kappa."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from core.domain.datasets import Dataset
from core.interventions.annotators import (
    Agreement,
    Consensus,
    Disagreement,
    cohen_kappa,
    consensus_by_text,
    disagreements,
    labels_by_row,
    pairwise_agreement,
    scopes_by_row,
    verdicts_by_annotator,
)
from core.store.interventions.judgements import Judgement, Verdict


def event(number: int, who: str, label: str | None, **more: object) -> Judgement:
    given = {"why": "uncertain", "in_scope": None, "skipped": False, "text": "t", **more}
    verdict = Verdict(str(given["text"]), label, given["in_scope"], bool(given["skipped"]))  # type: ignore[arg-type]
    return Judgement(number, str(number), "r", who, 0.0, given["why"], "", verdict)  # type: ignore[arg-type]


def test_most_decide_and_the_latest_of_equals() -> None:
    two = [event(1, "Ann", "a"), event(2, "Ben", "b")]
    assert consensus_by_text(two) == {"t": Consensus("b", None, "Ben", False)}
    most = consensus_by_text([*two, event(3, "Eve", "a")])["t"]
    # Only those who gave a label are named for it.
    assert (most.label, most.who) == ("a", "Ann, Eve")
    assert consensus_by_text([two[0], event(3, "Eve", None, in_scope=False)])["t"] == Consensus(
        "a", False, "Ann", False, "Eve"
    )
    scope = [event(1, "Ann", None, in_scope=True), event(2, "Ben", None, in_scope=False)]
    assert consensus_by_text(scope)["t"] == Consensus(None, False, "Ben", False, "Ben")
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
        "w": Consensus("gone", None, "Ann", False),
    }
    ids = ("w", "z", "y", "x")
    dataset = Dataset("file:f", "f", ("a", "b"), ids, ids, ("a",) * 4, (None,) * 4)
    # "gone" is no label of the dataset, so it counts as none.
    assert labels_by_row(dataset, found) == {2: "b"}
    assert labels_by_row(dataset, found, audit=True) == {3: "a"}
    assert labels_by_row(dataset, found, audit=None) == {2: "b", 3: "a"}
    assert scopes_by_row(ids, found) == {1: False, 3: True}


LABELS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), max_size=40)


def test_kappa_by_hand() -> None:
    # Cohen's form: 50 texts, both yes 20, both no 15, 5 and 10 apart. Observed 0.7;
    # expected 25/50 * 30/50 + 25/50 * 20/50 = 0.5; kappa 0.4.
    one = ["yes"] * 25 + ["no"] * 25
    other = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    assert cohen_kappa(one, other) == pytest.approx(0.4)
    assert cohen_kappa(["a", "b"], ["b", "a"]) == pytest.approx(-1)
    assert cohen_kappa(["a", "b"], ["a", "b"]) == pytest.approx(1)
    assert cohen_kappa([], []) is None
    assert cohen_kappa(["a", "a"], ["a", "a"]) is None
    assert cohen_kappa(["a", "a"], ["b", "b"]) == 0


@settings(deadline=None)
@given(LABELS)
def test_kappa_is_that_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    one, other = [a for a, _ in pairs], [b for _, b in pairs]
    kappa = cohen_kappa(one, other)
    if len({*one, *other}) < 2:
        assert kappa is None
    else:
        assert kappa == pytest.approx(cohen_kappa_score(one, other))


def test_every_two_annotators_over_what_both_labelled() -> None:
    found = pairwise_agreement(
        {
            "Ann": {"1": "a", "2": "b", "3": "a"},
            "Ben": {"2": "b", "3": "b", "4": "a"},
            "Eve": {"9": "a"},
        }
    )
    # On 2 and 3: Ann b a, Ben b b. Observed 1/2, expected 1/2 * 1 + 1/2 * 0.
    assert found == [
        Agreement("Ann", "Ben", 2, 1, pytest.approx(0)),
        Agreement("Ann", "Eve", 0, 0, None),
        Agreement("Ben", "Eve", 0, 0, None),
    ]
    assert pairwise_agreement({"Ann": {"1": "a"}}) == []


ROWS = [
    ("Ann", "a", "pos"),
    ("Ann", "b", "neg"),
    ("Ann", "c", "out of scope"),
    ("Ann", "d", "pos"),
    ("Bob", "a", "pos"),
    ("Bob", "b", "pos"),
    ("Bob", "c", "out of scope"),
    ("Bob", "d", "neg"),
    ("Bob", "e", "neg"),
    ("Cleo", "d", "pos"),
    ("Dan", "a", "skipped"),
]


def judgements() -> list[Judgement]:
    made = []
    for number, (who, key, word) in enumerate(ROWS, 1):
        if word == "skipped":
            verdict = Verdict(key, skipped=True)
        elif word == "out of scope":
            verdict = Verdict(key, in_scope=False)
        else:
            verdict = Verdict(key, word, True)
        made.append(Judgement(number, f"j{number}", "r", who, 1.0, "audit", "", verdict))
    return made


def test_skips_say_nothing_and_out_of_scope_is_a_word() -> None:
    found = verdicts_by_annotator(judgements())
    assert list(found) == ["Ann", "Bob", "Cleo"]
    assert found["Ann"] == {"a": "pos", "b": "neg", "c": "out of scope", "d": "pos"}
    only_in = Judgement(1, "j", "r", "Eve", 1.0, "bulk", "", Verdict("a", in_scope=True))
    assert verdicts_by_annotator([only_in]) == {}


def test_kappa_is_scikit_learns() -> None:
    ann_bob, ann_cleo, bob_cleo = pairwise_agreement(verdicts_by_annotator(judgements()))
    assert (ann_bob.one, ann_bob.other, ann_bob.n, ann_bob.same) == ("Ann", "Bob", 4, 2)
    wanted = cohen_kappa_score(["pos", "neg", "out", "pos"], ["pos", "pos", "out", "neg"])
    assert ann_bob.kappa == pytest.approx(wanted)
    assert (ann_cleo.n, ann_cleo.kappa) == (1, None)
    assert (bob_cleo.n, bob_cleo.same, bob_cleo.kappa) == (1, 0, 0.0)


def test_texts_on_which_they_differ() -> None:
    assert disagreements(verdicts_by_annotator(judgements())) == [
        Disagreement("b", {"Ann": "neg", "Bob": "pos"}),
        Disagreement("d", {"Ann": "pos", "Bob": "neg", "Cleo": "pos"}),
    ]
