"""Sweeps without models: a worker that runs one, in this process or in one to be killed:
`python -m tests.jobs.sweeping HOME JOB FOLDER` works a job off with two children, slowly.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.domain.conditions import Condition
from core.domain.progress import JobProgress
from core.domain.settings import Home
from core.jobs.handlers.sweep import sweep_job
from core.jobs.queue import Job
from core.jobs.worker import Worker
from core.sweeps.grid.spec import Grid
from tests.generation.making import TASK
from tests.sweeps.execution.fake_tools import RECIPE, FakeTools

GRID = Grid(
    task=TASK,
    name="both",
    per_label=6,
    axes={"temperature": (0.3, 0.9), "suppression": (0.0, 0.2), "seeding": (0,)},
    base=Condition(texts_a_request=3),
    recipe=RECIPE,
)
"""Four conditions."""


def run_sweep(
    home: Home,
    job: Job,
    tools: FakeTools,
    *,
    listen: Callable[[JobProgress], None] | None = None,
    stop: Callable[[Any], bool] = lambda _: False,
) -> Job:
    """Work a sweep's job off.

    Args:
        home: where the store lies.
        job: the job.
        tools: without models.
        listen: called with every report.
        stop: told every report, whether the worker is to end.
    """
    worker = Worker(
        home, {"sweep": lambda context: sweep_job(context, tools, home, elsewhere=tools)}
    )

    def hear(progress: JobProgress) -> None:
        if listen is not None:
            listen(progress)
        if stop(progress):
            worker.stop()

    return worker.run_job(job.id, listen=hear)


def main(home: Home, job_id: str, folder: Path) -> None:
    tools = FakeTools(folder, delay=0.03)
    worker = Worker(
        home, {"sweep": lambda context: sweep_job(context, tools, home, elsewhere=tools)}
    )
    worker.run_job(job_id)


if __name__ == "__main__":
    main(Home(Path(sys.argv[1])), sys.argv[2], Path(sys.argv[3]))
