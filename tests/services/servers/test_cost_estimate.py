"""A run's cap: carried by its job, refused where it can't be kept, raised at a resumption."""

from dataclasses import replace

import pytest

from core.domain.conditions import Condition
from core.domain.connections import Connection, Prices
from core.domain.errors import BadInput
from core.domain.registries.capabilities import Capabilities
from core.domain.runs import Attempt, Example, ModelChoice, RunSpec
from core.domain.settings import Home
from core.domain.spending import SpendingLimit, SpendingLimitReached
from core.jobs.context import JobContext
from core.jobs.queue import get_job, list_jobs, request_cancel, resume, start_run
from core.jobs.worker import Worker
from core.services.servers.cost_estimate import TokenUse, estimate_run_cost, recent_token_use
from core.store.connections import save_capabilities, save_connection
from core.store.database import Database
from core.store.generation.rounds import add_attempt
from core.store.generation.runs import create_run, list_runs
from tests.store.making import TASK, make_spec

URL = "http://127.0.0.1:8080/v1"
CHOICE = ModelChoice(backend="openai", model="m", base_url=URL)
SERVED = RunSpec(TASK, per_label=2, model=CHOICE)
PRICES = Prices(tokens_in=1.0, tokens_out=2.0)


@pytest.fixture(autouse=True)
def probed(db: Database) -> None:
    save_connection(db, Connection(base_url=URL, prices=PRICES))
    save_capabilities(db, Capabilities(base_url=URL, model="m", usage="exact"))


def test_the_job_carries_it(db: Database) -> None:
    _, job = start_run(db, SERVED, cap=SpendingLimit(money=0.5, requests=9))
    assert job.spec == {"cap": {"money": 0.5, "tokens": None, "requests": 9}}
    assert start_run(db, SERVED)[1].spec == {}
    assert start_run(db, SERVED, cap=SpendingLimit())[1].spec == {}
    assert start_run(db, make_spec(), cap=SpendingLimit())[1].spec == {}


