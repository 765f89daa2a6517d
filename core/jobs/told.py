"""What a trial tells, put into the store: durable once this returns, and never twice."""

from core.experiments.trial import Told
from core.store.database import Database
from core.store.rounds import finish_round, rounds_of
from core.store.runs import set_facts
from core.store.samples import add_samples


def store_told(db: Database, run_id: str, told: Told) -> None:
    """Store the facts, samples and round that a trial told of its run.

    Raises:
        StoreFull, StoreBusy: what was told before is stored.
    """
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
