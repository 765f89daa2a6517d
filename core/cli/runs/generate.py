"""`generate`: a run from its settings to its export."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Context, Option

from core.cli.app import Command, OptionGroup, new_app, with_option_groups
from core.cli.knob_options import KnobOptions
from core.cli.lookup import find_task
from core.cli.options import ModelOptions, SpendingOptions, TaskOption
from core.cli.progress import ProgressLine, wait_for_job
from core.cli.runs.ending import EndingOptions, conclude
from core.domain.conditions import Condition
from core.domain.errors import BadInput
from core.domain.runs import Example, ModelChoice, RunSpec
from core.domain.settings import home_from
from core.domain.tasks import Task
from core.files.labelled import SEED_COUNT, balanced_examples, read_labelled
from core.jobs.queue import start_run
from core.store.database import open_database

app = new_app()


@dataclass(frozen=True)
class RunOptions(OptionGroup):
    """What to generate."""

    panel = "What to generate"

    task: TaskOption
    per_label: Annotated[int, Option(help="Texts per label.")] = 20
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
        if self.seed_examples is None:
            if self.seed_count is not None:
                raise BadInput(
                    "--seed-count has no file to draw from.", "Add --seed-examples FILE."
                )
            return ()
        path = self.seed_examples
        examples = read_labelled(path, name=path.name, task=task)
        count = SEED_COUNT if self.seed_count is None else self.seed_count
        return balanced_examples(examples, task=task, count=count, seed=self.seed)


@app.command(
    cls=Command,
    epilog="Example: python -m core generate --task sst2 --temperature 0.9 --suppression 7.5 "
    "--per-label 50 --seed 1 --out reviews.jsonl",
)
@with_option_groups
def generate(
    context: Context,
    options: RunOptions,
    knobs: KnobOptions,
    model: ModelOptions,
    limits: SpendingOptions,
    ending: EndingOptions,
) -> None:
    """Generate texts for every label of a task. The run is kept in the store text by text;
    Ctrl-C stops it and keeps what arrived.
    """
    condition, choice, limit = knobs.condition(), model.choice(), limits.limit()
    ending.check()
    spec = options.spec(find_task(options.task), condition, choice)
    home = home_from()
    db = open_database(home)
    model.remember_connection(db)
    record, job = start_run(db, spec, name=options.name, cap=limit)
    progress = ProgressLine(sys.stderr)
    progress.note(f"Run {record.id}: {spec.target} texts for {len(spec.task.labels)} labels.")
    if spec.idle_knob:
        progress.note(f"{spec.idle_knob} Raise --per-label or lower --texts-a-request.")
    handlers = context.obj.handlers
    job, state = wait_for_job(home, db, job.id, handlers=handlers, progress=progress)
    conclude(db, record, job, state, ending)
