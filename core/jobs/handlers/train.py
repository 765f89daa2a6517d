"""The job that trains a classifier, or asks a language model, and tests it on real texts.

Its spec: `{"training": id}`, for a server's model with `cap`; what is to be done stands in the
store.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from core.classification.fine_tuning.fine_tuning import Step
from core.classification.llm.cost_estimate import check_enough
from core.classification.results import Prediction, given_labels, label_names_of, result_of
from core.classification.settings import TrainingSpec, spec_from_dict
from core.classification.tools import StoreTools
from core.classification.training import look_before, predict, seeds_of
from core.diversity.measures.live import Encoders
from core.domain.settings import Home
from core.domain.spending import SpendingLimit, SpendingLimitReached
from core.jobs.context import JobContext
from core.jobs.handlers.measure import stored_dataset
from core.jobs.queue import Job, get_job, submit
from core.services.cost_estimate import check_model_limit
from core.services.served_models import ServedLabelModel
from core.store.database import Database
from core.store.trainings import (
    Predictions,
    Repeat,
    TrainingRecord,
    add_repeat,
    create_training,
    get_training,
    predictions_of,
    repeats_of,
    set_result,
    set_training_job,
    training_folder,
)

KIND = "train"


class _Stopped(Exception):
    """The job is to end now; the last whole epoch and the repeats that ended stay."""


def start_training(
    db: Database,
    spec: TrainingSpec,
    *,
    task_key: str,
    name: str,
    token: str | None = None,
    cap: SpendingLimit | None = None,
) -> tuple[TrainingRecord, Job]:
    """Make a training and queue its job in one step; with a token, a double click is one training.

    Args:
        db: the store.
        spec: what is trained and tested; its keys are of datasets in the store.
        task_key: `Task.key`.
        name: for display.
        token: any text of the caller's.
        cap: what a server's model may take, all resumptions included; None is no cap.

    Raises:
        BadInput: the cap can't be kept, or does not reach for all test texts.
    """
    asked = {}
    if cap is not None and cap.on:
        check_model_limit(db, spec.language_choice, cap)
        check_enough(cap, len(stored_dataset(db, spec.test)))
        asked = {"cap": cap.to_dict()}
    with db.write() as connection:
        if token is not None:
            known = connection.execute("SELECT id FROM jobs WHERE token = ?", (token,)).fetchone()
            if known is not None:
                job = get_job(db, known["id"])
                return get_training(db, job.spec["training"]), job
        record = create_training(db, spec.to_dict(), task_key=task_key, name=name)
        job = submit(db, KIND, {"training": record.id, **asked}, token=token)
        set_training_job(db, record.id, job.id)
        return get_training(db, record.id), job


def train_job(
    context: JobContext,
    encoders: Encoders,
    home: Home,
    *,
    asking: ServedLabelModel | None = None,
    timer: Callable[[], float] = time.monotonic,
) -> None:
    """Train seed by seed; a job that was stopped or killed goes on from the last epoch.

    Reports phase (checking, embedding, training, testing, done, stopped), seed, seeds (how many),
    seeds_done, epoch, epochs, loss, accuracy (on the validation texts), seconds_left (for all
    seeds, should none end early), done and total (texts embedded, or answered by a server's model),
    warnings, and history (of this seed); None while unknown. While and after a server is asked also
    done and spending (`SpendingProgress`).

    Args:
        context: the job.
        encoders: opens encoders.
        home: where models and the training's folder lie.
        asking: opens a server's model that is asked; None knows none.
        timer: seconds that only grow.

    Raises:
        BadInput: the texts can't be trained on or tested with, or are not there.
        BackendFailed: a model is not to be had or failed.
        Pausing: a server does not answer now, or the cap is reached; no answer is kept.
    """
    db = context.db
    record = get_training(db, context.spec["training"])
    spec = spec_from_dict(record.spec)
    progress: dict[str, Any] = {
        "phase": "checking",
        "seed": None,
        "seeds": len(seeds_of(spec)),
        "seeds_done": 0,
        "epoch": None,
        "epochs": spec.fine_tuning.max_epochs if spec.kind == "fine-tuning" else None,
        "loss": None,
        "accuracy": None,
        "seconds_left": None,
        "done": None,
        "total": None,
        "warnings": [],
        "history": [],
    }

    def report(**more: Any) -> None:
        at_once = more.get("phase", progress["phase"]) != progress["phase"]
        progress.update(more)
        context.report(progress, at_once=at_once)

    def between() -> None:
        context.serve_questions()
        if context.should_stop():
            raise _Stopped
        asked = {} if asking is None else asking.job_progress(len(test))
        if asked:
            report(total=len(test), **asked)

    context.report(progress, at_once=True)
    test = stored_dataset(db, spec.test)
    tools = StoreTools(
        db,
        encoders,
        home.models,
        between=between,
        progress=lambda done, total: report(phase="embedding", done=done, total=total),
        served=None if asking is None else asking.open,
    )
    try:
        between()
        train = None if spec.train is None else stored_dataset(db, spec.train)
        warnings, leakage = look_before(spec, train, test, tools)
        names = label_names_of(train, test, spec)
        report(warnings=warnings)
        predictions = _earlier(db, record.id)
        pace = _Pace(timer, len(seeds_of(spec)))
        for seed in seeds_of(spec):
            if seed in predictions:
                continue
            between()
            report(phase="training", seed=seed, seeds_done=len(predictions), history=[])
            pace.begin(len(predictions))

            def watch(step: Step) -> None:
                between()
                report(
                    phase="testing" if step.step == step.steps else "training",
                    epoch=step.epoch,
                    loss=step.loss,
                    accuracy=step.history[-1]["accuracy"] if step.history else None,
                    seconds_left=pace.left(step.seconds_left),
                    history=[dict(epoch) for epoch in step.history],
                )

            folder = training_folder(home, record.id) / f"seed-{seed}"
            made = predict(spec, train, test, seed=seed, folder=folder, tools=tools, watch=watch)
            # As the store keeps them, so that a resumed training has the very same result.
            kept = made.probabilities.astype("<f4")
            made = replace(made, probabilities=kept.astype("float64"))
            labels = given_labels(made.probabilities, names)
            add_repeat(
                db,
                record.id,
                Repeat(seed, made.history, made.facts),
                Predictions(test.ids, tuple(labels), kept),
            )
            predictions[seed] = made
    except _Stopped:
        report(phase="stopped", seconds_left=None)
        return
    except SpendingLimitReached as error:
        raise error if asking is None else asking.limit_reached(error, len(test)) from error
    ordered = [predictions[seed] for seed in seeds_of(spec)]
    result = result_of(spec, train, test, ordered, warnings=warnings, leakage=leakage)
    set_result(db, record.id, result)
    report(phase="done", seeds_done=len(ordered), seconds_left=0.0)


def _earlier(db: Database, training_id: str) -> dict[int, Prediction]:
    """The repeats that ended in an earlier sitting, by seed."""
    found = {}
    for repeat in repeats_of(db, training_id):
        kept = predictions_of(db, training_id, repeat.seed)
        found[repeat.seed] = Prediction(
            repeat.seed, kept.probabilities.astype("float64"), repeat.history, repeat.facts
        )
    return found


class _Pace:
    """How long all seeds take, going by the one under way."""

    def __init__(self, timer: Callable[[], float], seeds: int) -> None:
        self._timer, self._seeds = timer, seeds
        self._begun, self._done = timer(), 0

    def begin(self, done: int) -> None:
        self._begun, self._done = self._timer(), done

    def left(self, of_this: float | None) -> float | None:
        if of_this is None:
            return None
        whole = self._timer() - self._begun + of_this
        return of_this + (self._seeds - self._done - 1) * whole
