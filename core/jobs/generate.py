"""The job that generates a run: binds the loop to the store."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from core.errors import BackendFailed
from core.generation.backends import Backend
from core.generation.loop import Loop, Round
from core.generation.meter import Meter
from core.jobs.context import JobContext
from core.runs import ModelChoice, Sample
from core.store.database import Database
from core.store.rounds import finish_round, rounds_of
from core.store.runs import get_run, set_facts
from core.store.samples import add_samples, samples_of

# A run whose model differs in one of these can't go on as the same dataset.
_IDENTITY = ("model", "fingerprint", "device", "dtype", "linear", "engine", "forward")


class Keeper(Protocol):
    """Opens backends; `core.generation.keeper.ModelKeeper` is the real one."""

    def backend(self, choice: ModelChoice, *, dtype: str | None = None) -> Backend:
        """A loaded backend."""
        ...


class _Stopped(Exception):
    """The job is to end now; what is stored stays."""


def generate(
    context: JobContext, keeper: Keeper, *, timer: Callable[[], float] = time.monotonic
) -> None:
    """Generate the run of a job, from its start or from where it stopped.

    Raises:
        BackendFailed: the model can't be loaded, failed, or is no longer the run's.
        BadInput: the run's settings don't fit the model.
    """
    db = context.db
    run = get_run(db, context.job.run_id or "")
    history = samples_of(db, run.id)
    meter = Meter(run.spec, history=history, timer=timer)
    context.report(meter.progress("loading"), at_once=True)
    if context.should_stop():
        context.report(meter.progress("stopped"), at_once=True)
        return
    backend = keeper.backend(run.spec.model, dtype=run.facts.get("dtype"))
    _check_identity(run.facts, backend.facts)
    if not run.facts:
        set_facts(db, run.id, backend.facts)
    loop = Loop(
        run.spec,
        run_id=run.id,
        backend=backend,
        history=history,
        finished_rounds=[(done.cycle, done.position) for done in rounds_of(db, run.id)],
        clock=timer,
    )
    meter.begin()
    context.report(meter.progress("generating"), at_once=True)

    def between_steps() -> None:
        context.serve_questions()
        if context.should_stop():
            raise _Stopped

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

    try:
        _follow(context, db, loop, meter, between_steps=between_steps, suppressed=suppressed)
    except _Stopped:
        context.report(meter.progress("stopped"), at_once=True)
        return
    context.report(meter.progress("done", shortfall=loop.shortfall()), at_once=True)


def _follow(
    context: JobContext,
    db: Database,
    loop: Loop,
    meter: Meter,
    *,
    between_steps: Callable[[], None],
    suppressed: Callable[[Round], list[dict[str, Any]]],
) -> None:
    under_way: Round | None = None
    begun = meter.seconds()
    drawn: list[Sample] = []
    for current, samples in loop.rounds(between_steps=between_steps):
        if current != under_way:
            under_way = current
            meter.suppressed = suppressed(current)
        if samples:
            add_samples(db, samples)
            drawn.extend(samples)
            meter.add(samples)
            context.report(meter.progress("generating"))
        else:
            finish_round(
                db,
                context.job.run_id or "",
                cycle=current.cycle,
                position=current.position,
                requested={
                    loop.spec.task.label_names[it.label_index]: it.count
                    for it in current.iterations
                },
                seconds=meter.seconds() - begun,
                tokens=sum(len(sample.token_ids) for sample in drawn),
            )
            begun, drawn = meter.seconds(), []


def _check_identity(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    for key in _IDENTITY:
        if before and before.get(key) != now.get(key):
            raise BackendFailed(
                f"The model's {key} was '{before.get(key)}' when this run began and is"
                f" '{now.get(key)}' now, so it can't go on as the same dataset.",
                "Start a new run with the same settings.",
            )
