"""Grid: the conditions of a sweep, as a list of values for each knob that varies."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

from core.domain.conditions import Condition, condition_from_dict
from core.domain.errors import BadInput
from core.domain.registries.knob import Knob
from core.domain.registries.knobs import AXES
from core.domain.runs import MAX_PER_LABEL, ModelChoice
from core.domain.serialization import from_json, to_json
from core.domain.settings_key import canonical, settings_key
from core.domain.spending import SpendingLimit
from core.domain.tasks import Task, task_from_dict
from core.domain.wording import number
from core.sweeps.assessment.recipe import Recipe, sweep_recipe

MAX_CONDITIONS = 1_000
"""The most conditions of a grid that does not set its own limit."""

MAX_VALUES = 10_000
MAX_REPEATS = 100

_STORED_AS = {"model": "models"}
"""Keys in stored grids of axes that are not stored under the knob's name."""


class GridError(BadInput):
    """A grid can't be used; `key` says where ("axes.temperature")."""

    def __init__(self, key: str, fault: str, remedy: str) -> None:
        super().__init__(f"{key}: {fault}", remedy)
        self.key = key


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """All combinations of the axes' values, times the repeats.

    The defaults are the paper's 16 conditions (section 4.1): four temperatures, suppression off
    and on, seeding off and on.

    Args:
        task: what is written.
        name: for display.
        study: shared by sweeps of several tasks; empty for a sweep of its own.
        per_label: texts per label of a run, 1 to 100,000.
        seed: of the first repeat, 0 to 2**31 - 1; each further repeat has the next.
        repeats: runs of each condition, 1 to 100 (paper: 3).
        axes: the values of each knob of `core.domain.registries.knobs.AXES` by its name; a knob
            that is left out gets `default_axis`. Seeding counts real seed examples; above 0 it
            needs a reference. The values of `model` are `ModelChoice`s.
        base: all other knobs; its values for the axes' knobs are ignored.
        recipe: what is measured and repaired; its reference is that of the seed examples.
        cap: the highest number of conditions, 1 or more.
        spend: what all runs together may spend on servers; nothing set is no limit.

    Raises:
        GridError: a value is out of its range or repeated on its axis, or an axis is empty.
    """

    task: Task
    name: str = ""
    study: str = ""
    per_label: int = 100
    seed: int = 0
    repeats: int = 1
    axes: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    base: Condition = field(default_factory=Condition)
    recipe: Recipe = field(default_factory=Recipe)
    cap: int = MAX_CONDITIONS
    spend: SpendingLimit = field(default_factory=SpendingLimit)

    def __post_init__(self) -> None:
        for key, text in (("name", self.name), ("study", self.study)):
            if not isinstance(text, str) or len(text) > 200 or not text.isprintable():
                raise GridError(
                    key, "it is not one line of up to 200 characters.", "Write a short one."
                )
        for key, value, low, high in (
            ("per_label", self.per_label, 1, MAX_PER_LABEL),
            ("seed", self.seed, 0, 2**31 - 1),
            ("repeats", self.repeats, 1, MAX_REPEATS),
            ("limits.conditions", self.cap, 1, 10**9),
        ):
            check_number(key, value, low, high, whole=True)
        known = [axis.name for axis in AXES]
        unknown = sorted(self.axes.keys() - set(known))
        if unknown:
            raise GridError(
                f"axes.{unknown[0]}", "there is no such axis.", f"Use {', '.join(known)}."
            )
        axes = {
            axis.name: _axis_values(axis, self.axes.get(axis.name, default_axis(axis)))
            for axis in AXES
        }
        object.__setattr__(self, "axes", axes)

    @property
    def models(self) -> tuple[ModelChoice, ...]:
        """The language models."""
        return self.axes["model"]

    @property
    def varying(self) -> list[str]:
        """The axes with more than one value."""
        return [name for name, values in self.axes.items() if len(values) > 1]

    @property
    def conditions(self) -> int:
        """The number of conditions; they are not built."""
        return prod(map(len, self.axes.values()))

    @property
    def runs(self) -> int:
        """The number of runs: every condition times the repeats."""
        return self.conditions * self.repeats

    @property
    def texts(self) -> int:
        """Usable texts over all runs."""
        return self.runs * self.per_label * len(self.task.labels)

    def check_size(self) -> None:
        """See that there are at most `cap` conditions.

        Raises:
            GridError: there are more.
        """
        if self.conditions > self.cap:
            factors = " x ".join(f"{len(self.axes[name])} {name}" for name in self.varying)
            raise GridError(
                "axes",
                f"they make {self.conditions:,} conditions ({factors}), above the cap of "
                f"{self.cap:,}.",
                "Give fewer values, or raise the cap (limits.conditions, --cap).",
            )

    def with_axes(self, **axes: tuple[Any, ...]) -> "Grid":
        """The same grid with other values on these axes."""
        return replace(self, axes={**self.axes, **axes})

    def with_reference(self, reference: str | None) -> "Grid":
        """The same grid with the reference of that id."""
        return replace(self, recipe=replace(self.recipe, reference=reference))

    @property
    def key(self) -> str:
        """The key of all but what it may spend: with a higher cap the same sweep goes on."""
        recipe = replace(self.recipe, fine_tuning=self.recipe.fine_tuning.with_rate())
        form = canonical(replace(self, spend=SpendingLimit(), recipe=recipe))
        del form["axes"]
        for axis in AXES:  # one that is added later is left out of older grids
            if (values := self.axes[axis.name]) != default_axis(axis):
                form[_STORED_AS.get(axis.name, axis.name)] = values
        return settings_key(form)

    def to_dict(self) -> dict[str, object]:
        """JSON-ready, the inverse of `grid_from_dict`."""
        data: dict[str, Any] = {
            "task": to_json(self.task),
            "name": self.name,
            "study": self.study,
            "per_label": self.per_label,
            "seed": self.seed,
            "repeats": self.repeats,
        }
        for name, values in self.axes.items():
            data[_STORED_AS.get(name, name)] = [
                value.to_dict() if isinstance(value, ModelChoice) else value for value in values
            ]
        data |= {
            "base": to_json(self.base),
            "recipe": to_json(self.recipe),
            "cap": self.cap,
        }
        return data | ({"spend": to_json(self.spend)} if self.spend.on else {})


