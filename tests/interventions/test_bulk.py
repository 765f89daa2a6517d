"""Many judgements at once, stored and taken back whole."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.domain.errors import BadInput, StaleEdit
from core.domain.settings import Home
from core.interventions.annotation.bulk import retract_all, store_verdicts
from core.store.database import Database, open_database
from core.store.generation.runs import create_run
from core.store.generation.samples import add_samples
from core.store.interventions.judgements import Verdict, add_judgements, judgements_of, last_number
from tests.store.making import make_sample, make_spec


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = open_database(Home(tmp_path / "home"))
    yield database
    database.close()


@pytest.fixture
def run_id(db: Database) -> str:
    run = create_run(db, make_spec())
    add_samples(db, [make_sample(run.id, n) for n in range(4)])
    return run.id


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
