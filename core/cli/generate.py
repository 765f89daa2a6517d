"""Commands that generate: `generate`, `resume`, and the `worker` that runs the jobs."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from typer import Option

from core.cli.app import App, OptionGroup, Session
from core.cli.lookup import find_run, find_task
from core.cli.options import (
    JsonOption,
    KnobOptions,
    ModelOptions,
    RunArgument,
    SpendingOptions,
    TaskOption,
    check_range,
)
from core.cli.output import one_line, print_json, print_note, spending_words
from core.cli.progress import ProgressLine, wait_for_job
from core.cli.runs import export_run
from core.domain.conditions import Condition
from core.domain.errors import BadInput, WidesetError
from core.domain.registries.finish_reasons import SetAside, set_aside_words, stripped_words
from core.domain.runs import (
    DEFAULT_PER_LABEL,
    Example,
    ModelChoice,
    RunSpec,
    other_models_words,
)
from core.domain.serialization import to_json
from core.domain.spending import SpendingProgress
from core.domain.tasks import Task
from core.files.exports import check_export
from core.files.labelled import SEED_COUNT, balanced_examples, read_labelled
from core.generation.progress import GenerationProgress
from core.jobs.queue import LIVE, Job, State, job_of_run, start_run, states_of_runs
from core.jobs.queue import resume as resume_job
from core.jobs.worker import Worker, work
from core.services.generate import can_go_on
from core.store.database import Database
from core.store.generation.rounds import other_models
from core.store.generation.runs import RunRecord, rename_model
from core.store.generation.samples import (
    SAMPLE_COLUMNS,
    Counts,
    counts,
    sample_rows,
    set_aside,
    stripped_counts,
)

_KINDS = ("usable", "empty", "truncated", "duplicates")

app = App()


@dataclass(frozen=True)
class OutcomeOptions(OptionGroup):
    """What happens at the end of a run."""

    panel = "At the end"

    out: Annotated[Path | None, Option(help="Export to FILE.jsonl, FILE.csv or FILE.parquet.")] = (
        None
    )
    everything: Annotated[bool, Option("--all", help="Export empty and truncated texts, too.")] = (
        False
    )
    as_json: JsonOption = False

    def check(self) -> None:
        """See that the export can be written, before anything is spent.

        Raises:
            BadInput: it can't.
        """
        if self.out is not None:
            check_export(self.out)


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What came of a run.

    Args:
        run: the run.
        state: the state of its job.
        labels: counts by label name, in task order.
        shortfall: texts missing by label name; labels that have theirs are left out.
        tokens: tokens drawn for all samples.
        seconds: how long the generation took, as far as it is known.
        out: the export written, if any.
        written: its rows.
        spending: what its requests to a server took; None if local.
        set_aside: what came that is no usable text, and why.
        stripped: how many texts lost which wrapping.
        other_models: models that answered though another was asked.
    """

    run: RunRecord
    state: State
    labels: Mapping[str, Counts]
    shortfall: Mapping[str, int]
    tokens: int
    seconds: float
    out: Path | None = None
    written: int = 0
    spending: SpendingProgress | None = None
    set_aside: Sequence[SetAside] = ()
    stripped: Mapping[str, int] = field(default_factory=dict)
    other_models: Sequence[str] = ()

    def total(self, kind: str) -> int:
        """A count (usable, empty, truncated or duplicates) over all labels."""
        return sum(getattr(label, kind) for label in self.labels.values())

    def to_dict(self) -> dict[str, object]:
        """The outcome as JSON-ready data."""
        data = {
            "run": self.run.id,
            "name": self.run.name,
            "state": self.state,
            "counts": {
                **{kind: self.total(kind) for kind in _KINDS},
                "per_label": {name: label.usable for name, label in self.labels.items()},
                "shortfall": dict(self.shortfall),
                "set_aside": [to_json(row) for row in self.set_aside],
                "stripped": dict(self.stripped),
            },
            "seconds": round(self.seconds, 3),
            "tokens": self.tokens,
            "out": None if self.out is None else str(self.out),
        }
        if self.spending is None:
            return data
        served = {"spending": to_json(self.spending), "other_models": list(self.other_models)}
        return {**data, **served}

    def in_words(self) -> str:
        """The outcome as one paragraph."""
        labels = ", ".join(f"{label.usable} {name}" for name, label in self.labels.items())
        missing = ", ".join(f"{count} {name}" for name, count in self.shortfall.items())
        parts = [
            f"Run {self.run.id} '{self.run.name}' is {self.state}: {self.total('usable')} usable "
            f"texts ({labels}) in {self.seconds:.1f} s, {self.tokens} tokens;",
            f"{self.total('duplicates')} of them duplicates;",
            f"set aside: {set_aside_words(self.set_aside) or 'none'};",
            f"missing: {missing}." if missing else "none missing.",
        ]
        if self.stripped:
            parts.append(f"{stripped_words(self.stripped)}.")
        if self.spending is not None:
            parts.append(spending_words(self.spending))
        if self.other_models:
            parts.append(other_models_words(self.run.spec.model.model, self.other_models))
        if self.out is not None:
            parts.append(f"Wrote {self.written} texts to {self.out}.")
        return one_line(" ".join(parts))


