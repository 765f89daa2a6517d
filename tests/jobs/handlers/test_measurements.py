"""What a page finds of its datasets, and what it queues, in a real store."""

import numpy as np

from core.diversity.embedding.encoder import EncoderChoice
from core.diversity.measures.measure import measure
from core.domain.datasets import Dataset
from core.domain.texts import text_hash
from core.jobs import claims
from core.jobs.handlers.measurements import mapped, measured, refit
from core.jobs.lease import take
from core.jobs.queue import list_jobs
from core.store.database import Database
from core.store.diversity import MapFacts, new_map, recipe_of, save_measurement
from tests.diversity.fake_encoder import FakeEncoder

CHOICE = EncoderChoice()
TEXTS = ("a b", "c d", "e f")
HASHES = [text_hash(text) for text in TEXTS]


def keep(db: Database, n: int, reference: str | None = None) -> None:
    data = Dataset("run:r", "R", ("a",), TEXTS[:n], TEXTS[:n], ("a",) * n, (None,) * n)
    vectors = FakeEncoder().embed(TEXTS[:n])
    result = measure(data, vectors, rng=np.random.default_rng(0), encoder={"name": "fake"})
    recipe = recipe_of(CHOICE, reference)
    save_measurement(db, "run:r", encoder="fake", recipe=recipe, n=n, result=result.to_dict())


def test_what_is_missing_is_queued_once(db: Database) -> None:
    found = [measured(db, "run:r", n=3, choice=CHOICE, reference=None) for _ in range(3)]
    (job,) = list_jobs(db)
    assert [(one.result, one.work.state) for one in found if one.work] == [(None, "queued")] * 3
    assert (job.kind, job.run_id) == ("measure", None)
    assert job.spec == {"dataset": "run:r", "reference": None, "encoder": CHOICE.to_dict()}


def test_a_measurement_of_all_texts_is_taken(db: Database) -> None:
    keep(db, 3)
    found = measured(db, "run:r", n=3, choice=CHOICE, reference=None)
    assert found.work is None
    assert found.result is not None
    assert found.result.n == 3
    assert list_jobs(db) == []


def test_one_of_fewer_texts_or_without_the_reference_is_not(db: Database) -> None:
    keep(db, 2)
    grown = measured(db, "run:r", n=3, choice=CHOICE, reference=None)
    assert grown.result is None
    assert grown.work is not None
    keep(db, 3)
    beside = measured(db, "run:r", n=3, choice=CHOICE, reference="reference:x:train")
    assert beside.result is None
    assert len(list_jobs(db)) == 2


def test_a_job_that_failed_is_told_and_not_queued_again(db: Database) -> None:
    first = measured(db, "run:r", n=3, choice=CHOICE, reference=None)
    assert first.work is not None
    take(db, "w", 1, seconds=600)
    claims.claim(db, "w", job_id=first.work.job.id)
    claims.settle(db, first.work.job.id, "w", "cancelled")
    again = measured(db, "run:r", n=3, choice=CHOICE, reference=None)
    assert again.work is not None
    assert again.work.state == "cancelled"
    assert len(list_jobs(db)) == 1


def test_texts_without_a_place_are_brought_onto_the_map(db: Database) -> None:
    none = mapped(db, ["run:r"], HASHES, task_key="t", choice=CHOICE)
    assert (none.map, none.points) == (None, {})
    assert none.work is not None
    assert none.work.job.spec == {
        "datasets": ["run:r"],
        "task_key": "t",
        "encoder": CHOICE.to_dict(),
        "refit": False,
        "seed": 0,
    }
    places = {key: (float(row), 0.5) for row, key in enumerate(HASHES[:2])}
    facts = MapFacts(choice=CHOICE.to_dict())
    record = new_map(db, task_key="t", encoder="fake", choice=CHOICE, facts=facts, fitted=places)
    part = mapped(db, ["run:r"], HASHES, task_key="t", choice=CHOICE)
    assert part.map == record
    assert part.points == places
    assert part.work is not None
    # It is another wish than the one before there was a map.
    assert part.work.job.id != none.work.job.id
    whole = mapped(db, ["run:r"], HASHES[:2], task_key="t", choice=CHOICE)
    assert (whole.points, whole.work) == (places, None)


def test_a_new_map_is_asked_for_once_with_one_token(db: Database) -> None:
    one = refit(db, ["run:r"], task_key="t", choice=CHOICE, token="x")
    two = refit(db, ["run:r"], task_key="t", choice=CHOICE, token="x")
    other = refit(db, ["run:r"], task_key="t", choice=CHOICE, token="y")
    assert one.id == two.id != other.id
    assert one.spec["refit"] is True
