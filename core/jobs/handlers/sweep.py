"""The job of a sweep: plans its runs, has them carried out, and alone writes the store."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from core.diversity.embedding.encoder import Encoder, EncoderChoice, embedded
from core.diversity.measures.live import Encoders
from core.domain.datasets import Dataset
from core.domain.errors import BadInput, Pausing
from core.domain.runs import ModelChoice
from core.domain.serialization import to_json
from core.domain.settings import Home
from core.domain.spending import SpendingLimit
from core.generation.backends import Backend
from core.jobs.context import JobContext
from core.jobs.queue import (
    LIVE,
    RESUMABLE,
    Job,
    get_job,
    job_of_token,
    request_cancel,
    resume,
    status,
    submit,
)
from core.jobs.registry import job
from core.jobs.sweep_trials import SweepTrials
from core.jobs.tools import WorkerTools
from core.services.progress import Stopped
from core.services.refusals import refusals
from core.services.sweep.plan import ExistingRuns, check_reference, planned_trials, trials_of_grid
from core.services.sweep.progress import SweepProgress
from core.services.sweep.spending import check_sweep_cap, spending_of
from core.store.database import Database
from core.store.datasets import load_dataset, reference_key
from core.store.generation.runs import runs_of
from core.store.sweeps import (
    SweepRecord,
    create_sweep,
    find_sweep,
    get_sweep,
    set_sweep_job,
    trials_of,
)
from core.sweeps.assessment.recipe import Recipe
from core.sweeps.execution.executors import Executor, NodeTools, Tools
from core.sweeps.execution.select_executor import select_executor
from core.sweeps.execution.trial import RealTexts
from core.sweeps.grid.spec import Grid

if TYPE_CHECKING:
    from core.services.generate import Models

KIND = "sweep"
MAX_WORKERS = 256


@dataclass(frozen=True, slots=True)
class SweepSpec:
    """The spec of a job.

    Args:
        sweep: its id; what is to be done stands in the store.
        workers: child processes side by side; None decides by models and machine.
        ray: address of a cluster or "local"; None is this machine.
        cap: what its runs behind servers may spend together; the job's, so that it can be raised.
    """

    sweep: str
    workers: int | None = None
    ray: str | None = None
    cap: SpendingLimit = field(default_factory=SpendingLimit)


def start_sweep(
    db: Database,
    grid: Grid,
    *,
    workers: int | None = None,
    ray: str | None = None,
    token: str | None = None,
) -> tuple[SweepRecord, Job]:
    """Make a sweep and queue its job in one step; with a token, a double click is one sweep.

    Args:
        grid: its conditions.
        workers: child processes side by side, 1 to 256; None decides by models and machine, 1 is
            the worker itself.
        ray: address of a Ray cluster or "local"; None is this machine.

    Raises:
        BadInput: the grid can't be planned, its reference is none of its task's, its cap can't be
            kept, there are too many workers, a cluster is to ask a server, or each of its runs is
            known to fail.
    """
    trials = trials_of_grid(db, grid)  # refused now rather than in the job
    found = refusals(db, (trial.spec for trial in trials))
    if found and found[0] is not None and None not in found:
        raise found[0]
    check_sweep_cap(db, grid.models, grid.spend)
    if ray is not None and any(model.backend != "local" for model in grid.models):
        raise BadInput(
            "A cluster does not ask servers: this machine does, and keeps pace and cap.",
            "Leave the cluster out, or sweep local models alone.",
        )
    name = grid.name or f"{grid.task.name}, {grid.conditions:,} conditions"

    def create() -> SweepRecord:
        task_key, study = grid.task.key, grid.study
        return create_sweep(
            db, grid.to_dict(), task_key=task_key, name=name, study=study, key=grid.key
        )

    return _start(db, SweepSpec("", workers, ray, grid.spend), create, token)


def continue_sweep(
    db: Database, grid: Grid, *, workers: int | None = None, ray: str | None = None
) -> tuple[SweepRecord, Job | None]:
    """Start the sweep of exactly this grid, or continue the one there is; arguments as
    `start_sweep`.

    Returns:
        The sweep and its job; no job if all of it is done.

    Raises:
        BadInput: as `start_sweep`.
    """
    check_sweep_cap(db, grid.models, grid.spend)
    with db.write():
        before = find_sweep(db, grid.key)
        if before is None or before.job_id is None:
            return start_sweep(db, grid, workers=workers, ray=ray)
        job, state = status(db, before.job_id)
        if state in LIVE:
            return before, job
        trials = trials_of(db, before.id)
        if any(trial.run.deleted_at is not None for trial in trials):
            return start_sweep(db, grid, workers=workers, ray=ray)
        if [trial.state for trial in trials] == ["done"] * grid.runs:
            return before, None
        spec = SweepSpec(before.id, workers, ray, grid.spend)
        if state in RESUMABLE:
            if replace(job.spec_as(SweepSpec), cap=grid.spend) == spec:
                return before, resume(db, job.id, cap=grid.spend)
            request_cancel(db, job.id)  # one that nobody runs, so that it stays so
        return before, _queue(db, spec)


def start_assessment(
    db: Database,
    run_ids: Sequence[str],
    recipe: Recipe,
    *,
    task_key: str,
    name: str,
    study: str = "",
    token: str | None = None,
) -> tuple[SweepRecord, Job]:
    """Queue the assessment of runs as they are; nothing is generated. As `start_sweep`.

    Args:
        run_ids: the runs, of one task.
        recipe: what is measured and repaired.
        task_key: `Task.key` of the runs' task.
        name: for display.
        study: see `SweepRecord`.

    Raises:
        BadInput: there is no run, one is missing or another task's, or so is the reference.
    """
    ids = list(dict.fromkeys(run_ids))
    runs = runs_of(db, ids)
    if not ids or len(runs) < len(ids):
        raise BadInput("There are no such runs in this store.", "Choose some from the list.")
    if any(run.spec.task.key != task_key for run in runs.values()):
        raise BadInput("The runs are not of one task.", "Choose runs of the same task.")
    check_reference(db, recipe, task_key)
    grid = to_json(ExistingRuns(tuple(ids), recipe))
    return _start(
        db,
        SweepSpec(""),
        lambda: create_sweep(db, grid, task_key=task_key, name=name, study=study),
        token,
    )


def retry_sweep(db: Database, sweep_id: str) -> Job:
    """Queue a sweep that is over once more: what failed is tried again, what is done stays.

    Raises:
        BadInput: there is no such sweep.
    """
    with db.write():
        record = get_sweep(db, sweep_id)
        spec = SweepSpec(sweep_id)
        if record.job_id is not None:
            before = get_job(db, record.job_id)
            if before.state in ("queued", "running"):
                return before
            spec = before.spec_as(SweepSpec)
        return _queue(db, spec)


@job(KIND, title="Sweep", activity="Running the sweep", progress=SweepProgress)
def sweep_handler(context: JobContext, tools: WorkerTools) -> None:
    """Run the sweep of a job with the worker's own models; see `sweep_job`."""
    sweep_job(context, LoadedModels(tools.models, tools.encoders), tools.home)


