"""A sweep of models behind a misbehaving server: what fails one condition, and what pauses all."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from core.domain.connections import Prices
from core.domain.errors import BackendFailed, BadInput
from core.domain.registries.capabilities import Capabilities
from core.domain.runs import ModelChoice
from core.domain.settings import Home
from core.domain.spending import SpendingLimit
from core.generation.servers.backend import ServedBackend
from core.jobs.handlers.sweep import retry_sweep, start_sweep
from core.jobs.queue import Job, job_of_run, resume, states_of_runs
from core.store.connections import save_capabilities, save_connection
from core.store.database import Database
from core.store.generation.rounds import attempts_of
from core.store.generation.samples import samples_of
from core.store.sweeps import TrialRecord, trials_of
from core.sweeps.grid.spec import Grid, grid_from_dict
from tests.diversity.fake_encoder import FakeEncoder
from tests.faults.misbehaving import Exchange, Misbehaving, Order, error, well
from tests.faults.serving import Runs
from tests.jobs.sweeping import GRID, run_sweep

KNOWN = {"n": "exact", "usage": "exact", "usage_of_several": "exact"}


@dataclass
class ServedTools:
    """Opens the one served model, unless it can't be had."""

    served: ServedBackend
    trouble: BackendFailed | BadInput | None = None

    def backend(self, choice: ModelChoice, *, dtype: str | None = None) -> ServedBackend:
        if self.trouble is not None:
            raise self.trouble
        return self.served

    def encoder(self, choice: Mapping[str, Any]) -> FakeEncoder:
        return FakeEncoder()


@dataclass
class Sweeping:
    """A server and sweeps against it."""

    home: Home
    db: Database
    server: Misbehaving
    runs: Runs
    tools: ServedTools

    @property
    def grid(self) -> Grid:
        """Two conditions of two labels, 6 texts each, 3 a request: 4 requests a condition."""
        model = ModelChoice(backend="openai", model="m", base_url=self.server.base_url)
        return GRID.with_axes(model=(model,), suppression=(0.0,))

    def run(self, job: Job) -> Job:
        return run_sweep(self.home, job, self.tools)  # type: ignore[arg-type]


@contextmanager
def sweeping(home: Home, db: Database, then: Order = well, **known: Any) -> Iterator[Sweeping]:
    with (
        Misbehaving(then=then) as server,
        Runs(home, db, server, known={**KNOWN, **known}) as runs,
    ):
        save_connection(db, replace(runs.connection, prices=Prices(tokens_in=1, tokens_out=2)))
        save_capabilities(
            db, Capabilities(base_url=server.base_url, model="m", **{**KNOWN, **known})
        )
        yield Sweeping(home, db, server, runs, ServedTools(runs.backend))


def dear(exchange: Exchange) -> None:
    """A good answer that took 1,000 tokens, which cost 0.002."""
    usage = {"prompt_tokens": 10, "completion_tokens": 1000}
    exchange.send(200, json.dumps(exchange.answer(exchange.choices(), usage=usage)))


def states(trials: list[TrialRecord]) -> list[str]:
    return [trial.state for trial in trials]


def test_a_served_sweep_has_its_attempts_facts_and_spending(home: Home, real_db: Database) -> None:
    with sweeping(home, real_db) as one:
        record, job = start_sweep(real_db, one.grid)
        job = one.run(job)
        asked = len(one.server.seen)
    assert (job.state, asked) == ("done", 8)
    trials = trials_of(real_db, record.id)
    assert states(trials) == ["done", "done"]
    for trial in trials:
        sent = attempts_of(real_db, trial.run.id)
        assert sorted((a.cycle, a.label, a.outcome, a.texts_returned) for a in sent) == [
            (cycle, label, "ok", 3) for cycle in (1, 2) for label in ("neg", "pos")
        ]
        metadata = trial.run.metadata
        assert metadata is not None
        assert (metadata.api, metadata.suppression) == ("completions", "none")
        own = job_of_run(real_db, trial.run.id)
        assert own is not None
        assert own.last_report["spending"]["requests"] == 4
        assert len(samples_of(real_db, trial.run.id)) == 12
    told = job.last_report["spending"]
    # 10 tokens of a prompt and 5 of each text; a million cost 1 and 2.
    assert (told["requests"], told["tokens_in"], told["tokens_out"]) == (8, 80, 120)
    assert told["money"] == pytest.approx((80 + 240) / 1e6)
    assert told["projected_money"] == told["money"]


