"""The last thing known of each server."""

from dataclasses import replace
from typing import Any

import pytest

from core.domain.connections import Connection
from core.domain.errors import BackendFailed, WidesetError
from core.domain.progress import JobProgress
from core.domain.registries.capabilities import Capabilities
from core.domain.runs import Attempt, ModelChoice, RunSpec
from core.domain.spending import SpendingLimitReached
from core.jobs import claims
from core.jobs.handlers.servers import ServerContact, last_contacts, start_connection_test
from core.jobs.lease import take
from core.jobs.queue import get_job, start_run
from core.store.connections import save_capabilities, save_connection
from core.store.database import Database
from core.store.generation.rounds import add_attempt
from tests.store.making import TASK, FakeClock

URL = "http://127.0.0.1:9/v1"
OTHER = "http://127.0.0.1:10/v1"
SPEC = RunSpec(TASK, per_label=2, model=ModelChoice(backend="openai", model="m", base_url=URL))


@pytest.fixture(autouse=True)
def connected(db: Database) -> None:
    save_connection(db, Connection(base_url=URL))
    take(db, "worker", 1, seconds=1e6)


@pytest.fixture(autouse=True)
def moving(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the clock finds it a second later."""

    def now(self: FakeClock) -> float:
        self.forward(1.0)
        return self.now

    monkeypatch.setattr(FakeClock, "__call__", now)


def asked(db: Database, run_id: str, outcome: str = "ok", message: str = "") -> None:
    values: dict[str, Any] = dict.fromkeys(("cycle", "label", "status", "tokens_in", "tokens_out"))
    attempt = Attempt(
        **values,
        texts_asked=1,
        texts_returned=1,
        attempt=1,
        outcome=outcome,
        message=message,
        seconds=1.0,
    )
    add_attempt(db, attempt, run_id=run_id)


def begun(db: Database, name: str = "R", spec: RunSpec = SPEC) -> tuple[str, str]:
    """A run under way: its id and its job's."""
    run, job = start_run(db, spec, name=name)
    assert claims.claim(db, "worker") is not None
    return run.id, job.id


def test_a_server_that_was_never_asked_is_not_there(db: Database) -> None:
    start_connection_test(db, URL, "m", token="t")
    begun(db)
    assert last_contacts(db) == {}


def test_a_run_that_failed_before_its_first_request_is_told(db: Database) -> None:
    save_capabilities(db, Capabilities(base_url=URL, model="m"))
    assert last_contacts(db)[URL].summary == "test passed"
    _, job = begun(db, "First")
    claims.settle(
        db, job, "worker", "failed", BackendFailed("It is gone.", "Look."), progress=JobProgress()
    )
    last = last_contacts(db)[URL]
    assert (last.summary, last.run, last.model, last.why) == (
        "run failed",
        "First",
        "m",
        "It is gone.",
    )
    assert last.at == get_job(db, job).finished_at


def test_requests_of_a_run_under_way_count(db: Database) -> None:
    run, _ = begun(db)
    asked(db, run)
    assert last_contacts(db)[URL].summary == "run answered"
    asked(db, run, "server_error", "It failed.")
    asked(db, run, "cancelled")  # Stop cut it off, which is no answer
    last = last_contacts(db)[URL]
    assert (last.summary, last.why) == ("run failed", "It failed.")
    asked(db, run)
    assert last_contacts(db)[URL].summary == "run answered"


@pytest.mark.parametrize(
    ("outcome", "problem", "said"),
    [
        (
            "ok",
            SpendingLimitReached("The cap of 1 requests is reached.", "Resume."),
            "run answered",
        ),
        ("ok", WidesetError("The worker was told to end.", ""), "run answered"),
        ("server_error", WidesetError("The server failed (500).", "See."), "run failed"),
    ],
)
def test_a_pause_speaks_of_the_server_only_after_a_request_that_went_wrong(
    db: Database, outcome: str, problem: WidesetError, said: str
) -> None:
    run, job = begun(db)
    asked(db, run, outcome, "" if outcome == "ok" else "(500)")
    claims.settle(db, job, "worker", "paused", problem, progress=JobProgress())
    last = last_contacts(db)[URL]
    assert last.summary == said
    assert last.why == ("" if outcome == "ok" else "The server failed (500).")


def test_each_server_has_its_own_and_the_latest_counts(db: Database) -> None:
    job = start_connection_test(db, OTHER, "n", token="t")
    assert claims.claim(db, "worker") is not None
    claims.settle(
        db, job.id, "worker", "failed", BackendFailed("No answer.", ""), progress=JobProgress()
    )
    local = replace(SPEC, model=ModelChoice())
    _, job_id = begun(db, spec=local)
    claims.settle(
        db, job_id, "worker", "failed", BackendFailed("Out of memory.", ""), progress=JobProgress()
    )
    run, _ = begun(db)
    asked(db, run)
    found = last_contacts(db)
    assert {url: one.summary for url, one in found.items()} == {
        OTHER: "test failed",
        URL: "run answered",
    }
    assert found[OTHER].why == "No answer."
    save_capabilities(db, Capabilities(base_url=OTHER, model="n"))
    assert last_contacts(db)[OTHER] == ServerContact(
        by="test", well=True, model="n", at=last_contacts(db)[OTHER].at
    )
