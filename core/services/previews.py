"""Previews for a dataset of the store: label replacement, the budget curve, out-of-scope filtering.

No label is changed and no text removed; each preview is stored with the request that it answers.
"""

from collections.abc import Sequence

from core.diversity.measures.live import Encoders
from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.domain.serialization import from_json, to_json
from core.interventions.annotators import labels_by_row, scopes_by_row
from core.interventions.previews import (
    BudgetCurve,
    BudgetRequest,
    EffectPreview,
    EffectRequest,
    FilterPreview,
    FilterRequest,
    JudgeRequest,
    P,
    PreviewRequest,
    RelabelPreview,
    RelabelRequest,
)
from core.interventions.relabelling.budget import MIN_LEFT, budget_curve, flattens
from core.interventions.relabelling.oracle import Opinion, OracleInspection, relabel_by_oracle
from core.interventions.relabelling.relabel import Replacement, replace_labels
from core.interventions.scope_filter import check_enough, filter_effect, learn_filter
from core.interventions.versions import consensus_of_people, subject_of_dataset
from core.services.embedding import Embedder
from core.services.progress import NO_PROGRESS, Progress, countdown
from core.services.training.judge import oracle_opinion
from core.store.database import Database
from core.store.datasets import load_dataset, reference_key, run_id_of, run_key
from core.store.interventions.judgements import last_number
from core.store.interventions.previews import find_preview, save_preview


def preview_relabelling(
    db: Database,
    dataset_key: str,
    request: RelabelRequest,
    *,
    encoders: Encoders,
    progress: Progress = NO_PROGRESS,
) -> RelabelPreview:
    """Preview label replacement.

    Reports the phases loading, embedding, training and learning.

    Args:
        db: the store.
        dataset_key: of a run or a version.
        request: who inspects what.
        encoders: opens the encoder.
        progress: follows the work.

    Raises:
        BadInput: there is no such dataset, or too little to learn from.
        BackendFailed: the encoder can't be loaded or failed.
        Stopped: the work is to end; nothing was stored but vectors and the oracle's opinion.
    """
    embedder, dataset = _load(db, dataset_key, request, encoders, progress)
    run_id = run_id_of(db, dataset.key)
    seen = last_number(db, run_id)
    labels = subject_of_dataset(db, dataset).proposed_labels
    if request.annotator == "oracle":
        replacement = _by_oracle(embedder, dataset, labels, run_id, request)
    else:
        judged = labels_by_row(dataset, consensus_of_people(db, run_id))
        vectors = embedder.embed(dataset.texts)
        embedder.phase("learning")
        replacement = replace_labels(
            vectors,
            labels,
            judged,
            label_names=dataset.label_names,
            weight=request.weight,
            seed=request.seed,
            between=progress.checkpoint,
        )
    preview = RelabelPreview.of(
        replacement,
        ids=dataset.ids,
        seen=seen if request.annotator == "people" else 0,
        encoder=embedder.encoder.fingerprint,
    )
    return _save(db, dataset, request, preview)


def preview_budget(
    db: Database,
    dataset_key: str,
    request: BudgetRequest,
    *,
    encoders: Encoders,
    progress: Progress = NO_PROGRESS,
) -> BudgetCurve:
    """Draw the annotation-budget curve; Args and Raises as `preview_relabelling`.

    Reports the phases loading, embedding, training and sampling.
    """
    embedder, dataset = _load(db, dataset_key, request, encoders, progress)
    run_id = run_id_of(db, dataset.key)
    seen = last_number(db, run_id)
    if request.annotator == "oracle":
        judged = dict(enumerate(_opinion(embedder, dataset, run_id, request).labels))
    else:
        judged = labels_by_row(dataset, consensus_of_people(db, run_id), audit=None)
        if len(judged) < 2 * MIN_LEFT:
            raise BadInput(
                f"{len(judged)} texts have a label from people; a curve needs at least "
                f"{2 * MIN_LEFT}, half to learn from and half to measure on.",
                "Judge more texts, or let the oracle stand in.",
            )
    points = budget_curve(
        embedder.embed(dataset.texts),
        subject_of_dataset(db, dataset).proposed_labels,
        judged,
        label_names=dataset.label_names,
        repeats=request.repeats,
        weight=request.weight,
        error_rate=request.error_rate,
        seed=request.seed,
        between=progress.checkpoint,
        progress=countdown(progress, "sampling"),
    )
    curve = BudgetCurve(
        n=len(dataset),
        judged=len(judged),
        seen=seen if request.annotator == "people" else 0,
        points=tuple(points),
        flattens=flattens(points),
    )
    return _save(db, dataset, request, curve)


