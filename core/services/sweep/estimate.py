"""What a sweep would take, by what the store has of it and what it tells of speed and prices."""

from collections.abc import Sequence
from dataclasses import replace

from core.domain.runs import Example, ModelChoice, RunSpec
from core.services.refusals import refusals
from core.services.training.training_throughput import recent_throughput
from core.store.connections import find_capabilities, find_connection
from core.store.database import Database
from core.store.generation.rounds import recent_speed
from core.store.generation.samples import tokens_by_temperature
from core.store.sweeps import find_assessments, find_run_of_spec
from core.sweeps.assessment.recipe import Recipe
from core.sweeps.cost_estimate import (
    CostEstimate,
    ModelHistory,
    RefusedRun,
    Stored,
    assessment_time,
    estimate_sweep,
)
from core.sweeps.grid.plan import plan_runs
from core.sweeps.grid.spec import Grid


def estimate_stored_sweep(
    db: Database, grid: Grid, *, train: Sequence[Example], n_test: int
) -> CostEstimate:
    """The dry run of a grid.

    Args:
        grid: with its reference, of which the store may know nothing yet.
        train: the reference's train part, in its order; empty without a reference.
        n_test: texts of its test part.

    Raises:
        BadInput: the grid is refused.
    """
    runs = plan_runs(grid, train=train)
    recipe = grid.recipe.key

    def stored(spec: RunSpec) -> Stored:
        run = find_run_of_spec(db, spec)
        if run is None:
            return ""
        return "assessed" if find_assessments(db, [run.id], recipe=recipe) else "generated"

    estimate = estimate_sweep(
        grid,
        runs,
        stored=stored,
        pace=lambda model: _pace(db, model, counted=grid.spend.needs_usage),
        n_test=n_test,
        train_paces=recent_throughput(db),
    )
    refused = tuple(
        RefusedRun(run.name, error.what, error.remedy)
        for run, error in zip(runs, refusals(db, [run.spec for run in runs]), strict=True)
        if error is not None and not stored(run.spec)
    )
    return replace(estimate, refused=refused)


def assessment_seconds(db: Database, recipe: Recipe, sizes: Sequence[int], *, n_test: int) -> float:
    """How long runs that are there take to be measured and repaired, roughly.

    Args:
        recipe: what is done to each.
        sizes: how many texts each has.
        n_test: texts of the reference's test part, 0 without one.
    """
    known = recent_throughput(db)
    return sum(assessment_time(recipe, n, n_test=n_test, known=known).seconds for n in sizes)


def _pace(db: Database, model: ModelChoice, *, counted: bool) -> ModelHistory:
    server = find_connection(db, model.base_url) if model.base_url else None
    probed = find_capabilities(db, model.base_url, model.model) if model.base_url else None
    # Where tokens have to be known and are not of several texts, one text is asked for.
    one_alone = counted and (probed is None or probed.capabilities.usage_of_several != "exact")
    return ModelHistory(
        tokens=tokens_by_temperature(db, model.model),
        texts_per_second=recent_speed(db, model.model),
        prices=None if server is None else server.prices,
        several=not model.base_url
        or (probed is not None and probed.capabilities.n == "exact" and not one_alone),
    )