def test_a_parameter_fails_its_condition_and_the_sweep_goes_on(
    home: Home, real_db: Database
) -> None:
    def picky(exchange: Exchange) -> None:
        if exchange.body["temperature"] != 0.3:
            return well(exchange)
        said = "Unsupported value: 'temperature' does not support 0.3 with this model."
        return error(400, message=said, param="temperature")(exchange)

    with sweeping(home, real_db, picky) as one:
        record, job = start_sweep(real_db, one.grid)
        job = one.run(job)
    trials = trials_of(real_db, record.id)
    assert (job.state, states(trials)) == ("done", ["failed", "done"])
    assert "parameter 'temperature'" in trials[0].message
    assert [a.outcome for a in attempts_of(real_db, trials[0].run.id)] == ["refused"]
    assert job.last_report["spending"]["requests"] == 5


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (error(429, headers={"Retry-After": "300"}), "asks to wait 300 s"),
        (error(429, code="insufficient_quota"), "quota is used up"),
        (error(401), "did not accept the key"),
    ],
)
def test_what_all_conditions_would_meet_pauses_the_sweep(
    home: Home, real_db: Database, fault: Order, said: str
) -> None:
    with sweeping(home, real_db) as one:
        one.server.order(well, fault, then=fault)
        record, job = start_sweep(real_db, one.grid)
        job = one.run(job)
        assert (job.state, len(one.server.seen)) == ("paused", 2)
        assert said in job.message
        trials = trials_of(real_db, record.id)
        assert states(trials) == ["waiting"]
        assert states_of_runs(real_db) == {trials[0].run.id: "paused"}
        assert len(samples_of(real_db, trials[0].run.id)) == 3
        one.server.order(then=well)
        job = one.run(resume(real_db, job.id))
        assert job.state == "done"
        assert len(one.server.seen) == 2 + 7  # nothing is asked for twice
    trials = trials_of(real_db, record.id)
    assert states(trials) == ["done", "done"]
    assert [len(samples_of(real_db, trial.run.id)) for trial in trials] == [12, 12]


@pytest.mark.parametrize("trouble", [BackendFailed("It is away.", "Wait."), BadInput("No key.")])
def test_a_server_that_can_not_be_opened_pauses_the_sweep(
    home: Home, real_db: Database, trouble: BackendFailed | BadInput
) -> None:
    with sweeping(home, real_db) as one:
        one.tools.trouble = trouble
        record, job = start_sweep(real_db, one.grid)
        job = one.run(job)
    assert (job.state, job.message) == ("paused", trouble.what)
    assert states(trials_of(real_db, record.id)) == ["waiting"]


@pytest.mark.parametrize(
    ("cap", "higher", "said"),
    [
        (SpendingLimit(requests=5), SpendingLimit(requests=8), "cap of 5 requests"),
        (SpendingLimit(money=0.0025), SpendingLimit(money=0.01), "cap of 0.0025 USD"),
    ],
)
def test_the_sweeps_cap_is_over_all_its_runs_and_can_be_raised(
    home: Home, real_db: Database, cap: SpendingLimit, higher: SpendingLimit, said: str
) -> None:
    with sweeping(home, real_db) as one:
        grid = replace(one.grid, spend=cap)
        assert grid_from_dict(grid.to_dict()).spend == cap
        one.server.order(*[well] * 4, dear, then=well)
        record, job = start_sweep(real_db, grid)
        job = one.run(job)
        assert (job.state, len(one.server.seen)) == ("paused", 5)
        assert said in job.message
        assert job.last_report["spending"]["requests"] == 5
        trials = trials_of(real_db, record.id)
        assert states(trials) == ["done", "waiting"]
        job = one.run(resume(real_db, job.id))  # the same cap: not one request more
        assert (job.state, len(one.server.seen)) == ("paused", 5)
        job = one.run(resume(real_db, job.id, cap=higher))
        assert (job.state, len(one.server.seen)) == ("done", 8)
    assert states(trials_of(real_db, record.id)) == ["done", "done"]
    assert job.last_report["spending"]["requests"] == 8


def test_a_cap_that_can_not_be_kept_is_refused(home: Home, real_db: Database) -> None:
    with sweeping(home, real_db, usage="ignored") as one:
        grid = replace(one.grid, spend=SpendingLimit(tokens=100))
        with pytest.raises(BadInput, match="does not report the tokens"):
            start_sweep(real_db, grid)
        with pytest.raises(BadInput, match="cost nothing"):
            start_sweep(real_db, replace(GRID, spend=SpendingLimit(requests=1)))
        other = ModelChoice(backend="openai", model="m", base_url="http://127.0.0.1:9/v1")
        save_capabilities(real_db, Capabilities(base_url=one.server.base_url, model="m", **KNOWN))
        save_capabilities(real_db, Capabilities(base_url=other.base_url, model="m", **KNOWN))
        connection = replace(one.runs.connection, base_url=other.base_url)
        save_connection(real_db, replace(connection, prices=Prices(tokens_in=3, tokens_out=3)))
        both = replace(grid.with_axes(model=(*grid.models, other)), spend=SpendingLimit(money=1.0))
        with pytest.raises(BadInput, match="different prices"):
            start_sweep(real_db, both)
        with pytest.raises(BadInput, match="cluster does not ask"):
            start_sweep(real_db, one.grid, ray="local")


def test_suppression_that_can_not_be_exact_is_refused_and_named(
    home: Home, real_db: Database
) -> None:
    with sweeping(home, real_db, logit_bias="ignored") as one:
        record, job = start_sweep(real_db, one.grid.with_axes(suppression=(0.0, 7.5)))
        job = one.run(job)
        assert len(one.server.seen) == 8  # nothing was sent under the suppressed conditions
        trials = trials_of(real_db, record.id)
        assert (job.state, states(trials)) == ("done", ["done", "done", "failed", "failed"])
        assert all("suppression could only be pretended" in one.message for one in trials[2:])
        job = one.run(retry_sweep(real_db, record.id))
        assert states(trials_of(real_db, record.id)) == ["done", "done", "failed", "failed"]
