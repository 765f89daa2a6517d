"""The job that places the texts of some datasets on the map of their task.

Its spec is that of `MapRequest.from_dict`.
"""

from core.jobs.context import JobContext
from core.jobs.registry import job
from core.jobs.tools import WorkerTools
from core.services.project import MapProgress, MapRequest, project


@job("project", title="Map", activity="Drawing a map", progress=MapProgress)
def project_job(context: JobContext, tools: WorkerTools) -> None:
    """Place the texts of a job; see `project`."""
    request = MapRequest.from_dict(context.spec)
    project(context.db, request, encoders=tools.encoders, maps=tools.maps, progress=context)
