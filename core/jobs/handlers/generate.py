"""The job that generates a run, what its page asks meanwhile, and the curve of the run before."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.domain.next_token import NextToken, Walk
from core.domain.progress import CurvePoint
from core.domain.runs import spec_from_dict
from core.domain.serialization import from_json
from core.domain.tasks import task_from_dict
from core.generation.progress import GenerationProgress
from core.generation.prompts import prompt_for
from core.jobs.context import JobContext
from core.jobs.registry import job, question
from core.jobs.tools import WorkerTools
from core.services.generate import generate_run
from core.store.database import Database
from core.store.generation.runs import RunRecord

_LOOK_BACK = 50  # runs


@job(
    "generate", title="Texts", activity="Generating", progress=GenerationProgress, keeps_model=True
)
def generate_job(context: JobContext, tools: WorkerTools) -> None:
    """Generate the run of a job, from its start or from where it stopped; see `generate_run`."""
    generate_run(
        context.db,
        context.job.run_id or "",
        models=tools.models,
        encoders=tools.encoders,
        limit=context.job.cap,
        job_id=context.job.id,
        progress=context,
        timer=tools.timer,
    )


@dataclass(frozen=True, slots=True)
class _PromptQuestion:
    """The JSON of a run's spec, and the place of a label in its task."""

    spec: Mapping[str, object]
    label_index: int


@dataclass(frozen=True, slots=True)
class PromptSize:
    """Tokens of a prompt; None while the run's model is not loaded."""

    tokens: int | None


@question("prompt", _PromptQuestion)
def prompt_size(asked: _PromptQuestion, tools: WorkerTools) -> PromptSize:
    """The size of a run's first prompt; the model is not loaded for it."""
    run = spec_from_dict(asked.spec)
    backend = tools.models.kept(run.model)
    if backend is None:
        return PromptSize(None)
    prompt = prompt_for(run, cycle=1, label_index=asked.label_index, written={})
    return PromptSize(len(backend.prompt_tokens(prompt)))


@dataclass(frozen=True, slots=True)
class _NextTokenQuestion(_PromptQuestion):
    """The same with the text so far, the run whose texts count, and how many tokens to list."""

    prefix: str
    run: str | None
    top: int


@question("next_token", _NextTokenQuestion)
def next_token(asked: _NextTokenQuestion, tools: WorkerTools) -> NextToken:
    """See `core.services.servers.knob_lab.Lab.next_token`."""
    return tools.lab.next_token(
        spec_from_dict(asked.spec),
        label_index=asked.label_index,
        prefix=asked.prefix,
        run_id=asked.run,
        top=asked.top,
    )


@dataclass(frozen=True, slots=True)
class _WalkQuestion:
    """A sample of a run, and how many tokens to list at each place."""

    run: str
    sample: str
    top: int


@question("walk", _WalkQuestion)
def walk(asked: _WalkQuestion, tools: WorkerTools) -> Walk:
    """See `core.services.servers.knob_lab.Lab.walk`."""
    return tools.lab.walk(asked.run, asked.sample, top=asked.top)


@dataclass(frozen=True, slots=True)
class EarlierCurve:
    """The diversity of an earlier run over its texts, and the run's name."""

    name: str
    curve: Sequence[CurvePoint]


def curve_before(db: Database, run: RunRecord) -> EarlierCurve | None:
    """The curve of the last run of the same task before this one, None if there is none.

    Looks at the 50 runs before it.
    """
    with db.read() as connection:
        rows = connection.execute(
            "SELECT runs.name, runs.spec, jobs.progress FROM runs JOIN jobs ON jobs.id = job_id"
            " WHERE deleted_at IS NULL AND runs.rowid < (SELECT rowid FROM runs WHERE id = ?)"
            " ORDER BY runs.rowid DESC LIMIT ?",
            (run.id, _LOOK_BACK),
        ).fetchall()
    for row in rows:
        diversity = from_json(GenerationProgress, json.loads(row["progress"])).diversity
        same_task = task_from_dict(json.loads(row["spec"])["task"]).key == run.spec.task.key
        if same_task and diversity is not None and diversity.curve:
            return EarlierCurve(row["name"], diversity.curve)
    return None
