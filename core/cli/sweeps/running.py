"""What `sweep` and `replicate` share: following a sweep, and its results in words."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, TextIO

from typer import Option

from core.analysis.frames.columns import METRICS
from core.cli.app import OptionGroup, Session
from core.cli.options import check_range
from core.cli.output import one_line, table
from core.cli.progress import ProgressLine, wait_for_job
from core.domain.progress import JobProgress
from core.domain.wording import clock
from core.jobs.handlers.sweep import MAX_WORKERS, continue_sweep
from core.jobs.queue import State
from core.store.database import Database
from core.store.sweeps import SweepRecord, TrialRecord, find_assessments, trials_of
from core.sweeps.assessment.results import AssessmentResult
from core.sweeps.grid.plan import condition_key, grid_condition_words
from core.sweeps.grid.spec import Grid

LOOK_SECONDS = 1.0
_ENDED = ("done", "failed")
_SHOWN = ("diversity", "label_accuracy", "model_accuracy")


@dataclass(frozen=True)
class ExecutionOptions(OptionGroup):
    """Where the runs of a sweep are done."""

    ray: Annotated[
        str | None,
        Option(metavar="ADDRESS|local", help="Run it on a Ray cluster (pip install '.[ray]')."),
    ] = None
    workers: Annotated[
        int | None, Option(show_default="by the machine", help="Parallel processes or nodes.")
    ] = None

    def check(self) -> None:
        """See that the options are usable.

        Raises:
            BadInput: there are too many workers, or none.
        """
        check_range("--workers", self.workers, 1, MAX_WORKERS)


@dataclass(frozen=True, slots=True)
class EndedSweep:
    """A sweep whose job has ended.

    Args:
        grid: with its reference.
        record: the sweep.
        state: of its job.
        message: what happened, if it is not done.
        remedy: what to do about it.
        trials: that have begun.
        results: of those that are done, by run id.
    """

    grid: Grid
    record: SweepRecord
    state: State
    message: str
    remedy: str
    trials: Sequence[TrialRecord]
    results: Mapping[str, AssessmentResult]

    def count(self, state: str) -> int:
        """How many trials are in that state."""
        return sum(trial.state == state for trial in self.trials)

    def to_dict(self) -> dict[str, object]:
        """How far it is, JSON-ready."""
        return {
            "sweep": self.record.id,
            "name": self.record.name,
            "state": self.state,
            "conditions": self.grid.conditions,
            "runs": self.grid.runs,
            "done": self.count("done"),
            "failed": self.count("failed"),
            "reused": sum(trial.reused for trial in self.trials),
            "trials": [
                _trial_data(self.grid, trial, self.results.get(trial.run.id))
                for trial in self.trials
            ],
        }


def run_sweep(
    session: Session, grid: Grid, execution: ExecutionOptions, *, title: str = ""
) -> EndedSweep:
    """Begin the sweep of a grid or continue it, and follow it to its end.

    Args:
        session: has the store.
        grid: with its reference.
        execution: where it runs.
        title: what is printed on stderr when it begins; empty for its size.

    Raises:
        BadInput: the grid is refused.
    """
    db = session.db
    record, job = continue_sweep(db, grid, workers=execution.workers, ray=execution.ray)
    state: State = "done"
    with SweepProgress(sys.stderr, db, record.id, grid) as progress:
        texts = grid.per_label * len(grid.task.labels)
        size = f"{grid.conditions:,} conditions, {grid.runs:,} runs of {texts:,} texts"
        progress.note(title or f"Sweep {record.id}: {size}.")
        progress.report(quietly=True)
        if job is None:
            progress.note("All of it was done before.")
        else:
            job, state = wait_for_job(session, job.id, progress)
        progress.report()
    message, remedy = ("", "") if job is None or state == "done" else (job.message, job.remedy)
    trials = trials_of(db, record.id)
    return EndedSweep(grid, record, state, message, remedy, trials, _results(db, trials, grid))


def _results(
    db: Database, trials: Sequence[TrialRecord], grid: Grid
) -> dict[str, AssessmentResult]:
    """What was found of the trials that are done, by run id."""
    runs = [trial.run.id for trial in trials if trial.state == "done"]
    return {
        assessment.run_id: AssessmentResult.from_dict(assessment.result)
        for assessment in find_assessments(db, runs, recipe=grid.recipe.key)
    }


class SweepProgress(ProgressLine):
    """Prints each trial that ended, one line each, and on a terminal how many there are.

    Args:
        stream: where to.
    """

    def __init__(self, stream: TextIO, db: Database, sweep_id: str, grid: Grid) -> None:
        super().__init__(stream)
        self._db, self._sweep_id, self._grid = db, sweep_id, grid
        self._reported: dict[int, str] = {}  # the state in which each trial was last reported
        self._next_look = 0.0

    def __enter__(self) -> "SweepProgress":
        return self

    def show(self, progress: JobProgress) -> None:
        """Look at most once a second; the progress report itself has the time left."""
        if self._timer() < self._next_look:
            return
        self._next_look = self._timer() + LOOK_SECONDS
        self.report()
        left = progress.seconds_left
        ending = "" if left is None else f", {clock(left)} left"
        self._draw(f"{len(self._reported)} of {self._grid.runs} runs{ending}")

    def report(self, *, quietly: bool = False) -> None:
        """Print the trials that ended since the last time; quietly, only remember them."""
        ended = []
        for trial in trials_of(self._db, self._sweep_id):
            if trial.state not in _ENDED:
                self._reported.pop(trial.position, None)  # a failed one that is tried again
            elif self._reported.get(trial.position) != trial.state:
                ended.append(trial)
        results = {} if quietly else _results(self._db, ended, self._grid)
        for trial in ended:
            self._reported[trial.position] = trial.state
            if not quietly:
                line = _trial_line(self._grid, trial, results.get(trial.run.id))
                self.note(f"[{len(self._reported)}/{self._grid.runs}] {line}")


def _trial_line(grid: Grid, trial: TrialRecord, assessment: AssessmentResult | None) -> str:
    """A trial that ended, in one line."""
    name = f"{grid_condition_words(grid, trial.run.spec, repeat=trial.repeat)}:"
    if trial.state == "failed":
        return one_line(f"{name} failed. {trial.message} {trial.remedy}")
    reused = " (reused)" if trial.reused else ""
    if assessment is None:
        return one_line(f"{name} done{reused}")
    values = [
        f"{metric.replace('_', ' ')} {value:.3f}"
        for metric in _SHOWN
        if (value := _mean_at([assessment], "0", metric)) is not None
    ]
    scores = ", ".join([f"{assessment.n} texts", *values])
    return one_line(f"{name} {scores}{reused}")


def _mean_at(assessments: Sequence[AssessmentResult], inspected: str, metric: str) -> float | None:
    """The mean of a metric over repeats, as generated or after LR, without OOSF; None without."""
    values = [
        value
        for assessment in assessments
        for stage in assessment.stages
        if stage.inspected == inspected and not stage.filtered
        if (value := stage.scores[metric].value) is not None
    ]
    return sum(values) / len(values) if values else None


def _shown_budgets(grid: Grid) -> list[str]:
    """The budgets of the table: 0, the paper's 180 (else the middle one), and all."""
    budgets = grid.recipe.budgets
    numbers = [budget for budget in budgets if budget not in (0, "all")]
    middle = [180 if 180 in numbers else numbers[len(numbers) // 2]] if numbers else []
    return [str(budget) for budget in (0, *middle, *(["all"] if "all" in budgets else []))]


def results_table(sweep: EndedSweep) -> str:
    """Each condition with its scores, the mean over repeats."""
    groups: dict[str, tuple[str, list[AssessmentResult]]] = {}
    for trial in sweep.trials:
        assessment = sweep.results.get(trial.run.id)
        if assessment is not None:
            words = grid_condition_words(sweep.grid, trial.run.spec)
            groups.setdefault(condition_key(trial.run.spec), (words, []))[1].append(assessment)
    columns = [("diversity", "0"), ("label_accuracy", "0")]
    columns += [("model_accuracy", budget) for budget in _shown_budgets(sweep.grid)]
    rows = [["condition", "n", "diversity", "label accuracy"]]
    rows[0] += [f"model accuracy at {budget}" for _, budget in columns[2:]]
    for words, repeats in groups.values():
        n = sum(assessment.n for assessment in repeats) / len(repeats)
        values = [_mean_at(repeats, inspected, metric) for metric, inspected in columns]
        cells = ["-" if value is None else f"{value:.3f}" for value in values]
        rows.append([words, f"{n:g}", *cells])
    return table(rows)


def _trial_data(
    grid: Grid, trial: TrialRecord, assessment: AssessmentResult | None
) -> dict[str, object]:
    return {
        "position": trial.position,
        "run": trial.run.id,
        "condition": grid_condition_words(grid, trial.run.spec),
        "condition_key": condition_key(trial.run.spec),
        "repeat": trial.repeat,
        "seed": trial.run.spec.seed,
        "state": trial.state,
        "reused": trial.reused,
        "message": f"{trial.message} {trial.remedy}".strip(),
        "n": None if assessment is None else assessment.n,
        "stages": [
            {
                "inspected": stage.inspected,
                "filtered": stage.filtered,
                "repeat": stage.repeat,
                **{metric: stage.scores[metric].value for metric in METRICS},
            }
            for stage in ([] if assessment is None else assessment.stages)
        ],
    }
