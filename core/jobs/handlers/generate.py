"""The job that generates a run, what its page asks meanwhile, and the curve of the run before."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.domain.progress import CurvePoint
from core.domain.runs import spec_from_dict
from core.domain.serialization import from_json, to_json
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


@question("prompt")
def prompt_size(asked: Mapping[str, Any], tools: WorkerTools) -> Mapping[str, object]:
    """Tokens of a run's first prompt: `{"spec": ..., "label_index": 0}` to `{"tokens": n}`.

    None while the run's model is not loaded: a question is no reason to load it.
    """
    run = spec_from_dict(asked["spec"])
    backend = tools.models.kept(run.model)
    if backend is None:
        return {"tokens": None}
    prompt = prompt_for(run, cycle=1, label_index=int(asked["label_index"]), written={})
    return {"tokens": len(backend.prompt_tokens(prompt))}


@question("next_token")
def next_token(asked: Mapping[str, Any], tools: WorkerTools) -> Mapping[str, object]:
    """`NextToken`, of `spec`, `label_index`, `prefix`, `run` (None without) and `top`."""
    answer = tools.lab.next_token(
        spec_from_dict(asked["spec"]),
        label_index=int(asked["label_index"]),
        prefix=str(asked["prefix"]),
        run_id=asked["run"],
        top=int(asked["top"]),
    )
    return dict(to_json(answer))


@question("walk")
def walk(asked: Mapping[str, Any], tools: WorkerTools) -> Mapping[str, object]:
    """`Walk`, of `run`, `sample` and `top`."""
    return dict(to_json(tools.lab.walk(asked["run"], asked["sample"], top=int(asked["top"]))))


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
