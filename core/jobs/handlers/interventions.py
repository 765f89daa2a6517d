"""The jobs that preview interventions.

Their spec: `{"dataset": key, "request": the request as JSON}`; what comes of it is stored as a
preview of the dataset.
"""

from collections.abc import Callable
from typing import Any

from core.interventions.requests import (
    BudgetRequest,
    EffectRequest,
    FilterRequest,
    JudgeRequest,
    RelabelRequest,
)
from core.jobs.context import JobContext
from core.jobs.registry import Run, job
from core.jobs.tools import WorkerTools
from core.services.repair.filter import preview_filter, preview_filter_effect
from core.services.repair.relabel import preview_budget, preview_relabelling
from core.services.training.judge import judge_by_oracle


def _preview_job(
    kind: str, request_type: Any, preview: Callable[..., Any], *, title: str, activity: str
) -> Run:
    """Register a service that answers a request about a dataset as a kind of job."""

    @job(kind, title=title, activity=activity)
    def run(context: JobContext, tools: WorkerTools) -> None:
        request = request_type.from_dict(context.spec["request"])
        dataset = context.spec["dataset"]
        preview(context.db, dataset, request, encoders=tools.encoders, progress=context)

    return run


judge_job = _preview_job(
    "judge",
    JudgeRequest,
    judge_by_oracle,
    title="Oracle",
    activity="Letting the oracle judge",
)
relabel_job = _preview_job(
    "relabel",
    RelabelRequest,
    preview_relabelling,
    title="Preview",
    activity="Previewing label replacement",
)
filter_job = _preview_job(
    "filter",
    FilterRequest,
    preview_filter,
    title="Filter",
    activity="Previewing the filter",
)
filter_effect_job = _preview_job(
    "filter_effect",
    EffectRequest,
    preview_filter_effect,
    title="What a classifier makes of it",
    activity="Testing what a classifier makes of the filter",
)
budget_job = _preview_job(
    "budget",
    BudgetRequest,
    preview_budget,
    title="Budget curve",
    activity="Drawing a budget curve",
)