@pytest.mark.parametrize(
    ("spec", "cap", "said"),
    [
        (make_spec(), SpendingLimit(requests=1), "on this machine costs nothing"),
        (
            RunSpec(TASK, model=ModelChoice(backend="openai", model="new", base_url=URL)),
            SpendingLimit(tokens=5),
            "not known to report",
        ),
        (
            RunSpec(
                TASK, model=ModelChoice(backend="openai", model="m", base_url="http://else/v1")
            ),
            SpendingLimit(money=5),
            "needs the price",
        ),
    ],
)
def test_one_that_cant_be_kept_leaves_no_run(
    db: Database, spec: RunSpec, cap: SpendingLimit, said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        start_run(db, spec, cap=cap)
    assert list_runs(db) == []
    assert list_jobs(db) == []


def test_resuming_raises_lifts_or_keeps_it(db: Database) -> None:
    _, job = start_run(db, SERVED, cap=SpendingLimit(requests=1))
    caps = []
    for cap in (None, SpendingLimit(requests=5), SpendingLimit(), SpendingLimit(tokens=7)):
        request_cancel(db, job.id)
        caps.append(resume(db, job.id, cap=cap).spec.get("cap"))
    none = {"money": None, "tokens": None, "requests": None}
    assert caps == [{**none, "requests": 1}, {**none, "requests": 5}, None, {**none, "tokens": 7}]
    request_cancel(db, job.id)
    save_capabilities(db, Capabilities(base_url=URL, model="m", usage="ignored"))
    with pytest.raises(BadInput, match="does not report"):
        resume(db, job.id, cap=SpendingLimit(tokens=9))
    assert get_job(db, job.id).state == "cancelled"
    assert get_job(db, job.id).spec == {"cap": {**none, "tokens": 7}}


def test_a_cap_that_is_reached_pauses_the_job(home: Home, real_db: Database) -> None:
    def spends(context: JobContext) -> None:
        raise SpendingLimitReached("The cap of 1 requests is reached.", "Resume with a higher cap.")

    save_connection(real_db, Connection(base_url=URL))
    _, job = start_run(real_db, SERVED, cap=SpendingLimit(requests=1))
    Worker(home, {"generate": spends}).run_job(job.id)
    ended = get_job(real_db, job.id)
    assert (ended.state, ended.message) == ("paused", "The cap of 1 requests is reached.")
    assert resume(real_db, job.id, cap=SpendingLimit(requests=2)).state == "queued"


MODEL = ModelChoice(backend="openai", model="m", base_url="http://127.0.0.1:9/v1")
SPEC = RunSpec(TASK, Condition(texts_a_request=5), per_label=5, model=MODEL)
DEARER = Prices(tokens_in=1.0, tokens_out=10.0)


def ran(db: Database, spec: RunSpec, *rows: tuple[int | None, int, int | None, int | None]) -> str:
    """A run with attempts: (cycle, texts, tokens in, tokens out)."""
    run = create_run(db, spec, name="Trial")
    for cycle, texts, tokens_in, tokens_out in rows:
        attempt = Attempt(
            cycle=cycle,
            label="pos",
            texts_asked=5,
            texts_returned=texts,
            attempt=1,
            status=200,
            outcome="ok",
            message="",
            seconds=1.0,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
        )
        add_attempt(db, attempt, run_id=run.id)
    return run.id


def test_instruction_and_text_are_told_apart(db: Database) -> None:
    # Zero-shot: a block of 30. Then with two examples: 3 * 30 + 2 * 10. A failed one is out.
    ran(db, SPEC, (1, 5, 30, 50), (2, 5, 110, 50), (2, 0, 99, None), (None, 5, 999, 999))
    assert recent_token_use(db, SPEC) == TokenUse(block=30.0, text=10.0, run="Trial")


def test_seed_examples_of_the_first_cycle_count_as_blocks(db: Database) -> None:
    seeded = replace(SPEC, seed_examples=(Example("a", "pos"), Example("b", "pos")))
    ran(db, seeded, (1, 5, 70, 50))  # two blocks of 30 and a text
    assert recent_token_use(db, seeded) == TokenUse(block=30.0, text=10.0, run="Trial")


def test_only_runs_like_it_tell_and_only_what_was_reported(db: Database) -> None:
    assert recent_token_use(db, SPEC) is None
    ran(db, replace(SPEC, model=replace(MODEL, model="other")), (1, 5, 30, 50))
    ran(db, replace(SPEC, task=replace(TASK, text_type="tweet")), (1, 5, 30, 50))
    ran(db, replace(SPEC, condition=Condition(prompt="chat")), (1, 5, 30, 50))
    ran(db, SPEC, (1, 5, None, None))
    assert recent_token_use(db, SPEC) is None
    ran(db, SPEC, (1, 5, 30, 50))
    ran(db, SPEC)  # which has nothing to tell yet
    assert recent_token_use(db, SPEC) == TokenUse(block=30.0, text=10.0, run="Trial")


@pytest.mark.parametrize(
    ("several", "requests", "tokens_in"),
    # Two labels of 15 in requests of 5: a cycle without examples (30 a prompt) and two with two
    # (110 a prompt); 83.3 on average.
    [(True, 6, 500), (False, 30, 2500)],
)
def test_a_run_to_come_has_more_examples_than_its_trial(
    several: bool, requests: int, tokens_in: int
) -> None:
    spec = replace(SPEC, per_label=15)
    use = TokenUse(block=30.0, text=10.0, run="Trial")
    found = estimate_run_cost(spec, use, prices=DEARER, several=several)
    assert (found.requests, found.tokens_in, found.tokens_out) == (requests, tokens_in, 300)
    assert found.money == pytest.approx((tokens_in * 1 + 300 * 10) / 1e6)


def test_unknown_stays_unknown() -> None:
    found = estimate_run_cost(SPEC, None, prices=DEARER, several=True)
    assert (found.requests, found.tokens_in, found.tokens_out, found.money) == (2, None, None, None)
    use = TokenUse(block=30.0, text=10.0, run="Trial")
    assert estimate_run_cost(SPEC, use, prices=Prices(), several=True).money is None
