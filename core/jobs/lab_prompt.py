"""What a question of the knob lab is about: the very prompt, and what is suppressed in it."""

from collections.abc import Sequence

from core.errors import BadInput
from core.generation.backends import Backend
from core.generation.prompts import Prompt, prompt_for
from core.generation.suppression import SuppressedToken, Tally, suppressed_tokens
from core.runs import RunSpec, Sample


def prompt_of(
    spec: RunSpec, label_index: int, samples: Sequence[Sample], *, cycle: int | None = None
) -> Prompt:
    """The prompt for a label as a run sends it, its examples drawn from these samples.

    Args:
        spec: the run.
        label_index: in task order.
        samples: what was written before.
        cycle: counted from 1; None is the second where anything was written, else the first.

    Raises:
        BadInput: there is no such label.
    """
    if not 0 <= label_index < len(spec.task.labels):
        raise BadInput("There is no such label.", "Choose one of the task's.")
    written: dict[str, list[str]] = {}
    for sample in sorted(samples, key=lambda one: (one.cycle, one.index)):
        if sample.outcome == "usable":
            written.setdefault(sample.label, []).append(sample.text)
    number = cycle if cycle is not None else (2 if written else 1)
    return prompt_for(spec, cycle=number, label_index=label_index, written=written)


def suppressed_of(
    backend: Backend, spec: RunSpec, label_index: int, samples: Sequence[Sample]
) -> list[SuppressedToken]:
    """What is suppressed after these samples, for a label where labels are tallied apart."""
    tally = Tally(backend.exempt_tokens)
    label = spec.task.label_names[label_index]
    for sample in samples:
        if spec.condition.suppression.scope == "dataset" or sample.label == label:
            tally.add(sample.token_ids)
    return suppressed_tokens(tally, spec.condition.suppression)
