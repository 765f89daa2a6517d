"""Fault 8, its rule for texts: of two people who label one text the later is told, and nothing is
overwritten; two who label many at once lose nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from core.domain.errors import StaleEdit
from core.domain.settings import Home
from core.store.database import Database, open_database
from core.store.generation.runs import create_run
from core.store.generation.samples import add_samples
from core.store.interventions.judgements import (
    Verdict,
    add_judgements,
    by_person,
    judgements_of,
    last_number,
)
from tests.store.making import make_sample, make_spec

TEXTS = 40
ANNOTATOR = """
import sys
from core.domain.settings import home_from
from core.store.database import open_database
from core.store.interventions.judgements import Verdict, add_judgements
db = open_database(home_from())
who, run_id, texts = sys.argv[1], sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
for number in range(texts):
    label = "pos" if who == "Ann" else "neg"
    add_judgements(db, run_id, [Verdict(f"{run_id}-{number}", label)], who=who, why="audit")
"""


def make_run(db: Database) -> str:
    run_id = create_run(db, make_spec()).id
    add_samples(db, [make_sample(run_id, number) for number in range(TEXTS)])
    return run_id


def test_the_later_judgement_is_told_whose_and_what(home: Home, real_db: Database) -> None:
    run_id = make_run(real_db)
    other = open_database(home)
    seen_by_me, seen_by_other = last_number(real_db, run_id), last_number(other, run_id)
    said = [Verdict(f"{run_id}-0", "neg", False)]
    add_judgements(other, run_id, said, who="Ben", why="audit", seen=seen_by_other)
    mine = [Verdict(f"{run_id}-0", "pos")]
    with pytest.raises(StaleEdit, match="Ben judged this text meanwhile: 'neg', out of scope"):
        add_judgements(real_db, run_id, mine, who="Ann", why="audit", seen=seen_by_me)
    (kept,) = judgements_of(real_db, run_id)
    assert (kept.who, kept.verdict) == ("Ben", said[0])
    other.close()


def test_two_people_labelling_at_once_lose_nothing(home: Home, real_db: Database) -> None:
    run_id = make_run(real_db)
    people = [
        subprocess.Popen(
            [sys.executable, "-c", ANNOTATOR, who, run_id, str(TEXTS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"WIDESET_HOME": str(home.folder), "PATH": ""},
            cwd=Path(__file__).parents[2],
            text=True,
        )
        for who in ("Ann", "Ben")
    ]
    for person in people:
        assert person.stdout is not None
        assert person.stdout.readline() == "ready\n"
    for person in people:
        person.communicate("go\n", timeout=60)
        assert person.returncode == 0
    found = by_person(judgements_of(real_db, run_id))
    assert {who: len(texts) for who, texts in found.items()} == {"Ann": TEXTS, "Ben": TEXTS}
    assert {j.verdict.label for j in found["Ann"].values()} == {"pos"}
    assert {j.verdict.label for j in found["Ben"].values()} == {"neg"}
    numbers = [j.number for texts in found.values() for j in texts.values()]
    assert len(set(numbers)) == 2 * TEXTS
