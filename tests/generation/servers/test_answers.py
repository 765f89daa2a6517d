"""Answers: quotation marks, order, more or fewer texts than asked, what is counted."""

import json
from dataclasses import replace
from typing import Any

import pytest

from core.generation.servers.answers import (
    Answer,
    Api,
    ExpectedAnswer,
    GeneratedText,
    cut_text,
    read_answer,
)
from core.generation.servers.errors import RequestFailed, ServerInfo

SERVER = ServerInfo("http://127.0.0.1/v1", "m")
CHAT = ExpectedAnswer("chat")


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
    assert cut_text(text, reason, ExpectedAnswer(api, open_quote=open_quote)) == wanted


def read(choices: Any, *, n: int = 2, **more: Any) -> Answer:
    body = json.dumps({"choices": choices, **more})
    return read_answer(body, ExpectedAnswer("completions", n), server=SERVER)


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
    found = read_answer(body, CHAT, server=SERVER)
    assert found.texts == (GeneratedText("a b", "stop"),)


@pytest.mark.parametrize(
    ("message", "reason", "wanted"),
    [
        ({"content": None, "refusal": "I can't."}, "stop", "refusal"),
        ({"content": "", "reasoning_content": "Hm."}, "length", "reasoning"),
        ({"content": None, "reasoning": "Hm."}, "length", "reasoning"),
        ({"content": None, "tool_calls": [{"id": "c"}]}, "stop", "tool_calls"),
        ({"content": None}, "SAFETY", "content_filter"),
        ({"content": "", "reasoning_content": " ", "refusal": None}, "length", "length"),
    ],
)
def test_what_came_instead_of_a_text_is_its_reason_and_never_the_text(
    message: dict[str, Any], reason: str, wanted: str
) -> None:
    told = json.dumps({"choices": [{"message": message, "finish_reason": reason}]})
    found = read_answer(told, CHAT, server=SERVER)
    assert found.texts == (GeneratedText("", wanted),)


def test_an_error_without_its_own_object_is_an_error_all_the_same() -> None:
    told = {"object": "error", "message": "n is too large", "type": "BadRequestError", "code": 400}
    with pytest.raises(RequestFailed, match="n is too large") as caught:
        read_answer(json.dumps(told), CHAT, server=SERVER)
    assert (caught.value.error.kind, caught.value.error.retryable) == ("refused", False)


def test_a_token_that_is_half_a_character_can_be_shown() -> None:
    listed = [{"token": "\ud83d", "logprob": -0.5}, {"token": "A", "logprob": -1.0}]
    message = {"message": {"content": "A"}, "logprobs": {"content": [{"top_logprobs": listed}]}}
    found = read_answer(json.dumps({"choices": [message]}), CHAT, server=SERVER)
    assert found.texts[0].likeliest == (("\N{REPLACEMENT CHARACTER}", -0.5), ("A", -1.0))


@pytest.mark.parametrize(
    ("text", "tokens", "limit", "wanted"),
    [
        ("Good film.", 3, 4, "stop"),
        ("Good film.", 4, 4, "unknown"),
        ("Good film.", None, 11, "stop"),  # ten bytes are ten tokens at most
        ("Good film.", None, 10, "unknown"),
        ("Gut für x", None, 10, "unknown"),  # ten bytes, too
        ("Good film.", None, None, "unknown"),
    ],
)
def test_without_a_finish_reason_fewer_tokens_than_the_limit_are_a_whole_text(
    text: str, tokens: int | None, limit: int | None, wanted: str
) -> None:
    told = {"choices": [choice(text, finish_reason=None)], "usage": {"completion_tokens": tokens}}
    found = read_answer(json.dumps(told), ExpectedAnswer("chat", max_tokens=limit), server=SERVER)
    assert found.texts == (GeneratedText(text, wanted),)


def test_several_texts_share_the_tokens_by_their_length() -> None:
    made = [choice("a" * 30, finish_reason=None), choice("b" * 10, 1, finish_reason=None)]
    told = json.dumps({"choices": made, "usage": {"completion_tokens": 12}})
    found = read_answer(told, ExpectedAnswer("chat", 2, max_tokens=9), server=SERVER)
    assert [text.finish_reason for text in found.texts] == ["unknown", "stop"]  # 9 and 3 tokens


def event(**data: Any) -> str:
    return f"data: {json.dumps(data)}\r\n\r\n"


def piece(content: str | None, index: int = 0, finish: str | None = None) -> dict[str, Any]:
    return {"index": index, "delta": {"content": content}, "finish_reason": finish}


EVENTS = (
    ": ping\n\nevent: x\n"
    + event(choices=[piece("Good\u2028"), piece("Bad ", 1)], model="m")
    + event(choices=[piece("film.", 0, "stop")])
    + event(choices=[piece("film.", 1)])
)


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (EVENTS + "data: [DONE]\n\n", ("stop", "unknown")),
        (EVENTS, ("stop", "cut_off")),
        (EVENTS + "data: {broken", ("stop", "cut_off")),
        (EVENTS + event(error={"message": "oops"}), ("stop", "cut_off")),
    ],
    ids=["whole", "without its end", "broken", "error"],
)
def test_an_event_stream_that_nobody_asked_for_is_read(body: str, wanted: tuple[str, str]) -> None:
    found = read_answer(body, ExpectedAnswer("chat", 2), server=SERVER)
    assert [text.text for text in found.texts] == ["Good\u2028film.", "Bad film."]
    assert tuple(text.finish_reason for text in found.texts) == wanted
    assert found.model == "m"


def test_an_event_stream_of_an_error_is_that_error() -> None:
    with pytest.raises(RequestFailed, match="oops"):
        read_answer(event(error={"message": "oops"}), CHAT, server=SERVER)


@pytest.mark.parametrize("body", ["\ufeff{}", "\n\n {}\n", "{}\n\ndata: [DONE]\n\n", '{}{"a": 1}'])
def test_what_stands_around_the_json_is_ignored(body: str) -> None:
    told = json.dumps({"choices": [choice("a")], "model": 3})
    assert read_answer(body.replace("{}", told, 1), CHAT, server=SERVER).texts == (
        GeneratedText("a", "stop"),
    )


UNWRAPPED = ExpectedAnswer("chat", unwrap=True)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('Sure! Here is a review:\n\n"Good film."', GeneratedText("Good film.", "stop")),
        (
            "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>A",
            GeneratedText("A", "stop"),
        ),
        ("<|channel|>analysis<|message|>Hm.", GeneratedText("", "reasoning")),
        (
            "I'm sorry, but I can't help with that.",
            GeneratedText("I'm sorry, but I can't help with that.", "refusal"),
        ),
    ],
)
def test_a_chat_is_unwrapped_where_the_run_says_so(text: str, wanted: GeneratedText) -> None:
    assert replace(cut_text(text, "stop", UNWRAPPED), stripped=()) == wanted
    assert cut_text(text, "stop", CHAT).text == text