def sweep_job(
    context: JobContext,
    here: Tools,
    home: Home,
    *,
    place: Callable[..., Executor] = select_executor,
    elsewhere: Tools | None = None,
    timer: Callable[[], float] = time.monotonic,
) -> None:
    """Run the sweep of a job; one that was stopped or killed goes on where it stopped.

    Reports what `SweepProgress` says. What failed stands with its trial; the job is done when all
    trials came to an end, however.

    Args:
        context: the job.
        here: opens models in this process.
        home: where converted models lie.
        place: chooses the executor.
        elsewhere: opens models in child processes; None by those of the home.
        timer: monotonic seconds.

    Raises:
        BadInput: the reference or a run is not there any more, or the cap can't be kept.
        BackendFailed: the encoder or the cluster is not to be had.
        Pausing: a server is not to be had now, or the cap is reached.
        StoreFull, StoreBusy: what was told before is stored.
    """
    db, spec = context.db, context.job.spec_as(SweepSpec)
    record = get_sweep(db, spec.sweep)
    wanted, recipe = planned_trials(db, record)
    trials = SweepTrials(context, record.id, recipe, wanted, here, timer=timer)
    executor: Executor | None = None
    try:
        trials.settle()
        cap = context.job.cap
        trials.spending = spending_of(db, record.id, wanted, cap)
        if trials.left:
            if trials.spending is not None:
                check_sweep_cap(db, trials.models, cap if trials.models else SpendingLimit())
            real = _real_texts(trials, here, recipe)
            executor = place(
                trials.models,
                real,
                trials=trials.left,
                workers=spec.workers,
                ray=spec.ray,
                here=here,
                elsewhere=elsewhere or NodeTools(home.models),
                on_nodes=elsewhere or NodeTools(),
                tracker=None if trials.spending is None else trials.spending.tracker,
            )
            trials.run(executor, real)
        trials.finish()
    except Stopped:
        trials.report("stopped")
    except Pausing:
        trials.report("stopped")
        raise
    finally:
        # First the children, then what they were at: nothing more is told after that.
        if executor is not None:
            executor.close()
        trials.let_go()


