"""The job that lets the oracle judge every text of a dataset.

Its spec: `{"dataset": key, "request": JudgeRequest as JSON}`. The answer serves all versions of a
run, whatever labels they bear: it is of texts.
"""

from collections.abc import Sequence
from typing import Any

from core.datasets import Dataset
from core.diversity.live import Encoders
from core.interventions.oracle import Oracle, train_oracle
from core.interventions.requests import JudgeRequest
from core.jobs.context import JobContext
from core.jobs.embedding import EmbeddingJob, Stopped
from core.store.datasets import load_dataset, reference_key
from core.store.previews import find_preview, save_preview

SEED = 0
"""Of the folds, where the oracle is measured by cross-validation."""


def judge_job(context: JobContext, encoders: Encoders) -> None:
    """Train the oracle, let it judge, keep what it says.

    Reports phase (loading, embedding, training, done, stopped); see `EmbeddingJob`.

    Raises:
        BadInput: there is no such dataset or reference, or it teaches nothing.
        BackendFailed: the encoder can't be had or failed.
    """
    request = JudgeRequest.from_dict(context.spec["request"])
    job = EmbeddingJob(context, encoders, request.encoder)
    try:
        job.report("loading")
        opinion_of(job, load_dataset(context.db, context.spec["dataset"]), request)
        job.report("done")
    except Stopped:
        job.report("stopped")


def opinion_of(job: EmbeddingJob, dataset: Dataset, request: JudgeRequest) -> dict[str, Any]:
    """The oracle's opinion of every text, from the store or newly made and stored.

    Returns:
        `ids`, `labels` and `confidence` (0 to 1), one a text; `oracle`: its `accuracy` (a
        `Share`), `measured_on` and `notes`; `encoder`, the fingerprint.
    """
    asked = request.to_dict()
    known = find_preview(job.db, "judge", dataset.key, asked)
    if known is not None and len(known.result["ids"]) == len(dataset):
        return dict(known.result)
    oracle, notes = _oracle(job, request.reference, dataset.label_names)
    opinion = oracle.judge(dataset.texts, job.embed(dataset.texts))
    sure = opinion.confidence or ()
    result = {
        "ids": list(dataset.ids),
        "labels": list(opinion.labels),
        "confidence": [round(value, 5) for value in sure],
        "oracle": {
            "accuracy": oracle.accuracy.to_dict(),
            "measured_on": oracle.measured_on,
            "notes": notes,
        },
        "encoder": job.encoder.fingerprint,
    }
    save_preview(job.db, "judge", dataset.key, asked, result)
    return result


def _oracle(
    job: EmbeddingJob, reference: str, label_names: Sequence[str]
) -> tuple[Oracle, list[str]]:
    parts = [load_dataset(job.db, reference_key(reference, part)) for part in ("train", "test")]
    train, test = parts
    vectors = job.embed([*train.texts, *test.texts])
    job.report("training")
    n = len(train)
    held_out = (vectors[n:], list(test.labels)) if len(test) else None
    oracle = train_oracle(vectors[:n], list(train.labels), test=held_out, seed=SEED)
    lacking = [name for name in label_names if name not in set(train.labels)]
    if not lacking:
        return oracle, []
    listed = ", ".join(f"'{name}'" for name in lacking[:5])
    return oracle, [f"The reference has no text of {listed}: the oracle never says so."]
