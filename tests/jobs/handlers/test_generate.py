"""The job that generates a run, in a real store with a model that only pretends."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from core.diversity.measures.remote_clique import CliqueSum
from core.domain.conditions import Condition, Suppression
from core.domain.errors import BackendFailed, BadInput, StoreFull
from core.domain.runs import RunSpec
from core.domain.serialization import to_json
from core.domain.settings import Home
from core.generation.backends import Completion, Request
from core.jobs.lease import LEASE_SECONDS, living
from core.jobs.queue import request_cancel, resume, start_run, status, submit
from core.services import generate as module
from core.store.database import Database, open_database
from core.store.generation.rounds import rounds_of
from core.store.generation.runs import get_run
from core.store.generation.samples import samples_of
from tests.diversity.fake_encoder import FakeEncoders
from tests.generation.fake_backend import FakeBackend, FakeKeeper, Written
from tests.generation.making import (
    distinct,
    facts_of,
    follow,
    generate_job,
    make_spec,
    place_of,
    work_off,
)
from tests.jobs import fake_generation
from tests.store.making import FakeClock

SPEC = make_spec(per_label=9, size=4, only_new=True, suppression=Suppression(0.2))


def stored(db: Database, run_id: str | None) -> list[Any]:
    assert run_id is not None
    return [facts_of(sample) for sample in samples_of(db, run_id)]


def wanted(spec: RunSpec) -> list[Any]:
    """The dataset of an uninterrupted loop without any store."""
    return [facts_of(sample) for sample in follow(spec).run().samples]


def test_a_run_is_generated_and_every_sample_stored(home: Home, real_db: Database) -> None:
    keeper = FakeKeeper(FakeBackend())
    _, job = start_run(real_db, SPEC)
    job = work_off(home, job, keeper)
    assert (job.state, job.message) == ("done", "")
    assert stored(real_db, job.run_id) == wanted(SPEC)
    assert keeper.asked == [(SPEC.model, None)]
    assert get_run(real_db, str(job.run_id)).metadata == FakeBackend().metadata
    cycles = {sample.cycle for sample in samples_of(real_db, str(job.run_id))}
    rounds = rounds_of(real_db, str(job.run_id))
    assert [(r.cycle, r.position) for r in rounds] == [(cycle, 0) for cycle in sorted(cycles)]
    assert rounds[0].requested == {"pos": 4, "neg": 4}


class Timed(FakeBackend):
    """Each step takes two seconds of a clock."""

    clock: FakeClock

    def complete(
        self,
        requests: Sequence[Request],
        condition: Condition,
        *,
        first_soon: bool,
        between_steps: Callable[[], None],
    ) -> Iterator[list[Completion]]:
        def step() -> None:
            self.clock.forward(2)
            between_steps()

        return super().complete(requests, condition, first_soon=first_soon, between_steps=step)


def two_steps(request: Request, index: int) -> Written:
    """The first text of a request takes a step, the others two; neg's first is cut off."""
    cycle, place = place_of(request)
    cut = (cycle, place, index) == (1, 1, 0)
    reason = "length" if cut else "stop"
    return Written(f"t {cycle} {place} {index}", (2, 3, 2), reason, steps=1 if index == 0 else 2)


