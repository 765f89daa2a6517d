"""Answers: quotation marks, order, more or fewer texts than asked, what is counted."""

import json
from typing import Any

import pytest

from core.generation.servers.answers import Answer, Api, GeneratedText, cut_text, read_answer
from core.generation.servers.errors import RequestFailed, ServerInfo

SERVER = ServerInfo("http://127.0.0.1/v1", "m")


@pytest.mark.parametrize(
    ("text", "reason", "api", "open_quote", "wanted"),
    [
        (' Good film." More', "length", "completions", True, GeneratedText("Good film.", "stop")),
        ("Good fi", "length", "completions", True, GeneratedText("Good fi", "length")),
        ('"Good film."\n', "stop", "chat", False, GeneratedText("Good film.", "stop")),
        ("“Good film.”", "stop", "chat", False, GeneratedText("Good film.", "stop")),
        ('"Good" and "bad"', "stop", "chat", False, GeneratedText('Good" and "bad', "stop")),
        ('"Good fi', "length", "chat", False, GeneratedText("Good fi", "length")),
        ('"Quoted" he said', "stop", "chat", False, GeneratedText('"Quoted" he said', "stop")),
        ('Good film."', "stop", "chat", True, GeneratedText("Good film.", "stop")),
        ('Good film."', "stop", "chat", False, GeneratedText('Good film."', "stop")),
        ('He said "no"', "stop", "chat", True, GeneratedText('He said "no"', "stop")),
        ('"', "stop", "chat", False, GeneratedText('"', "stop")),
        ("  ", "stop", "chat", False, GeneratedText("", "stop")),
        ('<think>\nHm.\n</think>\n\n"Good."', "stop", "chat", True, GeneratedText("Good.", "stop")),
        ("Hm, a film.\n</think>\nGood.", "stop", "chat", True, GeneratedText("Good.", "stop")),
        ("<think>Hm, a film", "length", "chat", True, GeneratedText("", "reasoning")),
        ("<think>Hm.</think>\n", "stop", "chat", True, GeneratedText("", "reasoning")),
        ("<think></think>\nGood.", "stop", "chat", True, GeneratedText("Good.", "stop")),
        ("I <think> so", "stop", "chat", True, GeneratedText("I <think> so", "stop")),
        (
            '<think> aloud" More',
            "stop",
            "completions",
            True,
            GeneratedText("<think> aloud", "stop"),
        ),
    ],
    ids=lambda value: repr(value) if isinstance(value, str) else str(value),
)
def test_quotation_marks(
    text: str, reason: str, api: Api, open_quote: bool, wanted: GeneratedText
) -> None:
    assert cut_text(text, reason, api=api, open_quote=open_quote) == wanted


def read(choices: Any, *, n: int = 2, **more: Any) -> Answer:
    body = json.dumps({"choices": choices, **more})
    return read_answer(body, server=SERVER, api="completions", n=n)


def choice(text: str, index: Any = 0, **more: Any) -> dict[str, Any]:
    return {"text": text, "index": index, "finish_reason": "stop", **more}


def test_choices_come_in_the_servers_own_order() -> None:
    mixed = [choice("c", 2), choice("a", 0), choice("b", 1)]
    assert [text.text for text in read(mixed, n=3).texts] == ["a", "b", "c"]
    assert [text.text for text in read(mixed).texts] == ["a", "b"]  # one too many
    same = [choice("c"), choice("a")]
    assert [text.text for text in read(same).texts] == ["c", "a"]
    assert [text.text for text in read([choice("c", None), choice("a", 0)]).texts] == ["c", "a"]


def test_fewer_than_asked_are_so_many() -> None:
    assert read([choice("a")], n=20).texts == (GeneratedText("a", "stop"),)


@pytest.mark.parametrize(
    ("usage", "wanted"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 0}, (3, 0)),
        ({"prompt_tokens": 3}, (3, None)),
        ({"prompt_tokens": True, "completion_tokens": -1}, (None, None)),
        ({"prompt_tokens": "3", "completion_tokens": 2.0}, (None, None)),
        (None, (None, None)),
        ([], (None, None)),
    ],
    ids=str,
)
def test_tokens_are_as_reported_or_unknown(usage: Any, wanted: tuple[Any, Any]) -> None:
    found = read([choice("a")], usage=usage)
    assert (found.usage.tokens_in, found.usage.tokens_out) == wanted


@pytest.mark.parametrize(
    ("reason", "wanted"),
    [
        ("stop", "stop"),
        ("eos", "stop"),
        ("COMPLETE", "stop"),
        ("length", "length"),
        ("MAX_TOKENS", "length"),
        ("content_filter", "content_filter"),
        ("recitation", "recitation"),
        ("", "unknown"),
        (None, "unknown"),
        (3, "unknown"),
    ],
)
def test_reasons(reason: Any, wanted: str) -> None:
    found = read([choice("a", finish_reason=reason)], n=1)
    assert found.texts == (GeneratedText("a", wanted),)


def test_parts_of_a_chats_content_are_joined() -> None:
    thought = {"type": "reasoning", "text": "Hm."}
    parts = [thought, {"type": "text", "text": "a "}, {"text": "b"}, 3]
    body = json.dumps({"choices": [{"message": {"content": parts}, "finish_reason": "stop"}]})
    found = read_answer(body, server=SERVER, api="chat", n=1)
    assert found.texts == (GeneratedText("a b", "stop"),)


@pytest.mark.parametrize(
    ("message", "reason", "wanted"),
    [
        ({"content": None, "refusal": "I can't."}, "stop", "refusal"),
        ({"content": "", "reasoning_content": "Hm."}, "length", "reasoning"),
        ({"content": None, "reasoning": "Hm."}, "length", "reasoning"),
        ({"content": "", "reasoning_content": " ", "refusal": None}, "length", "length"),
    ],
)
def test_what_came_instead_of_a_text_is_its_reason_and_never_the_text(
    message: dict[str, Any], reason: str, wanted: str
) -> None:
    told = json.dumps({"choices": [{"message": message, "finish_reason": reason}]})
    found = read_answer(told, server=SERVER, api="chat", n=1)
    assert found.texts == (GeneratedText("", wanted),)


def test_an_error_without_its_own_object_is_an_error_all_the_same() -> None:
    told = {"object": "error", "message": "n is too large", "type": "BadRequestError", "code": 400}
    with pytest.raises(RequestFailed, match="n is too large") as caught:
        read_answer(json.dumps(told), server=SERVER, api="chat", n=1)
    assert (caught.value.error.kind, caught.value.error.retryable) == ("refused", False)


def test_a_token_that_is_half_a_character_can_be_shown() -> None:
    listed = [{"token": "\ud83d", "logprob": -0.5}, {"token": "A", "logprob": -1.0}]
    message = {"message": {"content": "A"}, "logprobs": {"content": [{"top_logprobs": listed}]}}
    found = read_answer(json.dumps({"choices": [message]}), server=SERVER, api="chat", n=1)
    assert found.texts[0].likeliest == (("\N{REPLACEMENT CHARACTER}", -0.5), ("A", -1.0))
