"""Judging the labels of texts: by the oracle, or by a language model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from core.classification.llm.llm import LabelModel
from core.classification.results import Facts
from core.diversity.measures.live import Encoders
from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.domain.runs import ModelChoice, server_of
from core.domain.serialization import from_json, to_json
from core.interventions.previews import JudgeRequest, OracleOpinion
from core.interventions.relabelling.oracle import Oracle, missing_labels_note, train_oracle
from core.interventions.relabelling.oracle_quality import few_texts_notes
from core.services.embedding import Embedder
from core.services.progress import NO_PROGRESS, Progress
from core.store.database import Database
from core.store.datasets import load_dataset, reference_key, run_key
from core.store.generation.runs import get_run
from core.store.interventions.judgements import MAX_WHO, Verdict, add_judgements
from core.store.interventions.previews import find_preview, save_preview

SEED = 0
"""Of the folds, where the oracle is measured by cross-validation."""

LEAST = 2
"""Texts that a language model's calibration needs."""

_SHOWN_FACTS = ("model", "base_url", "server", "scores", "calibration", "not_parsed", "mass")


@dataclass(frozen=True, slots=True)
class TrainedOracle:
    """An oracle that learned from a reference.

    Args:
        oracle: the classifier, with its own accuracy.
        notes: sentences on labels that it can't predict or hardly knows.
    """

    oracle: Oracle
    notes: tuple[str, ...]


def train_oracle_on(
    embedder: Embedder,
    train: Dataset,
    test: Dataset | None,
    *,
    label_names: Sequence[str],
    seed: int = SEED,
) -> TrainedOracle:
    """Train the oracle on real texts and measure it; reports the phase training.

    Args:
        embedder: embeds the texts.
        train: what it learns from.
        test: what it is measured on; None, or without texts, is cross-validation.
        label_names: the labels that it is to predict.
        seed: of the folds of a cross-validation.

    Raises:
        BadInput: the reference teaches nothing.
        BackendFailed, Stopped: as `Embedder.embed`.
    """
    n = len(train)
    vectors = embedder.embed([*train.texts, *(test.texts if test is not None else ())])
    embedder.phase("training")
    held_out = (vectors[n:], list(test.labels)) if test is not None and len(test) else None
    oracle = train_oracle(vectors[:n], list(train.labels), test=held_out, seed=seed)
    note = missing_labels_note(label_names, train.labels)
    few = few_texts_notes(label_names, oracle.quality)
    return TrainedOracle(oracle, (*([note] if note else []), *few))


def judge_by_oracle(
    db: Database,
    dataset_key: str,
    request: JudgeRequest,
    *,
    encoders: Encoders,
    progress: Progress = NO_PROGRESS,
) -> OracleOpinion:
    """Train the oracle on a stored reference and let it judge every text of a dataset.

    The opinion serves all versions of a run, whatever labels they bear: it is of texts.

    Reports the phases loading, embedding and training.

    Raises:
        BadInput: there is no such reference, or it teaches nothing.
        BackendFailed: the encoder can't be loaded or failed.
        Stopped: the work is to end.
    """
    embedder = Embedder(db, encoders, request.encoder, progress)
    embedder.phase("loading")
    return oracle_opinion(embedder, load_dataset(db, dataset_key), request)


def oracle_opinion(embedder: Embedder, dataset: Dataset, request: JudgeRequest) -> OracleOpinion:
    """The oracle's opinion of every text: the stored one, or a new one, which is stored.

    Raises as `judge_by_oracle`.
    """
    db = embedder.db
    known = find_preview(db, "judge", dataset.key, request)
    if known is not None:
        stored = from_json(OracleOpinion, known.result)
        if len(stored.ids) == len(dataset):
            return stored
    train, test = (
        load_dataset(db, reference_key(request.reference, part)) for part in ("train", "test")
    )
    trained = train_oracle_on(embedder, train, test, label_names=dataset.label_names)
    given = trained.oracle.judge(dataset.texts, embedder.embed(dataset.texts))
    opinion = OracleOpinion(
        ids=dataset.ids,
        labels=given.labels,
        confidence=tuple(round(value, 5) for value in given.confidence or ()),
        oracle=replace(trained.oracle.quality, notes=trained.notes),
        encoder=embedder.encoder.fingerprint,
    )
    save_preview(db, "judge", dataset.key, request, to_json(opinion))
    return opinion


def judge_name(choice: ModelChoice) -> str:
    """The name that a model's judgements are stored under, at most 200 characters; that of one
    behind a server has both model and server, as the model's name does not tell who serves it."""
    where = f" at {server_of(choice)}"[:100] if choice.backend != "local" else ""
    return f"llm:{choice.model}"[: MAX_WHO - len(where)] + where


@dataclass(frozen=True, slots=True)
class ModelJudgements:
    """What a language model's judging came to.

    Args:
        labelled: texts that got a label.
        facts: of the model, and how it was asked.
    """

    labelled: int
    facts: Facts


def judge_by_model(
    db: Database,
    run_id: str,
    ids: Sequence[str],
    model: ModelChoice,
    *,
    label_model: Callable[[ModelChoice], LabelModel],
    session: str,
    progress: Progress = NO_PROGRESS,
    begin: Callable[[], None] = lambda: None,
) -> ModelJudgements:
    """Let a language model judge texts of a run, and store its judgements.

    Args:
        db: the store.
        run_id: the run.
        ids: the texts'.
        model: who judges.
        label_model: loads it.
        session: what the judgements are stored with.
        progress: asked whether to stop.
        begin: called once the model is loaded.

    Raises:
        BadInput: there is no such run, a text is none of its own, they are too few, the model can't
            be asked, or no answer could be read.
        BackendFailed: the model can't be loaded.
        Pausing: its server does not answer now.
        SpendingLimitReached: nothing was stored.
        Stopped: the work is to end; nothing was stored.
    """
    check_enough_texts(ids)
    run = get_run(db, run_id)
    dataset = load_dataset(db, run_key(run.id))
    row_of = {key: row for row, key in enumerate(dataset.ids)}
    if any(key not in row_of for key in ids):
        raise BadInput("A text to judge is none of the run's.", "Load the page again.")
    judge = label_model(model)
    begin()
    shares = judge.probabilities(
        [dataset.texts[row_of[key]] for key in ids],
        run.spec.task,
        run.spec.seed_examples,
        between=progress.checkpoint,
    )
    names = run.spec.task.label_names
    verdicts = [
        Verdict(key, names[int(share.argmax())])
        for key, share in zip(ids, shares, strict=True)
        if share.max() > 0
    ]
    if not verdicts:
        raise BadInput(
            "No answer of the model could be read as a label, so that nothing was judged.",
            "Ask another model.",
        )
    add_judgements(db, run.id, verdicts, who=judge_name(model), why="judge", session=session)
    facts = {key: value for key, value in judge.facts.items() if key in _SHOWN_FACTS}
    return ModelJudgements(len(verdicts), facts)


def check_enough_texts(ids: Sequence[str]) -> None:
    """See that there are texts enough for a language model to judge.

    Raises:
        BadInput: there are too few.
    """
    if len(ids) < LEAST:
        raise BadInput("There are too few texts to judge.", "Judge a few yourself first.")
