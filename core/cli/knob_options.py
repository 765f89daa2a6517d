"""The knobs of a condition as options of a command, one for each that the registry declares."""

import inspect
from typing import Annotated, Any, Literal

from typer import Option

from core.cli.app import OptionGroup
from core.domain.conditions import Condition
from core.domain.knob import Knob
from core.domain.knobs import KNOBS

_PANELS = {"main": "Diversity", "decoding": "Diversity", "requests": "Prompts and requests"}
_TYPES = {"number": float, "whole": int, "toggle": bool}

KNOB_OPTIONS = tuple(knob for knob in KNOBS if knob.group in _PANELS and knob.kind != "other")


class KnobOptions(OptionGroup):
    """The knobs' values as they were given, by the knobs' names."""

    def __init__(self, **values: Any) -> None:
        self._values = values

    @classmethod
    def parameters(cls) -> list[inspect.Parameter]:
        """The knobs as parameters of a function."""
        return [
            inspect.Parameter(
                knob.name,
                inspect.Parameter.KEYWORD_ONLY,
                annotation=Annotated[
                    _type_of(knob),
                    Option(knob.flag, help=_help(knob), rich_help_panel=_PANELS[knob.group]),
                ],
                default=knob.default,
            )
            for knob in KNOB_OPTIONS
        ]

    def condition(self) -> Condition:
        """The condition that the options name.

        Raises:
            BadInput: a value is out of its range.
        """
        condition = Condition()
        for knob in KNOB_OPTIONS:
            condition = knob.within(condition, self._values[knob.name])
        return condition


def _type_of(knob: Knob) -> Any:
    kind = Literal[tuple(knob.choices)] if knob.choices is not None else _TYPES[knob.kind]
    return kind | None if knob.optional else kind


def _help(knob: Knob) -> str:
    return f"{knob.help} [{knob.range_words}]" if knob.range_words else knob.help
