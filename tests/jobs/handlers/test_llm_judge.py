"""The job that lets a language model judge texts, with a model that is none."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.classification.llm.llm import Probabilities
from core.classification.tools import StoreTools
from core.diversity.embedding.loading import EncoderCache
from core.domain.connections import Connection, Prices
from core.domain.errors import BadInput
from core.domain.registries.capabilities import Capabilities
from core.domain.runs import Example, ModelChoice
from core.domain.serialization import to_json
from core.domain.settings import Home
from core.domain.spending import SpendingLimit
from core.domain.tasks import Task
from core.generation.servers.backend import ServedBackend
from core.jobs.context import JobContext
from core.jobs.handlers.llm_judge import (
    KIND,
    judge_texts,
    judging,
    llm_judge_job,
    start_llm_judge,
)
from core.jobs.queue import Job, get_job, list_jobs, request_cancel, resume
from core.jobs.tools import WorkerTools
from core.jobs.worker import Worker
from core.services.training.judge import judge_name
from core.store.connections import save_capabilities, save_connection
from core.store.database import Database
from core.store.generation.rounds import totals, totals_of_job
from core.store.generation.runs import create_run
from core.store.generation.samples import add_samples
from core.store.interventions.judgements import (
    Verdict,
    add_judgements,
    judgements_of,
    retract_model_judgements,
)
from tests.diversity.fake_encoder import FakeEncoders
from tests.faults.misbehaving import Exchange, Misbehaving
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
        judge_texts(context, model.load)

    Worker(home, {KIND: handler}).run_job(
        job.id, listen=lambda progress: phases.append(progress.phase)
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
    judge_texts(context, model.load)
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
    with pytest.raises(BadInput, match="too few texts"):
        start_llm_judge(real_db, run_id, ids(run_id, 0), ModelChoice())
    with pytest.raises(BadInput, match="on this machine costs nothing"):
        start_llm_judge(
            real_db, run_id, ids(run_id, 0, 1), ModelChoice(), cap=SpendingLimit(requests=5)
        )
    served = ModelChoice(backend="openai", model="m", base_url="http://127.0.0.1:1/v1")
    with pytest.raises(BadInput, match="1 requests does not reach for 2 texts"):
        start_llm_judge(real_db, run_id, ids(run_id, 0, 1), served, cap=SpendingLimit(requests=1))
    with pytest.raises(BadInput, match="not known to report"):
        start_llm_judge(real_db, run_id, ids(run_id, 0, 1), served, cap=SpendingLimit(tokens=900))
    assert list_jobs(real_db) == []


def test_a_text_of_another_run_is_refused(home: Home, real_db: Database, run_id: str) -> None:
    job = start_llm_judge(real_db, run_id, [*ids(run_id, 0), "other"], ModelChoice())
    work_off(home, job, FakeLabelModel())
    assert get_job(real_db, job.id).message == "A text to judge is none of the run's."
    assert judgements_of(real_db, run_id) == []


def test_the_name_tells_the_server_and_is_cut_before_it() -> None:
    assert judge_name(ModelChoice(model="m" * 300)) == "llm:" + "m" * 196
    served = ModelChoice(backend="openai", model="m", base_url="https://api.x.org/v1")
    assert judge_name(served) == "llm:m at api.x.org"
    routed = replace(served, model="m" * 300, base_url="https://api.x.org/eu/v1")
    assert judge_name(routed) == "llm:" + "m" * 177 + " at api.x.org/eu/v1"


def test_what_was_taken_back_can_be_asked_again_and_brought_back(
    home: Home, real_db: Database, run_id: str
) -> None:
    model = FakeLabelModel()
    job = start_llm_judge(real_db, run_id, ids(run_id, 0, 1), ModelChoice())
    work_off(home, job, model)
    add_judgements(
        real_db, run_id, [Verdict(f"{run_id}-0", "neg")], who="llm:embedded", why="audit"
    )
    taken = retract_model_judgements(real_db, run_id, who="llm:embedded")
    assert [(one.sample_id[-1], one.label) for one in taken] == [("0", "pos"), ("1", "neg")]
    # A person may bear any name; what is a person's stays.
    assert [(one.why, one.verdict.label) for one in judgements_of(real_db, run_id)] == [
        ("audit", "neg")
    ]
    again = start_llm_judge(real_db, run_id, ids(run_id, 0, 1), ModelChoice())
    assert again.id != job.id
    add_judgements(real_db, run_id, taken, who="llm:embedded", why="judge", session="s")
    assert {one.why for one in judgements_of(real_db, run_id)} == {"judge"}
    assert [one for one, _ in judging(real_db, run_id)] == [again, get_job(real_db, job.id)]


class Asked:
    """A server and the worker's way to it."""

    def __init__(self, home: Home, db: Database, server: Misbehaving, **known: Any) -> None:
        prices = Prices(tokens_in=1e5, tokens_out=2e5)
        self.connection = Connection(base_url=server.base_url, prices=prices, requests_at_once=1)
        save_connection(db, self.connection)
        self.choice = ModelChoice(backend="openai", model="m", base_url=server.base_url)
        self.found = Capabilities(base_url=server.base_url, model="m", usage="exact", **known)
        save_capabilities(db, self.found)
        self.home, self.told = home, list[Any]()

    def backend(self, choice: ModelChoice, *, dtype: str | None = None) -> ServedBackend:
        assert choice == self.choice
        return ServedBackend(self.connection, choice.model, capabilities=self.found)

    def work_off(self, job: Job) -> Job:
        def handler(context: JobContext) -> None:
            llm_judge_job(context, WorkerTools(self.home, models=self, encoders=FakeEncoders()))

        found = Worker(self.home, {KIND: handler}).run_job(
            job.id, listen=lambda now: self.told.append(to_json(now))
        )
        assert found is not None
        return found


