"""Many judgements at once: from a table, or of texts chosen on a map; stored and taken back whole.

A text that the annotator judged for the audit set stays marked `audit`, however it is changed.
"""

from collections.abc import Collection, Sequence

from core.store.database import Database
from core.store.judgements import (
    Judgement,
    Verdict,
    Why,
    add_judgements,
    judgements_of,
    retract,
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
