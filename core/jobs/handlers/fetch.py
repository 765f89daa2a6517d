"""The job that fetches a dataset of the Hugging Face hub and makes a task's reference of it.

Its spec is a `HubRequest`, whose fields but `hub` and `task` may be missing.
"""

from dataclasses import dataclass

from core.domain.progress import JobProgress
from core.jobs.context import JobContext
from core.jobs.registry import job
from core.jobs.tools import WorkerTools
from core.services.references import HubRequest, add_from_hub, reference_of_job


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchProgress(JobProgress):
    """The progress of fetching a reference.

    Args:
        reference: its id, once it was added.
    """

    reference: str | None = None


@job("fetch", title="Reference", activity="Fetching a reference", progress=FetchProgress)
def fetch_job(context: JobContext, tools: WorkerTools) -> None:
    """Add the reference of a job; one that is resumed after that adds no second one.

    Raises:
        WidesetError: the dataset can't be fetched or is refused; nothing was added.
    """
    context.report(FetchProgress(phase="fetching"))
    if context.should_stop():
        return
    reference = reference_of_job(context.db, context.job.id) or add_from_hub(
        context.db,
        context.job.spec_as(HubRequest),
        fetch=tools.fetch_dataset,
        job_id=context.job.id,
    )
    context.report(FetchProgress(phase="done", reference=reference.id))
