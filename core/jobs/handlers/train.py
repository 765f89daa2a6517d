"""The job that trains a classifier, or asks a language model, and tests it on real texts."""

from contextlib import closing
from dataclasses import dataclass

from core.classification.llm.cost_estimate import check_enough
from core.classification.settings import TrainingSpec
from core.classification.tools import StoreTools
from core.domain.serialization import to_json
from core.domain.spending import SpendingLimit
from core.jobs.context import JobContext
from core.jobs.queue import Job, job_of_token, submit
from core.jobs.registry import job
from core.jobs.tools import WorkerTools
from core.services.measure import stored_dataset
from core.services.progress import TrainingProgress
from core.services.servers.cost_estimate import check_model_limit
from core.services.training.train import train_stored
from core.store.database import Database
from core.store.trainings import (
    TrainingRecord,
    create_training,
    get_training,
    set_training_job,
)

KIND = "train"


@dataclass(frozen=True, slots=True)
class _TrainSpec:
    """The spec of a job: the id of the training, which has the rest."""

    training: str


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
        asked = {"cap": to_json(cap)}
    with db.write():
        known = None if token is None else job_of_token(db, token)
        if known is not None:
            return get_training(db, known.spec_as(_TrainSpec).training), known
        record = create_training(db, spec.to_dict(), task_key=task_key, name=name)
        queued = submit(db, KIND, {"training": record.id, **asked}, token=token)
        set_training_job(db, record.id, queued.id)
        return get_training(db, record.id), queued


@job(KIND, title="Training", activity="Training", progress=TrainingProgress)
def train_job(context: JobContext, tools: WorkerTools) -> None:
    """Train seed by seed; a job that was stopped or killed goes on from the last epoch.

    See `core.services.training.train.train_stored`.
    """
    with closing(tools.label_model_session(context)) as session:
        train_stored(
            context.db,
            context.job.spec_as(_TrainSpec).training,
            tools=StoreTools(context.db, tools.encoders, tools.home.models),
            home=tools.home,
            session=session,
            progress=context,
            timer=tools.timer,
        )
