"""The job that tests a connection, against a server on loopback."""

import json

import pytest

from core.domain.connections import Connection
from core.domain.settings import Home
from core.jobs.handlers.servers import probe_job
from core.jobs.queue import Job, get_job, request_cancel, submit
from core.jobs.tools import WorkerTools
from core.jobs.worker import Worker
from core.services.servers.served_models import TYPICAL_REQUESTS
from core.store.connections import (
    delete_connection,
    find_capabilities,
    find_connection,
    get_connection,
    save_connection,
)
from core.store.database import Database
from tests.faults.misbehaving import Misbehaving, body
from tests.generation.servers.fake_server import KEY, Quirks, serving


def work_off(home: Home, db: Database, base_url: str, model: str = "") -> Job:
    """The job, worked off."""
    job = submit(db, "probe", {"base_url": base_url, "model": model})
    tools = WorkerTools(home)
    Worker(home, {"probe": lambda context: probe_job(context, tools)}).run_job(job.id)
    return get_job(db, job.id)


def test_a_chosen_model_is_probed_and_becomes_the_connections(
    home: Home, real_db: Database
) -> None:
    with serving() as fake:
        save_connection(real_db, Connection(base_url=fake.url))
        job = work_off(home, real_db, fake.url, "fake")
        assert job.state == "done", job.message
        assert {job.last_report[name] for name in ("phase", "model")} == {"done", "fake"}
        kept = find_capabilities(real_db, fake.url, "fake")
        assert kept is not None
        found = kept.capabilities
        assert (found.canary.verdict, found.models) == ("exact", ("fake", "other"))
        assert get_connection(real_db, fake.url).model == "fake"
        # A second one leaves the usual model alone.
        assert work_off(home, real_db, fake.url, "other").state == "done"
        assert get_connection(real_db, fake.url).model == "fake"
        assert find_capabilities(real_db, fake.url, "other") is not None
        assert job.last_report["total"] == TYPICAL_REQUESTS
        assert abs(job.last_report["done"] - TYPICAL_REQUESTS) <= 3


def test_only_a_model_that_answered_becomes_the_connections(home: Home, real_db: Database) -> None:
    with serving(Quirks(status=404)) as fake:
        save_connection(real_db, Connection(base_url=fake.url))
        job = work_off(home, real_db, fake.url, "unlisted")
        assert job.state == "failed"
        assert "does not list 'unlisted'" in job.message
        assert get_connection(real_db, fake.url).model == ""
        assert find_capabilities(real_db, fake.url, "unlisted") is None
        fake.quirks.status = 200
        assert work_off(home, real_db, fake.url, "unlisted").state == "done"
        assert get_connection(real_db, fake.url).model == "unlisted"
        kept = find_capabilities(real_db, fake.url, "unlisted")
    assert kept is not None
    assert kept.capabilities.notes[0].startswith("The server does not list 'unlisted'")


def test_without_a_model_the_servers_are_listed_and_nothing_is_probed(
    home: Home, real_db: Database
) -> None:
    with serving() as fake:
        save_connection(real_db, Connection(base_url=fake.url))
        job = work_off(home, real_db, fake.url)
        assert [path for path, *_ in fake.asked] == ["/v1/models"]
    assert job.state == "done"
    assert (job.last_report["model"], job.last_report["models"]) == ("", ["fake", "other"])
    assert get_connection(real_db, fake.url).model == ""


def test_an_only_model_is_probed_without_a_choice(home: Home, real_db: Database) -> None:
    one = body(json.dumps({"data": [{"id": "alone"}, {"id": ""}, "junk"]}))
    with Misbehaving([one]) as server:
        save_connection(real_db, Connection(base_url=server.base_url))
        job = work_off(home, real_db, server.base_url)
        asked = {seen.body["model"] for seen in server.seen if "model" in seen.body}
    assert (job.state, job.last_report["model"]) == ("done", "alone"), job.message
    assert asked == {"alone"}


@pytest.mark.parametrize(
    ("answer", "what", "remedy"),
    [
        (body("<html>", kind="text/html"), "lists no models", "often ends in /v1"),
        (body('{"data": []}'), "lists no models", "type the model's name"),
        (body("{}", status=404), "404", "Type the model's name instead."),
        (body("{}", status=401), "key", ""),
    ],
)
def test_a_server_that_lists_nothing_is_told(
    home: Home, real_db: Database, answer: object, what: str, remedy: str
) -> None:
    with Misbehaving([answer]) as server:  # type: ignore[list-item]
        save_connection(real_db, Connection(base_url=server.base_url))
        job = work_off(home, real_db, server.base_url)
    assert job.state == "failed"
    assert what in job.message
    assert remedy in job.remedy


def test_a_key_that_is_not_set_is_told_before_anything_is_sent(
    home: Home, real_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with serving() as fake:
        save_connection(real_db, Connection(base_url=fake.url, key_variable="NO_SUCH_KEY"))
        job = work_off(home, real_db, fake.url, "fake")
        assert fake.asked == []
    assert (job.state, "NO_SUCH_KEY is not set" in job.message) == ("failed", True)


def test_the_key_goes_to_the_server_and_into_nothing_else(
    home: Home, real_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVER_KEY", KEY)
    with serving(Quirks(status=401)) as fake:
        save_connection(real_db, Connection(base_url=fake.url, key_variable="SERVER_KEY"))
        job = work_off(home, real_db, fake.url, "fake")
        assert fake.asked[0][2] == f"Bearer {KEY}"
    assert job.state == "failed"
    assert KEY[:12] not in job.message + job.remedy + json.dumps(dict(job.last_report))
    assert not [path for path in home.folder.rglob("*") if path.is_file() and _holds(path)]


def test_stop_ends_it_between_two_questions_and_stores_nothing(
    home: Home, real_db: Database
) -> None:
    with serving() as fake:
        save_connection(real_db, Connection(base_url=fake.url))
        job = submit(real_db, "probe", {"base_url": fake.url, "model": "fake"})

        def stopping(context: object) -> None:
            request_cancel(real_db, job.id)
            probe_job(context, WorkerTools(home))  # type: ignore[arg-type]

        Worker(home, {"probe": stopping}).run_job(job.id)
        assert fake.asked == []
    assert get_job(real_db, job.id).state == "cancelled"
    assert find_capabilities(real_db, fake.url, "fake") is None


def test_a_connection_that_is_deleted_meanwhile_stays_deleted(
    home: Home, real_db: Database
) -> None:
    with serving() as fake:
        save_connection(real_db, Connection(base_url=fake.url))
        job = submit(real_db, "probe", {"base_url": fake.url, "model": "fake"})

        def deleting(context: object) -> None:
            tools = WorkerTools(home)
            tools.find_key = lambda one: delete_connection(real_db, one.base_url)
            probe_job(context, tools)  # type: ignore[arg-type]

        Worker(home, {"probe": deleting}).run_job(job.id)
        assert find_connection(real_db, fake.url) is None
        assert work_off(home, real_db, fake.url, "fake").state == "failed"


def _holds(path: object) -> bool:
    return KEY[:12].encode() in path.read_bytes()  # type: ignore[attr-defined]