def saying(said: Mapping[str, str]) -> Callable[[Exchange], None]:
    def send(exchange: Exchange) -> None:
        asked = exchange.body["messages"][-1]["content"]
        answer = next(word for text, word in said.items() if f'"{text}"' in asked)
        choice = {"index": 0, "finish_reason": "stop", "message": {"content": answer}}
        exchange.send(200, json.dumps(exchange.answer([choice])))

    return send


def test_a_servers_model_judges_and_tells_what_it_took(
    home: Home, real_db: Database, run_id: str
) -> None:
    said = {"text 0": "A", "text 1": "B", "text 2": "I can't say"}
    with Misbehaving(then=saying(said)) as server:
        asked = Asked(home, real_db, server)
        job = start_llm_judge(
            real_db,
            run_id,
            ids(run_id, 0, 1, 2),
            asked.choice,
            cap=SpendingLimit(money=90.0, requests=4),
        )
        done = asked.work_off(job)
    where = server.base_url.removeprefix("http://").removesuffix("/v1")
    made = judgements_of(real_db, run_id)
    assert [(one.verdict.sample_id[-1], one.verdict.label) for one in made] == [
        ("0", "pos"),
        ("1", "neg"),  # what names no label is none
    ]
    assert {(one.who, one.why, one.session) for one in made} == {
        (f"llm:m at {where}", "judge", job.id)
    }
    progress = done.last_report
    assert (progress["done"], progress["total"], progress["labelled"]) == (3, 3, 2)
    assert progress["facts"] == {
        "model": "m",
        "base_url": server.base_url,
        "server": "",
        "scores": "answers",
        "calibration": "none",
        "not_parsed": 1,
        "mass": None,
    }
    # 10 tokens in and 5 out each, at 0.1 and 0.2 a token.
    spending = progress["spending"]
    assert (spending["requests"], spending["tokens_in"], spending["tokens_out"]) == (3, 30, 15)
    assert spending["money"] == pytest.approx(6.0)
    assert totals_of_job(real_db, job.id).requests == 3
    assert totals(real_db, run_id).requests == 0  # they are not the run's


def test_a_reached_cap_keeps_nothing_and_counts_over_resumptions(
    home: Home, real_db: Database, run_id: str
) -> None:
    with Misbehaving(then=saying({f"text {n}": "A" for n in range(3)})) as server:
        asked = Asked(home, real_db, server)
        # Room for one request and what the next could take, not for three.
        job = start_llm_judge(
            real_db, run_id, ids(run_id, 0, 1, 2), asked.choice, cap=SpendingLimit(tokens=120)
        )
        paused = asked.work_off(job)
        sent = len(server.seen)
        assert 0 < sent < 3
        assert paused.state == "paused"
        assert f"{sent} of 3 texts were answered; a part is no answer" in paused.message
        assert judgements_of(real_db, run_id) == []
        resume(real_db, job.id)
        assert asked.work_off(job).state == "paused"
        assert len(server.seen) == sent


def test_a_server_is_stopped_between_two_requests(
    home: Home, real_db: Database, run_id: str
) -> None:
    with Misbehaving() as server:
        asked = Asked(home, real_db, server)
        job = start_llm_judge(real_db, run_id, ids(run_id, 0, 1, 2), asked.choice)

        def cancel_first(exchange: Exchange) -> None:
            request_cancel(real_db, job.id)
            time.sleep(0.5)
            saying({"text": "A"})(exchange)

        server.order(then=cancel_first)
        assert asked.work_off(job).state == "cancelled"
        assert len(server.seen) == 1
    assert judgements_of(real_db, run_id) == []


@pytest.mark.model
def test_the_embedded_model_judges(
    home: Home, real_db: Database, run_id: str, model_cache: Path
) -> None:
    job = start_llm_judge(real_db, run_id, ids(run_id, 0, 1, 2), ModelChoice(device="cpu"))

    def handler(context: JobContext) -> None:
        tools = StoreTools(context.db, EncoderCache(model_cache), model_cache)
        judge_texts(context, tools.label_model)

    Worker(home, {KIND: handler}).run_job(job.id)
    assert get_job(real_db, job.id).state == "done"
    labels = [one.verdict.label for one in judgements_of(real_db, run_id)]
    assert len(labels) == 3
    assert set(labels) <= {"pos", "neg"}