def test_what_is_reported_and_how_long_a_round_took(home: Home, real_db: Database) -> None:
    backend = Timed(two_steps)
    backend.clock = FakeClock(0)
    heard: list[Mapping[str, Any]] = []
    spec = make_spec(per_label=3, size=3, suppression=Suppression(0.1, floor=-100))
    job = generate_job(
        home,
        real_db,
        spec,
        backend,
        timer=backend.clock,
        listen=lambda now: heard.append(to_json(now)),
    )
    assert job.state == "done"
    assert job.last_report == heard[-1]
    json.dumps(heard)
    told = [(p["phase"], p["accepted"], p["texts"], p["truncated"], p["seconds"]) for p in heard]
    assert told == [
        ("loading", 0, 0, 0, 0.0),
        ("generating", 0, 0, 0, 0.0),
        ("generating", 1, 2, 1, 2.0),
        ("generating", 5, 6, 1, 4.0),
        ("generating", 6, 7, 1, 6.0),
        ("done", 6, 7, 1, 6.0),
    ]
    last = heard[-1]
    assert (last["target"], last["per_label"]) == (6, {"pos": 3, "neg": 3})
    assert (last["tokens"], last["mean_tokens"], last["cycle"]) == (21, 3.0, 2)
    assert last["texts_per_second"] == pytest.approx(7 / 6)
    assert last["tokens_per_second"] == pytest.approx(21 / 6)
    assert (last["seconds_left"], last["shortfall"]) == (0, {})
    assert heard[2]["suppressed"] == []
    assert heard[4]["suppressed"] == [  # of 18 tokens 12 are a 2 and 6 a 3
        {"token": 2, "text": "red", "count": 12, "share": 12 / 18, "bias": pytest.approx(-20 / 3)},
        {"token": 3, "text": "Red", "count": 6, "share": 6 / 18, "bias": pytest.approx(-10 / 3)},
    ]
    rounds = rounds_of(real_db, str(job.run_id))
    assert [(r.seconds, r.tokens) for r in rounds] == [(4.0, 18), (2.0, 3)]
    assert [r.requested for r in rounds] == [{"pos": 3, "neg": 3}, {"neg": 1}]
    times = [sample.seconds for sample in samples_of(real_db, str(job.run_id))]
    assert times == [2.0] * 2 + [4.0] * 4 + [6.0]


def test_in_strict_order_the_suppressed_tokens_shown_are_the_labels_own(
    home: Home, real_db: Database
) -> None:
    def own(request: Request, index: int) -> Written:
        cycle, place = place_of(request)
        return Written(f"t {cycle} {place} {index}", (2 + place,))

    spec = make_spec(strict_order=True, suppression=Suppression(7.5, scope="label"))
    heard: list[Mapping[str, Any]] = []
    generate_job(
        home, real_db, spec, FakeBackend(own), listen=lambda now: heard.append(to_json(now))
    )
    shown = [
        [s["token"] for s in p["suppressed"]] for p in heard if p["texts"] and p["phase"] != "done"
    ]
    assert shown == [[], [], [2], [3]]


def test_a_shortfall_is_told(home: Home, real_db: Database) -> None:
    def half(request: Request, index: int) -> Written | None:
        return distinct(request, index) if place_of(request)[1] else None

    job = generate_job(home, real_db, make_spec(), FakeBackend(half))
    assert job.state == "done"
    assert job.last_report["shortfall"] == {"pos": 4}
    assert job.last_report["per_label"] == {"pos": 0, "neg": 4}


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("stop_at", [1, 5, 9, 14])
def test_stopped_and_resumed_it_is_the_same_dataset(
    home: Home, real_db: Database, strict: bool, stop_at: int
) -> None:
    spec = make_spec(
        per_label=8, size=3, only_new=True, strict_order=strict, suppression=Suppression(0.2)
    )
    _, job = start_run(real_db, spec)
    job = work_off(home, job, FakeKeeper(FakeBackend()), stop_at=stop_at)
    assert job.state == "paused"
    assert job.last_report["phase"] == "stopped"
    kept = stored(real_db, job.run_id)
    assert stop_at <= len(kept) < len(wanted(spec))
    assert job.last_report["texts"] == len(kept)

    keeper = FakeKeeper(FakeBackend())
    resume(real_db, job.id)
    job = work_off(home, job, keeper)
    assert (job.state, job.last_report["phase"]) == ("done", "done")
    assert stored(real_db, job.run_id)[: len(kept)] == kept
    assert stored(real_db, job.run_id) == wanted(spec)
    assert job.last_report["texts"] == len(wanted(spec))
    assert keeper.asked == [(spec.model, "float32")]  # in the number type it began with


