"""The job that measures a dataset, in a real store with an encoder that has no model."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from core.diversity.embedding.encoder import EncoderChoice
from core.diversity.measures.measure import measure
from core.diversity.measures.remote_clique import Vectors, remote_clique
from core.domain.progress import JobProgress
from core.domain.serialization import to_json
from core.domain.settings import Home
from core.jobs.context import STOP_SECONDS, JobContext
from core.jobs.handlers.measurements import measure_job
from core.jobs.queue import Job, get_job, request_cancel, submit
from core.jobs.tools import WorkerTools
from core.jobs.worker import Worker
from core.services.measure import SEED, stored_dataset
from core.store.database import Database
from core.store.datasets import load_dataset
from core.store.diversity import find_measurement, recipe_of
from core.store.generation.runs import create_run
from core.store.generation.samples import add_samples
from tests.diversity.fake_encoder import FakeEncoder, FakeEncoders
from tests.store.making import make_sample, make_spec

CHOICE = EncoderChoice(pooling="cls", device="cpu")
WORDS = ["red", "blue", "old", "new", "garden", "kitchen", "sings", "waits"]


def filled(db: Database, count: int = 12) -> str:
    """A run's key; its texts are told by their number."""
    run = create_run(db, make_spec())
    add_samples(
        db,
        [
            make_sample(
                run.id,
                n,
                text=f"the {WORDS[n % 4]} {WORDS[4 + n % 3]} {n // 2}",
                label="pos" if n % 2 else "neg",
            )
            for n in range(count)
        ],
    )
    return f"run:{run.id}"


def wish(db: Database, key: str, reference: str | None = None) -> Job:
    spec = {"dataset": key, "reference": reference, "encoder": CHOICE.to_dict()}
    return submit(db, "measure", spec)


def work_off(
    home: Home,
    job: Job,
    encoders: FakeEncoders,
    *,
    listen: Callable[[JobProgress], None] | None = None,
) -> Job:
    """Work the job off; each look at the clock takes a second."""
    seconds = iter(range(1000))

    def handler(context: JobContext) -> None:
        tools = WorkerTools(home, encoders=encoders, timer=lambda: float(next(seconds)))
        measure_job(context, tools)

    return Worker(home, {"measure": handler}).run_job(job.id, listen=listen)


def vectors_stored(db: Database) -> int:
    with db.read() as connection:
        return int(connection.execute("SELECT count(*) FROM embeddings").fetchone()[0])


def test_a_run_is_embedded_measured_and_kept(home: Home, real_db: Database) -> None:
    key = filled(real_db)
    encoders = FakeEncoders()
    told: list[Mapping[str, Any]] = []
    job = work_off(home, wish(real_db, key), encoders, listen=lambda now: told.append(to_json(now)))
    assert (job.state, job.message) == ("done", "")
    assert encoders.asked == [CHOICE]
    dataset = load_dataset(real_db, key)
    result = find_measurement(real_db, key, recipe=recipe_of(CHOICE, None))
    assert result is not None
    vectors = FakeEncoder().embed(dataset.texts)
    facts = FakeEncoder().facts
    expected = measure(dataset, vectors, rng=np.random.default_rng(SEED), encoder=facts)
    assert result == expected.to_dict()
    assert result["remote_clique"]["value"] == pytest.approx(remote_clique(vectors))
    assert [now["phase"] for now in told] == [
        "loading",
        "embedding",
        "embedding",
        "measuring",
        "done",
    ]
    assert [now["done"] for now in told] == [0, 0, 12, 12, 12]
    assert told[2] == {"phase": "embedding", "done": 12, "total": 12, "seconds_left": 0.0}
    assert get_job(real_db, job.id).last_report == told[-1]


def test_nothing_is_embedded_twice(home: Home, real_db: Database) -> None:
    key = filled(real_db)
    encoders = FakeEncoders()
    work_off(home, wish(real_db, key), encoders)
    embedded = sum(len(call) for call in encoders.made.calls)
    assert embedded == len(set(load_dataset(real_db, key).texts)) == vectors_stored(real_db)
    work_off(home, wish(real_db, key), encoders)
    assert sum(len(call) for call in encoders.made.calls) == embedded


def test_beside_a_reference_and_of_several_runs(home: Home, real_db: Database) -> None:
    one, other = filled(real_db), filled(real_db, 7)
    job = work_off(home, wish(real_db, one, other), FakeEncoders())
    assert job.state == "done"
    assert find_measurement(real_db, one, recipe=recipe_of(CHOICE, None)) is None
    result = find_measurement(real_db, one, recipe=recipe_of(CHOICE, other))
    assert result is not None
    assert (result["reference"]["key"], result["size_matched"]["n"]) == (other, 7)
    both = f"joined:{one}+{other}"
    assert stored_dataset(real_db, both).key == both
    assert work_off(home, wish(real_db, both), FakeEncoders()).state == "done"
    joined = find_measurement(real_db, both, recipe=recipe_of(CHOICE, None))
    assert joined is not None
    assert joined["n"] == 19


class Stopping(FakeEncoder):
    """Presses Stop with its first text."""

    db: Database
    job_id: str

    def embed(self, texts: Sequence[str], *, between: Callable[[], None] = lambda: None) -> Vectors:
        request_cancel(self.db, self.job_id)
        time.sleep(STOP_SECONDS * 1.1)  # how seldom a job looks
        return super().embed(texts, between=between)


def test_a_stopped_job_ends_without_a_result(home: Home, real_db: Database) -> None:
    key = filled(real_db)
    job = wish(real_db, key)
    encoder = Stopping()
    encoder.db, encoder.job_id = real_db, job.id
    job = work_off(home, job, FakeEncoders(encoder))
    assert (job.state, job.message) == ("cancelled", "")
    assert job.last_report["phase"] == "stopped"
    assert find_measurement(real_db, key, recipe=recipe_of(CHOICE, None)) is None


def test_what_can_not_be_measured_says_why(home: Home, real_db: Database) -> None:
    key = filled(real_db)
    job = work_off(home, wish(real_db, key), FakeEncoders(problem="There is no such encoder."))
    assert (job.state, job.message) == ("failed", "There is no such encoder.")
    job = work_off(home, wish(real_db, "reference:nowhere:train"), FakeEncoders())
    assert (job.state, job.message) == ("failed", "There is no such reference in this store.")


def test_an_empty_run_explains_itself(home: Home, real_db: Database) -> None:
    key = filled(real_db, 0)
    assert work_off(home, wish(real_db, key), FakeEncoders()).state == "done"
    result = find_measurement(real_db, key, recipe=recipe_of(CHOICE, None))
    assert result is not None
    assert result["remote_clique"]["why"] == "There is no text."