def finish_run(
    session: Session, run: RunRecord, job_id: str, options: OutcomeOptions, progress: ProgressLine
) -> None:
    """Wait for the job of a run; then write and print what was asked for.

    Raises:
        WidesetError: the job did not finish; the message says how to continue.
    """
    job, state = wait_for_job(session, job_id, progress)
    outcome = _outcome(session.db, run, job, state, options)
    if options.as_json:
        print_json(outcome.to_dict())
    if state != "done":
        raise _unfinished(session.db, outcome, job)
    if not options.as_json:
        print(outcome.in_words())


def _outcome(
    db: Database, run: RunRecord, job: Job, state: State, options: OutcomeOptions
) -> RunOutcome:
    """Count what a run has, and write its export if it is done and one is wanted."""
    by_label = counts(db, run.id)
    labels = {name: by_label.get(name, Counts()) for name in run.spec.task.label_names}
    only_new = run.spec.condition.only_new
    missing = {
        name: run.spec.wanted[name] - (label.new if only_new else label.usable)
        for name, label in labels.items()
    }
    rows, progress = sample_rows(db, run.id), job.progress_as(GenerationProgress)
    tokens, arrived = SAMPLE_COLUMNS.index("tokens"), SAMPLE_COLUMNS.index("seconds")
    out = options.out if state == "done" else None
    return RunOutcome(
        run=run,
        state=state,
        labels=labels,
        shortfall={name: count for name, count in missing.items() if count > 0},
        tokens=sum(row[tokens] for row in rows),
        # A run cut off before its end has reported less than its samples know.
        seconds=float(max(progress.elapsed, *(row[arrived] for row in rows), 0)),
        out=out,
        written=0 if out is None else export_run(db, run.id, out, everything=options.everything),
        spending=progress.spending,
        set_aside=set_aside(db, run.id),
        stripped=stripped_counts(db, run.id),
        other_models=other_models(db, run.id),
    )


def _unfinished(db: Database, outcome: RunOutcome, job: Job) -> WidesetError:
    run = outcome.run
    command = f"python -m core resume {run.id}"
    if not can_go_on(db, run):
        then = "each label was asked for as often as it may be."
    elif outcome.state == "failed":
        then = f"{command} tries again."
    else:
        then = f"{command} continues it."
    why = {
        "failed": f"Run {run.id} failed: {job.message}",
        "paused": f"Run {run.id} is paused: {job.message}",
        "cancelled": f"Run {run.id} was stopped.",
        "interrupted": f"Run {run.id} was interrupted: its worker ended.",
    }[outcome.state]
    return WidesetError(
        f"{why} {job.remedy}".strip(),
        f"{outcome.total('usable')} of {run.spec.target} texts are kept; {then}",
    )


