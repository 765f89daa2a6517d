"""Out-of-scope filtering: learning the filter, and what a classifier makes of it."""

from core.diversity.embedding.encoder import encoder_choice_from_dict
from core.diversity.measures.live import Encoders
from core.domain.errors import BadInput
from core.interventions.annotation.consensus import scopes_by_row
from core.interventions.requests import EffectRequest, FilterRequest
from core.interventions.results import EffectPreview, FilterPreview
from core.interventions.scope_filter.effect import filter_effect
from core.interventions.scope_filter.out_of_scope import check_enough, learn_filter
from core.interventions.versions.subject import consensus_of_people
from core.services.embedding import Embedder
from core.services.progress import NO_PROGRESS, Progress
from core.store.database import Database
from core.store.datasets import load_dataset, reference_key, run_id_of, run_key
from core.store.interventions.judgements import last_number
from core.store.interventions.previews import find_preview, save_preview


def preview_filter(
    db: Database,
    dataset_key: str,
    request: FilterRequest,
    *,
    encoders: Encoders,
    progress: Progress = NO_PROGRESS,
) -> FilterPreview:
    """Learn the filter from people's judgements and store it with its quality; no text is removed.

    All judged texts are learned from, those that the version removed before included.

    Reports the phases loading, embedding and learning.

    Args:
        db: the store.
        dataset_key: of a run or a version.
        request: the encoder and the seed.
        encoders: opens the encoder.
        progress: follows the work.

    Raises:
        BadInput: there is no such dataset, or too little was judged to learn from.
        BackendFailed: the encoder can't be loaded or failed.
        Stopped: the work is to end; nothing was stored but vectors.
    """
    choice = encoder_choice_from_dict(request.encoder)
    embedder = Embedder(db, encoders, choice, progress)
    embedder.phase("loading")
    dataset = load_dataset(db, dataset_key)
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
    preview = FilterPreview(
        ids=dataset.ids, seen=seen, encoder=embedder.encoder.fingerprint, scope=scope
    )
    save_preview(db, "filter", dataset.key, request, preview.to_dict())
    return preview


def preview_filter_effect(
    db: Database,
    dataset_key: str,
    request: EffectRequest,
    *,
    encoders: Encoders,
    progress: Progress = NO_PROGRESS,
) -> EffectPreview:
    """Train probes with and without what the filter removes, test them on real texts, store this.

    Reports the phases loading, embedding and probing.

    Args as `preview_filter`.

    Raises:
        BadInput: there is no such dataset or reference, no filter was learned, or it leaves too
            little.
        BackendFailed, Stopped: as `preview_filter`.
    """
    choice = encoder_choice_from_dict(request.encoder)
    embedder = Embedder(db, encoders, choice, progress)
    embedder.phase("loading")
    dataset = load_dataset(db, dataset_key)
    asked = FilterRequest(n=request.n, encoder=request.encoder)
    stored = find_preview(db, "filter", dataset.key, asked)
    learned = None if stored is None else FilterPreview.from_dict(stored.result)
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
    preview = EffectPreview(seen=learned.seen, test=test.name, effect=effect)
    save_preview(db, "filter_effect", dataset.key, request, preview.to_dict())
    return preview
