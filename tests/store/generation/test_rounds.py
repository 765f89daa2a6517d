"""Attempts in the store: as they were given, and what they come to."""

import sqlite3
from dataclasses import replace

import pytest

from core.domain.runs import Attempt
from core.store.database import Database
from core.store.generation.rounds import AttemptTotals, add_attempt, attempts_of, totals
from core.store.generation.runs import create_run
from tests.store.making import make_spec

OK = Attempt(
    cycle=1,
    label="pos",
    texts_asked=20,
    texts_returned=19,
    attempt=1,
    status=200,
    outcome="ok",
    message="",
    seconds=0.5,
    tokens_in=100,
    tokens_out=300,
)
LOST = replace(
    OK,
    texts_returned=0,
    status=None,
    outcome="deadline",
    message="late",
    tokens_in=None,
    tokens_out=None,
)


def test_they_come_back_in_order_with_number_and_time(db: Database) -> None:
    run = create_run(db, make_spec()).id
    other = create_run(db, make_spec()).id
    add_attempt(db, LOST, run_id=run, job_id="j")
    add_attempt(db, OK, run_id=other)
    add_attempt(db, replace(OK, attempt=2), run_id=run, job_id="j")
    found = attempts_of(db, run)
    assert [replace(a, number=0, at=0.0) for a in found] == [LOST, replace(OK, attempt=2)]
    assert found[0].number < found[1].number
    assert all(a.at > 0 for a in found)
    assert attempts_of(db, run, limit=1) == found[1:]


def test_totals_count_what_is_reported_and_what_is_not(db: Database) -> None:
    run = create_run(db, make_spec()).id
    assert totals(db, run) == AttemptTotals()
    for attempt in (LOST, OK, OK):
        add_attempt(db, attempt, run_id=run)
    found = totals(db, run)
    assert found == AttemptTotals(
        requests=3,
        texts=38,
        tokens_in=200,
        tokens_out=600,
        outcomes={"deadline": 1, "ok": 2},
    )
    assert found.known_tokens == (200, 600)
    add_attempt(db, replace(OK, tokens_out=None), run_id=run)
    assert totals(db, run).unreported == 1
    assert totals(db, run).known_tokens == (None, None)  # never invented


def test_what_is_out_of_range_is_refused(db: Database) -> None:
    run = create_run(db, make_spec()).id
    for wrong in (replace(OK, texts_asked=-1), replace(OK, attempt=0)):
        with pytest.raises(sqlite3.IntegrityError):
            add_attempt(db, wrong, run_id=run)
    with pytest.raises(sqlite3.IntegrityError):
        add_attempt(db, OK, run_id="none")
    assert attempts_of(db, run) == []