def test_a_finished_run_that_is_run_again_stays_as_it_is(home: Home, real_db: Database) -> None:
    first = generate_job(home, real_db, SPEC, FakeBackend())
    backend = FakeBackend()
    again = submit(real_db, "generate", {}, run_id=first.run_id)
    again = work_off(home, again, FakeKeeper(backend))
    assert (again.state, again.last_report["accepted"]) == ("done", first.last_report["accepted"])
    assert backend.calls == []
    assert stored(real_db, first.run_id) == wanted(SPEC)


def test_stopped_before_the_model_is_loaded_it_is_not_loaded(home: Home, real_db: Database) -> None:
    keeper = FakeKeeper(FakeBackend())
    _, job = start_run(real_db, SPEC)
    job = work_off(
        home, job, keeper, listen=lambda progress: request_cancel(real_db, job.id) and None
    )
    assert job.state == "cancelled"
    assert job.last_report["phase"] == "stopped"
    assert keeper.asked == []
    assert stored(real_db, job.run_id) == []


@pytest.mark.parametrize(
    "key", ["model", "fingerprint", "dtype", "device", "engine", "forward", "linear"]
)
def test_another_model_does_not_go_on_with_the_dataset(
    home: Home, real_db: Database, key: str
) -> None:
    _, job = start_run(real_db, SPEC)
    work_off(home, job, FakeKeeper(FakeBackend()), stop_at=3)
    kept = stored(real_db, job.run_id)
    was = getattr(FakeBackend().metadata, key)
    other = FakeBackend(metadata=replace(FakeBackend().metadata, **{key: "other"}))
    resume(real_db, job.id)
    job = work_off(home, job, FakeKeeper(other))
    assert job.state == "failed"
    assert job.message == (
        f"The model's {key} was '{was}' when this run began and is 'other' now, so it can't go on"
        " as the same dataset."
    )
    assert job.remedy == "Start a new run with the same settings."
    assert other.calls == []
    assert stored(real_db, job.run_id) == kept
    assert get_run(real_db, str(job.run_id)).metadata == FakeBackend().metadata


def test_what_may_differ_between_two_machines_does_not_stop_it(
    home: Home, real_db: Database
) -> None:
    _, job = start_run(real_db, SPEC)
    work_off(home, job, FakeKeeper(FakeBackend()), stop_at=3)
    resume(real_db, job.id)
    newer = FakeBackend(metadata=replace(FakeBackend().metadata, threads=64))
    assert work_off(home, job, FakeKeeper(newer)).state == "done"


@pytest.mark.parametrize("error", [BackendFailed("The model broke.", "Mend it."), BadInput("No.")])
def test_a_backend_that_fails_halfway_fails_the_job_and_loses_nothing(
    home: Home, real_db: Database, error: Exception
) -> None:
    def break_off(request: Request, index: int) -> Written:
        if place_of(request)[0] == 2:
            raise error
        return distinct(request, index)

    job = generate_job(home, real_db, make_spec(), FakeBackend(break_off))
    assert (job.state, f"{job.message} {job.remedy}".strip()) == ("failed", str(error))
    assert len(stored(real_db, job.run_id)) == 4
    resume(real_db, job.id)
    job = work_off(home, job, FakeKeeper(FakeBackend(distinct)))
    assert job.state == "done"
    assert len(stored(real_db, job.run_id)) == 8


def test_a_keeper_that_fails_fails_the_job(home: Home, real_db: Database) -> None:
    class Failing:
        def backend(self, *_: Any, **__: Any) -> FakeBackend:
            raise BackendFailed("There is no such model.", "Use embedded.")

    _, job = start_run(real_db, SPEC)
    job = work_off(home, job, Failing())
    assert (job.state, job.message) == ("failed", "There is no such model.")
    assert get_run(real_db, str(job.run_id)).metadata is None


