"""Planned runs: a grid spelled out, condition by condition and repeat by repeat."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from core.domain.conditions import Condition
from core.domain.runs import Example, ModelChoice, RunSpec, short_model
from core.files.labelled import balanced_examples
from core.sweeps.grid.spec import Grid, GridFault


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A run that a sweep wants.

    Args:
        position: its place in the sweep, from 0.
        spec: what is generated.
        repeat: its place among the runs of its condition, from 0.
        condition_key: see `condition_key`.
        name: for lists.
    """

    position: int
    spec: RunSpec
    repeat: int
    condition_key: str
    name: str


def planned(grid: Grid, *, train: Sequence[Example]) -> list[PlannedRun]:
    """All runs of a grid, in order: the first repeat of all conditions, then the second.

    So a sweep that is stopped has seen as much of the grid as it could. The seed of a run is the
    grid's plus the repeat's place, whatever else is in the grid: a grid that grows asks for the
    same runs again, and more. All conditions of a repeat that are seeded with as many examples
    have the same ones, drawn by that seed, balanced over the labels.

    Args:
        grid: counted, and refused above its cap, before anything is built.
        train: the reference's train part, in its order; empty without a reference.

    Raises:
        GridFault: there are too many conditions, or seeding has nothing to draw from.
        BadInput: a label has too few different texts to draw from.
    """
    grid.check_size()
    check_seeding(grid, train=bool(train))
    runs: list[PlannedRun] = []
    for repeat in range(grid.repeats):
        seed = grid.seed + repeat
        drawn = {
            count: balanced_examples(train, task=grid.task, count=count, seed=seed) if count else ()
            for count in grid.seeding
        }
        for model, condition, seeding in _conditions(grid):
            spec = RunSpec(
                task=grid.task,
                condition=condition,
                per_label=grid.per_label,
                seed=seed,
                seed_examples=drawn[seeding],
                model=model,
            )
            runs.append(
                PlannedRun(
                    position=len(runs),
                    spec=spec,
                    repeat=repeat,
                    condition_key=condition_key(spec),
                    name=_name(grid, spec, repeat),
                )
            )
    return runs


def check_seeding(grid: Grid, *, train: bool) -> None:
    """See that seed examples can be drawn, if any are wanted.

    Args:
        grid: the grid.
        train: whether there are texts to draw from.

    Raises:
        GridFault: there are none.
    """
    if any(grid.seeding) and not train:
        raise GridFault(
            "axes.seeding",
            f"{max(grid.seeding)} real examples need a reference to be drawn from.",
            "Name a reference, or seed with 0 alone.",
        )


def condition_key(spec: RunSpec) -> str:
    """A run's condition as 24 hexadecimal digits: all that decides it but chance.

    The seed is left out, and so are which seed examples were drawn (their number counts) and the
    device.
    """
    told = spec.to_dict()
    told.pop("seed")
    told["seed_examples"] = len(spec.seed_examples)
    told["model"].pop("device")
    written = json.dumps(told, sort_keys=True)
    return hashlib.blake2b(written.encode(), digest_size=12).hexdigest()


def condition_words(grid: Grid, spec: RunSpec) -> str:
    """A condition by the knobs that vary in the grid, temperature and suppression always."""
    condition = spec.condition
    parts = [f"T {condition.temperature:g}", f"S {condition.suppression.strength:g}"]
    if len(grid.seeding) > 1:
        seeds = len(spec.seed_examples)
        parts.append(f"{seeds} examples" if seeds else "unseeded")
    if len(grid.min_p) > 1:
        parts.append(f"min_p {condition.min_p:g}")
    if len(grid.models) > 1:
        parts.append(short_model(spec.model.model))
    return ", ".join(parts)


def _name(grid: Grid, spec: RunSpec, repeat: int) -> str:
    again = f", repeat {repeat + 1}" if grid.repeats > 1 else ""
    return f"{grid.task.name}, {condition_words(grid, spec)}{again}"


def _conditions(grid: Grid) -> Iterator[tuple[ModelChoice, Condition, int]]:
    # Models outermost: each is loaded once in a repeat.
    axes = product(grid.models, grid.seeding, grid.suppression, grid.min_p, grid.temperature)
    for model, seeding, strength, min_p, temperature in axes:
        condition = replace(
            grid.base,
            temperature=temperature,
            min_p=min_p,
            suppression=replace(grid.base.suppression, strength=strength),
        )
        yield model, condition, seeding
