"""The job that lets the language model judge texts: an annotator among others, named `llm:MODEL`.

Its spec: `{"run": id, "texts": ids, "model": ModelChoice as JSON}`. The model is shown the run's
seed examples, if there are any. All is stored at the end, or nothing: its probabilities are
calibrated over the texts asked about (`core.classification.llm`), so a part would be another
answer.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core.classification.llm import LabelModel
from core.errors import BadInput
from core.jobs.context import JobContext
from core.jobs.queue import Job, submit
from core.runs import ModelChoice
from core.store.database import Database
from core.store.datasets import load_dataset, run_key
from core.store.judgements import Verdict, add_judgements, judgements_of
from core.store.runs import get_run

KIND = "llm_judge"
LEAST = 2
"""Texts that calibration needs."""


class _Stopped(Exception):
    """The job is to end now; nothing was stored."""


def judge_name(choice: ModelChoice) -> str:
    """Under which name a model's judgements are stored, at most 200 characters."""
    return f"llm:{choice.model}"[:200]


def start_llm_judge(db: Database, run_id: str, ids: Sequence[str], model: ModelChoice) -> Job:
    """Queue the job, once for the same texts and model.

    Args:
        db: the store.
        run_id: the texts' run.
        ids: the texts'.
        model: who judges.

    Raises:
        BadInput: the texts are too few, or the model's log-probabilities can't be read.
    """
    _check(ids, model)
    spec = {"run": run_id, "texts": list(ids), "model": model.to_dict()}
    words = json.dumps(spec, sort_keys=True)
    token = f"{KIND} {hashlib.sha256(words.encode()).hexdigest()[:24]}"
    return submit(db, KIND, spec, token=token)


def llm_judge_job(context: JobContext, label_model: Callable[[ModelChoice], LabelModel]) -> None:
    """Judge the texts of a job.

    Reports phase (loading, judging, done, stopped) and total (texts).

    Args:
        context: the job.
        label_model: loads the model.

    Raises:
        BadInput: there is no such run, a text is none of its own, or the model can't be asked.
        BackendFailed: the model is not to be had.
    """
    db, spec = context.db, context.spec
    model = _model(spec["model"])
    _check(spec["texts"], model)
    run = get_run(db, spec["run"])
    dataset = load_dataset(db, run_key(run.id))
    row = {key: place for place, key in enumerate(dataset.ids)}
    ids = [key for key in spec["texts"] if key in row]
    if len(ids) < len(spec["texts"]):
        raise BadInput("A text to judge is none of the run's.", "Load the page again.")
    progress: dict[str, Any] = {"phase": "loading", "total": len(ids)}

    def report(phase: str) -> None:
        context.report({**progress, "phase": phase}, at_once=True)

    def between() -> None:
        context.serve_questions()
        if context.should_stop():
            raise _Stopped

    who = judge_name(model)
    if any(one.who == who and one.session == context.job.id for one in judgements_of(db, run.id)):
        report("done")  # it was ended after all was stored
        return
    try:
        report("loading")
        between()
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
    names = run.spec.task.label_names
    verdicts = [
        Verdict(key, names[int(place)])
        for key, place in zip(ids, shares.argmax(axis=1), strict=True)
    ]
    add_judgements(db, run.id, verdicts, who=who, why="judge", session=context.job.id)
    report("done")


def _model(data: Mapping[str, Any]) -> ModelChoice:
    return ModelChoice(data["backend"], data["model"], data["device"])


def _check(ids: Sequence[str], model: ModelChoice) -> None:
    if model.backend != "local":
        raise BadInput(
            f"The backend '{model.backend}' does not tell how likely it finds a label.",
            "Ask a local model.",
        )
    if len(ids) < LEAST:
        raise BadInput("There are too few texts to judge.", "Judge a few yourself first.")
