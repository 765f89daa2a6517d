"""What `sweep` and `replicate` share: beginning a sweep, following it, and its results in words."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TextIO

from typer import Option

from core.analysis.frames.columns import METRICS
from core.cli.app import OptionGroup
from core.cli.output import one_line, table
from core.cli.progress import ProgressLine, wait_for_job
from core.domain.settings import Home
from core.domain.wording import clock
from core.jobs.context import Handler
from core.jobs.handlers.sweep import KIND, start_sweep
from core.jobs.queue import RESUMABLE, Job, State, request_cancel, resume, status, submit
from core.jobs.sweeps.spending import check_sweep_cap
from core.store.assessments import find_assessments
from core.store.database import Database
from core.store.sweeps import SweepRecord, TrialRecord, find_sweep, set_sweep_job, trials_of
from core.sweeps.grid.plan import condition_key, grid_condition_words
from core.sweeps.grid.spec import Grid

LOOK_SECONDS = 1.0
_ENDED = ("done", "failed")
_SHOWN = ("diversity", "label_accuracy", "model_accuracy")

Results = Mapping[str, Mapping[str, Any]]
"""Assessments (see `core.sweeps.assessment.assess`) by run id."""


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


@dataclass(frozen=True, slots=True)
class SweepStatus:
    """How far a sweep is: its trials that have begun, and their assessments."""

    trials: Sequence[TrialRecord]
    results: Results

    @property
    def failed(self) -> int:
        """How many trials failed."""
        return sum(trial.state == "failed" for trial in self.trials)

    @property
    def done(self) -> int:
        """How many trials are done."""
        return sum(trial.state == "done" for trial in self.trials)


@dataclass(frozen=True, slots=True)
class EndedSweep:
    """A sweep whose job has ended.

    Args:
        record: the sweep.
        state: of its job.
        message: what happened, if it is not done.
        remedy: what to do about it.
        status: its trials.
    """

    record: SweepRecord
    state: State
    message: str
    remedy: str
    status: SweepStatus


def status_of(db: Database, sweep_id: str, grid: Grid) -> SweepStatus:
    """Read how far a sweep is."""
    trials = trials_of(db, sweep_id)
    runs = [trial.run.id for trial in trials if trial.state == "done"]
    assessments = find_assessments(db, runs, recipe=grid.recipe.key)
    return SweepStatus(trials, {item.run_id: item.result for item in assessments})


def run_sweep(
    home: Home,
    db: Database,
    grid: Grid,
    execution: ExecutionOptions,
    *,
    handlers: Mapping[str, Handler] | None,
    first_line: Callable[[SweepRecord], str],
) -> EndedSweep:
    """Begin the sweep of a grid or continue it, and follow it to its end.

    Args:
        home: where the store lies.
        db: the store.
        grid: with its reference.
        execution: where it runs.
        handlers: see `core.cli.app.Session`.
        first_line: what is printed on stderr when it begins.

    Raises:
        BadInput: the grid is refused.
    """
    record, job = begin_sweep(db, grid, execution)
    state: State = "done"
    with SweepProgress(
        sys.stderr, look=lambda: status_of(db, record.id, grid), grid=grid
    ) as progress:
        progress.note(first_line(record))
        progress.report(quietly=True)
        if job is not None:
            job, state = wait_for_job(home, db, job.id, handlers=handlers, progress=progress)
        else:
            progress.note("All of it was done before.")
        progress.report()
    unfinished = job if state != "done" else None
    return EndedSweep(
        record,
        state,
        message=unfinished.message if unfinished else "",
        remedy=unfinished.remedy if unfinished else "",
        status=status_of(db, record.id, grid),
    )


def begin_sweep(
    db: Database, grid: Grid, execution: ExecutionOptions
) -> tuple[SweepRecord, Job | None]:
    """The sweep of exactly this grid and its job, begun or continued; no job if all is done.

    Raises:
        BadInput: the grid is refused.
    """
    check_sweep_cap(db, grid.models, grid.spend)
    workers, ray = execution.workers, execution.ray
    with db.write():
        before = find_sweep(db, grid.key)
        if before is None or before.job_id is None:
            return start_sweep(db, grid, workers=workers, ray=ray)
        job, state = status(db, before.job_id)
        if state in ("queued", "running"):
            return before, job
        trials = trials_of(db, before.id)
        if any(trial.run.deleted_at is not None for trial in trials):
            return start_sweep(db, grid, workers=workers, ray=ray)
        if [trial.state for trial in trials] == ["done"] * grid.runs:
            return before, None
        spec: dict[str, Any] = {"sweep": before.id, "workers": workers, "ray": ray}
        if state in RESUMABLE:
            if {key: value for key, value in job.spec.items() if key != "cap"} == spec:
                return before, resume(db, job.id, cap=grid.spend)
            request_cancel(db, job.id)  # one that nobody runs, so that it stays so
        spec |= {"cap": grid.spend.to_dict()} if grid.spend.on else {}
        job = submit(db, KIND, spec)
        set_sweep_job(db, before.id, job.id)
        return before, job


class SweepProgress(ProgressLine):
    """Prints each trial that ended, one line each, and on a terminal how many there are.

    Args:
        stream: where to.
        look: how far the sweep is now.
        grid: its grid.
    """

    def __init__(self, stream: TextIO, *, look: Callable[[], SweepStatus], grid: Grid) -> None:
        super().__init__(stream)
        self._look = look
        self._grid = grid
        self._reported: dict[int, str] = {}  # the state in which each trial was last reported
        self._next_look = 0.0

    def __enter__(self) -> "SweepProgress":
        return self

    def show(self, progress: Mapping[str, Any]) -> None:
        """Look at most once a second; the progress report itself has the time left."""
        if self._timer() < self._next_look:
            return
        self._next_look = self._timer() + LOOK_SECONDS
        self.report()
        left = progress.get("seconds_left")
        ending = f", {clock(left)} left" if isinstance(left, int | float) else ""
        self._draw(f"{len(self._reported)} of {self._grid.runs} runs{ending}")

    def report(self, *, quietly: bool = False) -> None:
        """Print the trials that ended since the last time; quietly, only remember them."""
        status = self._look()
        for trial in status.trials:
            if trial.state not in _ENDED:
                self._reported.pop(trial.position, None)  # a failed one that is tried again
            elif self._reported.get(trial.position) != trial.state:
                self._reported[trial.position] = trial.state
                if not quietly:
                    line = trial_line(self._grid, trial, status.results.get(trial.run.id))
                    self.note(f"[{len(self._reported)}/{self._grid.runs}] {line}")


def trial_line(grid: Grid, trial: TrialRecord, result: Mapping[str, Any] | None) -> str:
    """A trial that ended, in one line."""
    name = f"{grid_condition_words(grid, trial.run.spec, repeat=trial.repeat)}:"
    if trial.state == "failed":
        return one_line(f"{name} failed. {trial.message} {trial.remedy}")
    reused = " (reused)" if trial.reused else ""
    if result is None:
        return one_line(f"{name} done{reused}")
    values = [
        f"{metric.replace('_', ' ')} {value:.3f}"
        for metric in _SHOWN
        if (value := mean_at([result], "0", metric)) is not None
    ]
    scores = ", ".join([f"{result['n']} texts", *values])
    return one_line(f"{name} {scores}{reused}")


def mean_at(results: Sequence[Mapping[str, Any]], inspected: str, metric: str) -> float | None:
    """The mean of a metric over repeats, as generated or after LR, without OOSF; None without."""
    values = [
        float(stage[metric]["value"])
        for result in results
        for stage in result["stages"]
        if stage["inspected"] == inspected and not stage["filtered"]
        if stage[metric]["value"] is not None
    ]
    return sum(values) / len(values) if values else None


def shown_budgets(grid: Grid) -> list[str]:
    """The budgets of the table: 0, the paper's 180 (else the middle one), and all."""
    budgets = grid.recipe.budgets
    numbers = [budget for budget in budgets if budget not in (0, "all")]
    middle = [180 if 180 in numbers else numbers[len(numbers) // 2]] if numbers else []
    return [str(budget) for budget in (0, *middle, *(["all"] if "all" in budgets else []))]


def results_table(grid: Grid, status: SweepStatus) -> str:
    """Each condition with its scores, the mean over repeats."""
    groups: dict[str, tuple[str, list[Mapping[str, Any]]]] = {}
    for trial in status.trials:
        result = status.results.get(trial.run.id)
        if result is not None:
            words = grid_condition_words(grid, trial.run.spec)
            groups.setdefault(condition_key(trial.run.spec), (words, []))[1].append(result)
    budgets = shown_budgets(grid)
    rows = [["condition", "n", "diversity", "label accuracy"]]
    rows[0] += [f"model accuracy at {budget}" for budget in budgets]
    for words, results in groups.values():
        n = sum(result["n"] for result in results) / len(results)
        values = [mean_at(results, "0", metric) for metric in ("diversity", "label_accuracy")]
        values += [mean_at(results, budget, "model_accuracy") for budget in budgets]
        cells = ["-" if value is None else f"{value:.3f}" for value in values]
        rows.append([words, f"{n:g}", *cells])
    return table(rows)


def sweep_data(grid: Grid, sweep: EndedSweep) -> dict[str, Any]:
    """How far a sweep is, JSON-ready."""
    status = sweep.status
    return {
        "sweep": sweep.record.id,
        "name": sweep.record.name,
        "state": sweep.state,
        "conditions": grid.conditions,
        "runs": grid.runs,
        "done": status.done,
        "failed": status.failed,
        "reused": sum(trial.reused for trial in status.trials),
        "trials": [
            _trial_data(grid, trial, status.results.get(trial.run.id, {}))
            for trial in status.trials
        ],
    }


def _trial_data(grid: Grid, trial: TrialRecord, result: Mapping[str, Any]) -> dict[str, Any]:
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
        "n": result.get("n"),
        "stages": [
            {
                "inspected": stage["inspected"],
                "filtered": stage["filtered"],
                "repeat": stage["repeat"],
                **{metric: stage[metric]["value"] for metric in METRICS},
            }
            for stage in result.get("stages", [])
        ],
    }
