"""A job's way to a served model: by its connection in the store, probed once, closed in the end."""

import asyncio
import itertools
import time
from dataclasses import replace
from typing import Any

import pytest

from core.domain.connections import Connection
from core.domain.errors import BadInput
from core.domain.progress import JobProgress
from core.domain.registries.capabilities import Capabilities
from core.domain.runs import ModelChoice
from core.domain.settings import Home
from core.generation.local.backend import ModelCache
from core.generation.progress import GenerationProgress
from core.generation.servers.http_client import ServerClient
from core.jobs.queue import start_run
from core.services.servers.served_models import ServedModels
from core.store.connections import find_capabilities, save_connection
from core.store.database import Database, open_database
from core.store.generation.rounds import attempts_of
from core.store.generation.runs import get_run
from tests.faults.misbehaving import Exchange, Misbehaving, Order, error, well
from tests.faults.serving import Runs
from tests.generation.fake_backend import FakeKeeper
from tests.generation.making import work_off


def test_a_run_by_way_of_the_keeper(home: Home, real_db: Database) -> None:
    probed: list[tuple[str, str]] = []

    def probe(connection: Connection, model: str, client: ServerClient) -> Capabilities:
        probed.append((connection.base_url, model))
        return Capabilities(
            base_url=connection.base_url,
            model=model,
            n="exact",
            usage="exact",
            usage_of_several="exact",
        )

    with Misbehaving() as server, Runs(home, real_db, server, at_once=3) as runs:
        servers = ServedModels(lambda: open_database(home), probe=probe)
        keeper = ModelCache(home.models, open_served=servers.open)
        for _ in range(2):
            _, job = start_run(real_db, runs.spec())
            done = work_off(home, job, keeper)
            assert done.state == "done"
        keeper.close()
        assert [exchange.body["n"] for exchange in server.seen] == [2, 2, 2, 2]
    assert probed == [(server.base_url, "m")]  # and kept for the second run
    found = find_capabilities(real_db, server.base_url, "m")
    assert found is not None
    assert found.capabilities.n == "exact"

    run_id = str(done.run_id)
    metadata = get_run(real_db, run_id).metadata
    assert metadata is not None
    assert (metadata.backend, metadata.api, metadata.suppression) == (
        "openai",
        "completions",
        "none",
    )
    attempts = attempts_of(real_db, run_id)
    assert [
        (a.cycle, a.label, a.outcome) for a in sorted(attempts, key=lambda a: str(a.label))
    ] == [
        (1, "neg", "ok"),
        (1, "pos", "ok"),
    ]
    spending = done.last_report["spending"]
    assert (spending["requests"], spending["tokens_in"], spending["tokens_out"]) == (2, 20, 20)
    assert spending["money"] is None  # no prices, no money


def test_what_is_in_flight_and_waits_is_told_while_no_text_arrives(
    home: Home, real_db: Database
) -> None:
    told: list[tuple[int, int, int]] = []

    def hear(progress: JobProgress) -> None:
        assert isinstance(progress, GenerationProgress)
        if progress.spending is not None:
            traffic = progress.spending.traffic
            told.append((progress.accepted, traffic.in_flight, traffic.retrying))

    def late(order: Order) -> Order:
        def answer(exchange: Exchange) -> None:
            time.sleep(0.15)
            order(exchange)

        return answer

    async def wait(seconds: float) -> None:
        await asyncio.sleep(0.15)

    seconds = itertools.count()
    with Misbehaving() as server, Runs(home, real_db, server) as runs:
        server.order(late(error(500)), then=late(well))
        endpoint = runs.backend.endpoint
        endpoint.policy = replace(endpoint.policy, sleep=wait)
        _, job = start_run(real_db, runs.spec())
        keeper: Any = FakeKeeper(runs.backend)  # type: ignore[arg-type]
        work_off(home, job, keeper, timer=lambda: float(next(seconds)), listen=hear)
    before = [now for now in told if now[0] == 0]
    assert before[:2] == [(0, 0, 0), (0, 1, 0)]
    assert any(retries == 1 for _, _, retries in before)
    assert told[-1] == (4, 0, 0)


def test_without_a_connection_it_is_refused(home: Home, real_db: Database) -> None:
    def never(*args: Any) -> Capabilities:
        raise AssertionError

    servers = ServedModels(lambda: open_database(home), probe=never)
    choice = ModelChoice(backend="openai", model="m", base_url="http://127.0.0.1:9/v1")
    with pytest.raises(BadInput, match="no connection to http"):
        servers.open(choice)
    save_connection(real_db, Connection(base_url=choice.base_url, key_variable="NOT_SET_ANYWHERE"))
    with pytest.raises(BadInput, match="NOT_SET_ANYWHERE is not set"):
        servers.open(choice)


def test_a_keeper_that_knows_no_servers_says_so(home: Home) -> None:
    choice = ModelChoice(backend="openai", model="m", base_url="http://127.0.0.1:9/v1")
    with pytest.raises(BadInput, match="can't be opened here"):
        ModelCache(home.models).backend(choice)
