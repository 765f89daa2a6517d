"""Rows of the ladder as stored: each training of a task with its job and how it reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.classification.ladder import RungKind, kind_of
from core.diversity.map.frame import display_names
from core.domain.errors import BadInput
from core.domain.tasks import Task
from core.jobs.queue import Job, State, status
from core.store.database import Database
from core.store.generation.runs import list_runs
from core.store.interventions.versions import list_versions
from core.store.trainings import TrainingRecord, list_trainings

_ORDER: tuple[RungKind, ...] = ("majority", "llm", "raw", "manual", "lr", "oosf", "real")


@dataclass(frozen=True)
class Entry:
    """A row.

    Args:
        record: the training.
        name: for display, each one once.
        kind: where it belongs.
        job: the job that trains; None if it is gone.
        state: how the job reads, None without one.
    """

    record: TrainingRecord
    name: str
    kind: RungKind
    job: Job | None
    state: State | None

    @property
    def result(self) -> dict[str, Any]:
        """What came of it; empty before the end."""
        return dict(self.record.result or {})

    @property
    def done(self) -> bool:
        """Whether it has a result."""
        return self.record.result is not None

    @property
    def trained(self) -> bool:
        """Whether a model came out of it."""
        return self.done and self.record.spec["kind"] in ("fine-tuning", "probe")


def entries_of(db: Database, task: Task) -> list[Entry]:
    """All of a task, from the bottom of the ladder to its top, older ones first."""
    kinds = {
        version.id: version.kind
        for row in list_runs(db, include_deleted=True)
        if row.run.spec.task.key == task.key
        for version in list_versions(db, row.run.id, include_deleted=True)
    }
    records = list_trainings(db, task_key=task.key)[::-1]
    names = _unique(records)
    found = []
    for record in records:
        job, state = _job(db, record)
        kind = kind_of(record.spec, kinds)
        found.append(Entry(record, names[record.id], kind, job, state))
    return sorted(found, key=_place)


def _place(entry: Entry) -> tuple[Any, ...]:
    spec = entry.record.spec
    shots = len(spec["examples"])
    return _ORDER.index(entry.kind), spec["kind"] != "probe", shots, entry.record.id


def _unique(records: Sequence[TrainingRecord]) -> dict[str, str]:
    """Names by id: of those alike their size is told, and of those still alike the older is first.

    The order of the records is that of the names.
    """
    alike: dict[str, list[TrainingRecord]] = {}
    for record in records:
        alike.setdefault(record.name, []).append(record)
    told = [
        record.name if len(alike[record.name]) == 1 else f"{record.name}{_size(record)}"
        for record in records
    ]
    return dict(zip([record.id for record in records], display_names(told), strict=True))


def _size(record: TrainingRecord) -> str:
    size = (record.result or {}).get("n_train", record.spec["size"])
    return "" if size is None else f", {size:,} texts"


def _job(db: Database, record: TrainingRecord) -> tuple[Job | None, State | None]:
    if record.job_id is None:
        return None, None
    try:
        return status(db, record.job_id)
    except BadInput:
        return None, None
