"""The job that lets a language model judge texts, with a model that is none."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.classification.llm import Probabilities
from core.classification.tools import StoreTools
from core.diversity.encoder_keeper import EncoderKeeper
from core.errors import BadInput
from core.jobs.context import JobContext
from core.jobs.llm_judge import KIND, judge_name, llm_judge_job, start_llm_judge
from core.jobs.queue import Job, get_job, request_cancel
from core.jobs.worker import Worker
from core.runs import Example, ModelChoice
from core.settings import Home
from core.store.database import Database
from core.store.judgements import judgements_of
from core.store.runs import create_run
from core.store.samples import add_samples
from core.tasks import Task
from tests.store.making import TASK, make_sample, make_spec


class FakeLabelModel:
    """Calls texts with an even number the first label; keeps what it was asked."""

    def __init__(self, *, first: Callable[[], None] = lambda: None) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.choices: list[ModelChoice] = []
        self._first = first

    @property
    def facts(self) -> dict[str, Any]:
        return {"model": "fake"}

    def load(self, choice: ModelChoice) -> "FakeLabelModel":
        self.choices.append(choice)
        return self

    def probabilities(
        self,
        texts: Sequence[str],
        task: Task,
        examples: Sequence[Example],
        *,
        between: Callable[[], None] = lambda: None,
    ) -> Probabilities:
        self.asked.append((list(texts), task, tuple(examples)))
        self._first()
        between()
        even = np.array([int(text[-1]) % 2 == 0 for text in texts])
        return np.where(even[:, None], [0.9, 0.1], [0.2, 0.8])


@pytest.fixture
def run_id(real_db: Database) -> str:
    run = create_run(real_db, make_spec())
    add_samples(real_db, [make_sample(run.id, n, text=f"text {n}") for n in range(6)])
    return run.id


def ids(run_id: str, *numbers: int) -> list[str]:
    return [f"{run_id}-{n}" for n in numbers]


def work_off(home: Home, job: Job, model: FakeLabelModel) -> list[str]:
    """Work it off; the phases."""
    phases: list[str] = []

    def handler(context: JobContext) -> None:
        llm_judge_job(context, model.load)

    Worker(home, {KIND: handler}).run_job(
        job.id, listen=lambda progress: phases.append(progress["phase"])
    )
    return phases


def test_it_is_one_more_annotator(home: Home, real_db: Database, run_id: str) -> None:
    model = FakeLabelModel()
    job = start_llm_judge(real_db, run_id, ids(run_id, 4, 1, 2), ModelChoice())
    assert start_llm_judge(real_db, run_id, ids(run_id, 4, 1, 2), ModelChoice()).id == job.id
    assert work_off(home, job, model) == ["loading", "judging", "done"]
    assert model.choices == [ModelChoice()]
    assert model.asked == [(["text 4", "text 1", "text 2"], TASK, ())]
    made = judgements_of(real_db, run_id)
    assert [(one.verdict.sample_id, one.verdict.label) for one in made] == [
        (f"{run_id}-4", "pos"),
        (f"{run_id}-1", "neg"),
        (f"{run_id}-2", "pos"),
    ]
    assert {(one.who, one.why, one.session, one.verdict.in_scope) for one in made} == {
        ("llm:embedded", "judge", job.id, None)
    }


def test_a_job_that_ended_after_it_stored_does_not_store_twice(
    home: Home, real_db: Database, run_id: str
) -> None:
    model = FakeLabelModel()
    job = start_llm_judge(real_db, run_id, ids(run_id, 0, 1), ModelChoice())
    work_off(home, job, model)
    context = type("Context", (), {"db": real_db, "spec": job.spec, "job": job})()
    context.report = lambda progress, at_once: None
    llm_judge_job(context, model.load)
    assert len(model.asked) == 1
    assert len(judgements_of(real_db, run_id)) == 2


def test_stopped_means_nothing_is_stored(home: Home, real_db: Database, run_id: str) -> None:
    job = start_llm_judge(real_db, run_id, ids(run_id, 0, 1), ModelChoice())

    def stop() -> None:
        request_cancel(real_db, job.id)
        time.sleep(0.3)

    assert work_off(home, job, FakeLabelModel(first=stop))[-1] == "stopped"
    assert judgements_of(real_db, run_id) == []
    assert get_job(real_db, job.id).state == "cancelled"


def test_what_can_not_be_asked_is_refused(real_db: Database, run_id: str) -> None:
    with pytest.raises(BadInput, match="does not tell how likely"):
        served = ModelChoice(backend="openai", model="m", base_url="http://127.0.0.1:1/v1")
        start_llm_judge(real_db, run_id, ids(run_id, 0, 1), served)
    with pytest.raises(BadInput, match="too few texts"):
        start_llm_judge(real_db, run_id, ids(run_id, 0), ModelChoice())


def test_a_text_of_another_run_is_refused(home: Home, real_db: Database, run_id: str) -> None:
    job = start_llm_judge(real_db, run_id, [*ids(run_id, 0), "other"], ModelChoice())
    work_off(home, job, FakeLabelModel())
    assert get_job(real_db, job.id).message == "A text to judge is none of the run's."
    assert judgements_of(real_db, run_id) == []


def test_a_long_name_is_cut() -> None:
    assert judge_name(ModelChoice(model="m" * 300)) == "llm:" + "m" * 196


@pytest.mark.model
def test_the_embedded_model_judges(
    home: Home, real_db: Database, run_id: str, model_cache: Path
) -> None:
    job = start_llm_judge(real_db, run_id, ids(run_id, 0, 1, 2), ModelChoice(device="cpu"))

    def handler(context: JobContext) -> None:
        tools = StoreTools(context.db, EncoderKeeper(model_cache), model_cache)
        llm_judge_job(context, tools.label_model)

    Worker(home, {KIND: handler}).run_job(job.id)
    assert get_job(real_db, job.id).state == "done"
    labels = [one.verdict.label for one in judgements_of(real_db, run_id)]
    assert len(labels) == 3
    assert set(labels) <= {"pos", "neg"}
