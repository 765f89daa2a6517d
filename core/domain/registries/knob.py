"""Knob: one setting of a run, declared once at the field that holds it.

Widgets, options of the command line, grid files, frames, hovers, charts, tables, reports and help
read the declaration (`core.domain.registries.knobs.KNOBS`) instead of naming the knob.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from core.domain.errors import BadInput
from core.domain.wording import MISSING, listed, number

Kind = Literal["number", "whole", "choice", "toggle", "other"]
Group = Literal["main", "decoding", "requests", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """How a setting is called, bounded, written, chosen and varied.

    Args:
        name: key of its widget, of its axis in a grid and of its column in frames.
        path: the fields that lead to it from a run's spec, such as ("condition", "min_p").
        title: for labels, a noun phrase in sentence case.
        help: what it does, in one plain sentence.
        kind: what its values are; `other` has neither a widget nor an option made from here.
        default: of the field.
        low: the lowest value of a number.
        high: the highest value of a number.
        step: of a slider.
        open_low: `low` itself is not allowed.
        optional: None is allowed, and stands for a value that depends on other knobs.
        choices: value to title, of a choice.
        short: how a value is written in a condition's name, such as "T {:g}".
        off: the value at which it does nothing; None where there is none.
        off_words: how that is written, such as "unseeded".
        paper: the paper's value or values (section 4.1); empty where it has none.
        widens: 1 where more of it widens the data, -1 where it narrows, 0 where neither is meant.
        truncates: it removes unlikely tokens from the choice.
        axis: whether a sweep can vary it.
        axis_values: what a new sweep tries of it; empty for the default alone.
        axis_choices: what a new sweep's widget offers of it, beside typed values.
        flag: of the command line.
        server_names: what servers with OpenAI's API call it in a request.
        group: where its widget stands; `main` ones are always in view.
        order: its place among all knobs, lower first; equal ones stand as they are declared.
        read: its value in a spec, where that is more than following `path`.
    """

    name: str
    path: tuple[str, ...]
    title: str
    help: str
    kind: Kind
    default: Any
    low: float = 0.0
    high: float = 0.0
    step: float = 1.0
    open_low: bool = False
    optional: bool = False
    choices: Mapping[str, str] | None = None
    short: str = ""
    off: Any = None
    off_words: str = ""
    paper: tuple[Any, ...] = ()
    widens: Literal[-1, 0, 1] = 0
    truncates: bool = False
    axis: bool = False
    axis_values: tuple[Any, ...] = ()
    axis_choices: tuple[Any, ...] = ()
    flag: str = ""
    server_names: tuple[str, ...] = ()
    group: Group = "decoding"
    order: int = 50
    read: Callable[[Any], Any] | None = None

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers."""
        return self.kind in ("number", "whole")

    @property
    def range_words(self) -> str:
        """Its range for a person, such as "0 to 2" or "above 0 to 1"; empty without one."""
        if not self.numeric:
            return ""
        return f"{'above ' if self.open_low else ''}{number(self.low)} to {number(self.high)}"

    def value(self, spec: Any) -> Any:
        """Its value in a run's spec."""
        if self.read is not None:
            return self.read(spec)
        for name in self.path:
            spec = getattr(spec, name)
        return spec

    def within(self, holder: Any, value: Any) -> Any:
        """A copy of a spec or, without the path's first field, of a condition with that value."""
        path = self.path if hasattr(holder, self.path[0]) else self.path[1:]
        return _replaced(holder, path, value)

    def value_in_condition(self, condition: Any) -> Any:
        """The value of the field that declares it, in a condition."""
        for name in self.path[1:]:
            condition = getattr(condition, name)
        return condition

    def check(self, value: Any) -> None:
        """See that a value is allowed.

        Raises:
            BadInput: it is not.
        """
        if self.kind == "toggle" and not isinstance(value, bool):
            raise BadInput(f"{self.title} must be true or false.", "Set it to one of the two.")
        if self.choices is not None and value not in self.choices:
            raise BadInput(
                f"{self.title} '{value}' is unknown.", f"Use {listed(self.choices, 'or')}."
            )
        if self.numeric:
            check_number(
                self.title,
                value,
                self.low,
                self.high,
                whole=self.kind == "whole",
                open_low=self.open_low,
            )

    def title_of(self, value: Any) -> str:
        """A value as a table shows it: a choice by its title, a toggle as on or off."""
        if value is None:
            return MISSING
        if self.choices is not None:
            return self.choices.get(value, str(value))
        if self.kind == "toggle":
            return "on" if value else "off"
        return number(value) if self.numeric else str(value)

    def words(self, value: Any) -> str:
        """A value as it stands in a condition's name: "T 0.7", "18 examples", "unseeded".

        Empty for a missing one (None or NaN). Not escaped.
        """
        if value is None or value != value:
            return ""
        if self.off_words and value == self.off:
            return self.off_words
        if self.kind == "toggle":
            return self.title.lower() if value else f"no {self.title.lower()}"
        if self.choices is not None:
            value = str(value).replace("_", " ")
        words = (self.short or f"{self.title.lower()} {{}}").format(value)
        return words.replace(" examples", " example") if value == 1 else words


def knob(default: Any, *, title: str, help: str, **declared: Any) -> Any:
    """A dataclass field with that default which is a knob; see `Knob` for what can be declared.

    `name`, `path`, `kind` and `flag` come from the field unless they are given; `shown_default`
    is the default as `Knob.value` reads it, where that is not the field's own.
    """
    kind = declared.pop("kind", None)
    if kind is None:
        kind = "choice" if "choices" in declared else _kind_of(default)
    declaration = {"default": default, "title": title, "help": help, "kind": kind, **declared}
    declaration["default"] = declaration.pop("shown_default", default)
    return field(default=default, metadata={"knob": declaration})


def declared_knobs(cls: Any, *, path: tuple[str, ...] = ()) -> list[Knob]:
    """The knobs that a dataclass declares, those of dataclasses within it included, in order."""
    knobs = []
    for item in cls.__dataclass_fields__.values():
        here = (*path, item.name)
        declaration = item.metadata.get("knob")
        if declaration is None:
            if hasattr(item.type, "__dataclass_fields__"):
                knobs += declared_knobs(item.type, path=here)
            continue
        name = declaration.get("name", item.name)
        flag = declaration.get("flag", f"--{name.replace('_', '-')}")
        knobs.append(Knob(**{**declaration, "name": name, "flag": flag, "path": here}))
    return knobs


def check_number(
    title: str, value: Any, low: float, high: float, *, whole: bool = False, open_low: bool = False
) -> None:
    """See that a value is a (whole) number from `low` (itself excluded by `open_low`) to `high`.

    Raises:
        BadInput: it is not.
    """
    kinds = int if whole else int | float
    is_number = isinstance(value, kinds) and not isinstance(value, bool)
    # A NaN is in no range.
    if not is_number or not low <= value <= high or (open_low and value == low):
        what = "a whole number" if whole else "a number"
        lowest = f"above {number(low)}" if open_low else number(low)
        raise BadInput(
            f"{title} is {value}, which is not {what} from {lowest} to {number(high)}.",
            "Choose a value in that range.",
        )


def _kind_of(default: Any) -> Kind:
    if isinstance(default, bool):
        return "toggle"
    return "whole" if isinstance(default, int) else "number"


def _replaced(holder: Any, path: tuple[str, ...], value: Any) -> Any:
    first, *rest = path
    inner = _replaced(getattr(holder, first), tuple(rest), value) if rest else value
    return replace(holder, **{first: inner})
