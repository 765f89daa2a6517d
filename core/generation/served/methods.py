"""How suppression can be brought about on a served model, by what probing found of it."""

from typing import Literal

from core.conditions import Condition, Method, Suppression
from core.errors import BadInput
from core.generation.served.capabilities import Capabilities
from core.generation.served.parameters import check_condition

Standing = Literal["exact", "approximate", "untested"]

METHOD_WORDS: dict[Method, str] = {
    "logit_bias": "logit bias",
    "frequency_penalty": "frequency penalty (approximate)",
    "avoid_words": "avoid these words (approximate)",
}


def standing(found: Capabilities | None) -> Standing:
    """What suppression is on a model: the paper's own, approximations only, or not known yet.

    Args:
        found: as stored; None where the model was never probed.
    """
    if found is None:
        return "untested"
    return "exact" if found.can_suppress else "approximate"


def approximations(found: Capabilities) -> tuple[Method, ...]:
    """What can stand in for logit bias, as far as is known; a list of words always can."""
    if found.frequency_penalty in ("exact", "unknown"):
        return ("frequency_penalty", "avoid_words")
    return ("avoid_words",)


def refusal(condition: Condition, found: Capabilities) -> BadInput | None:
    """Why a condition can't be sent to a model, suppression and biases aside; None if it can."""
    knobs = Condition(
        temperature=condition.temperature,
        top_p=condition.top_p,
        min_p=condition.min_p,
        frequency_penalty=condition.frequency_penalty,
        suppression=Suppression(),
    )
    try:
        check_condition(knobs, found, None, found.model)
    except BadInput as error:
        return error
    return None
