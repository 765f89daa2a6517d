"""The job that lets a classifier answer another dataset's texts, and the answer to one text.

The job's spec: `{"training": id, "dataset": key, "n": texts}`.
"""

from contextlib import closing
from dataclasses import dataclass

from core.domain.serialization import to_json
from core.jobs.context import JobContext
from core.jobs.lease import living
from core.jobs.queue import Work, find_submitted, once, state_of
from core.jobs.registry import job, question
from core.jobs.tools import WorkerTools
from core.services.training.apply_classifier import (
    KIND,
    AppliedClassifier,
    ApplyRequest,
    apply_classifier,
    classify_text,
)
from core.store.database import Database


@dataclass(frozen=True, slots=True)
class Applied:
    """What is there of a classifier's answers to a dataset.

    Args:
        result: of the job; None while it is missing.
        work: the job that was queued for it last; None if none was.
    """

    result: AppliedClassifier | None
    work: Work | None


def look(db: Database, training_id: str, dataset: str, *, n: int) -> Applied:
    """What is there; queues nothing.

    Args:
        db: the store.
        training_id: the training whose classifier is meant.
        dataset: key of the dataset.
        n: its texts now; answers to fewer are out of date.
    """
    request = ApplyRequest(training=training_id, dataset=dataset, n=n)
    with db.read():
        result = request.stored_result(db)
        queued = find_submitted(db, KIND, to_json(request), 0)
        work = None if queued is None else Work(queued, state_of(queued, living(db)))
    return Applied(result, work)


def ask(db: Database, training_id: str, dataset: str, *, n: int) -> Work:
    """Queue the job, once for equal arguments (those of `look`)."""
    request = ApplyRequest(training=training_id, dataset=dataset, n=n)
    return once(db, KIND, to_json(request), 0)


@job(KIND, title="Test on generated texts", activity="Testing a classifier")
def apply_job(context: JobContext, tools: WorkerTools) -> None:
    """Let the classifier of the best repeat answer all texts; see `apply_classifier`."""
    apply_classifier(
        context.db,
        context.job.spec_as(ApplyRequest),
        encoders=tools.encoders,
        classifiers=tools.classifiers,
        home=tools.home,
        progress=context,
    )


@dataclass(frozen=True, slots=True)
class TextQuestion:
    """A text that the classifier of a training is to label."""

    training: str
    text: str


@dataclass(frozen=True, slots=True)
class TextLabels:
    """The labels of a text, the most probable first."""

    labels: tuple[str, ...]
    probabilities: tuple[float, ...]


@question("classify", TextQuestion)
def classify(asked: TextQuestion, tools: WorkerTools) -> TextLabels:
    """What a trained classifier says of a text."""
    from core.classification.fine_tuning.encoders import seeded

    # Loading a model may draw random numbers, which a training under way must not notice.
    with closing(tools.open_store()) as db, seeded(0, "cpu"):
        pairs = classify_text(
            db, asked.training, asked.text, classifiers=tools.classifiers, home=tools.home
        )
    return TextLabels(*zip(*pairs, strict=True))
