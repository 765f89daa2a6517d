"""The kinds of jobs and questions: who runs them, and how a kind reads.

The decorators below register the functions in the modules of `core.jobs.handlers`; a new kind is
one new function there. The modules are imported when a kind is first looked up, so that whoever
only queues jobs stays light.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import TypeVar

from core.domain.progress import JobProgress
from core.domain.serialization import from_json, to_json
from core.domain.settings import Home
from core.jobs.context import Handler, JobContext
from core.jobs.questions import Answerer
from core.jobs.queue import Job
from core.jobs.tools import WorkerTools

Run = Callable[[JobContext, WorkerTools], None]
Answer = Callable[[Mapping[str, object], WorkerTools], Mapping[str, object]]
Q = TypeVar("Q")


@dataclass(frozen=True, slots=True)
class JobKind:
    """A kind of job.

    Args:
        name: as in the store.
        title: what it makes, for lists, such as "Map".
        activity: what the worker does meanwhile, such as "Drawing a map".
        run: runs one job.
        progress: what its jobs report.
        keeps_model: the language model that it loaded must stay loaded while it runs, so that no
            question may load another.
    """

    name: str
    title: str
    activity: str
    run: Run
    progress: type[JobProgress] = JobProgress
    keeps_model: bool = False


_KINDS: dict[str, JobKind] = {}
_QUESTIONS: dict[str, Answer] = {}


def job(
    name: str,
    *,
    title: str,
    activity: str,
    progress: type[JobProgress] = JobProgress,
    keeps_model: bool = False,
) -> Callable[[Run], Run]:
    """Register a function as the handler of a kind of job; see `JobKind`."""

    def register(run: Run) -> Run:
        _KINDS[name] = JobKind(name, title, activity, run, progress, keeps_model)
        return run

    return register


def question(
    name: str, kind: type[Q]
) -> Callable[[Callable[[Q, WorkerTools], object]], Callable[[Q, WorkerTools], object]]:
    """Register a function that answers a kind of question, whatever job runs.

    Args:
        name: of the kind.
        kind: the dataclass that such a question is read as; the answer is one, too.
    """

    def register(
        answer: Callable[[Q, WorkerTools], object],
    ) -> Callable[[Q, WorkerTools], object]:
        def answer_json(spec: Mapping[str, object], tools: WorkerTools) -> Mapping[str, object]:
            data: Mapping[str, object] = to_json(answer(from_json(kind, spec), tools))
            return data

        _QUESTIONS[name] = answer_json
        return answer

    return register


@cache
def _import_handlers() -> None:
    package = importlib.import_module("core.jobs.handlers")
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)


def job_kinds() -> Mapping[str, JobKind]:
    """All kinds of jobs, by name."""
    _import_handlers()
    return _KINDS


def questions() -> Mapping[str, Answer]:
    """Who answers which kind of question."""
    _import_handlers()
    return _QUESTIONS


def job_title(name: str) -> str:
    """What a kind of job makes, for lists; "Work" for a kind that this version does not have."""
    kind = job_kinds().get(name)
    return "Work" if kind is None else kind.title


def job_activity(name: str) -> str:
    """What the worker does in a job of a kind; "Working" for one this version does not have."""
    kind = job_kinds().get(name)
    return "Working" if kind is None else kind.activity


def job_progress(job: Job) -> JobProgress:
    """How far a job is, as its kind reports it."""
    kind = job_kinds().get(job.kind)
    return job.progress_as(JobProgress if kind is None else kind.progress)


class JobHandlers:
    """The handlers of this version, around the models that the worker keeps loaded.

    Args:
        home: where the store and converted models lie.
        tools: None is the worker's own, with real models.
    """

    def __init__(self, home: Home, tools: WorkerTools | None = None) -> None:
        self._tools = tools or WorkerTools(home)

    def handlers(self) -> dict[str, Handler]:
        """Who runs which kind of job."""
        return {name: partial(self._run, kind) for name, kind in job_kinds().items()}

    def answerers(self) -> dict[str, Answerer]:
        """Who answers which kind of question, while a job runs and while none does."""
        return {name: partial(self._answer, answer) for name, answer in questions().items()}

    def _answer(self, answer: Answer, spec: Mapping[str, object]) -> Mapping[str, object]:
        return answer(spec, self._tools)

    def _run(self, kind: JobKind, context: JobContext) -> None:
        self._tools.model_is_needed = kind.keeps_model
        try:
            kind.run(context, self._tools)
        finally:
            self._tools.model_is_needed = False
