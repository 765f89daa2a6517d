"""The job that lets the oracle judge every text of a dataset.

Its spec: `{"dataset": key, "request": JudgeRequest as JSON}`. The answer serves all versions of a
run, whatever labels they bear: it is of texts.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core.classification.llm.cost_estimate import check_enough
from core.classification.llm.llm import LabelModel
from core.diversity.measures.live import Encoders
from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.domain.runs import ModelChoice, server_of
from core.domain.spending import SpendingLimit, SpendingLimitReached
from core.interventions.relabelling.oracle import Oracle, train_oracle
from core.interventions.requests import JudgeRequest
from core.jobs.context import JobContext
from core.jobs.handlers.embedding import EmbeddingJob, Stopped
from core.jobs.queue import Job, State, status, submit_once
from core.services.cost_estimate import check_model_limit
from core.services.served_models import ServedLabelModel
from core.store.database import Database
from core.store.datasets import load_dataset, reference_key, run_key
from core.store.generation.runs import get_run
from core.store.interventions.judgements import (
    MAX_WHO,
    Verdict,
    add_judgements,
    last_number,
    standing_of,
)
from core.store.interventions.previews import find_preview, save_preview

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
    known = find_preview(job.db, "judge", dataset.key, request)
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
    save_preview(job.db, "judge", dataset.key, request, result)
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


KIND = "llm_judge"
LEAST = 2
"""Texts that calibration needs."""
_FACTS = ("model", "base_url", "server", "scores", "calibration", "not_parsed", "mass")


class _Stopped(Exception):
    """The job is to end now; nothing was stored."""


def judge_name(choice: ModelChoice) -> str:
    """Under which name a model's judgements are stored, at most 200 characters; of one behind a
    server both are told, as a name of a model says nothing of who serves it."""
    where = f" at {server_of(choice)}"[:100] if choice.backend != "local" else ""
    return f"llm:{choice.model}"[: MAX_WHO - len(where)] + where


def start_llm_judge(
    db: Database,
    run_id: str,
    ids: Sequence[str],
    model: ModelChoice,
    *,
    cap: SpendingLimit | None = None,
) -> Job:
    """Queue the job, once for the same texts and model as long as nothing else is judged.

    Args:
        db: the store.
        run_id: the texts' run.
        ids: the texts'.
        model: who judges.
        cap: what a server's model may take, all resumptions included; None is no cap.

    Raises:
        BadInput: the texts are too few, or the cap can't be kept or does not reach for them.
    """
    _check(ids)
    cap = cap or SpendingLimit()
    check_model_limit(db, model, cap)
    if model.backend != "local":
        check_enough(cap, len(ids))
    spec = {"run": run_id, "texts": list(ids), "model": model}
    if cap.on:
        spec["cap"] = cap
    # After its labels were taken back the same question is another one.
    return submit_once(db, KIND, spec, last_number(db, run_id))


def judging(db: Database, run_id: str) -> list[tuple[Job, State]]:
    """A run's jobs of this kind and how they read, the newest first."""
    with db.read() as connection:
        rows = connection.execute(
            "SELECT id FROM jobs WHERE kind = ? AND json_extract(spec, '$.run') = ?"
            " ORDER BY created_at DESC, rowid DESC",
            (KIND, run_id),
        ).fetchall()
        return [status(db, row["id"]) for row in rows]


def model_of(job: Job) -> ModelChoice:
    """Who judges in a job of this kind."""
    return _model(job.spec["model"])


def llm_judge_job(
    context: JobContext,
    label_model: Callable[[ModelChoice], LabelModel],
    *,
    asking: ServedLabelModel | None = None,
) -> None:
    """Judge the texts of a job.

    Reports phase (loading, judging, done, stopped) and total (texts); of a server's model done
    (texts answered) and spending (`SpendingProgress`); at the end `labelled` (texts) and `facts`
    (of the model, and how it was asked).

    Args:
        context: the job.
        label_model: loads the model.
        asking: opened it, if it is a server's.

    Raises:
        BadInput: there is no such run, a text is none of its own, or the model can't be asked.
        BackendFailed: the model is not to be had.
        Pausing: the server does not answer now, or the cap is reached; nothing was stored.
    """
    db, spec = context.db, context.spec
    model = _model(spec["model"])
    _check(spec["texts"])
    run = get_run(db, spec["run"])
    dataset = load_dataset(db, run_key(run.id))
    row = {key: place for place, key in enumerate(dataset.ids)}
    ids = [key for key in spec["texts"] if key in row]
    if len(ids) < len(spec["texts"]):
        raise BadInput("A text to judge is none of the run's.", "Load the page again.")

    def report(phase: str, *, at_once: bool = True, **more: Any) -> None:
        told = {} if asking is None else asking.job_progress(len(ids))
        context.report({"phase": phase, "total": len(ids), **told, **more}, at_once=at_once)

    def between() -> None:
        context.serve_questions()
        if context.should_stop():
            raise _Stopped
        if asking is not None and model.backend != "local":
            report("judging", at_once=False)

    who = judge_name(model)
    if any(one.session == context.job.id for one in standing_of(db, run.id, who=who)):
        report("done")  # it was ended after all was stored
        return
    try:
        report("loading")
        if context.should_stop():
            raise _Stopped
        judge = label_model(model)
        report("judging")
        shares = judge.probabilities(
            [dataset.texts[row[key]] for key in ids],
            run.spec.task,
            run.spec.seed_examples,
            between=between,
        )
    except _Stopped:
        report("stopped")
        return
    except SpendingLimitReached as error:
        raise error if asking is None else asking.limit_reached(error, len(ids)) from error
    names = run.spec.task.label_names
    verdicts = [
        Verdict(key, names[int(share.argmax())])
        for key, share in zip(ids, shares, strict=True)
        if share.max() > 0
    ]
    facts = {key: value for key, value in judge.facts.items() if key in _FACTS}
    if not verdicts:
        raise BadInput(
            "No answer of the model could be read as a label, so that nothing was judged.",
            "Ask another model.",
        )
    add_judgements(db, run.id, verdicts, who=who, why="judge", session=context.job.id)
    report("done", labelled=len(verdicts), facts=facts)


def _model(data: Mapping[str, Any]) -> ModelChoice:
    return ModelChoice(data["backend"], data["model"], data["device"], data.get("base_url", ""))


def _check(ids: Sequence[str]) -> None:
    if len(ids) < LEAST:
        raise BadInput("There are too few texts to judge.", "Judge a few yourself first.")
