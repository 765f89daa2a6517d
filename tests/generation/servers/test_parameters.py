"""Parameters: what is sent for a condition, by what the server can do."""

from dataclasses import replace
from typing import Any

import pytest

from core.classification.llm.served_labels import prompts_of
from core.domain.conditions import Condition, Suppression
from core.domain.registries.capabilities import Capabilities
from core.domain.runs import Example
from core.domain.tasks import preset
from core.generation.backends import Request
from core.generation.prompts import Message, Prompt
from core.generation.servers.parameters import (
    api_for,
    biases_of,
    body_of,
    max_prompt_tokens,
    unsupported_knobs,
)

UNKNOWN = Capabilities(base_url="http://127.0.0.1/v1", model="m")
TEXT = Request(Prompt('Write: "'), (0, 1, 2), ((5, -7.5),), (3, 2, 1, 0))
CHAT = replace(TEXT, prompt=Prompt(messages=(Message("user", "Write:"),)))


def sent(
    request: Request = TEXT,
    found: Capabilities = UNKNOWN,
    *,
    indices: tuple[int, ...] = (0,),
    **knobs: Any,
) -> dict[str, Any]:
    condition = Condition(**knobs)
    return body_of(
        request,
        condition,
        found,
        api=api_for(condition, found),
        indices=indices,
        biases=biases_of(request, condition, None),
    )


def test_an_unknown_server_gets_what_all_know() -> None:
    assert sent() == {
        "model": "m",
        "prompt": 'Write: "',
        "stop": ['"'],
        "max_tokens": 100,
        "temperature": 0.7,
        "top_p": 1.0,
        "frequency_penalty": 0.02,
        "logit_bias": {"5": -7.5},
    }


def test_a_chat() -> None:
    found = replace(UNKNOWN, token_field="max_completion_tokens")
    body = sent(CHAT, found, prompt="chat")
    assert body["messages"] == [{"role": "user", "content": "Write:"}]
    assert body["max_completion_tokens"] == 100
    assert {"prompt", "stop", "max_tokens"} & set(body) == set()


def test_a_text_goes_as_a_chat_where_there_are_no_completions() -> None:
    found = replace(UNKNOWN, completions="refused")
    assert api_for(Condition(), found) == "chat"
    body = sent(TEXT, found)
    assert body["messages"] == [{"role": "user", "content": 'Write: "'}]
    assert "stop" not in body  # the answer may begin with a quote


def test_defaults_of_some_servers_are_switched_off() -> None:
    found = replace(UNKNOWN, top_k="exact", min_p="exact")
    assert sent(found=found).items() >= {"top_k": 0, "min_p": 0.0}.items()
    assert sent(found=found, min_p=0.1).items() >= {"top_k": 0, "min_p": 0.1}.items()
    assert sent(min_p=0.1).items() >= {"min_p": 0.1}.items()


def test_one_text_has_a_seed_of_its_own_and_several_have_none() -> None:
    found = replace(UNKNOWN, seed="exact")
    seeds = [sent(found=found, indices=(index,))["seed"] for index in (0, 1, 0)]
    assert seeds[0] == seeds[2] != seeds[1]
    assert all(0 <= seed < 2**31 for seed in seeds)
    several = sent(found=found, indices=(0, 1, 2))
    assert several["n"] == 3
    assert "seed" not in several
    assert "seed" not in sent()


def test_knobs_that_the_server_lacks_are_unsupported_knobs() -> None:
    found = replace(UNKNOWN, temperature="refused", frequency_penalty="ignored", stop="wrong")
    assert unsupported_knobs(found) == ["temperature", "frequency_penalty", "stop"]
    body = sent(found=found, temperature=1.0)
    assert {"temperature", "frequency_penalty", "stop"} & set(body) == set()


def test_biases_add_up_and_keep_their_range() -> None:
    condition = Condition(logit_bias=((5, -98.0), (6, 1.5)))
    assert biases_of(TEXT, condition, None) == {"5": -100.0, "6": 1.5}


@pytest.mark.parametrize("method", ["frequency_penalty", "avoid_words"])
def test_an_approximation_sends_no_biases(method: Any) -> None:
    condition = Condition(suppression=Suppression(7.5, method=method))
    assert biases_of(TEXT, condition, None) == {}


LONG = (
    "a gorgeous, witty, seductive movie with a plot that leaves you thinking for days, 1234567!!!"
)
EXAMPLES = (
    Example("a gorgeous, witty, seductive movie", "positive"),
    Example("bad", "negative"),
) * 9


def test_bytes_by_hand() -> None:
    assert max_prompt_tokens(Prompt("a" * 10)) == 5 + 16
    assert max_prompt_tokens(Prompt("\u00e9" * 10)) == 10 + 16
    # "[user]\nab", "\n\n[assistant]\n" and a quote: 9 + 15 bytes.
    assert max_prompt_tokens(Prompt(messages=(Message("user", "ab"),))) == 12 + 16


@pytest.mark.parametrize(
    ("text", "examples", "counted"),
    # As SmolLM2's tokenizer counts them in its chat template, which adds a system turn.
    [
        ("good", (), 63),
        ("good", EXAMPLES, 477),
        (LONG, (), 90),
        (LONG, EXAMPLES, 504),
        ("\u7535\u5f71\u5f88\u597d\u770b\uff0c\u6211\u975e\u5e38\u559c\u6b22", (), 86),
        ("\U0001f3ac\U0001f389\U0001f525" * 5, (), 107),
    ],
    ids=["short", "short shots", "long", "long shots", "Chinese", "emoji"],
)
def test_never_fewer_than_a_tokenizer_counts_and_at_most_twice_as_many(
    text: str, examples: tuple[Example, ...], counted: int
) -> None:
    (prompt,) = prompts_of([text], preset("sst2"), examples)
    assert counted <= max_prompt_tokens(prompt) <= 2 * counted
