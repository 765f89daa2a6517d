"""The job that measures a dataset.

Its spec: `{"dataset": key, "reference": key or None, "encoder": choice as a dict}`; a key may join
several, as `core.domain.datasets.joined` writes it.
"""

from core.diversity.embedding.encoder import encoder_choice_from_dict
from core.jobs.context import JobContext
from core.jobs.registry import job
from core.jobs.tools import WorkerTools
from core.services.measure import measure_stored


@job("measure", title="Measures", activity="Measuring")
def measure_job(context: JobContext, tools: WorkerTools) -> None:
    """Measure the dataset of a job, and keep the result; see `measure_stored`."""
    spec = context.spec
    measure_stored(
        context.db,
        spec["dataset"],
        encoder_choice_from_dict(spec["encoder"]),
        encoders=tools.encoders,
        reference_key=spec.get("reference"),
        progress=context,
        timer=tools.timer,
    )
