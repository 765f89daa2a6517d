"""Timed: the rounds of a loop with what each of them took, for whoever stores them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from core.generation.loop import Loop, Round
from core.runs import Sample


@dataclass(frozen=True, slots=True)
class FinishedRound:
    """A round that is complete.

    Args:
        cycle: counted from 1.
        position: 0, or in strict order the place within the cycle.
        requested: texts asked for, by label name.
        seconds: since the one before was handed on, or since the start.
        tokens: drawn for it in this sitting, without closing and end tokens.
    """

    cycle: int
    position: int
    requested: dict[str, int]
    seconds: float
    tokens: int


def timed_rounds(
    loop: Loop, *, between_steps: Callable[[], None], timer: Callable[[], float]
) -> Iterator[tuple[Round, list[Sample], FinishedRound | None]]:
    """Run a loop to its end.

    Args:
        loop: the run.
        between_steps: see `Loop.rounds`.
        timer: seconds that only grow.

    Yields:
        What `Loop.rounds` yields, and with the empty list at a round's end what it took.
    """
    names = loop.spec.task.label_names
    begun, tokens = timer(), 0
    for current, samples in loop.rounds(between_steps=between_steps):
        if samples:
            tokens += sum(len(sample.token_ids) for sample in samples)
            yield current, samples, None
            continue
        requested = {names[it.label_index]: it.count for it in current.iterations}
        seconds = timer() - begun
        done = FinishedRound(current.cycle, current.position, requested, seconds, tokens)
        yield current, samples, done
        begun, tokens = timer(), 0
