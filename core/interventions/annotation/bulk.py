"""Bulk judgements, from a table or of texts selected on a map: stored and retracted as a whole.

A text that the annotator judged for the audit set stays marked `audit`, however it is changed.
"""

from collections.abc import Collection, Sequence

from core.store.database import Database
from core.store.interventions.judgements import (
    Judgement,
    Verdict,
    Why,
    add_judgements,
    judgements_of,
    retract,
    standing_of,
)


def store_verdicts(
    db: Database,
    run_id: str,
    verdicts: Sequence[Verdict],
    *,
    who: str,
    why: Why,
    session: str,
    seen: int | None = None,
) -> list[Judgement]:
    """Store verdicts, all or none; arguments and errors as `add_judgements`."""
    who = who.strip()
    with db.write():
        audited = {
            judgement.verdict.sample_id
            for judgement in judgements_of(db, run_id)
            if judgement.who == who and judgement.why == "audit"
        }
        stored = []
        for mark in (why, "audit"):
            part = [own for own in verdicts if (own.sample_id in audited) == (mark == "audit")]
            if part:
                stored += add_judgements(
                    db, run_id, part, who=who, why=mark, session=session, seen=seen
                )
    return stored


def retract_all(db: Database, judgement_ids: Collection[str], *, who: str) -> None:
    """Retract judgements, all or none; errors as `retract`."""
    with db.write():
        for judgement_id in judgement_ids:
            retract(db, judgement_id, who=who)


def retract_model_judgements(db: Database, run_id: str, *, who: str) -> list[Verdict]:
    """Retract all judgements of a model on a run's texts; they stay on record.

    Args:
        db: the store.
        run_id: the texts' run.
        who: the model's name as an annotator. Judgements of people under that name stay.

    Returns:
        What was in effect, for `restore_model_judgements`.
    """
    with db.write():
        current = [own for own in standing_of(db, run_id, who=who) if own.why == "judge"]
        for judgement in current:
            retract(db, judgement.id, who=who)
    return list({own.verdict.sample_id: own.verdict for own in current}.values())


def restore_model_judgements(
    db: Database, run_id: str, verdicts: Sequence[Verdict], *, who: str, session: str
) -> list[Judgement]:
    """Store again what `retract_model_judgements` took back, as new events."""
    return add_judgements(db, run_id, verdicts, who=who, why="judge", session=session)