@dataclass(frozen=True)
class RunOptions(OptionGroup):
    """What to generate."""

    panel = "What to generate"

    task: TaskOption
    per_label: Annotated[int, Option(help="Texts per label.")] = DEFAULT_PER_LABEL
    seed: Annotated[int, Option(help="Seed of every random draw.")] = 0
    seed_examples: Annotated[
        Path | None,
        Option(
            help="Real labelled texts (CSV, JSONL or Parquet with text and label) for the prompts."
        ),
    ] = None
    seed_count: Annotated[
        int | None,
        Option(
            show_default=str(SEED_COUNT), help="How many of them to draw, balanced over the labels."
        ),
    ] = None
    name: Annotated[
        str, Option(show_default="the task and its main knobs", help="The run's name.")
    ] = ""

    def spec(self, task: Task, condition: Condition, model: ModelChoice) -> RunSpec:
        """The spec of the run that the options name.

        Raises:
            BadInput: a number is out of its range, or the file of examples is refused.
        """
        return RunSpec(
            task=task,
            condition=condition,
            per_label=self.per_label,
            seed=self.seed,
            seed_examples=self._examples(task),
            model=model,
        )

    def _examples(self, task: Task) -> tuple[Example, ...]:
        path = self.seed_examples
        if path is None:
            if self.seed_count is not None:
                raise BadInput(
                    "--seed-count has no file to draw from.", "Add --seed-examples FILE."
                )
            return ()
        count = SEED_COUNT if self.seed_count is None else self.seed_count
        examples = read_labelled(path, name=path.name, task=task)
        return balanced_examples(examples, task=task, count=count, seed=self.seed)


@app.add(
    epilog="Example: python -m core generate --task sst2 --temperature 0.9 --suppression 7.5 "
    "--per-label 50 --seed 1 --out reviews.jsonl"
)
def generate(
    session: Session,
    options: RunOptions,
    knobs: KnobOptions,
    model: ModelOptions,
    limits: SpendingOptions,
    outcome: OutcomeOptions,
) -> None:
    """Generate texts for every label of a task. The run is kept in the store text by text;
    Ctrl-C stops it and keeps what arrived.
    """
    condition, choice, limit = knobs.condition(), model.choice(), limits.limit()
    outcome.check()
    spec = options.spec(find_task(options.task), condition, choice)
    model.remember_connection(session.db)
    run, job = start_run(session.db, spec, name=options.name, cap=limit)
    progress = ProgressLine(sys.stderr)
    progress.note(f"Run {run.id}: {spec.target} texts for {len(spec.task.labels)} labels.")
    if spec.idle_knob:
        progress.note(f"{spec.idle_knob} Raise --per-label or lower --texts-a-request.")
    finish_run(session, run, job.id, outcome, progress)


@app.add()
def resume(
    session: Session,
    run: RunArgument,
    limits: SpendingOptions,
    outcome: OutcomeOptions,
    model: Annotated[
        str,
        Option(
            metavar="NAME", show_default="as before", help="The server's new name of the model."
        ),
    ] = "",
) -> None:
    """Finish a run that was stopped, interrupted, paused or failed: no text is repeated, none is
    lost. A run that is being generated already is followed. Limits replace the run's own, and
    what was spent before counts.
    """
    outcome.check()
    limit = limits.limit()
    record = find_run(session.db, run)
    job = job_of_run(session.db, record.id)
    if job is None or job.state == "done":
        raise BadInput(
            f"Run {record.id} is done; there is nothing to resume."
            if job is not None
            else f"Run {record.id} was never started.",
            f"Export it with python -m core export {record.id} --out FILE.",
        )
    if model:
        record = _renamed(session.db, record, model)
    job = resume_job(session.db, job.id, cap=limit)
    progress = ProgressLine(sys.stderr)
    progress.note(f"Run {record.id} continues.")
    finish_run(session, record, job.id, outcome, progress)


def _renamed(db: Database, run: RunRecord, model: str) -> RunRecord:
    """A run whose server has another name for its model now."""
    if run.spec.model.backend == "local":
        raise BadInput(
            "--model is for a model that its server has renamed; this run's is on this machine.",
            "Leave it out, or start a new run with the other model.",
        )
    if states_of_runs(db).get(run.id) in LIVE:
        raise BadInput("The run is under way with its model.", "Stop it before you rename it.")
    return run if model == run.spec.model.model else rename_model(db, run, model)


@app.add("worker")
def run_worker(
    session: Session,
    idle_seconds: Annotated[float, Option(help="End after so many idle seconds.")] = 1800.0,
) -> None:
    """Run queued jobs, one after the other. The pages start this by themselves; a second worker
    ends at once.
    """
    check_range("--idle-seconds", idle_seconds, 0)
    if session.handlers is None:
        is_first = work(session.home, idle_seconds=idle_seconds)
    else:
        worker = Worker(session.home, session.handlers, idle_seconds=idle_seconds)
        is_first = worker.run_forever()
    if not is_first:
        print_note("Another worker is running on this home folder.")
