"""Many judgements at once: from a table, or of texts chosen on a map; stored and taken back whole.

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


def judge_all(
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
            one.verdict.sample_id
            for one in judgements_of(db, run_id)
            if one.who == who and one.why == "audit"
        }
        stored = []
        for mark in (why, "audit"):
            part = [one for one in verdicts if (one.sample_id in audited) == (mark == "audit")]
            if part:
                stored += add_judgements(
                    db, run_id, part, who=who, why=mark, session=session, seen=seen
                )
    return stored


def take_back(db: Database, judgement_ids: Collection[str], *, who: str) -> None:
    """Take judgements back, all or none; errors as `retract`."""
    with db.write():
        for one in judgement_ids:
            retract(db, one, who=who)


def take_back_machine(db: Database, run_id: str, *, who: str) -> list[Verdict]:
    """Take back all that a judging model said of a run's texts; it stays on record.

    Args:
        db: the store.
        run_id: the texts' run.
        who: the model's name as an annotator. What people said under that name stays.

    Returns:
        What was in effect, for `bring_back`.
    """
    with db.write():
        standing = [one for one in standing_of(db, run_id, who=who) if one.why == "judge"]
        for one in standing:
            retract(db, one.id, who=who)
    return list({one.verdict.sample_id: one.verdict for one in standing}.values())


def bring_back(
    db: Database, run_id: str, verdicts: Sequence[Verdict], *, who: str, session: str
) -> list[Judgement]:
    """Store again what `take_back_machine` took back, as new events."""
    return add_judgements(db, run_id, verdicts, who=who, why="judge", session=session)
