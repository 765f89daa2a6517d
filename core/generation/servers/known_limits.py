"""What tests of a server have shown to be without effect there: refused before anything is sent."""

from core.domain.conditions import Condition
from core.domain.errors import BadInput
from core.domain.registries.capabilities import CAPABILITIES, Capabilities


def is_biased(condition: Condition) -> bool:
    """Whether requests carry a logit bias."""
    suppression = condition.suppression
    by_bias = suppression.on and suppression.method == "logit_bias"
    return by_bias or bool(condition.logit_bias)


def check_known(condition: Condition, capabilities: Capabilities) -> None:
    """Refuse what the tests of a server have shown to be without effect there.

    Raises:
        BadInput: a knob has no effect on this server, or suppression failed the canary.
    """
    suppression = condition.suppression
    at = f"'{capabilities.model}' on {capabilities.base_url}"
    for capability in CAPABILITIES:
        if capability.knob is None or not capabilities.lacks(capability.key):
            continue
        value = capability.value(condition)
        stands_in = suppression.on and suppression.method == capability.key
        if value not in capability.neutral or stands_in:
            title = capability.title
            subject = f"The {title.lower()}" if title[0].isupper() else title
            raise BadInput(
                f"{subject} {value:g} would have no effect: {at} does not honour it.",
                f"Set it to {capability.neutral[0]:g}, or choose another model or server.",
            )
    if is_biased(condition) and capabilities.canary.verdict != "exact":
        verdict = capabilities.canary.verdict
        state = "was not tested yet" if verdict == "unknown" else f"is {verdict}"
        raise BadInput(
            f"Logit bias {state} for {at}, so suppression could only be pretended.",
            "Test the connection, or choose an approximation: frequency penalty or words to avoid.",
        )
