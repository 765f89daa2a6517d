"""How far a piece of work is."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class JobProgress:
    """What a piece of work reports while it goes on; some kinds of work report more fields.

    Every field has a default, so that a job without a report, or with one of an older version, is
    read too.

    Args:
        phase: what is being done, such as "embedding"; "done" or "stopped" at the end; empty
            before the first report.
        done: parts that are done; None where there are no parts.
        total: parts in all; 0 or None while unknown.
        seconds_left: None while unknown.
    """

    phase: str = ""
    done: int | None = None
    total: int | None = None
    seconds_left: float | None = None

    @property
    def share(self) -> float:
        """How much is done, 0 to 1."""
        return min(1.0, (self.done or 0) / self.total) if self.total else 0.0


CurvePoint = tuple[int, float, float | None, float | None]
"""Number of texts, the score over them, and its interval's ends; None while they are unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiversityProgress:
    """Remote-Clique of the texts so far.

    Args:
        n: texts it is over.
        value: the score; None below two texts.
        low: lower end of its 95% confidence interval (delta method); None while unknown.
        high: upper end.
        curve: how it developed, at most 120 points.
        encoder: its name; None before the first batch.
        fingerprint: of the encoder.
        problem: why diversity can't be followed; None while it can.
    """

    n: int = 0
    value: float | None = None
    low: float | None = None
    high: float | None = None
    curve: Sequence[CurvePoint] = ()
    encoder: str | None = None
    fingerprint: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """An epoch of a fine-tuning that ended.

    Args:
        epoch: its number, from 1.
        loss: mean loss on the texts learned from, each before its step.
        validation_loss: mean loss on the texts held out.
        accuracy: on the texts held out, 0 to 1.
        learning_rate: of the last step.
        at_once: texts that went through the model together.
        seconds: it took.
    """

    epoch: int
    loss: float
    validation_loss: float
    accuracy: float
    learning_rate: float = 0.0
    at_once: int | None = None
    seconds: float = 0.0
