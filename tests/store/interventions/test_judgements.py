"""Judgements: events that are added and taken back, never changed."""

import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.errors import BadInput, StaleEdit
from core.domain.settings import Home
from core.store.database import Database, open_database
from core.store.generation.runs import create_run
from core.store.generation.samples import add_samples
from core.store.interventions.judgements import (
    Judgement,
    Verdict,
    add_judgements,
    by_person,
    judgements_of,
    last_judgement,
    last_number,
    retract,
    retract_all,
    store_verdicts,
)
from tests.store.making import FakeClock, make_sample, make_spec


def make_run(db: Database, count: int = 4) -> str:
    run_id = create_run(db, make_spec()).id
    add_samples(db, [make_sample(run_id, number) for number in range(count)])
    return run_id


@pytest.fixture
def run_id(db: Database) -> str:
    return make_run(db)


def say(db: Database, run_id: str, number: int, label: str | None, who: str = "Ann") -> Judgement:
    verdict = Verdict(f"{run_id}-{number}", label, skipped=label is None)
    (stored,) = add_judgements(db, run_id, [verdict], who=who, why="audit")
    return stored


def labels(db: Database, run_id: str) -> dict[tuple[str, str], str | None]:
    """What is in effect: label by person and text's number."""
    return {
        (j.who, j.verdict.sample_id.rpartition("-")[2]): j.verdict.label
        for j in judgements_of(db, run_id)
    }


def test_a_judgement_comes_back_exactly(db: Database, run_id: str, clock: FakeClock) -> None:
    verdicts = [
        Verdict(f"{run_id}-0", "pos", True),
        Verdict(f"{run_id}-1", in_scope=False),
        Verdict(f"{run_id}-2", skipped=True),
    ]
    stored = add_judgements(db, run_id, verdicts, who=" Ann ", why="lasso", session="q1")
    assert judgements_of(db, run_id) == stored
    assert [j.verdict for j in stored] == verdicts
    assert {(j.who, j.why, j.session, j.at) for j in stored} == {("Ann", "lasso", "q1", clock.now)}
    assert last_number(db, run_id) == stored[-1].number == stored[0].number + 2
    assert last_number(db, "other") == 0
    assert judgements_of(db, make_run(db, 0)) == []


def test_the_latest_of_a_person_and_a_text_is_in_effect(db: Database, run_id: str) -> None:
    say(db, run_id, 0, "pos")
    say(db, run_id, 0, "neg")
    say(db, run_id, 0, "pos", "Ben")
    say(db, run_id, 1, "neg")
    assert labels(db, run_id) == {("Ann", "0"): "neg", ("Ben", "0"): "pos", ("Ann", "1"): "neg"}
    people = by_person(judgements_of(db, run_id))
    assert {who: len(texts) for who, texts in people.items()} == {"Ann": 2, "Ben": 1}


def test_taking_back_brings_the_one_before_into_effect(db: Database, run_id: str) -> None:
    first, second = say(db, run_id, 0, "pos"), say(db, run_id, 0, None)
    assert labels(db, run_id) == {("Ann", "0"): None}
    assert retract(db, second.id, who="Ann") == second
    assert labels(db, run_id) == {("Ann", "0"): "pos"}
    retract(db, second.id, who="Ann")
    assert labels(db, run_id) == {("Ann", "0"): "pos"}
    retract(db, first.id, who="Ann")
    assert labels(db, run_id) == {}
    kept = db.connection().execute("SELECT count(*) FROM judgements").fetchone()[0]
    assert kept == 4  # the two, and what took each back


def test_nobody_takes_back_anothers(db: Database, run_id: str) -> None:
    theirs = say(db, run_id, 0, "pos", "Ben")
    for key, who in ((theirs.id, "Ann"), ("nothing", "Ben")):
        with pytest.raises(BadInput, match="no such judgement of yours"):
            retract(db, key, who=who)
    assert labels(db, run_id) == {("Ben", "0"): "pos"}


def test_undo_finds_a_persons_last_judgement_of_a_session(db: Database, run_id: str) -> None:
    assert last_judgement(db, run_id, who="Ann") is None
    (one,) = add_judgements(
        db, run_id, [Verdict(f"{run_id}-0", "pos")], who="Ann", why="audit", session="a"
    )
    two = say(db, run_id, 1, "pos")
    say(db, run_id, 2, "pos", "Ben")
    assert last_judgement(db, run_id, who="Ann") == two
    assert last_judgement(db, run_id, who="Ann", session="a") == one
    retract(db, two.id, who="Ann")
    assert last_judgement(db, run_id, who="Ann") == one


