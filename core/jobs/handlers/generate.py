"""The job that generates a run: binds the loop to the store, and follows the run's diversity."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Protocol

from core.diversity.embedding.encoder import EncoderChoice
from core.diversity.measures.live import Encoders, LiveClique
from core.domain.runs import ModelChoice, Sample
from core.domain.spending import SpendingTracker, Traffic, spending_limit_from_dict
from core.generation.backends import Backend, check_identity
from core.generation.loop import Loop, Round
from core.generation.progress import Meter, timed_rounds
from core.generation.servers.backend import ServedBackend
from core.jobs.context import JobContext
from core.services.served_models import backend_for_run
from core.store.database import Database
from core.store.generation.rounds import finish_round, rounds_of
from core.store.generation.runs import get_run, set_facts
from core.store.generation.samples import add_samples, samples_of


class Keeper(Protocol):
    """Opens backends; `core.generation.local.keeper.ModelKeeper` is the real one."""

    def backend(self, choice: ModelChoice, *, dtype: str | None = None) -> Backend:
        """A loaded backend."""
        ...


class _Stopped(Exception):
    """The job is to end now; what is stored stays."""


TRAFFIC_SECONDS = 0.5
"""How often a change of what is in flight is told while no text arrives."""


def generate(
    context: JobContext,
    keeper: Keeper,
    encoders: Encoders,
    *,
    timer: Callable[[], float] = time.monotonic,
) -> None:
    """Generate the run of a job, from its start or from where it stopped.

    What it reports is `Meter.progress` with `LiveClique.progress` as `diversity` and, for a model
    behind a server, `SpendingTracker.progress` as `spending`.

    Raises:
        Pausing: the server does not answer now, or the job's cap is reached.
        BackendFailed: the model can't be loaded, failed, or is no longer the run's.
        BadInput: the run's settings don't fit the model.
    """
    db = context.db
    run = get_run(db, context.job.run_id or "")
    history = samples_of(db, run.id)
    meter = Meter(run.spec, history=history, timer=timer)
    live = LiveClique(db, encoders, EncoderChoice(), timer=timer)
    live.add([sample.text for sample in history if sample.outcome == "usable"])

    def tell(phase: str, *, at_once: bool = True, **more: Any) -> None:
        told = {**meter.progress(phase, **more), "diversity": live.progress()}
        if tracker is not None:
            spending = tracker.progress(written=told["accepted"], target=told["target"])
            told["spending"] = spending.to_dict()
        context.report(told, at_once=at_once)

    tracker: SpendingTracker | None = None
    told_traffic, next_look = Traffic(), 0.0
    tell("loading")
    if context.should_stop():
        tell("stopped")
        return
    backend = keeper.backend(run.spec.model, dtype=run.facts.get("dtype"))
    if isinstance(backend, ServedBackend):
        backend, tracker = backend_for_run(
            db,
            run,
            backend,
            limit=spending_limit_from_dict(context.spec.get("cap")),
            job_id=context.job.id,
        )
    check_identity(run.facts, backend.facts)
    if not run.facts:
        set_facts(db, run.id, backend.facts)
    if not backend.repeatable:
        live.prepare()  # while it loads, answers of a server would wait past their deadlines
    loop = Loop(
        run.spec,
        run_id=run.id,
        backend=backend,
        history=history,
        finished_rounds=[(done.cycle, done.position) for done in rounds_of(db, run.id)],
        clock=timer,
    )
    meter.begin()
    tell("generating")

    def between_steps() -> None:
        context.serve_questions()
        if context.should_stop():
            raise _Stopped
        if tracker is not None:
            tell_traffic(tracker)

    def tell_traffic(tracker: SpendingTracker) -> None:
        nonlocal told_traffic, next_look
        if timer() >= next_look and tracker.traffic != told_traffic:
            told_traffic, next_look = tracker.traffic, timer() + TRAFFIC_SECONDS
            tell("generating")

    def suppressed(current: Round) -> list[dict[str, Any]]:
        label = run.spec.task.label_names[current.iterations[0].label_index]
        return [
            {
                "token": row.token,
                "text": backend.token_text(row.token),
                "count": row.count,
                "share": row.share,
                "bias": row.bias,
            }
            for row in loop.suppressed(label)
        ]

    def arrived(samples: Sequence[Sample]) -> None:
        meter.add(samples)
        live.add([sample.text for sample in samples if sample.outcome == "usable"])
        tell("generating", at_once=False)
        live.catch_up(between=between_steps)

    try:
        for current in _rounds(db, run.id, loop, meter, arrived, between_steps=between_steps):
            meter.suppressed = suppressed(current)
        live.catch_up(between=between_steps, at_once=True)
    except _Stopped:
        tell("stopped")
        return
    tell("done", shortfall=loop.shortfall())


def _rounds(
    db: Database,
    run_id: str,
    loop: Loop,
    meter: Meter,
    arrived: Callable[[Sequence[Sample]], None],
    *,
    between_steps: Callable[[], None],
) -> Iterator[Round]:
    """Generate and store; each round as it begins, and `arrived` with what is stored."""
    under_way: Round | None = None
    events = timed_rounds(loop, between_steps=between_steps, timer=meter.seconds)
    for current, samples, done in events:
        if current != under_way:
            under_way = current
            yield current
        if samples:
            add_samples(db, samples)
            arrived(samples)
        if done is not None:
            finish_round(db, run_id, **asdict(done))
