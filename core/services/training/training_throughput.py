"""How fast trainings went on this machine, for estimates before the next one."""

from core.classification.estimate import Past, paces
from core.classification.results import TrainingResult
from core.classification.settings import spec_from_dict
from core.domain.serialization import from_json
from core.store.database import Database
from core.store.trainings import TrainingRecord, list_trainings

_RECENT = 40


def recent_throughput(db: Database) -> dict[str, float]:
    """Seconds per unit of work by kind and model (`core.classification.estimate.paces`)."""
    done = [
        record for record in list_trainings(db, include_deleted=True) if record.result is not None
    ]
    return paces(
        Past(
            spec_from_dict(record.spec),
            from_json(TrainingResult, record.result),
            _seconds(db, record),
        )
        for record in done[:_RECENT]
    )


def _seconds(db: Database, record: TrainingRecord) -> float | None:
    """What the training's job took; None if it is unknown or was interrupted."""
    with db.read() as connection:
        row = connection.execute(
            "SELECT finished_at - started_at AS seconds FROM jobs"
            " WHERE id = ? AND queued_at = created_at",
            (record.job_id,),
        ).fetchone()
    return None if row is None else row["seconds"]
