"""Runs against the misbehaving server: real client, real store, and waits that take no time."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from core.domain.connections import Connection
from core.domain.registries.capabilities import Capabilities
from core.domain.runs import Attempt, ModelChoice, RunSpec, Sample
from core.domain.settings import Home
from core.domain.spending import SpendingLimit
from core.generation.servers.backend import ServedBackend
from core.generation.servers.keys import Key
from core.generation.servers.retries import RequestPolicy
from core.jobs.queue import Job, start_run
from core.jobs.queue import resume as queue_again
from core.store.connections import save_connection
from core.store.database import Database
from core.store.generation.rounds import attempts_of
from core.store.generation.samples import samples_of
from tests.faults.misbehaving import Misbehaving
from tests.generation.fake_backend import FakeKeeper
from tests.generation.making import make_spec, work_off

MODEL = "m"


@dataclass
class FakeTime:
    """A clock that only sleeping moves."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@dataclass
class Ended:
    """How a run came to rest."""

    job: Job
    samples: list[Sample]
    attempts: list[Attempt]

    @property
    def outcomes(self) -> list[str]:
        return [attempt.outcome for attempt in self.attempts]

    @property
    def said(self) -> str:
        return f"{self.job.message} {self.job.remedy}"


class Runs:
    """Generates against a server, one run after another.

    Args:
        home: of the store.
        db: the store.
        server: misbehaves.
        at_once: requests under way at most.
        key: of the connection.
        known: capabilities.
        policy: how requests are sent, besides clock and sleep.
    """

    def __init__(
        self,
        home: Home,
        db: Database,
        server: Misbehaving,
        *,
        at_once: int = 1,
        key: str = "",
        known: dict[str, Any] | None = None,
        **policy: Any,
    ) -> None:
        self.home, self.db, self.server = home, db, server
        self.time = FakeTime()
        variable = "SERVER_KEY" if key else ""
        self.connection = Connection(
            base_url=server.base_url, key_variable=variable, requests_at_once=at_once
        )
        save_connection(db, self.connection)
        self.backend = ServedBackend(
            self.connection,
            MODEL,
            key=Key(key, base_url=server.base_url) if key else None,
            capabilities=Capabilities(base_url=server.base_url, model=MODEL, **(known or {})),
            policy=RequestPolicy(
                clock=self.time,
                sleep=self.time.sleep,
                rng=np.random.default_rng(7),
                **policy,
            ),
        )

    def __enter__(self) -> "Runs":
        return self

    def __exit__(self, *exc: object) -> None:
        self.backend.close()

    def spec(self, **knobs: Any) -> RunSpec:
        knobs = {"per_label": 2, "size": 2, **knobs}
        model = ModelChoice(backend="openai", model=MODEL, base_url=self.server.base_url)
        return replace(make_spec(**knobs), model=model)

    def run(self, *, cap: SpendingLimit | None = None, **knobs: Any) -> Ended:
        _, job = start_run(self.db, self.spec(**knobs), cap=cap)
        return self._ended(work_off(self.home, job, FakeKeeper(self.backend)))  # type: ignore[arg-type]

    def resume(self, job: Job) -> Ended:
        again = queue_again(self.db, job.id)
        return self._ended(work_off(self.home, again, FakeKeeper(self.backend)))  # type: ignore[arg-type]

    def _ended(self, job: Job) -> Ended:
        run_id = str(job.run_id)
        return Ended(job, samples_of(self.db, run_id), attempts_of(self.db, run_id))


def texts(samples: Sequence[Sample]) -> list[str]:
    return [sample.text for sample in samples]
