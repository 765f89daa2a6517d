"""The job that generates a run, and the questions of its page, answered between two steps of it."""

from collections.abc import Mapping
from typing import Any

from core.domain.runs import spec_from_dict
from core.domain.serialization import to_json
from core.generation.progress import GenerationProgress
from core.generation.prompts import prompt_for
from core.jobs.context import JobContext
from core.jobs.registry import job, question
from core.jobs.tools import WorkerTools
from core.services.generate import generate_run


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
