"""Tokens of a prompt before it is sent: told from above."""

import pytest

from core.classification.served_labels import prompts_of
from core.generation.prompts import Message, Prompt
from core.generation.served.prompt_tokens import tokens_at_most
from core.runs import Example
from core.tasks import preset

LONG = (
    "a gorgeous, witty, seductive movie with a plot that leaves you thinking for days, 1234567!!!"
)
EXAMPLES = (
    Example("a gorgeous, witty, seductive movie", "positive"),
    Example("bad", "negative"),
) * 9


def test_bytes_by_hand() -> None:
    assert tokens_at_most(Prompt("a" * 10)) == 5 + 16
    assert tokens_at_most(Prompt("\u00e9" * 10)) == 10 + 16
    # "[user]\nab", "\n\n[assistant]\n" and a quote: 9 + 15 bytes.
    assert tokens_at_most(Prompt(messages=(Message("user", "ab"),))) == 12 + 16


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
    assert counted <= tokens_at_most(prompt) <= 2 * counted
