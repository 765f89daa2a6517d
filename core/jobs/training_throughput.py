"""How fast trainings went on this machine, for estimates before the next one."""

from core.classification.estimate import Past, paces
from core.classification.settings import spec_from_dict
from core.domain.errors import BadInput
from core.jobs.queue import get_job
from core.store.database import Database
from core.store.trainings import TrainingRecord, list_trainings

_RECENT = 40


def recent_paces(db: Database) -> dict[str, float]:
    """Seconds a unit of work by kind and model (`core.classification.estimate.paces`)."""
    done = [one for one in list_trainings(db, include_deleted=True) if one.result is not None]
    return paces(
        Past(spec_from_dict(one.spec), one.result or {}, _seconds(db, one))
        for one in done[:_RECENT]
    )


def _seconds(db: Database, record: TrainingRecord) -> float | None:
    """What the job took, if it went through in one sitting as far as is known."""
    if record.job_id is None:
        return None
    try:
        job = get_job(db, record.job_id)
    except BadInput:
        return None
    if job.started_at is None or job.finished_at is None or job.queued_at != job.created_at:
        return None
    return job.finished_at - job.started_at
