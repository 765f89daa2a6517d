"""One person before a queue: each judgement stored at once, undo to any depth, others beside."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.domain.datasets import Dataset
from core.domain.errors import BadInput, StaleEdit
from core.domain.settings import Home
from core.interventions.annotation_queue import AnnotationSession, QueueKind, QueueOrder, audit_set
from core.store.database import Database, open_database
from core.store.datasets import load_dataset, run_key
from core.store.generation.runs import create_run
from core.store.generation.samples import add_samples
from core.store.interventions.judgements import Verdict, add_judgements, judgements_of
from tests.store.making import FakeClock, make_sample, make_spec


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def db(tmp_path: Path, clock: FakeClock) -> Iterator[Database]:
    database = open_database(Home(tmp_path / "home"), clock=clock)
    yield database
    database.close()


@pytest.fixture
def texts(db: Database) -> Dataset:
    run = create_run(db, make_spec())
    add_samples(db, [make_sample(run.id, n, label=("pos", "neg")[n % 2]) for n in range(8)])
    return load_dataset(db, run_key(run.id))


def run_of(texts: Dataset) -> str:
    return texts.key.removeprefix("run:")


def sit(
    db: Database, texts: Dataset, who: str = "Ann", kind: QueueKind = "label"
) -> AnnotationSession:
    return AnnotationSession(
        db, run_of(texts), texts, QueueOrder(kind, 4), who=who, session=f"of {who}"
    )


def give(session: AnnotationSession, label: str | None = "pos") -> str:
    """Judge the current text; its id."""
    due = session.current
    assert due is not None
    assert session.judge(Verdict(due.id, label, None if label else False)) is not None
    return due.id


def labels(db: Database, texts: Dataset) -> dict[tuple[str, str], str | None]:
    return {
        (one.who, one.verdict.sample_id): one.verdict.label
        for one in judgements_of(db, run_of(texts))
    }


def test_each_verdict_is_stored_and_the_next_text_comes(
    db: Database, texts: Dataset, clock: FakeClock
) -> None:
    session = sit(db, texts)
    assert (session.done, session.total, session.mine) == (0, 4, 0)
    first = give(session)
    clock.forward(100)
    second = give(session, None)
    (one, other) = judgements_of(db, run_of(texts))
    assert (one.verdict, one.why, one.session) == (Verdict(first, "pos"), "label", "of Ann")
    assert other.verdict == Verdict(second, in_scope=False)
    assert (session.done, session.total, session.mine) == (2, 4, 2)
    assert session.since(clock.now) == 1
    due = session.current
    assert due is not None
    session.judge(Verdict(due.id, skipped=True))
    assert (session.done, session.mine) == (3, 2)
    give(session)
    assert session.current is None
    assert session.judge(Verdict(first, "neg")) is None


def test_a_verdict_given_twice_is_given_once(db: Database, texts: Dataset) -> None:
    session = sit(db, texts)
    first = give(session)
    assert session.judge(Verdict(first, "neg")) is None
    assert labels(db, texts) == {("Ann", first): "pos"}


def test_undo_goes_back_to_the_beginning_of_earlier_sittings(db: Database, texts: Dataset) -> None:
    earlier = sit(db, texts, kind="audit")
    old = give(earlier)
    session = sit(db, texts)
    given = [give(session), give(session)]
    total = session.total
    for key in reversed(given):
        back = session.undo()
        assert back is not None
        assert back.verdict.sample_id == key
        assert session.current is not None
        assert session.current.id == key
    assert (session.done, session.total, session.mine) == (0, total, 1)
    assert session.undo() is not None
    assert session.current is not None
    assert (session.current.id, session.current.why) == (old, "audit")
    assert (session.done, session.total) == (0, total + (old not in given))
    assert judgements_of(db, run_of(texts)) == []
    assert session.undo() is None


def test_undo_leaves_alone_what_another_session_said_under_the_same_name(
    db: Database, texts: Dataset
) -> None:
    here, there = (
        AnnotationSession(
            db, run_of(texts), texts, QueueOrder("label", 8), who="me", session=session
        )
        for session in ("here", "there")
    )
    give(here)
    with pytest.raises(StaleEdit):
        give(there)  # the same text comes first in both
    assert there.current is not None
    key = there.current.id
    give(there, "neg")
    back = here.undo()
    assert back is not None
    assert back.verdict == Verdict(key, "pos")
    assert (here.undo(), labels(db, texts)) == (None, {("me", key): "neg"})


def test_an_audit_goes_on_where_it_was_left(db: Database, texts: Dataset) -> None:
    first = give(sit(db, texts, kind="audit"))
    again = sit(db, texts, kind="audit")
    assert (again.done, again.total) == (1, 4)
    assert again.current is not None
    assert [first, again.current.id] == audit_set(texts, QueueOrder("audit", 2))


def test_another_person_meanwhile_is_told_and_nothing_overwritten(
    db: Database, texts: Dataset
) -> None:
    session = sit(db, texts, kind="audit")
    due = session.current
    assert due is not None
    add_judgements(db, run_of(texts), [Verdict(due.id, "neg")], who="Bob", why="audit")
    with pytest.raises(StaleEdit, match="Bob judged this text meanwhile: 'neg'"):
        session.judge(Verdict(due.id, "pos"))
    assert labels(db, texts) == {("Bob", due.id): "neg"}
    assert session.current == due
    assert give(session) == due.id
    assert labels(db, texts) == {("Bob", due.id): "neg", ("Ann", due.id): "pos"}


def test_two_at_the_same_text_are_told_of_each_other(db: Database, texts: Dataset) -> None:
    ann, bob = sit(db, texts), sit(db, texts, "Bob")
    first = give(ann)  # Bob has it on screen
    with pytest.raises(StaleEdit):
        give(bob)
    assert give(bob) == first
    taken = give(bob)
    with pytest.raises(StaleEdit):  # and Ann has this one
        give(ann)
    assert give(ann) == taken
    assert ann.current == bob.current  # it was judged by neither


def test_what_another_judged_does_not_come_up_any_more(db: Database, texts: Dataset) -> None:
    session = sit(db, texts)
    whole = [due.id for due in sit(db, texts)._due]
    add_judgements(db, run_of(texts), [Verdict(whole[2], "neg")], who="Bob", why="bulk")
    add_judgements(db, run_of(texts), [Verdict(whole[3], "neg")], who="llm:x", why="judge")
    assert [give(session), give(session), give(session)] == [whole[0], whole[1], whole[3]]
    assert (session.current, session.done, session.total) == (None, 3, 3)


def test_told_of_one_text_the_others_that_were_judged_go(db: Database, texts: Dataset) -> None:
    session = sit(db, texts)
    whole = [due.id for due in session._due]
    for key in whole[:3]:
        add_judgements(db, run_of(texts), [Verdict(key, "neg")], who="Bob", why="label")
    with pytest.raises(StaleEdit):
        give(session)
    assert [give(session), give(session)] == [whole[0], whole[3]]
    assert (session.current, session.done, session.total) == (None, 2, 2)


def test_what_another_judged_before_an_undo_does_not_come_up(db: Database, texts: Dataset) -> None:
    session = sit(db, texts)
    whole = [due.id for due in session._due]
    give(session)
    add_judgements(db, run_of(texts), [Verdict(whole[2], "neg")], who="Bob", why="label")
    session.undo()
    assert [give(session), give(session), give(session)] == [whole[0], whole[1], whole[3]]
    assert session.current is None


def test_two_under_one_name_are_told(db: Database, texts: Dataset) -> None:
    one, other = (
        AnnotationSession(
            db, run_of(texts), texts, QueueOrder("label", 4), who="me", session=session
        )
        for session in ("here", "there")
    )
    first = give(one)
    with pytest.raises(StaleEdit, match="under your name, me, judged this text"):
        give(other, "neg")
    assert labels(db, texts) == {("me", first): "pos"}
    assert give(other, "neg") == first
    assert give(one) != first


def test_a_refused_name_stores_nothing_and_the_text_stays(db: Database, texts: Dataset) -> None:
    session = sit(db, texts, who="x" * 201)
    due = session.current
    assert due is not None
    with pytest.raises(BadInput):
        session.judge(Verdict(due.id, "pos"))
    assert session.current == due
    assert judgements_of(db, run_of(texts)) == []
