"""How suppression can be brought about on a served model."""

import pytest

from core.conditions import Condition, Suppression
from core.generation.served.capabilities import Canary, Capabilities, Support
from core.generation.served.methods import approximations, refusal, standing

URL = "http://127.0.0.1:9/v1"


def found(*, tokenizer: str = "server", canary: Canary = Canary(), **more: Support) -> Capabilities:  # noqa: B008
    return Capabilities(base_url=URL, model="m", tokenizer=tokenizer, canary=canary, **more)


def test_suppression_is_exact_by_a_living_canary_and_a_tokenizer_alone() -> None:
    lives = Canary(verdict="exact")
    assert standing(None) == "untested"
    assert standing(found(canary=lives)) == "exact"
    assert standing(found(canary=lives, tokenizer="")) == "approximate"
    for verdict in ("ignored", "refused", "reversed", "partial", "unknown"):
        assert standing(found(canary=Canary(verdict=verdict))) == "approximate"


@pytest.mark.parametrize("support", ["exact", "unknown"])
def test_a_penalty_stands_in_unless_it_is_known_to_do_nothing(support: Support) -> None:
    both = ("frequency_penalty", "avoid_words")
    assert approximations(found(frequency_penalty=support)) == both
    for lacking in ("ignored", "refused", "wrong"):
        assert approximations(found(frequency_penalty=lacking)) == ("avoid_words",)  # type: ignore[arg-type]


def test_a_knob_without_effect_is_refused_and_suppression_is_not_asked_about() -> None:
    strong = Condition(temperature=1.3, suppression=Suppression(strength=7.5))
    assert refusal(strong, found()) is None
    told = refusal(strong, found(temperature="ignored"))
    assert told is not None
    assert told.what.startswith("The temperature 1.3 would have no effect: 'm' on ")
    assert refusal(Condition(temperature=1.0), found(temperature="ignored")) is None
    assert refusal(Condition(min_p=0.1), found(min_p="refused")) is not None
