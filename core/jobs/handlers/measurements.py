"""What is measured and mapped of datasets, and the jobs that make what is missing.

A page asks with every drawing; a job is queued once for a dataset at its number of texts, however
often it asks. A job that failed is shown and waits for a person. A dataset's key may join several,
as `core.domain.datasets.joined` writes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.diversity.embedding.encoder import EncoderChoice
from core.diversity.measures.results import MeasureResult
from core.domain.settings_key import stored_form
from core.jobs.context import JobContext
from core.jobs.queue import Job, Work, once, submit
from core.jobs.registry import job
from core.jobs.tools import WorkerTools
from core.services.measure import measure_stored
from core.services.project import MapProgress, MapRequest, project
from core.store.database import Database
from core.store.diversity import (
    MEASURES_VERSION,
    MapRecord,
    find_measurement,
    latest_map,
    points_of,
    recipe_of,
)


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
        result: of all its texts; None while it is missing.
        work: the job that measures it; None where nothing is missing.
    """

    dataset: str
    result: MeasureResult | None
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
    stored = find_measurement(db, dataset, recipe=recipe)
    if stored is not None and stored["n"] == n:
        return Measured(dataset, MeasureResult.from_dict(stored), None)
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
) -> dict[str, object]:
    return {
        "datasets": list(datasets),
        "task_key": task_key,
        "encoder": choice,
        "refit": refit,
        "seed": 0,
    }


@dataclass(frozen=True, slots=True)
class _MeasureSpec:
    """The spec of a job that measures; `reference` is the key of a reference's part."""

    dataset: str
    encoder: EncoderChoice
    reference: str | None = None


@job("measure", title="Measures", activity="Measuring")
def measure_job(context: JobContext, tools: WorkerTools) -> None:
    """Measure the dataset of a job, and keep the result; see `measure_stored`."""
    spec = context.job.spec_as(_MeasureSpec)
    measure_stored(
        context.db,
        spec.dataset,
        spec.encoder,
        encoders=tools.encoders,
        reference_key=spec.reference,
        progress=context,
        timer=tools.timer,
    )


@job("project", title="Map", activity="Drawing a map", progress=MapProgress)
def project_job(context: JobContext, tools: WorkerTools) -> None:
    """Place the texts of a job on the map of their task; see `project`."""
    request = context.job.spec_as(MapRequest)
    project(context.db, request, encoders=tools.encoders, maps=tools.maps, progress=context)