def test_what_somebody_else_judged_meanwhile_is_told(db: Database, run_id: str) -> None:
    seen = last_number(db, run_id)
    say(db, run_id, 0, "neg", "Ben")
    mine = [Verdict(f"{run_id}-1", "pos"), Verdict(f"{run_id}-0", "pos")]
    with pytest.raises(StaleEdit, match="Ben judged this text meanwhile: 'neg'"):
        add_judgements(db, run_id, mine, who="Ann", why="bulk", seen=seen)
    assert labels(db, run_id) == {("Ben", "0"): "neg"}
    # Knowing that, Ann may say hers; both stand.
    add_judgements(db, run_id, mine, who="Ann", why="bulk", seen=last_number(db, run_id))
    assert len(labels(db, run_id)) == 3


def test_ones_own_and_taken_back_judgements_are_no_news(db: Database, run_id: str) -> None:
    seen = last_number(db, run_id)
    say(db, run_id, 0, "neg")
    retract(db, say(db, run_id, 0, "neg", "Ben").id, who="Ben")
    say(db, run_id, 1, "neg", "Ben")
    add_judgements(db, run_id, [Verdict(f"{run_id}-0", "pos")], who="Ann", why="audit", seen=seen)
    assert labels(db, run_id)["Ann", "0"] == "pos"


def test_what_is_not_the_runs_is_refused_whole(db: Database, run_id: str) -> None:
    other = make_run(db)
    good = Verdict(f"{run_id}-0", "pos")
    for bad, who, message in (
        (Verdict(f"{other}-0", "pos"), "Ann", "none of the run's"),
        (Verdict(f"{run_id}-1", "great"), "Ann", "no label 'great'"),
        (good, "  ", "name is empty"),
        (good, "x" * 201, "too long"),
    ):
        with pytest.raises(BadInput, match=message):
            add_judgements(db, run_id, [good, bad], who=who, why="audit")
    assert judgements_of(db, run_id) == []
    with pytest.raises(sqlite3.IntegrityError):
        add_judgements(db, run_id, [good], who="Ann", why="whim")  # type: ignore[arg-type]


def test_a_verdict_says_something_or_skips() -> None:
    for wrong in ({}, {"label": "pos", "skipped": True}, {"in_scope": True, "skipped": True}):
        with pytest.raises(ValueError, match="says something"):
            Verdict("a", **wrong)  # type: ignore[arg-type]


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["Ann", "Ben"]),
        st.integers(0, 2),
        st.sampled_from(["pos", "neg", None, "undo"]),
    ),
    max_size=25,
)


@settings(max_examples=25, deadline=None)
@given(ACTIONS)
def test_judging_and_undoing_is_a_stack_a_person_and_text(
    actions: list[tuple[str, int, str | None]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        db = open_database(Home(Path(folder)))
        run_id = make_run(db, 3)
        stacks: dict[str, list[tuple[int, str | None, str]]] = {"Ann": [], "Ben": []}
        for who, number, what in actions:
            if what != "undo":
                stacks[who].append((number, what, say(db, run_id, number, what, who).id))
            elif stacks[who]:
                last = last_judgement(db, run_id, who=who)
                assert last is not None
                assert last.id == stacks[who].pop()[2]
                retract(db, last.id, who=who)
        wanted = {
            (who, str(number)): label for who, stack in stacks.items() for number, label, _ in stack
        }
        assert labels(db, run_id) == wanted
        db.close()


def verdicts(run_id: str, *numbers: int) -> list[Verdict]:
    return [Verdict(f"{run_id}-{n}", "neg", True) for n in numbers]


def test_a_text_of_the_audit_set_stays_one(db: Database, run_id: str) -> None:
    add_judgements(db, run_id, verdicts(run_id, 1), who="Ann", why="audit")
    add_judgements(db, run_id, verdicts(run_id, 2), who="Bob", why="audit")
    made = store_verdicts(
        db, run_id, verdicts(run_id, 0, 1, 2), who=" Ann ", why="bulk", session="table"
    )
    assert {one.verdict.sample_id[-1]: one.why for one in made} == {
        "0": "bulk",
        "1": "audit",
        "2": "bulk",
    }
    assert {one.session for one in made} == {"table"}


def test_all_or_none(db: Database, run_id: str) -> None:
    add_judgements(db, run_id, verdicts(run_id, 1), who="Ann", why="audit")
    seen = last_number(db, run_id)
    add_judgements(db, run_id, verdicts(run_id, 1), who="Bob", why="bulk")
    before = judgements_of(db, run_id)
    with pytest.raises(StaleEdit, match="Bob judged"):
        store_verdicts(
            db, run_id, verdicts(run_id, 0, 1), who="Ann", why="lasso", session="", seen=seen
        )
    assert judgements_of(db, run_id) == before


def test_they_are_taken_back_together(db: Database, run_id: str) -> None:
    made = store_verdicts(db, run_id, verdicts(run_id, 0, 1), who="Ann", why="lasso", session="")
    ids = [one.id for one in made]
    with pytest.raises(BadInput):
        retract_all(db, [*ids, "other"], who="Ann")
    assert len(judgements_of(db, run_id)) == 2
    retract_all(db, ids, who="Ann")
    assert judgements_of(db, run_id) == []
