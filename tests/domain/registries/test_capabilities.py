"""Capabilities: every knob that servers know is one, and is sent under its own name."""

from core.domain.conditions import Condition
from core.domain.registries.capabilities import CAPABILITIES
from core.domain.registries.knobs import KNOBS

# Sent under a name, or in a number of requests, that depends on the server.
BY_HAND = {"max_tokens", "max_completion_tokens"}


def test_every_knob_that_servers_know_is_a_capability() -> None:
    keys = {capability.key for capability in CAPABILITIES}
    names = {name for knob in KNOBS for name in knob.server_names}
    assert names - BY_HAND <= keys


def test_a_knobs_capability_reads_its_value_and_takes_its_title() -> None:
    condition = Condition(temperature=1.1, top_p=0.9, min_p=0.2, frequency_penalty=0.5)
    knobs = [capability for capability in CAPABILITIES if capability.knob is not None]
    values = {capability.key: capability.value(condition) for capability in knobs}
    assert values == {"temperature": 1.1, "top_p": 0.9, "min_p": 0.2, "frequency_penalty": 0.5}
    assert all(
        capability.knob is not None and capability.title == capability.knob.title
        for capability in knobs
    )
