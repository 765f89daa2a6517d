"""What a trial tells, put into the store: durable once this returns, and never twice."""

from collections.abc import Sequence

from core.experiments.trial import Told
from core.jobs.server_runs import stored_attempt
from core.store.attempts import add_attempt
from core.store.database import Database
from core.store.rounds import finish_round, rounds_of
from core.store.runs import set_facts
from core.store.samples import add_samples


def store_told(
    db: Database,
    run_id: str,
    told: Told,
    *,
    label_names: Sequence[str] = (),
    job_id: str | None = None,
) -> None:
    """Store the attempt, facts, samples and round that a trial told of its run.

    Args:
        db: the store.
        run_id: the run.
        told: what was told.
        label_names: of its task, for an attempt.
        job_id: the job that sent an attempt.

    Raises:
        StoreFull, StoreBusy: what was told before is stored.
    """
    if told.attempt is not None:
        add_attempt(db, stored_attempt(told.attempt, label_names), run_id=run_id, job_id=job_id)
    if told.facts is not None:
        set_facts(db, run_id, told.facts)
    if told.samples:
        add_samples(db, told.samples)
    if told.round is not None:
        finish_round(
            db,
            run_id,
            cycle=told.round.cycle,
            position=told.round.position,
            requested=told.round.requested,
            seconds=told.round.seconds,
            tokens=told.round.tokens,
        )


def finished_rounds(db: Database, run_id: str) -> tuple[tuple[int, int], ...]:
    """(cycle, position) of a run's complete rounds, as a trial goes on from them."""
    return tuple((done.cycle, done.position) for done in rounds_of(db, run_id))