def test_a_full_disk_pauses_it_and_resume_completes_it(
    home: Home, real_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, calls = module.add_samples, []

    def full(db: Database, samples: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise StoreFull("The disk is full.", "Free some space.")
        return add(db, samples)

    monkeypatch.setattr(module, "add_samples", full)
    job = generate_job(home, real_db, SPEC, FakeBackend())
    assert (job.state, job.message) == ("paused", "The disk is full.")
    assert 0 < len(stored(real_db, job.run_id)) < len(wanted(SPEC))
    resume(real_db, job.id)
    assert work_off(home, job, FakeKeeper(FakeBackend())).state == "done"
    assert stored(real_db, job.run_id) == wanted(SPEC)


@pytest.mark.parametrize("die", [2, 8])
def test_killed_in_a_round_and_resumed_it_is_the_same_dataset(
    home: Home, real_db: Database, die: int
) -> None:
    _, job = start_run(real_db, SPEC)
    died = fake_generation.run(home, job.id, die=die)
    assert died.returncode == -9, died.stderr
    kept = stored(real_db, job.run_id)
    assert 0 < len(kept) < len(wanted(SPEC))
    assert kept == wanted(SPEC)[: len(kept)]
    done = rounds_of(real_db, str(job.run_id))
    assert kept[-1][1] not in {r.cycle for r in done}  # in the middle of a round

    # No need to wait for the lease: whoever comes a little later finds it run out.
    def later() -> float:
        return time.time() + LEASE_SECONDS + 5

    then = open_database(home, clock=later)
    assert living(then) is None
    assert status(then, job.id)[1] == "interrupted"
    resume(then, job.id)
    then.close()
    assert work_off(home, job, FakeKeeper(FakeBackend()), clock=later).state == "done"
    assert stored(real_db, job.run_id) == wanted(SPEC)


def test_the_diversity_of_what_arrived_is_told(home: Home, real_db: Database) -> None:
    encoders = FakeEncoders()
    _, job = start_run(real_db, SPEC)
    job = work_off(home, job, FakeKeeper(FakeBackend()), encoders=encoders)
    usable = [s.text for s in samples_of(real_db, str(job.run_id)) if s.outcome == "usable"]
    whole = CliqueSum(encoders.made.size)
    whole.add(encoders.made.embed(usable))
    told = job.last_report["diversity"]
    assert told["n"] == len(usable) == job.last_report["usable"]
    assert told["value"] == pytest.approx(whole.value, abs=1e-6)
    assert told["curve"][-1][0] == len(usable)


def test_an_encoder_that_fails_stops_no_run(home: Home, real_db: Database) -> None:
    _, job = start_run(real_db, SPEC)
    encoders = FakeEncoders(problem="There is no encoder.")
    job = work_off(home, job, FakeKeeper(FakeBackend()), encoders=encoders)
    assert job.state == "done"
    assert stored(real_db, job.run_id) == wanted(SPEC)
    assert job.last_report["diversity"]["problem"] == "There is no encoder. Use the embedded one."


def test_a_resumed_run_tells_the_diversity_of_all_its_texts(home: Home, real_db: Database) -> None:
    _, job = start_run(real_db, SPEC)
    job = work_off(home, job, FakeKeeper(FakeBackend()), stop_at=7)
    resume(real_db, job.id)
    encoders = FakeEncoders()
    again = work_off(home, job, FakeKeeper(FakeBackend()), encoders=encoders)
    _, other = start_run(real_db, SPEC)
    whole = work_off(home, other, FakeKeeper(FakeBackend()))
    one, two = again.last_report["diversity"], whole.last_report["diversity"]
    assert one["n"] == two["n"]
    assert one["value"] == pytest.approx(two["value"], abs=1e-6)
    assert again.last_report["fluency"] == whole.last_report["fluency"] == -0.5