def preview_filter(
    db: Database,
    dataset_key: str,
    request: FilterRequest,
    *,
    encoders: Encoders,
    progress: Progress = NO_PROGRESS,
) -> FilterPreview:
    """Learn the filter from people's judgements, and measure it; Args as `preview_relabelling`.

    All judged texts are learned from, those that the version removed before included.

    Reports the phases loading, embedding and learning.

    Raises:
        BadInput: there is no such dataset, or too little was judged to learn from.
        BackendFailed, Stopped: as `preview_relabelling`.
    """
    embedder, dataset = _load(db, dataset_key, request, encoders, progress)
    run_id = run_id_of(db, dataset.key)
    seen = last_number(db, run_id)
    whole = load_dataset(db, run_key(run_id))
    kept = set(dataset.ids)
    removed = whole.take([row for row, key in enumerate(whole.ids) if key not in kept])
    judged = scopes_by_row([*dataset.ids, *removed.ids], consensus_of_people(db, run_id))
    check_enough(judged.values())
    texts = [*dataset.texts, *removed.texts]
    vectors = embedder.embed(texts)
    embedder.phase("learning")
    scope = learn_filter(texts, vectors, judged, count=len(dataset), seed=request.seed)
    fingerprint = embedder.encoder.fingerprint
    preview = FilterPreview.of(scope, ids=dataset.ids, seen=seen, encoder=fingerprint)
    return _save(db, dataset, request, preview)


def preview_filter_effect(
    db: Database,
    dataset_key: str,
    request: EffectRequest,
    *,
    encoders: Encoders,
    progress: Progress = NO_PROGRESS,
) -> EffectPreview:
    """Train probes with and without what the filter removes, and test them on real texts.

    Reports the phases loading, embedding and probing; Args as `preview_relabelling`.

    Raises:
        BadInput: there is no such dataset or reference, no filter was learned, or it leaves too
            little.
        BackendFailed, Stopped: as `preview_relabelling`.
    """
    embedder, dataset = _load(db, dataset_key, request, encoders, progress)
    filter_request = FilterRequest(n=request.n, encoder=request.encoder)
    stored = find_preview(db, filter_request.kind, dataset.key, filter_request)
    learned = None if stored is None else from_json(FilterPreview, stored.result)
    if learned is None or learned.ids != dataset.ids:
        raise BadInput("No filter of these texts was learned.", "Learn it first.")
    test = load_dataset(db, reference_key(request.reference, "test"))
    if not len(test):
        raise BadInput("The reference has no test part.", "Attach one that has.")
    vectors = embedder.embed([*dataset.texts, *test.texts])
    embedder.phase("probing")
    effect = filter_effect(
        vectors[: len(dataset)],
        dataset.labels,
        learned.scope.kept(request.threshold),
        test_vectors=vectors[len(dataset) :],
        test_labels=test.labels,
        seed=request.seed,
        between=progress.checkpoint,
    )
    preview = EffectPreview.of(effect, seen=learned.seen, test=test.name)
    return _save(db, dataset, request, preview)


def _load(
    db: Database,
    dataset_key: str,
    request: PreviewRequest[P],
    encoders: Encoders,
    progress: Progress,
) -> tuple[Embedder, Dataset]:
    embedder = Embedder(db, encoders, request.encoder, progress)
    embedder.phase("loading")
    return embedder, load_dataset(db, dataset_key)


def _save(db: Database, dataset: Dataset, request: PreviewRequest[P], preview: P) -> P:
    save_preview(db, request.kind, dataset.key, request, to_json(preview))
    return preview


def _by_oracle(
    embedder: Embedder,
    dataset: Dataset,
    labels: Sequence[str],
    run_id: str,
    request: RelabelRequest,
) -> Replacement:
    opinion = _opinion(embedder, dataset, run_id, request)
    vectors = None
    if request.inspect is not None:
        vectors = embedder.embed(dataset.texts)
        embedder.phase("learning")
    return relabel_by_oracle(
        labels,
        opinion,
        OracleInspection(
            count=request.inspect,
            error_rate=request.error_rate,
            weight=request.weight,
            seed=request.seed,
        ),
        label_names=dataset.label_names,
        vectors=vectors,
        between=embedder.progress.checkpoint,
    )


def _opinion(
    embedder: Embedder, dataset: Dataset, run_id: str, request: RelabelRequest | BudgetRequest
) -> Opinion:
    """The oracle's opinion of a version's texts, which it has of all texts of the run."""
    assert request.reference is not None
    whole = (
        dataset if dataset.key == run_key(run_id) else load_dataset(embedder.db, run_key(run_id))
    )
    whole_request = JudgeRequest(n=len(whole), encoder=request.encoder, reference=request.reference)
    return oracle_opinion(embedder, whole, whole_request).of(dataset.ids)