def _start(
    db: Database, spec: SweepSpec, create: Callable[[], SweepRecord], token: str | None
) -> tuple[SweepRecord, Job]:
    if spec.workers is not None and not 1 <= spec.workers <= MAX_WORKERS:
        raise BadInput(f"There are {spec.workers} workers.", f"Choose 1 to {MAX_WORKERS}.")
    with db.write():
        known = None if token is None else job_of_token(db, token)
        if known is not None:
            return get_sweep(db, known.spec_as(SweepSpec).sweep), known
        sweep_id = create().id
        job = _queue(db, replace(spec, sweep=sweep_id), token=token)
        return get_sweep(db, sweep_id), job


def _queue(db: Database, spec: SweepSpec, *, token: str | None = None) -> Job:
    data = to_json(spec)
    if not spec.cap.on:
        del data["cap"]
    job = submit(db, KIND, data, token=token)
    set_sweep_job(db, spec.sweep, job.id)
    return job


def _real_texts(trials: SweepTrials, tools: Tools, recipe: Recipe) -> RealTexts:
    """The reference, embedded once; empty parts without one."""
    trials.report("loading")
    parts: list[Dataset | None] = [None, None]
    if recipe.reference is not None:
        keys = (reference_key(recipe.reference, part) for part in ("train", "test"))
        parts = [load_dataset(trials.db, key) for key in keys]
    train, test = (part.texts if part is not None else () for part in parts)
    train_labels, test_labels = (part.labels if part is not None else () for part in parts)
    encoder = tools.encoder(recipe.encoder)
    trials.report("embedding")
    vectors = embedded(trials.db, encoder, [*train, *test], between=trials.between)
    return RealTexts(
        train=train,
        train_labels=train_labels,
        train_vectors=vectors[: len(train)],
        test=test,
        test_labels=test_labels,
        test_vectors=vectors[len(train) :],
        encoder=encoder.fingerprint,
    )


@dataclass(frozen=True, slots=True)
class LoadedModels:
    """The worker's own models as `Tools`."""

    models: "Models"
    encoders: Encoders

    def backend(self, choice: ModelChoice, *, dtype: str | None = None) -> Backend:
        """A loaded language model."""
        return self.models.backend(choice, dtype=dtype)

    def encoder(self, choice: EncoderChoice) -> Encoder:
        """A loaded encoder."""
        return self.encoders.encoder(choice)
