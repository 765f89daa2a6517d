"""A run's cap: carried by its job, refused where it can't be kept, raised at a resumption."""

import pytest

from core.connections import Connection, Prices
from core.errors import BadInput
from core.jobs.context import JobContext
from core.jobs.queue import get_job, list_jobs, request_cancel, resume, start_run
from core.jobs.worker import Worker
from core.ledger import CapReached
from core.runs import ModelChoice, RunSpec
from core.settings import Home
from core.spending import Cap
from core.store.connections import save_capabilities, save_connection
from core.store.database import Database
from core.store.runs import list_runs
from tests.store.making import TASK, make_spec

URL = "http://127.0.0.1:8080/v1"
CHOICE = ModelChoice(backend="openai", model="m", base_url=URL)
SERVED = RunSpec(TASK, per_label=2, model=CHOICE)
PRICES = Prices(tokens_in=1.0, tokens_out=2.0)


@pytest.fixture(autouse=True)
def probed(db: Database) -> None:
    save_connection(db, Connection(base_url=URL, prices=PRICES))
    save_capabilities(db, URL, "m", {"usage": "exact"})


def test_the_job_carries_it(db: Database) -> None:
    _, job = start_run(db, SERVED, cap=Cap(money=0.5, requests=9))
    assert job.spec == {"cap": {"money": 0.5, "tokens": None, "requests": 9}}
    assert start_run(db, SERVED)[1].spec == {}
    assert start_run(db, SERVED, cap=Cap())[1].spec == {}
    assert start_run(db, make_spec(), cap=Cap())[1].spec == {}


@pytest.mark.parametrize(
    ("spec", "cap", "said"),
    [
        (make_spec(), Cap(requests=1), "on this machine costs nothing"),
        (
            RunSpec(TASK, model=ModelChoice(backend="openai", model="new", base_url=URL)),
            Cap(tokens=5),
            "not known to report",
        ),
        (
            RunSpec(
                TASK, model=ModelChoice(backend="openai", model="m", base_url="http://else/v1")
            ),
            Cap(money=5),
            "needs the price",
        ),
    ],
)
def test_one_that_cant_be_kept_leaves_no_run(
    db: Database, spec: RunSpec, cap: Cap, said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        start_run(db, spec, cap=cap)
    assert list_runs(db) == []
    assert list_jobs(db) == []


def test_resuming_raises_lifts_or_keeps_it(db: Database) -> None:
    _, job = start_run(db, SERVED, cap=Cap(requests=1))
    caps = []
    for cap in (None, Cap(requests=5), Cap(), Cap(tokens=7)):
        request_cancel(db, job.id)
        caps.append(resume(db, job.id, cap=cap).spec.get("cap"))
    none = {"money": None, "tokens": None, "requests": None}
    assert caps == [{**none, "requests": 1}, {**none, "requests": 5}, None, {**none, "tokens": 7}]
    request_cancel(db, job.id)
    save_capabilities(db, URL, "m", {"usage": "ignored"})
    with pytest.raises(BadInput, match="does not report"):
        resume(db, job.id, cap=Cap(tokens=9))
    assert get_job(db, job.id).state == "cancelled"
    assert get_job(db, job.id).spec == {"cap": {**none, "tokens": 7}}


def test_a_cap_that_is_reached_pauses_the_job(home: Home, real_db: Database) -> None:
    def spends(context: JobContext) -> None:
        raise CapReached("The cap of 1 requests is reached.", "Resume with a higher cap.")

    save_connection(real_db, Connection(base_url=URL))
    _, job = start_run(real_db, SERVED, cap=Cap(requests=1))
    Worker(home, {"generate": spends}).run_job(job.id)
    ended = get_job(real_db, job.id)
    assert (ended.state, ended.message) == ("paused", "The cap of 1 requests is reached.")
    assert resume(real_db, job.id, cap=Cap(requests=2)).state == "queued"
