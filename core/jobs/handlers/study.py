"""The job that concludes from sweeps what matters: the regression and the replication card.

Its spec: `{"sweeps": ids}`. It loads statsmodels, so a page asks for it and reads what it stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.domain.progress import JobProgress
from core.jobs.cached_measurements import Work, once
from core.jobs.context import JobContext
from core.jobs.registry import job
from core.jobs.tools import WorkerTools
from core.services.conclusions.study import KIND, StudyRequest, conclude
from core.store.database import Database

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Studied:
    """What is there of a study.

    Args:
        result: of `core.analysis.study.study`; None before the first one.
        fresh: whether it is of exactly these results; else of what was there earlier.
        work: the job that makes the fresh one; None where nothing is missing or none was wanted.
    """

    result: Mapping[str, Any] | None
    fresh: bool
    work: Work | None


def studied(
    db: Database, sweep_ids: Sequence[str], results: "pd.DataFrame", *, queue: bool = True
) -> Studied:
    """The study of some sweeps; queues the job where it is missing.

    Args:
        db: the store.
        sweep_ids: the sweeps, in any order.
        results: the results frame of all their assessed runs, by `stored_results`.
        queue: whether to queue; of a sweep under way there would be another after every run.
    """
    request = StudyRequest.of(sweep_ids, results)
    with db.read():
        study = request.stored(db)
        if study is not None:
            return Studied(study, True, None)
        older = request.latest_stored(db)
    work = once(db, KIND, {"sweeps": list(request.sweeps)}, request.version) if queue else None
    return Studied(older, False, work)


@job(KIND, title="What matters", activity="Concluding what matters")
def study_job(context: JobContext, tools: WorkerTools) -> None:
    """Conclude from the results that are there now; see `conclude`."""
    context.report(JobProgress(phase="concluding", done=0, total=1))
    conclude(context.db, context.spec["sweeps"])
    context.report(JobProgress(phase="done", done=1, total=1))
