"""Target: what a person wants of a condition, and what one costs."""

import math
from dataclasses import dataclass

from core.errors import BadInput
from core.experiments.columns import METRICS


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is wanted; None asks for nothing.

    Args:
        label_accuracy: at least, 0 to 1.
        model_accuracy: at least, 0 to 1.
        diversity: at least, 0 to 2.
        inspected: at most so many texts that somebody looks at.
        money: at most, in the prices' currency.
        seconds: at most, for one run and its inspection.

    Raises:
        BadInput: a value is out of its range.
    """

    label_accuracy: float | None = None
    model_accuracy: float | None = None
    diversity: float | None = None
    inspected: int | None = None
    money: float | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        for name, most in (
            ("label_accuracy", 1.0),
            ("model_accuracy", 1.0),
            ("diversity", 2.0),
            ("inspected", math.inf),
            ("money", math.inf),
            ("seconds", math.inf),
        ):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= most:
                until = f"from 0 to {most:g}" if math.isfinite(most) else "0 or more"
                raise BadInput(f"The target {name} is {value}, not {until}.", "Choose another.")

    @property
    def least(self) -> dict[str, float]:
        """The metrics that are asked for, and how much at least."""
        told = {name: getattr(self, name) for name in METRICS if name != "similarity"}
        return {name: value for name, value in told.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a condition takes; None is unknown.

    Args:
        seconds: of generation.
        money: in the prices' currency.
    """

    seconds: float | None = None
    money: float | None = None
