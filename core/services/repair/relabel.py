"""Label replacement: its preview for a dataset of the store, and the budget curve."""

from core.diversity.embedding.encoder import encoder_choice_from_dict
from core.diversity.measures.live import Encoders
from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.interventions.annotation.consensus import labels_by_row
from core.interventions.relabelling.budget import MIN_LEFT, budget_curve, flattens
from core.interventions.relabelling.oracle import Opinion, OracleInspection, relabel_by_oracle
from core.interventions.relabelling.relabel import Replacement, replace_labels
from core.interventions.requests import BudgetRequest, JudgeRequest, RelabelRequest
from core.interventions.results import BudgetCurve, RelabelPreview
from core.interventions.versions.subject import consensus_of_people
from core.services.embedding import Embedder
from core.services.progress import NO_PROGRESS, Progress, countdown
from core.services.training.judge import oracle_opinion
from core.store.database import Database
from core.store.datasets import load_dataset, run_id_of, run_key
from core.store.interventions.judgements import last_number
from core.store.interventions.previews import save_preview


def preview_relabelling(
    db: Database,
    dataset_key: str,
    request: RelabelRequest,
    *,
    encoders: Encoders,
    progress: Progress = NO_PROGRESS,
) -> RelabelPreview:
    """Preview label replacement, and store the preview; no label is changed.

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
    choice = encoder_choice_from_dict(request.encoder)
    embedder = Embedder(db, encoders, choice, progress)
    embedder.phase("loading")
    dataset = load_dataset(db, dataset_key)
    run_id = run_id_of(db, dataset.key)
    seen = last_number(db, run_id)
    if request.annotator == "oracle":
        replacement = _by_oracle(embedder, dataset, run_id, request)
    else:
        judged = labels_by_row(dataset.ids, consensus_of_people(db, run_id))
        vectors = embedder.embed(dataset.texts)
        embedder.phase("learning")
        replacement = replace_labels(
            vectors,
            dataset.labels,
            judged,
            label_names=dataset.label_names,
            weight=request.weight,
            seed=request.seed,
            between=progress.checkpoint,
        )
    preview = RelabelPreview(
        ids=dataset.ids,
        seen=seen if request.annotator == "people" else 0,
        encoder=embedder.encoder.fingerprint,
        replacement=replacement,
    )
    save_preview(db, "relabel", dataset.key, request, preview.to_dict())
    return preview


def preview_budget(
    db: Database,
    dataset_key: str,
    request: BudgetRequest,
    *,
    encoders: Encoders,
    progress: Progress = NO_PROGRESS,
) -> BudgetCurve:
    """Draw the annotation-budget curve, and store it.

    Reports the phases loading, embedding, training and sampling.

    Args and Raises as `preview_relabelling`.
    """
    choice = encoder_choice_from_dict(request.encoder)
    embedder = Embedder(db, encoders, choice, progress)
    embedder.phase("loading")
    dataset = load_dataset(db, dataset_key)
    run_id = run_id_of(db, dataset.key)
    seen = last_number(db, run_id)
    if request.annotator == "oracle":
        judged = dict(enumerate(_opinion(embedder, dataset, run_id, request).labels))
    else:
        judged = labels_by_row(dataset.ids, consensus_of_people(db, run_id), audit=None)
        if len(judged) < 2 * MIN_LEFT:
            raise BadInput(
                f"{len(judged)} texts have a label from people; a curve needs at least "
                f"{2 * MIN_LEFT}, half to learn from and half to measure on.",
                "Judge more texts, or let the oracle stand in.",
            )
    points = budget_curve(
        embedder.embed(dataset.texts),
        dataset.labels,
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
    save_preview(db, "budget", dataset.key, request, curve.to_dict())
    return curve


def _by_oracle(
    embedder: Embedder, dataset: Dataset, run_id: str, request: RelabelRequest
) -> Replacement:
    opinion = _opinion(embedder, dataset, run_id, request)
    vectors = None
    if request.inspect is not None:
        vectors = embedder.embed(dataset.texts)
        embedder.phase("learning")
    return relabel_by_oracle(
        dataset.labels,
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
    asked = JudgeRequest(n=len(whole), encoder=request.encoder, reference=request.reference)
    return oracle_opinion(embedder, whole, asked).of(dataset.ids)
