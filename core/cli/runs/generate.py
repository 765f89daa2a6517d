"""`generate`: a run from its settings to its export."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Option

from core.cli.app import App, OptionGroup, Session
from core.cli.lookup import find_task
from core.cli.options import KnobOptions, ModelOptions, SpendingOptions, TaskOption
from core.cli.progress import ProgressLine
from core.cli.runs.outcome import OutcomeOptions, finish_run
from core.domain.conditions import Condition
from core.domain.errors import BadInput
from core.domain.runs import Example, ModelChoice, RunSpec
from core.domain.tasks import Task
from core.files.labelled import SEED_COUNT, balanced_examples, read_labelled
from core.jobs.queue import start_run

app = App()


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
