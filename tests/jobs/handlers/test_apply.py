"""The job that tests a classifier on generated texts, and the answer to one text."""

import numpy as np
import pytest

from core.classification.settings import TrainingSpec
from core.domain.errors import BadInput
from core.domain.serialization import to_json
from core.domain.settings import Home
from core.jobs.context import JobContext
from core.jobs.handlers.apply import TextQuestion, apply_job, ask, classify, look
from core.jobs.handlers.train import start_training, train_job
from core.jobs.queue import Job, get_job
from core.jobs.tools import WorkerTools
from core.jobs.worker import Worker
from core.services.training.apply_classifier import answers
from core.services.training.training_throughput import recent_throughput
from core.store.database import Database
from core.store.generation.runs import create_run
from core.store.generation.samples import add_samples
from tests.classification.making import dataset, reviews
from tests.diversity.fake_encoder import FakeEncoders
from tests.store.making import make_sample, make_spec


def filled(db: Database, rows: list[tuple[str, str]]) -> str:
    run = create_run(db, make_spec())
    samples = [
        make_sample(run.id, n, text=text, label=label) for n, (text, label) in enumerate(rows)
    ]
    add_samples(db, samples)
    return f"run:{run.id}"


def work_off(home: Home, job: Job) -> Job:
    tools = WorkerTools(home, encoders=FakeEncoders())

    def train(context: JobContext) -> None:
        train_job(context, tools)

    def apply(context: JobContext) -> None:
        apply_job(context, tools)

    return Worker(home, {"train": train, "apply": apply}).run_job(job.id)


def test_by_hand_what_is_said_of_a_dataset() -> None:
    train = dataset([("seen", "pos"), ("other", "neg")])
    data = dataset([("Seen ", "pos"), ("near", "pos"), ("far", "neg"), ("farther", "neg")])
    shares = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])
    found = to_json(
        answers(data, train, ("pos", "neg"), shares, np.array([0.0, 0.1, 0.5, 0.9]), seed=0)
    )
    assert found["labels"] == ["pos", "pos", "pos", "neg"]
    assert found["confidence"] == [0.9, 0.6, 0.7, 0.8]
    assert (found["seen"], found["n_seen"], found["scored"]) == ([True, False, False, False], 1, 3)
    assert found["scores"]["accuracy"]["mean"] == pytest.approx(2 / 3)  # the seen one is left out
    assert [(part["to"], part["n"], part["mean"]) for part in found["parts"]] == [
        (0.1, 1, 1.0),
        (0.5, 1, 0.0),
        (0.9, 1, 1.0),
    ]


def test_where_all_was_seen_all_counts() -> None:
    train = dataset([("one", "pos"), ("two", "neg")])
    found = to_json(answers(train, train, ("pos", "neg"), np.eye(2), np.zeros(2), seed=0))
    assert (found["n_seen"], found["scored"]) == (2, 2)
    assert found["scores"]["accuracy"]["mean"] == 1


def test_a_probe_answers_generated_texts_and_a_persons(home: Home, real_db: Database) -> None:
    rows = reviews(60)
    train, test, other = (filled(real_db, part) for part in (rows[:36], rows[36:48], rows[48:]))
    spec = TrainingSpec("probe", test=test, train=train, seeds=(5,))
    record, job = start_training(real_db, spec, task_key="k", name="probe")
    assert work_off(home, job).state == "done"

    assert look(real_db, record.id, other, n=12).result is None
    first, again = (ask(real_db, record.id, other, n=12) for _ in range(2))
    assert first.job.id == again.job.id  # queued once
    assert work_off(home, first.job).state == "done"
    found = to_json(look(real_db, record.id, other, n=12).result)
    assert found["seed"] == 5
    assert len(found["ids"]) == len(found["labels"]) == 12
    truth = [label for _, label in rows[48:]]
    unseen = [row for row, seen in enumerate(found["seen"]) if not seen] or list(range(12))
    hits = np.mean([found["labels"][row] == truth[row] for row in unseen])
    assert found["scores"]["accuracy"]["mean"] == pytest.approx(hits)
    assert look(real_db, record.id, other, n=13).result is None  # it grew since

    tools = WorkerTools(home, encoders=FakeEncoders())
    said = classify(TextQuestion(record.id, "a lovely film"), tools)
    assert said.labels[0] == "pos"
    assert sum(said.probabilities) == pytest.approx(1)
    assert list(said.probabilities) == sorted(said.probabilities, reverse=True)
    with pytest.raises(BadInput, match="no text"):
        classify(TextQuestion(record.id, " "), tools)
    assert recent_throughput(real_db) == {}  # a probe's time is no pace


def test_one_without_a_model_is_told(home: Home, real_db: Database) -> None:
    rows = reviews(40)
    train, test = filled(real_db, rows[:20]), filled(real_db, rows[20:])
    spec = TrainingSpec("majority", test=test, train=train)
    record, job = start_training(real_db, spec, task_key="k", name="majority")
    tools = WorkerTools(home, encoders=FakeEncoders())
    with pytest.raises(BadInput, match="has not ended"):
        classify(TextQuestion(record.id, "x"), tools)
    work_off(home, job)
    asked = work_off(home, ask(real_db, record.id, train, n=20).job)
    assert asked.state == "failed"
    assert "no trained model" in get_job(real_db, asked.id).message
