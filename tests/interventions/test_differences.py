"""Annotators side by side, against scikit-learn's kappa."""

import pytest
from sklearn.metrics import cohen_kappa_score

from core.interventions.annotation.agreement import (
    Disagreement,
    agreements,
    disagreements,
    verdicts_by_annotator,
)
from core.store.interventions.judgements import Judgement, Verdict

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
    ann_bob, ann_cleo, bob_cleo = agreements(judgements())
    assert (ann_bob.one, ann_bob.other, ann_bob.n, ann_bob.same) == ("Ann", "Bob", 4, 2)
    wanted = cohen_kappa_score(["pos", "neg", "out", "pos"], ["pos", "pos", "out", "neg"])
    assert ann_bob.kappa == pytest.approx(wanted)
    assert (ann_cleo.n, ann_cleo.kappa) == (1, None)
    assert (bob_cleo.n, bob_cleo.same, bob_cleo.kappa) == (1, 0, 0.0)


def test_texts_on_which_they_differ() -> None:
    assert disagreements(judgements()) == [
        Disagreement("b", {"Ann": "neg", "Bob": "pos"}),
        Disagreement("d", {"Ann": "pos", "Bob": "neg", "Cleo": "pos"}),
    ]
