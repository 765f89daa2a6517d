"""The job that previews label replacement.

Its spec: `{"dataset": key, "request": RelabelRequest as JSON}`.
"""

from typing import Any

from core.diversity.measures.live import Encoders
from core.domain.datasets import Dataset
from core.interventions.annotation.judged import labels_by_row
from core.interventions.relabelling.oracle import inspected_by_oracle
from core.interventions.relabelling.relabel import Replacement, relabel_all, replace_labels
from core.interventions.requests import BudgetRequest, JudgeRequest, RelabelRequest
from core.interventions.results import replacement_to_dict
from core.interventions.versions.subject import said_by_people
from core.jobs.context import JobContext
from core.jobs.handlers.embedding import EmbeddingJob, Stopped
from core.jobs.handlers.judge import opinion_of
from core.store.database import Database
from core.store.datasets import load_dataset, run_key
from core.store.interventions.judgements import last_number
from core.store.interventions.previews import save_preview
from core.store.interventions.versions import get_version


def relabel_job(context: JobContext, encoders: Encoders) -> None:
    """Preview label replacement, and keep it; nothing else is changed.

    Reports phase (loading, embedding, training, learning, done, stopped); see `EmbeddingJob`.

    Raises:
        BadInput: there is no such dataset, or too little to learn from.
        BackendFailed: the encoder can't be had or failed.
    """
    request = RelabelRequest.from_dict(context.spec["request"])
    job = EmbeddingJob(context, encoders, request.encoder)
    try:
        job.report("loading")
        dataset = load_dataset(context.db, context.spec["dataset"])
        run_id = run_of(context.db, dataset.key)
        seen = last_number(context.db, run_id)
        if request.annotator == "oracle":
            replacement = _by_oracle(job, dataset, run_id, request)
        else:
            judged = labels_by_row(dataset.ids, said_by_people(context.db, run_id))
            replacement = _by_proxies(job, dataset, judged, request)
        result = {
            "ids": list(dataset.ids),
            "seen": seen if request.annotator == "people" else 0,
            "encoder": job.encoder.fingerprint,
            **replacement_to_dict(replacement),
        }
        save_preview(context.db, "relabel", dataset.key, request, result)
        job.report("done")
    except Stopped:
        job.report("stopped")


def oracle_says(
    job: EmbeddingJob, dataset: Dataset, run_id: str, request: RelabelRequest | BudgetRequest
) -> dict[str, tuple[str, float]]:
    """The oracle's label and confidence for every text of a run, by text id."""
    assert request.reference is not None
    whole = dataset if dataset.key == run_key(run_id) else load_dataset(job.db, run_key(run_id))
    asked = JudgeRequest(n=len(whole), encoder=request.encoder, reference=request.reference)
    found: dict[str, Any] = opinion_of(job, whole, asked)
    pairs = zip(found["labels"], found["confidence"], strict=True)
    return dict(zip(found["ids"], pairs, strict=True))


def run_of(db: Database, key: str) -> str:
    """The id of the run whose texts are under a key, of a run or a version."""
    kind, _, name = key.partition(":")
    return name if kind == "run" else get_version(db, name).run_id


def _by_oracle(
    job: EmbeddingJob, dataset: Dataset, run_id: str, request: RelabelRequest
) -> Replacement:
    says = oracle_says(job, dataset, run_id, request)
    names = dataset.label_names
    told, sample = inspected_by_oracle(
        [says[key][0] for key in dataset.ids],
        request.inspect,
        label_names=names,
        error_rate=request.error_rate,
        seed=request.seed,
    )
    if request.inspect is None:
        sure = [says[key][1] for key in dataset.ids] if request.error_rate == 0 else None
        return relabel_all(dataset.labels, told, label_names=names, confidence=sure)
    return _by_proxies(job, dataset, {row: told[row] for row in sample}, request)


def _by_proxies(
    job: EmbeddingJob, dataset: Dataset, judged: dict[int, str], request: RelabelRequest
) -> Replacement:
    vectors = job.embed(dataset.texts)
    job.report("learning")
    return replace_labels(
        vectors,
        dataset.labels,
        judged,
        label_names=dataset.label_names,
        weight=request.weight,
        seed=request.seed,
        between=job.between,
    )
