"""The job that draws the annotation-budget curve.

Its spec: `{"dataset": key, "request": BudgetRequest as JSON}`.
"""

from core.diversity.measures.live import Encoders
from core.domain.errors import BadInput
from core.interventions.annotation.judged import labels_by_row
from core.interventions.relabelling.budget import MIN_LEFT, budget_curve, flattens
from core.interventions.requests import BudgetRequest
from core.interventions.versions.subject import said_by_people
from core.jobs.context import JobContext
from core.jobs.handlers.embedding import EmbeddingJob, Stopped
from core.jobs.handlers.relabel import oracle_says, run_of
from core.store.datasets import load_dataset
from core.store.interventions.judgements import last_number
from core.store.interventions.previews import save_preview


def budget_job(context: JobContext, encoders: Encoders) -> None:
    """Draw the curve, and keep it.

    Reports phase (loading, embedding, training, sampling, done, stopped) and while sampling how
    many samples are done; see `EmbeddingJob`.

    Raises:
        BadInput: there is no such dataset, or too little to learn from.
        BackendFailed: the encoder can't be had or failed.
    """
    request = BudgetRequest.from_dict(context.spec["request"])
    job = EmbeddingJob(context, encoders, request.encoder)
    db = context.db
    try:
        job.report("loading")
        dataset = load_dataset(db, context.spec["dataset"])
        run_id = run_of(db, dataset.key)
        seen = last_number(db, run_id)
        if request.annotator == "oracle":
            says = oracle_says(job, dataset, run_id, request)
            judged = {row: says[key][0] for row, key in enumerate(dataset.ids)}
        else:
            judged = labels_by_row(dataset.ids, said_by_people(db, run_id), audit=None)
            if len(judged) < 2 * MIN_LEFT:
                raise BadInput(
                    f"{len(judged)} texts have a label from people; a curve needs at least "
                    f"{2 * MIN_LEFT}, half to learn from and half to measure on.",
                    "Judge more texts, or let the oracle stand in.",
                )
        vectors = job.embed(dataset.texts)
        points = budget_curve(
            vectors,
            dataset.labels,
            judged,
            label_names=dataset.label_names,
            repeats=request.repeats,
            weight=request.weight,
            error_rate=request.error_rate,
            seed=request.seed,
            between=job.between,
            progress=job.pace("sampling"),
        )
        result = {
            "n": len(dataset),
            "judged": len(judged),
            "seen": seen if request.annotator == "people" else 0,
            "points": [point.to_dict() for point in points],
            "flattens": flattens(points),
        }
        save_preview(db, "budget", dataset.key, request, result)
        job.report("done")
    except Stopped:
        job.report("stopped")
