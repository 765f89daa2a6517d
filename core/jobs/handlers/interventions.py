"""The jobs that preview interventions.

Their spec: `{"dataset": key, "request": the request as JSON}`; what comes of it is stored as a
preview of the dataset.
"""

from collections.abc import Callable

from core.domain.serialization import from_json
from core.interventions.previews import (
    BudgetRequest,
    EffectRequest,
    FilterRequest,
    JudgeRequest,
    P,
    PreviewRequest,
    RelabelRequest,
)
from core.jobs.context import JobContext
from core.jobs.registry import job
from core.jobs.tools import WorkerTools
from core.services.previews import (
    preview_budget,
    preview_filter,
    preview_filter_effect,
    preview_relabelling,
)
from core.services.training.judge import judge_by_oracle


def _register(
    request_type: type[PreviewRequest[P]], preview: Callable[..., P], title: str, activity: str
) -> None:
    """Register a service that answers a request about a dataset as a kind of job."""

    @job(request_type.kind, title=title, activity=activity)
    def run(context: JobContext, tools: WorkerTools) -> None:
        request = from_json(request_type, context.spec["request"])
        dataset = context.spec["dataset"]
        preview(context.db, dataset, request, encoders=tools.encoders, progress=context)


_register(JudgeRequest, judge_by_oracle, "Oracle", "Letting the oracle judge")
_register(RelabelRequest, preview_relabelling, "Preview", "Previewing label replacement")
_register(FilterRequest, preview_filter, "Filter", "Previewing the filter")
_register(
    EffectRequest,
    preview_filter_effect,
    "What a classifier makes of it",
    "Testing what a classifier makes of the filter",
)
_register(BudgetRequest, preview_budget, "Budget curve", "Drawing a budget curve")
