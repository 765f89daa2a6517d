"""The job that learns from people what is out of scope, and previews what would go.

Its spec: `{"dataset": key, "request": FilterRequest as JSON}`.
"""

from dataclasses import replace

from core.diversity.measures.live import Encoders
from core.domain.errors import BadInput
from core.interventions.annotation.judged import scopes_by_row
from core.interventions.requests import EffectRequest, FilterRequest
from core.interventions.results import filter_from_dict, filter_to_dict
from core.interventions.scope_filter.effect import filter_effect
from core.interventions.scope_filter.out_of_scope import check_enough, train_filter
from core.interventions.versions.subject import said_by_people
from core.jobs.context import JobContext
from core.jobs.handlers.embedding import EmbeddingJob, Stopped
from core.jobs.handlers.relabel import run_of
from core.store.datasets import load_dataset, reference_key, run_key
from core.store.interventions.judgements import last_number
from core.store.interventions.previews import find_preview, save_preview


def filter_job(context: JobContext, encoders: Encoders) -> None:
    """Learn the filter and keep it with its measure; no text is removed.

    All judged texts teach, those that the version let go already included.

    Reports phase (loading, embedding, learning, done, stopped); see `EmbeddingJob`.

    Raises:
        BadInput: there is no such dataset, or too little was judged to learn from.
        BackendFailed: the encoder can't be had or failed.
    """
    request = FilterRequest.from_dict(context.spec["request"])
    job = EmbeddingJob(context, encoders, request.encoder)
    db = context.db
    try:
        job.report("loading")
        dataset = load_dataset(db, context.spec["dataset"])
        run_id = run_of(db, dataset.key)
        seen = last_number(db, run_id)
        whole = load_dataset(db, run_key(run_id))
        held = set(dataset.ids)
        rows = [row for row, key in enumerate(whole.ids) if key not in held]
        gone = whole.take(rows)
        judged = scopes_by_row([*dataset.ids, *gone.ids], said_by_people(db, run_id))
        check_enough(judged.values())
        vectors = job.embed([*dataset.texts, *gone.texts])
        job.report("learning")
        # A text teaches once, however many copies of it were judged: one held out is no test.
        first: dict[str, int] = {}
        texts = [*dataset.texts, *gone.texts]
        for row in judged:
            first.setdefault(texts[row], row)
        taught = {row: judged[row] for row in first.values()}
        scope = train_filter(vectors, taught, seed=request.seed).first(len(dataset))
        scope = replace(scope, judged={r: said for r, said in judged.items() if r < len(dataset)})
        result = {
            "ids": list(dataset.ids),
            "seen": seen,
            "encoder": job.encoder.fingerprint,
            "taught": len(taught),
            **filter_to_dict(scope),
        }
        save_preview(db, "filter", dataset.key, request, result)
        job.report("done")
    except Stopped:
        job.report("stopped")


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
        found = find_preview(db, "filter", dataset.key, learned)
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
        save_preview(db, "filter_effect", dataset.key, request, result)
        job.report("done")
    except Stopped:
        job.report("stopped")
