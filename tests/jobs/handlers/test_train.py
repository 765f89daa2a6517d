"""The job that trains, in a real store: a probe without a model, a tiny encoder with one."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from core.classification.settings import FineTuning, TrainingSpec
from core.domain.connections import Connection, Prices
from core.domain.errors import BadInput
from core.domain.progress import JobProgress
from core.domain.registries.capabilities import Capabilities
from core.domain.runs import ModelChoice
from core.domain.serialization import to_json
from core.domain.settings import Home
from core.domain.spending import SpendingLimit
from core.generation.servers.backend import ServedBackend
from core.jobs.context import JobContext
from core.jobs.handlers.train import start_training, train_job
from core.jobs.queue import Job, get_job, request_cancel, resume
from core.jobs.tools import WorkerTools
from core.jobs.worker import Worker
from core.services.progress import TrainingProgress
from core.store.connections import save_capabilities, save_connection
from core.store.database import Database
from core.store.generation.rounds import totals_of_job
from core.store.generation.runs import create_run
from core.store.generation.samples import add_samples
from core.store.trainings import (
    get_training,
    list_trainings,
    predictions_of,
    repeats_of,
    training_folder,
)
from tests.classification.making import reviews, save_tiny_bert
from tests.diversity.fake_encoder import FakeEncoders
from tests.faults.misbehaving import Exchange, Misbehaving
from tests.store.making import TASK, make_sample, make_spec

ROOT = Path(__file__).parents[3]
TUNING = {"learning_rate": 5e-3, "warmup_epochs": 1, "max_epochs": 4, "batch_size": 8}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Sums come out alike to the last bit only with as many threads."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_bert(tmp_path_factory.mktemp("tiny-bert"))


def filled(db: Database, count: int, *, start: int = 0) -> str:
    run = create_run(db, make_spec())
    rows = reviews(start + count)[start:]
    add_samples(
        db, [make_sample(run.id, n, text=text, label=label) for n, (text, label) in enumerate(rows)]
    )
    return f"run:{run.id}"


def wish(db: Database, kind: str = "probe", *, token: str | None = None, **changes: Any) -> Job:
    spec = TrainingSpec(
        kind,  # type: ignore[arg-type]
        **({"train": filled(db, 40), "test": filled(db, 12, start=40)} | changes),
    )
    _, job = start_training(db, spec, task_key="k", name="first", token=token)
    return job


def work_off(home: Home, job: Job, *, listen: Callable[[Any], None] | None = None) -> Job:
    def handler(context: JobContext) -> None:
        train_job(context, WorkerTools(home, encoders=FakeEncoders()))

    return Worker(home, {"train": handler}).run_job(job.id, listen=listen)


def result_in(db: Database, job: Job) -> dict[str, Any]:
    result = get_training(db, job.spec["training"]).result
    assert result is not None
    return dict(result)


def test_a_probe_is_trained_tested_and_kept(home: Home, real_db: Database) -> None:
    told: list[Mapping[str, Any]] = []
    job = work_off(home, wish(real_db), listen=lambda now: told.append(to_json(now)))
    assert (job.state, job.message) == ("done", "")
    record = list_trainings(real_db, task_key="k")[0]
    assert (record.id, record.job_id) == (job.spec["training"], job.id)
    result = result_in(real_db, job)
    assert result["kind"] == "probe"
    assert result["accuracy"]["mean"] > 0.8
    kept = predictions_of(real_db, record.id, 0)
    assert len(kept.labels) == result["n_test"] == 12
    assert kept.probabilities.shape == (12, 2)
    hits = sum(label == own for label, (_, own) in zip(kept.labels, reviews(52)[40:], strict=True))
    assert result["accuracy"]["mean"] == pytest.approx(hits / 12)
    phases = list(dict.fromkeys(now["phase"] for now in told))
    assert phases == ["checking", "embedding", "training", "done"] or phases[:2] == [
        "checking",
        "embedding",
    ]
    assert told[-1]["phase"] == "done"
    folder = training_folder(home, record.id)
    assert (folder / "seed-0" / "probe" / "probe.safetensors").is_file()


def test_a_double_click_is_one_training(real_db: Database) -> None:
    first = wish(real_db, token="t")
    assert wish(real_db, token="t").id == first.id
    assert len(list_trainings(real_db)) == 1


def test_texts_that_can_not_be_trained_on_fail_with_their_sentence(
    home: Home, real_db: Database
) -> None:
    run = create_run(real_db, make_spec())
    add_samples(real_db, [make_sample(run.id, n, label="pos") for n in range(5)])
    job = work_off(home, wish(real_db, train=f"run:{run.id}"))
    assert job.state == "failed"
    assert "at least two labels" in job.message
    assert "Add texts with another label" in job.remedy


def fine_tuning(encoder: Path) -> FineTuning:
    return FineTuning(model=str(encoder), device="cpu", **TUNING)  # type: ignore[arg-type]


def core_of(result: Mapping[str, Any]) -> Any:
    """A result without seconds and names of datasets."""
    repeats = [
        {
            **repeat,
            "history": [{k: v for k, v in e.items() if k != "seconds"} for e in repeat["history"]],
        }
        for repeat in result["repeats"]
    ]
    left_out = ("repeats", "train", "test", "leakage")
    return {k: v for k, v in result.items() if k not in left_out} | {"repeats": repeats}


def test_stop_and_resume_end_as_an_uninterrupted_training(
    home: Home, real_db: Database, encoder: Path
) -> None:
    train, test = filled(real_db, 40), filled(real_db, 12, start=40)
    settings: dict[str, Any] = {
        "train": train,
        "test": test,
        "fine_tuning": fine_tuning(encoder),
        "seeds": (1, 2),
    }
    told: list[Mapping[str, Any]] = []
    whole = work_off(
        home, wish(real_db, "fine-tuning", **settings), listen=lambda now: told.append(to_json(now))
    )
    assert whole.state == "done"
    steps = [now for now in told if now["phase"] == "training" and now["epoch"]]
    assert {now["seed"] for now in steps} == {1, 2}
    assert steps[-1]["epochs"] == 4
    assert steps[-1]["history"][0]["epoch"] == 1
    assert steps[-1]["accuracy"] is not None
    assert steps[-1]["seconds_left"] >= 0

    job = wish(real_db, "fine-tuning", **settings)
    stopped = False

    def stop(now: JobProgress) -> None:
        nonlocal stopped
        assert isinstance(now, TrainingProgress)
        if now.seed == 2 and now.epoch == 3 and not stopped:
            stopped = True
            request_cancel(real_db, job.id)
            time.sleep(0.25)  # the next look is due

    job = work_off(home, job, listen=stop)
    assert (job.state, job.last_report["phase"]) == ("cancelled", "stopped")
    training = job.spec["training"]
    assert [repeat.seed for repeat in repeats_of(real_db, training)] == [1]
    assert get_training(real_db, training).result is None
    resume(real_db, job.id)
    again: list[Mapping[str, Any]] = []
    job = work_off(home, job, listen=lambda now: again.append(to_json(now)))
    assert job.state == "done"
    assert min(now["epoch"] for now in again if now["epoch"]) >= 3
    assert core_of(result_in(real_db, job)) == core_of(result_in(real_db, whole))


def test_kill_9_of_the_worker_and_resume(
    home: Home, real_db: Database, encoder: Path, tmp_path: Path
) -> None:
    train, test = filled(real_db, 40), filled(real_db, 12, start=40)
    settings: dict[str, Any] = {
        "train": train,
        "test": test,
        "fine_tuning": fine_tuning(encoder),
        "seeds": (1,),
    }
    whole = work_off(home, wish(real_db, "fine-tuning", **settings))
    job = wish(real_db, "fine-tuning", **settings)
    code = (
        "import sys, time; from pathlib import Path; import torch; torch.set_num_threads(1)\n"
        "from core.jobs.handlers.train import train_job; from core.jobs.worker import Worker\n"
        "from core.domain.settings import Home\n"
        "from tests.diversity.fake_encoder import FakeEncoders\n"
        f"home = Home(Path({str(home.folder)!r}))\n"
        "from core.jobs.tools import WorkerTools\n"
        "tools = WorkerTools(home, encoders=FakeEncoders())\n"
        "def slow(now):\n"
        "    if now.epoch == 3: print('third', flush=True); time.sleep(60)\n"
        "Worker(home, {'train': lambda c: train_job(c, tools)}).run_job("
        f"{job.id!r}, listen=slow)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"third\n"
    process.kill()
    process.communicate()
    assert get_job(real_db, job.id).state == "running"
    with real_db.write() as connection:  # instead of waiting until the lease has run out
        connection.execute("UPDATE lease SET until = 0")
    resume(real_db, job.id)
    epochs: list[Any] = []
    job = work_off(home, job, listen=lambda now: epochs.append(now.epoch))
    assert job.state == "done"
    assert min(epoch for epoch in epochs if epoch) == 3
    assert core_of(result_in(real_db, job)) == core_of(result_in(real_db, whole))


def test_a_servers_model_is_asked_on_record_and_within_its_cap(
    home: Home, real_db: Database
) -> None:
    def letter(exchange: Exchange) -> None:
        choice = {"index": 0, "finish_reason": "stop", "message": {"content": "A"}}
        exchange.send(200, json.dumps(exchange.answer([choice])))

    test = filled(real_db, 12, start=40)
    with Misbehaving(then=letter) as server:
        prices = Prices(tokens_in=1e5, tokens_out=1e5)
        connection = Connection(base_url=server.base_url, prices=prices, requests_at_once=1)
        save_connection(real_db, connection)
        found = Capabilities(base_url=server.base_url, model="m", usage="exact")
        save_capabilities(real_db, found)

        class Models:
            def backend(self, choice: ModelChoice, *, dtype: str | None = None) -> ServedBackend:
                return ServedBackend(connection, choice.model, capabilities=found)

        def handler(context: JobContext) -> None:
            tools = WorkerTools(home, models=Models(), encoders=FakeEncoders())
            train_job(context, tools)

        def asked(cap: SpendingLimit) -> Job:
            spec = TrainingSpec(
                "llm",
                test=test,
                task=TASK,
                language_model="m",
                language_server=server.base_url,
            )
            _, job = start_training(real_db, spec, task_key="k", name="asked", cap=cap)
            return Worker(home, {"train": handler}).run_job(job.id)

        with pytest.raises(BadInput, match="11 requests does not reach for 12 texts"):
            asked(SpendingLimit(requests=11))
        assert (list_trainings(real_db), server.seen) == ([], [])
        poor = asked(SpendingLimit(tokens=200))
        assert poor.state == "paused"
        assert f"{len(server.seen)} of 12 texts were answered" in poor.message
        assert 0 < len(server.seen) < 12
        assert repeats_of(real_db, poor.spec["training"]) == []
        before = len(server.seen)
        done = asked(SpendingLimit(requests=12))
        assert len(server.seen) == before + 12
    result = result_in(real_db, done)
    share = sum(label == "pos" for _, label in reviews(52)[40:]) / 12
    assert result["accuracy"]["mean"] == pytest.approx(share)
    facts = result["repeats"][0]["facts"]
    assert (facts["base_url"], facts["scores"]) == (server.base_url, "answers")
    spending = done.last_report["spending"]
    assert (spending["requests"], spending["tokens_in"], done.last_report["done"]) == (12, 120, 12)
    assert spending["money"] == pytest.approx(12 * 15 * 0.1)
    assert totals_of_job(real_db, done.id).requests == 12
