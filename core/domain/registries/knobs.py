"""KNOBS: every setting that makes one condition differ from another, in the order of display."""

from collections.abc import Collection, Mapping

from core.domain.registries.knob import Knob, declared_knobs
from core.domain.runs import RunSpec, short_model

KNOBS: tuple[Knob, ...] = tuple(sorted(declared_knobs(RunSpec), key=lambda knob: knob.order))
"""All knobs, declared at the fields of `Condition`, `Suppression` and `RunSpec`."""

KNOB: Mapping[str, Knob] = {knob.name: knob for knob in KNOBS}
"""Each by its name."""

AXES: tuple[Knob, ...] = tuple(knob for knob in KNOBS if knob.axis)
"""The knobs that a sweep can vary, each a column of results and points frames."""

NUMERIC_AXES: tuple[Knob, ...] = tuple(knob for knob in AXES if knob.numeric)
"""The axes whose values are numbers."""

SEPARATOR = " · "
"""Between the parts of a condition's name."""


def condition_values(spec: RunSpec) -> dict[str, object]:
    """The value of every knob in a run's spec, by the knob's name."""
    return {knob.name: knob.value(spec) for knob in KNOBS}


def condition_words(
    values: Mapping[str, object], *, varying: Collection[str] = (), other: str = ""
) -> str:
    """A condition's name: "T 0.7 · S 7.5 · 18 examples"; not escaped.

    Args:
        values: knob to value, such as a row of a points frame or `condition_values`; knobs that
            are missing (or NaN) are left out.
        varying: knobs that are named even at their default, because they tell the condition from
            others; the temperature always is.
        other: further words, such as a row's `other`.
    """
    words = []
    for knob in KNOBS:
        value = values.get(knob.name)
        named = knob.name == "temperature" or knob.name in varying or value != knob.default
        if knob.name in values and named:
            words.append(knob.words(short_model(value) if isinstance(value, str) else value))
    return SEPARATOR.join(word for word in [*words, other] if word)
