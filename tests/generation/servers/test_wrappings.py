"""Wrappings of chat models: what is taken off and named, and what a text may have of its own."""

import pytest

from core.generation.servers.wrappings import is_refusal, unwrap


@pytest.mark.parametrize(
    ("text", "left", "names"),
    [
        ("Good film.<|im_end|>", "Good film.", ["end mark"]),
        ("Good film.</s><s>user", "Good film.", ["end mark"]),
        ("Good film.<end_of_turn>\n", "Good film.", ["end mark"]),
        ("```\nGood film.\n```", "Good film.", ["code fence"]),
        ("```text\nGood\nfilm.```", "Good\nfilm.", ["code fence"]),
        ('Sure! Here is a review:\n\n"Good."', '"Good."', ["preamble"]),
        ("Sure!\n\nGood film.", "Good film.", ["preamble"]),
        ("Here's a review about films: “Good.”", "“Good.”", ["preamble"]),
        ("Certainly, here you go:\nGood.", "Good.", ["preamble"]),
        ("**Review:** Good film.", "Good film.", ["title"]),
        ("**Review**: Good film.", "Good film.", ["title"]),
        ("Good film.\n\nLet me know if you need more!", "Good film.", ["closing remark"]),
        (
            "Of course! A review:\n```\n**Review:** Good.\n```\n\nI hope this helps.<|eot_id|>",
            "Good.",
            ["end mark", "closing remark", "preamble", "code fence", "title"],
        ),
    ],
)
def test_it_is_taken_off_and_named(text: str, left: str, names: list[str]) -> None:
    assert unwrap(text) == (left, tuple(names))


@pytest.mark.parametrize(
    "text",
    [
        "Good film.",
        "Here's the thing: I loved it.",
        "Here's the thing:\n\nI loved it.",
        "Here is a film: it is good.",
        "Sure, it is slow: but good.",
        "Sure thing, a good film.",
        "Surely:\ngood.",
        "OK film. Let me know if you like it.",
        "**Good** film.",
        "Use ``` for code.",
        "```\none\n```\nand\n```\ntwo\n```",
        "<|im_end|>",
        "Sure! Here is a review:",
        "I wrote <b>good</b>.",
    ],
)
def test_a_texts_own_words_stay(text: str) -> None:
    assert unwrap(text) == (text, ())


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("I'm sorry, but I can't help with that.", True),
        ("I’m sorry, I cannot write that.", True),
        ("I am very sorry, but I am unable to generate such content.", True),
        ("As an AI language model, I cannot comply with this.", True),
        ("I can't assist with that request.", True),
        ("I can't help but love this film.", False),
        ("I'm sorry to say that this film is bad.", False),
        ("Sorry, but I can't stop watching it.", False),
        ("He said: I'm sorry, but I can't help with that.", False),
        ("I'm sorry, but I can't help with that. " + "No. " * 200, False),
    ],
)
def test_a_refusal_in_words(text: str, refused: bool) -> None:
    assert is_refusal(text) is refused
