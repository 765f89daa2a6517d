"""Evidence: what is measured and mapped of some datasets, and the jobs that make what is missing.

A page asks with every drawing; a job is queued once for a dataset at its number of texts, however
often it asks. A job that ended badly is told and waits for a person.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.diversity.embedding.encoder import EncoderChoice
from core.domain.settings_key import stored_form
from core.jobs.lease import living
from core.jobs.queue import Job, State, get_job, state_of, submit, submit_once
from core.store.database import Database
from core.store.diversity.maps import MapRecord, latest_map, points_of
from core.store.diversity.measurements import MEASURES_VERSION, find_measurement, recipe_of


@dataclass(frozen=True, slots=True)
class Work:
    """A job and how it reads."""

    job: Job
    state: State


@dataclass(frozen=True, slots=True)
class Mapped:
    """Where texts lie on their task's map.

    Args:
        map: the map; None while there is none.
        points: (x, y) by text hash; those that are not placed yet are missing.
        work: the job that places them; None where nothing is missing.
    """

    map: MapRecord | None
    points: Mapping[bytes, tuple[float, float]]
    work: Work | None


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of one dataset.

    Args:
        dataset: its key.
        result: of `core.diversity.measures.measure.measure`, of all its texts; None while it is
        missing.
        work: the job that measures it; None where nothing is missing.
    """

    dataset: str
    result: Mapping[str, Any] | None
    work: Work | None


def measured(
    db: Database,
    dataset: str,
    *,
    n: int,
    choice: EncoderChoice,
    reference: str | None,
) -> Measured:
    """The measurement of a dataset as it is now; queues it where it is missing.

    Args:
        db: the store.
        dataset: its key.
        n: how many texts it has now; a measurement of fewer is out of date.
        choice: the encoder.
        reference: key of the reference's part that it is compared with.
    """
    recipe = recipe_of(choice, reference)
    result = find_measurement(db, dataset, recipe=recipe)
    if result is not None and result["n"] == n:
        return Measured(dataset, result, None)
    spec = {"dataset": dataset, "reference": reference, "encoder": choice}
    # Measures that are computed differently by now are another wish, too.
    return Measured(dataset, None, once(db, "measure", spec, [n, MEASURES_VERSION]))


def mapped(
    db: Database,
    datasets: Sequence[str],
    hashes: Sequence[bytes],
    *,
    task_key: str,
    choice: EncoderChoice,
    first: Sequence[str] = (),
) -> Mapped:
    """The places of texts on their task's map; queues the job that places what is missing.

    Args:
        db: the store.
        datasets: the keys of the datasets that the texts belong to.
        hashes: of the texts (`core.domain.texts.text_hash`).
        task_key: `core.domain.tasks.Task.key`.
        choice: the encoder.
        first: datasets that a first map is fitted on as well, so that it suits what comes on view
            next.
    """
    record = latest_map(db, task_key, choice=choice)
    wanted = set(hashes)
    points = points_of(db, record.id, wanted) if record is not None else {}
    if len(points) == len(wanted):
        return Mapped(record, points, None)
    more = [key for key in first if key not in datasets] if record is None else []
    spec = _projection([*datasets, *more], task_key, choice, refit=False)
    # A new map places nothing of what an older one had, so it counts as another wish.
    work = once(db, "project", spec, [len(wanted), None if record is None else record.id])
    return Mapped(record, points, work)


def refit(
    db: Database, datasets: Sequence[str], *, task_key: str, choice: EncoderChoice, token: str
) -> Job:
    """Queue a new map of these datasets; with one token, a double click is one map."""
    spec = stored_form(_projection(datasets, task_key, choice, refit=True))
    return submit(db, "project", spec, token=token)


def _projection(
    datasets: Sequence[str], task_key: str, choice: EncoderChoice, *, refit: bool
) -> dict[str, Any]:
    return {
        "datasets": list(datasets),
        "task_key": task_key,
        "encoder": choice,
        "refit": refit,
        "seed": 0,
    }


def once(db: Database, kind: str, spec: Mapping[str, Any], version: Any) -> Work:
    """The job of that kind, spec and version; queued where there is none, see `submit_once`."""
    job = submit_once(db, kind, spec, version)
    with db.read():
        return Work(get_job(db, job.id), state_of(job, living(db)))
