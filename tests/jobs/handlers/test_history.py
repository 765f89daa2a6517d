"""The curve of the run before: of the same task, living, with a curve, and earlier."""

from collections.abc import Sequence
from dataclasses import replace

from core.domain.progress import CurvePoint, DiversityProgress
from core.domain.runs import RunSpec
from core.domain.tasks import Label, Task
from core.generation.progress import GenerationProgress
from core.jobs import claims
from core.jobs.handlers.generate import curve_before
from core.jobs.lease import take
from core.jobs.queue import start_run
from core.store.database import Database
from core.store.generation.runs import RunRecord, delete_run
from tests.store.making import FakeClock, make_spec

OTHER = Task("Other", "poem", (Label("pos", "p"), Label("neg", "n")))


def made(
    db: Database,
    clock: FakeClock,
    name: str,
    curve: Sequence[CurvePoint] | None,
    *,
    spec: RunSpec | None = None,
) -> RunRecord:
    clock.forward(1)
    run, job = start_run(db, spec or make_spec(), name=name)
    take(db, "w", 1, seconds=600)
    claims.claim(db, "w", job_id=job.id)
    diversity = DiversityProgress(curve=curve) if curve else None
    claims.settle(db, job.id, "w", "done", progress=GenerationProgress(diversity=diversity))
    return run


def test_the_last_run_of_the_task_that_has_a_curve(db: Database, clock: FakeClock) -> None:
    first = made(db, clock, "first", [(2, 0.5, None, None)])
    deleted = made(db, clock, "deleted", [(2, 0.6, None, None)])
    made(db, clock, "no curve", None)
    made(db, clock, "empty", [])
    made(db, clock, "other", [(2, 0.7, None, None)], spec=replace(make_spec(), task=OTHER))
    run = made(db, clock, "now", [(2, 0.8, None, None)])
    made(db, clock, "later", [(2, 0.9, None, None)])
    found = curve_before(db, run)
    assert found is not None
    assert (found.name, found.curve) == ("deleted", [(2, 0.6, None, None)])
    delete_run(db, deleted.id)
    found = curve_before(db, run)
    assert found is not None
    assert found.name == "first"
    assert curve_before(db, first) is None