def grid_from_dict(data: Mapping[str, object]) -> Grid:
    """Build a grid from JSON data; what it lacks has its default.

    A stored grid that is older than an axis has the one value of its base condition there.

    Raises:
        BadInput: a part of it is unknown or refused.
    """
    values: dict[str, Any] = dict(data)
    base = condition_from_dict(values["base"]) if "base" in values else Condition()
    axes: dict[str, tuple[Any, ...]] = {}
    for axis in AXES:
        key = _STORED_AS.get(axis.name, axis.name)
        if key in values:
            axes[axis.name] = tuple(values.pop(key))
        elif "base" in values and axis.path[0] == "condition":
            axes[axis.name] = (axis.value_in_condition(base),)
    if "model" in axes:
        axes["model"] = tuple(ModelChoice(**model) for model in axes["model"])
    unknown = sorted(set(values) - set(Grid.__dataclass_fields__) | (set(values) & {"axes"}))
    if unknown:
        raise BadInput(f"The part '{unknown[0]}' of a grid is unknown.", "Check its name.")
    values["task"] = task_from_dict(values["task"])
    values["base"] = base
    if "spend" in values:
        values["spend"] = from_json(SpendingLimit, values["spend"])
    values["recipe"] = sweep_recipe(data)
    return Grid(**values, axes=axes)


def default_axis(axis: Knob) -> tuple[Any, ...]:
    """The values of an axis that a grid does not set."""
    return (ModelChoice(),) if axis.name == "model" else axis.axis_values or (axis.default,)


def check_number(
    key: str, value: object, low: float, high: float, *, whole: bool, open_low: bool = False
) -> None:
    """See that a value is a number of a range; `open_low` leaves out its lower end.

    Raises:
        GridError: it is not; the fault is put as "3 is above 2".
    """
    kind = int if whole else int | float
    what = "whole number" if whole else "number"
    start = "above " if open_low else "from "
    remedy = f"Choose a {what} {start}{number(low)} to {number(high)}."
    shown = str(value)[:40]
    if not isinstance(value, kind) or isinstance(value, bool) or value != value:
        raise GridError(key, f"{shown} is not a {what}.", remedy)
    if value < low or (open_low and value == low):
        raise GridError(
            key, f"{shown} is {'not above' if open_low else 'below'} {number(low)}.", remedy
        )
    if value > high:
        raise GridError(key, f"{shown} is above {number(high)}.", remedy)


def _axis_values(axis: Knob, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values of an axis, checked; those of a real-valued knob as floats."""
    key = f"axes.{axis.name}"
    if not values:
        raise GridError(key, "it has no value.", "Give at least one, or leave the axis out.")
    if len(values) > MAX_VALUES:
        raise GridError(key, f"it has {len(values):,} values.", f"Give at most {MAX_VALUES:,}.")
    whole = axis.kind == "whole"
    for value in values:  # before repeats are looked for: a list in a list has no hash
        if axis.numeric:
            check_number(key, value, axis.low, axis.high, whole=whole, open_low=axis.open_low)
        elif axis.kind != "other":
            try:
                axis.check(value)
            except BadInput as error:
                raise GridError(key, error.what, error.remedy) from error
    seen: set[Any] = set()
    for value in values:
        if value in seen:
            shown = str(value.model if isinstance(value, ModelChoice) else value)
            raise GridError(key, f"{shown[:40]} is given twice.", "Give each value once.")
        seen.add(value)
    return tuple(float(value) + 0.0 if axis.kind == "number" else value for value in values)
