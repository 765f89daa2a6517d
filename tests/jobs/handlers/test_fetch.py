"""The job that makes a reference of a dataset of the hub."""

from pathlib import Path
from typing import Any

from core.domain.serialization import to_json
from core.domain.settings import Home
from core.files.hub import HubDataset, fetch_dataset
from core.jobs.handlers.fetch import FetchProgress, fetch_job
from core.jobs.queue import Job, get_job, request_cancel, submit
from core.jobs.tools import WorkerTools
from core.jobs.worker import Worker
from core.store.database import Database
from core.store.datasets import load_dataset, reference_key
from core.store.references import list_references, reference_of
from tests.fake_hub import COMMIT, REVIEWS, FakeHub, as_parquet
from tests.store.making import TASK

SPEC = {"hub": "owner/reviews", "task": to_json(TASK), "test_share": 0.5, "seed": 3}


def work(home: Home, job: Job, hub: FakeHub) -> None:
    def from_fake(dataset_id: str, **options: Any) -> HubDataset:
        return fetch_dataset(dataset_id, hub=hub, answers=lambda: True, **options)

    tools = WorkerTools(home)
    tools.fetch_dataset = from_fake  # type: ignore[assignment]
    Worker(home, {"fetch": lambda context: fetch_job(context, tools)}).run_job(job.id)


def hub_of(tmp_path: Path, content: bytes) -> FakeHub:
    return FakeHub(tmp_path, {"default/train/0000.parquet": content})


def test_a_dataset_becomes_the_tasks_reference(
    home: Home, real_db: Database, tmp_path: Path
) -> None:
    job = submit(real_db, "fetch", SPEC)
    work(home, job, hub_of(tmp_path, as_parquet(REVIEWS)))
    job = get_job(real_db, job.id)
    reference = reference_of(real_db, TASK)
    assert reference is not None
    assert (job.state, job.last_report) == (
        "done",
        to_json(FetchProgress(phase="done", reference=reference.id)),
    )
    assert reference.name == "owner/reviews"
    assert (reference.train, reference.test) == ({"pos": 1, "neg": 1}, {"pos": 1, "neg": 1})
    assert reference.origin == {
        "hub": "owner/reviews",
        "config": "default",
        "split": "train",
        "commit": COMMIT,
        "text_column": "text",
        "label_column": "label",
        "label_map": {},
        "test_share": 0.5,
        "seed": 3,
        "copies": 0,
        "contradictory": 0,
        "left_out": 0,
        "job": job.id,
    }
    parts = [load_dataset(real_db, reference_key(reference.id, p)) for p in ("train", "test")]
    texts = {pair for part in parts for pair in zip(part.texts, part.labels, strict=True)}
    assert texts == {("fine", "pos"), ("dull", "neg"), ("good", "pos"), ("bad", "neg")}


def test_other_columns_and_labels(home: Home, real_db: Database, tmp_path: Path) -> None:
    table = {"tweet": REVIEWS["text"], "mood": REVIEWS["label"]}
    spec = {**SPEC, "label_column": "mood", "map": {"0": "neg", "1": "pos"}, "name": "Moods"}
    job = submit(real_db, "fetch", spec)
    work(home, job, hub_of(tmp_path, as_parquet(table, names=None)))
    reference = reference_of(real_db, TASK)
    assert reference is not None
    assert reference.name == "Moods"
    assert reference.origin["text_column"] == "tweet"
    assert reference.origin["label_map"] == {"0": "neg", "1": "pos"}


def test_what_does_not_fit_fails_with_the_names_and_adds_nothing(
    home: Home, real_db: Database, tmp_path: Path
) -> None:
    job = submit(real_db, "fetch", SPEC)
    work(home, job, hub_of(tmp_path, as_parquet(REVIEWS, names=("bad", "good"))))
    job = get_job(real_db, job.id)
    assert job.state == "failed"
    assert job.message == (
        "The file 0000.parquet has 2 labels that the task lacks: 'good' (row 1), 'bad' (row 2)."
    )
    assert job.remedy == "Its labels are pos, neg."
    assert list_references(real_db) == []


def test_a_job_that_is_done_again_adds_no_second(
    home: Home, real_db: Database, tmp_path: Path
) -> None:
    job = submit(real_db, "fetch", SPEC)
    hub = hub_of(tmp_path, as_parquet(REVIEWS))
    work(home, job, hub)
    # As if the worker had been killed between adding and saying so.
    real_db.connection().execute("UPDATE jobs SET state = 'queued', owner = NULL")
    work(home, job, hub)
    assert get_job(real_db, job.id).state == "done"
    assert len(list_references(real_db)) == 1
    assert len(hub.calls) == 2


def test_a_cancelled_job_fetches_nothing(home: Home, real_db: Database, tmp_path: Path) -> None:
    job = submit(real_db, "fetch", SPEC)
    request_cancel(real_db, job.id)
    hub = hub_of(tmp_path, as_parquet(REVIEWS))
    work(home, job, hub)
    assert (get_job(real_db, job.id).state, hub.calls) == ("cancelled", [])
