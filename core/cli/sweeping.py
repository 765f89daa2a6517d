"""A sweep of the command line: from what was asked for to its job, or to what it would take."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core.cli.spending_cap import chosen_cap
from core.cli.sweep_reference import Chosen
from core.domain.connections import Connection, checked_url
from core.domain.errors import BadInput
from core.domain.runs import BackendKind, ModelChoice
from core.jobs.handlers.sweep import KIND, start_sweep
from core.jobs.queue import RESUMABLE, Job, request_cancel, resume, status, submit
from core.jobs.sweeps.estimate import what_it_takes as dry_run_of
from core.jobs.sweeps.spending import check_sweep_cap
from core.store.connections import find_connection, save_connection
from core.store.database import Database
from core.store.sweeps import SweepRecord, list_sweeps, set_sweep_job, trials_of
from core.sweeps.cost_estimate import DryRun
from core.sweeps.grid.file import model_name
from core.sweeps.grid.spec import Grid


def with_options(grid: Grid, args: argparse.Namespace) -> Grid:
    """The grid with the caps and the model of the command line, if it names any.

    Raises:
        BadInput: they can't be used.
    """
    if args.cap is not None:
        grid = replace(grid, cap=args.cap)
    spend = chosen_cap(args)
    if spend is not None:
        grid = replace(grid, spend=spend)
    if args.model is None and args.backend is None and args.base_url is None:
        return grid
    if args.model is None and len(grid.models) > 1:
        raise BadInput("The grid has more than one model.", "Say which with --model.")
    url = "" if args.base_url is None else checked_url(args.base_url)
    backend: BackendKind = args.backend or ("openai" if url else "local")
    name = args.model or grid.models[0].model
    choice = ModelChoice(
        backend=backend,
        model=model_name(name) if backend == "local" else name,
        device=grid.models[0].device,
        base_url=url,
    )
    return replace(grid, models=(choice,))


def begun(db: Database, grid: Grid, args: argparse.Namespace) -> tuple[SweepRecord, Job | None]:
    """The sweep of exactly this grid and its job, begun or gone on with; no job if all is done.

    Raises:
        BadInput: the grid is refused.
    """
    told = _but_for_the_cap(json.loads(json.dumps(grid.to_dict())))
    check_sweep_cap(db, grid.models, grid.spend)
    with db.write():
        before = next(
            (
                one
                for one in list_sweeps(db, task_key=grid.task.key)
                if _but_for_the_cap(one.grid) == told
            ),
            None,
        )
        if before is None or before.job_id is None:
            return start_sweep(db, grid, workers=args.workers, ray=args.ray)
        job, state = status(db, before.job_id)
        if state in ("queued", "running"):
            return before, job
        trials = trials_of(db, before.id)
        if any(trial.run.deleted_at is not None for trial in trials):
            return start_sweep(db, grid, workers=args.workers, ray=args.ray)
        if [trial.state for trial in trials] == ["done"] * grid.runs:
            return before, None
        spec = {"sweep": before.id, "workers": args.workers, "ray": args.ray}
        if state in RESUMABLE:
            if {key: value for key, value in job.spec.items() if key != "cap"} == spec:
                return before, resume(db, job.id, cap=grid.spend)
            request_cancel(db, job.id)  # one that nobody runs, so that it stays so
        spec |= {"cap": grid.spend.to_dict()} if grid.spend.on else {}
        job = submit(db, KIND, spec)
        set_sweep_job(db, before.id, job.id)
        return before, job


def remember_servers(db: Database, grid: Grid, key_variable: str) -> None:
    """Store the connections of a grid's servers that are new, and the name of their key.

    Args:
        db: the store.
        grid: the grid.
        key_variable: the name; empty leaves it as it is.

    Raises:
        BadInput: the key can't be that of several servers, or of none.
    """
    urls = list(dict.fromkeys(model.base_url for model in grid.models if model.base_url))
    if key_variable and len(urls) != 1:
        raise BadInput(
            f"--key-variable is for the key of one server, and the grid has {len(urls) or 'none'}.",
            "Name each server's key with python -m core probe."
            if urls
            else "Leave it out, or name a server.",
        )
    for url in urls:
        known = find_connection(db, url)
        wanted = known or Connection(base_url=url)
        if key_variable:
            wanted = replace(wanted, key_variable=key_variable)
        if wanted != known:
            save_connection(db, wanted)


def _but_for_the_cap(grid: Mapping[str, Any]) -> dict[str, Any]:
    """A stored grid without what it may spend: with a higher cap the same sweep goes on."""
    return {key: value for key, value in grid.items() if key != "spend"}


def what_it_takes(db: Database, grid: Grid, chosen: Chosen | None) -> DryRun:
    """The dry run of a grid whose reference may not be in the store yet.

    Raises:
        BadInput: the grid is refused.
    """
    if chosen is not None:
        grid = grid.with_reference("new" if chosen.known is None else chosen.known.id)
    return dry_run_of(
        db,
        grid,
        train=() if chosen is None else chosen.train,
        n_test=0 if chosen is None else len(chosen.test),
    )
