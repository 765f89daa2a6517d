"""Grid: the conditions of a sweep, told as a list of values for each knob that varies."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from math import prod
from typing import Any

from core.domain.conditions import Condition, condition_from_dict
from core.domain.errors import BadInput
from core.domain.runs import MAX_EXAMPLES, MAX_PER_LABEL, ModelChoice
from core.domain.spending import SpendingLimit, spending_limit_from_dict
from core.domain.tasks import Task, task_from_dict
from core.sweeps.assessment.recipe import Recipe, recipe_from_dict

MAX_CONDITIONS = 1_000
"""The cap unless a grid has its own."""

MAX_VALUES = 10_000
MAX_REPEATS = 100

AXES: Mapping[str, tuple[float, float, bool]] = {
    "temperature": (0, 2, False),
    "suppression": (0, 20, False),
    "seeding": (0, MAX_EXAMPLES, True),
    "min_p": (0, 1, False),
}
"""The axes of numbers: the lowest and the highest value, and whether it is a whole number."""


class GridFault(BadInput):
    """A grid can't be used; `key` says where ("axes.temperature")."""

    def __init__(self, key: str, what: str, remedy: str) -> None:
        super().__init__(f"{key}: {what}", remedy)
        self.key = key
        self.fault = what


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """All conditions that the values of the axes make with each other, times the repeats.

    The defaults are the paper's 16 conditions (section 4.1): four temperatures, suppression off
    and on, seeding off and on.

    Args:
        task: what is written.
        name: for display.
        study: what sweeps of several tasks share; empty for a sweep of its own.
        per_label: texts for each label of a run, 1 to 100,000.
        seed: of the first repeat, 0 to 2**31 - 1; each further repeat has the next.
        repeats: runs of each condition, 1 to 100 (paper: 3).
        temperature: 0 to 2.
        suppression: strengths of logit suppression, 0 (off) to 20.
        seeding: numbers of real seed examples, 0 to 1,000; above 0 they need a reference.
        min_p: 0 (off) to 1.
        models: the language models.
        base: all other knobs; what it has of the axes' own is overridden.
        recipe: what is measured and repaired; its reference is that of the seed examples.
        cap: the highest number of conditions, 1 or more.
        spend: what all runs together may spend on servers; nothing set is no limit.

    Raises:
        GridFault: a value is out of its range or stands twice on its axis, or an axis is empty.
    """

    task: Task
    name: str = ""
    study: str = ""
    per_label: int = 100
    seed: int = 0
    repeats: int = 1
    temperature: tuple[float, ...] = (0.3, 0.7, 0.9, 1.3)
    suppression: tuple[float, ...] = (0.0, 7.5)
    seeding: tuple[int, ...] = (0, 18)
    min_p: tuple[float, ...] = (0.0,)
    models: tuple[ModelChoice, ...] = (ModelChoice(),)
    base: Condition = field(default_factory=Condition)
    recipe: Recipe = field(default_factory=Recipe)
    cap: int = MAX_CONDITIONS
    spend: SpendingLimit = field(default_factory=SpendingLimit)

    def __post_init__(self) -> None:
        for key, words in (("name", self.name), ("study", self.study)):
            if not isinstance(words, str) or len(words) > 200 or not words.isprintable():
                raise GridFault(key, "it is no line of up to 200 characters.", "Write a short one.")
        for key, number, least, most in (
            ("per_label", self.per_label, 1, MAX_PER_LABEL),
            ("seed", self.seed, 0, 2**31 - 1),
            ("repeats", self.repeats, 1, MAX_REPEATS),
            ("limits.conditions", self.cap, 1, 10**9),
        ):
            check_number(key, number, least, most, whole=True)
        for axis, (low, high, whole) in AXES.items():
            values = getattr(self, axis)
            for value in values:  # numbers first: a list in a list can't be looked for twice
                check_number(f"axes.{axis}", value, low, high, whole=whole)
            _check_axis(axis, values)
            # Equal specs are told by their text, in which 1 and 1.0 differ.
            even = tuple(value if whole else float(value) + 0.0 for value in values)
            object.__setattr__(self, axis, even)
        _check_axis("model", self.models)

    @property
    def conditions(self) -> int:
        """How many conditions there are; counted, not built."""
        axes = [*(getattr(self, axis) for axis in AXES), self.models]
        return prod(len(axis) for axis in axes)

    @property
    def runs(self) -> int:
        """How many runs: every condition as often as it is repeated."""
        return self.conditions * self.repeats

    @property
    def texts(self) -> int:
        """Usable texts over all runs."""
        return self.runs * self.per_label * len(self.task.labels)

    def check_size(self) -> None:
        """See that the cap holds.

        Raises:
            GridFault: it does not.
        """
        if self.conditions > self.cap:
            axes = {**{axis: getattr(self, axis) for axis in AXES}, "model": self.models}
            told = " x ".join(f"{len(axis)} {name}" for name, axis in axes.items() if len(axis) > 1)
            raise GridFault(
                "axes",
                f"they make {self.conditions:,} conditions ({told}), above the cap of "
                f"{self.cap:,}.",
                "Give fewer values, or raise the cap (limits.conditions, --cap).",
            )

    def with_reference(self, reference: str | None) -> "Grid":
        """The same grid with the reference of that id."""
        return replace(self, recipe=replace(self.recipe, reference=reference))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, the inverse of `grid_from_dict`."""
        told = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "spend"}
        if self.spend.on:
            told["spend"] = self.spend.to_dict()
        return {
            **{
                key: list(value) if isinstance(value, tuple) else value
                for key, value in told.items()
            },
            "task": self.task.to_dict(),
            "models": [model.to_dict() for model in self.models],
            "base": self.base.to_dict(),
            "recipe": self.recipe.to_dict(),
        }


def grid_from_dict(data: Mapping[str, Any]) -> Grid:
    """Build a grid from JSON data; what it lacks is as by default.

    Raises:
        BadInput: a part of it is unknown or refused.
    """
    unknown = sorted(set(data) - {f.name for f in fields(Grid)})
    if unknown:
        raise BadInput(f"The part '{unknown[0]}' of a grid is unknown.", "Check its name.")
    values: dict[str, Any] = dict(data)
    values["task"] = task_from_dict(data["task"])
    for axis in AXES:
        if axis in values:
            values[axis] = tuple(values[axis])
    if "models" in values:
        values["models"] = tuple(ModelChoice(**model) for model in values["models"])
    if "base" in values:
        values["base"] = condition_from_dict(values["base"])
    if "spend" in values:
        values["spend"] = spending_limit_from_dict(values["spend"])
    if "recipe" in values:
        values["recipe"] = recipe_from_dict(values["recipe"])
    return Grid(**values)


def check_number(key: str, value: object, low: float, high: float, *, whole: bool) -> None:
    """See that a value is a number of a range.

    Raises:
        GridFault: it is none; the fault is told as "3 is above 2".
    """
    kind = int if whole else int | float
    what = "whole number" if whole else "number"
    remedy = f"Choose a {what} from {low:,} to {high:,}."
    said = str(value)[:40]
    if not isinstance(value, kind) or isinstance(value, bool) or value != value:
        raise GridFault(key, f"{said} is no {what}.", remedy)
    if value < low:
        raise GridFault(key, f"{said} is below {low:,}.", remedy)
    if value > high:
        raise GridFault(key, f"{said} is above {high:,}.", remedy)


def _check_axis(axis: str, values: tuple[Any, ...]) -> None:
    key = f"axes.{axis}"
    if not values:
        raise GridFault(key, "it has no value.", "Give at least one, or leave the axis out.")
    if len(values) > MAX_VALUES:
        raise GridFault(key, f"it has {len(values):,} values.", f"Give at most {MAX_VALUES:,}.")
    seen: set[Any] = set()
    for value in values:
        if value in seen:
            said = value.model if isinstance(value, ModelChoice) else value
            raise GridFault(key, f"{str(said)[:40]} stands twice.", "Give each value once.")
        seen.add(value)
