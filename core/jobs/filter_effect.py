"""The job that shows what a classifier makes of a filter that was learned.

Its spec: `{"dataset": key, "request": EffectRequest as JSON}`.
"""

from core.diversity.live import Encoders
from core.errors import BadInput
from core.interventions.filter_effect import filter_effect
from core.interventions.requests import EffectRequest, FilterRequest
from core.interventions.results import filter_from_dict
from core.jobs.context import JobContext
from core.jobs.embedding import EmbeddingJob, Stopped
from core.store.datasets import load_dataset, reference_key
from core.store.previews import find_preview, save_preview


def filter_effect_job(context: JobContext, encoders: Encoders) -> None:
    """Train the probes, test them on the reference's test part, keep what came of it.

    Reports phase (loading, embedding, probing, done, stopped); see `EmbeddingJob`.

    Raises:
        BadInput: there is no such dataset or reference, no filter was learned, or it leaves too
            little.
        BackendFailed: the encoder can't be had or failed.
    """
    request = EffectRequest.from_dict(context.spec["request"])
    job = EmbeddingJob(context, encoders, request.encoder)
    db = context.db
    try:
        job.report("loading")
        dataset = load_dataset(db, context.spec["dataset"])
        learned = FilterRequest(n=request.n, encoder=request.encoder)
        found = find_preview(db, "filter", dataset.key, learned.to_dict())
        if found is None or found.result["ids"] != list(dataset.ids):
            raise BadInput("No filter of these texts was learned.", "Learn it first.")
        test = load_dataset(db, reference_key(request.reference, "test"))
        if not len(test):
            raise BadInput("The reference has no test part.", "Attach one that has.")
        vectors = job.embed([*dataset.texts, *test.texts])
        job.report("probing")
        effect = filter_effect(
            vectors[: len(dataset)],
            dataset.labels,
            filter_from_dict(found.result).kept(request.threshold),
            test_vectors=vectors[len(dataset) :],
            test_labels=test.labels,
            seed=request.seed,
            between=job.between,
        )
        result = {"seen": found.result["seen"], "test": test.name, **effect.to_dict()}
        save_preview(db, "filter_effect", dataset.key, request.to_dict(), result)
        job.report("done")
    except Stopped:
        job.report("stopped")
