"""Store the updates of trials: durable once this returns, and idempotent."""

from core.domain.serialization import to_json
from core.domain.texts import text_hash
from core.services.generate import stored_state
from core.services.sweep.plan import PlannedTrial, usable_texts
from core.store.database import Database
from core.store.diversity import add_vectors
from core.store.generation.rounds import add_attempt, finish_round
from core.store.generation.runs import RunRecord, create_run, get_run, set_metadata
from core.store.generation.samples import add_samples
from core.store.sweeps import add_trial, save_assessment, set_trial
from core.sweeps.assessment.recipe import Recipe
from core.sweeps.execution.trial import Trial, TrialEnd, TrialUpdate


def store_update(
    db: Database,
    run_id: str,
    update: TrialUpdate,
    *,
    job_id: str | None = None,
) -> None:
    """Store the attempt, metadata, samples and round of a trial's update.

    Args:
        job_id: the job that sent an attempt.

    Raises:
        StoreFull, StoreBusy: earlier updates are stored.
    """
    if update.attempt is not None:
        add_attempt(db, update.attempt, run_id=run_id, job_id=job_id)
    if update.metadata is not None:
        set_metadata(db, run_id, update.metadata)
    if update.samples:
        add_samples(db, update.samples)
    if update.round is not None:
        finish_round(db, run_id, update.round)


def place_trial(db: Database, sweep_id: str, wanted: PlannedTrial, run_id: str | None) -> RunRecord:
    """Give a place of a sweep its run, which is made where there is none yet.

    Args:
        wanted: the place; a run of its own there is one that was there before the sweep.
        run_id: the run, None for a new one.

    Raises:
        StoreFull, StoreBusy: nothing was stored.
    """
    with db.write():
        if run_id is None:
            run_id = create_run(db, wanted.spec, name=wanted.name).id
        run = get_run(db, run_id)
        reused = wanted.run_id is not None
        add_trial(db, sweep_id, wanted.position, run_id, repeat=wanted.repeat, reused=reused)
    return run


def trial_of(db: Database, wanted: PlannedTrial, run: RunRecord, recipe: Recipe) -> Trial:
    """What an executor carries out: the run from where it stands, and its assessment."""
    state = stored_state(db, run)
    return Trial(
        index=wanted.position,
        run_id=run.id,
        spec=run.spec,
        recipe=recipe,
        history=tuple(state.history),
        finished_rounds=tuple(state.finished_rounds),
        metadata=run.metadata,
        generate=wanted.run_id is None,
    )


def keep_vectors(db: Database, end: TrialEnd, encoder: str) -> None:
    """Store the embeddings that a trial made, if it made any.

    Args:
        encoder: fingerprint of the encoder.

    Raises:
        StoreFull, StoreBusy: nothing was stored.
    """
    if end.vectors is not None:
        hashes = map(text_hash, end.texts)
        add_vectors(db, encoder, dict(zip(hashes, end.vectors, strict=True)))


def keep_assessment(
    db: Database, sweep_id: str, run_id: str, end: TrialEnd, recipe: Recipe
) -> None:
    """Store what was found of a run, and that its place is done.

    Args:
        end: of the trial, with an assessment.
        recipe: by which it was assessed.

    Raises:
        StoreFull, StoreBusy: nothing was stored.
    """
    assert end.assessment is not None
    with db.write():
        save_assessment(
            db,
            run_id,
            recipe=recipe.key,
            n=usable_texts(db, run_id),
            settings=to_json(recipe),
            result=end.assessment.to_dict(),
        )
        set_trial(db, sweep_id, end.index, "done")
