"""Planned runs: a grid spelled out, condition by condition and repeat by repeat."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from core.domain.registries.knobs import AXES, condition_words
from core.domain.runs import Example, RunSpec
from core.domain.settings_key import settings_key
from core.files.labelled import balanced_examples
from core.sweeps.grid.spec import Grid, GridError


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


def plan_runs(grid: Grid, *, train: Sequence[Example]) -> list[PlannedRun]:
    """All runs of a grid, in order: the first repeat of all conditions, then the second.

    So a sweep that is stopped has seen as much of the grid as it could. The seed of a run is the
    grid's plus the repeat's place, whatever else is in the grid: a grid that grows asks for the
    same runs again, and more. All conditions of a repeat that are seeded with as many examples
    have the same ones, drawn by that seed, balanced over the labels.

    Args:
        grid: counted, and refused above its cap, before anything is built.
        train: the reference's train part, in its order; empty without a reference.

    Raises:
        GridError: there are too many conditions, or seeding has nothing to draw from.
        BadInput: a label has too few different texts to draw from.
    """
    grid.check_size()
    check_seeding(grid, train=bool(train))
    runs: list[PlannedRun] = []
    for repeat in range(grid.repeats):
        seed = grid.seed + repeat
        drawn = {
            count: balanced_examples(train, task=grid.task, count=count, seed=seed) if count else ()
            for count in grid.axes["seeding"]
        }
        for spec in _specs(grid, seed, drawn):
            runs.append(
                PlannedRun(
                    position=len(runs),
                    spec=spec,
                    repeat=repeat,
                    condition_key=condition_key(spec),
                    name=f"{grid.task.name}, {grid_condition_words(grid, spec, repeat=repeat)}",
                )
            )
    return runs


def check_seeding(grid: Grid, *, train: bool) -> None:
    """See that seed examples can be drawn, if any are wanted.

    Args:
        train: whether there are texts to draw from.

    Raises:
        GridError: there are none.
    """
    if any(grid.axes["seeding"]) and not train:
        raise GridError(
            "axes.seeding",
            f"{max(grid.axes['seeding'])} real examples need a reference to be drawn from.",
            "Name a reference, or seed with 0 alone.",
        )


def condition_key(spec: RunSpec) -> str:
    """The key of a run's condition: all that decides it but chance.

    The seed is left out, and so are which seed examples were drawn (their number counts) and the
    device.
    """
    model = replace(spec.model, device="auto")
    without_chance = replace(spec, seed=0, seed_examples=(), model=model)
    return settings_key([without_chance, len(spec.seed_examples)])


def grid_condition_words(grid: Grid, spec: RunSpec, *, repeat: int | None = None) -> str:
    """A run by the axes of its grid: "T 0.7 · S 7.5, repeat 2"; the repeat if there are several."""
    values = {axis.name: axis.value(spec) for axis in AXES}
    words = condition_words(values, varying=grid.varying)
    return f"{words}, repeat {repeat + 1}" if repeat is not None and grid.repeats > 1 else words


def _specs(grid: Grid, seed: int, drawn: Mapping[int, tuple[Example, ...]]) -> Iterator[RunSpec]:
    """Each condition once; the last axis is outermost, so that each model is loaded once."""
    axes = AXES[::-1]
    for values in product(*(grid.axes[axis.name] for axis in axes)):
        condition, fields = grid.base, dict[str, Any]()
        for axis, value in zip(axes, values, strict=True):
            if axis.path[0] == "condition":
                condition = axis.within(condition, value)
            else:
                fields[axis.path[0]] = drawn[value] if axis.name == "seeding" else value
        yield RunSpec(
            task=grid.task, condition=condition, per_label=grid.per_label, seed=seed, **fields
        )
