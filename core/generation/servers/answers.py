"""Answers of Completions and Chat Completions, whole or in pieces: their choices, as texts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from core.domain.serialization import Json, value_at
from core.domain.texts import storable_text
from core.generation.prompts import QUOTE
from core.generation.servers.bodies import content_text, join_chunks, parse_body
from core.generation.servers.errors import (
    RequestFailed,
    ServerError,
    ServerInfo,
    error_from_object,
    error_of_kind,
)
from core.generation.servers.keys import without_key
from core.generation.servers.wrappings import is_refusal, unwrap

Api = Literal["chat", "completions"]

_FINISH_REASONS = {
    **dict.fromkeys(("stop", "eos", "eos_token", "end_turn", "stop_sequence", "complete"), "stop"),
    **dict.fromkeys(("length", "max_tokens", "max_length", "model_length"), "length"),
    **dict.fromkeys(("content_filter", "safety", "prohibited_content"), "content_filter"),
    **dict.fromkeys(("tool_calls", "tool_use", "function_call"), "tool_calls"),
}
# How models that reason mark it, where their server leaves it in the answer; the opening mark may
# stand at the prompt's end.
_REASONING, _REASONED = "<think>", "</think>"
# The same where the marks of channels are left in: only the final one is an answer.
_CHANNEL, _FINAL = "<|channel|>", "<|channel|>final<|message|>"
_PAIRS = {'"': '"', "“": "”", "„": "“", "«": "»"}


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the server reported them; None is unknown.

    Args:
        tokens_in: of the prompt.
        tokens_out: generated.
    """

    tokens_in: int | None = None
    tokens_out: int | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the choices of an answer, or of a piece of one, of either route.

    Args:
        text: as it came; empty where it holds none.
        finish_reason: `stop` and `length` by these names, else the server's; empty without one.
        index: its place among the choices, as the server says; None where it does not.
        instead: `refusal`, `tool_calls` or `reasoning`, where the message holds that; empty without
            it.
        likeliest: the likeliest first tokens with their natural log-probabilities, as far as a
            chat's answer reports them.
    """

    text: str
    finish_reason: str = ""
    index: int | None = None
    instead: str = ""
    likeliest: tuple[tuple[str, float], ...] = ()


def parse_choices(data: Json) -> list[Choice]:
    """The choices in their server's own order; none where there is no list of them."""
    listed = value_at(data, "choices")
    choices = [
        _parse_choice(choice)
        for choice in (listed if isinstance(listed, list) else ())
        if isinstance(choice, dict)
    ]
    places = {choice.index for choice in choices}
    if None in places or len(places) < len(choices):
        return choices
    return sorted(choices, key=lambda choice: choice.index or 0)


def parse_usage(data: Json) -> Usage:
    """What an answer or a piece of one reports; a number that can't be one is unknown."""
    counts = [value_at(data, "usage", name) for name in ("prompt_tokens", "completion_tokens")]
    tokens = [count if type(count) is int and 0 <= count < 2**53 else None for count in counts]
    return Usage(*tokens)


def _parse_choice(choice: dict[str, Json]) -> Choice:
    message = choice.get("message") or choice.get("delta")
    reason, index = choice.get("finish_reason"), choice.get("index")
    instead = ""
    if _is_text(value_at(message, "refusal")):
        instead = "refusal"
    elif value_at(message, "tool_calls") or value_at(message, "function_call"):
        instead = "tool_calls"
    elif any(_is_text(value_at(message, name)) for name in ("reasoning_content", "reasoning")):
        instead = "reasoning"
    return Choice(
        text=content_text(choice.get("text")) or content_text(value_at(message, "content")),
        finish_reason=_finish_reason(reason) if isinstance(reason, str) else "",
        index=index if type(index) is int else None,
        instead=instead,
        likeliest=_likeliest(value_at(choice, "logprobs", "content", 0, "top_logprobs")),
    )


def _likeliest(entries: Json) -> tuple[tuple[str, float], ...]:
    likeliest = []
    for entry in entries if isinstance(entries, list) else ():
        token, value = value_at(entry, "token"), value_at(entry, "logprob")
        if not isinstance(token, str) or isinstance(value, bool):
            continue
        if isinstance(value, int | float) and math.isfinite(value):
            likeliest.append((storable_text(token), float(value)))
    return tuple(likeliest)


def _finish_reason(reason: str) -> str:
    return _FINISH_REASONS.get(reason.lower(), reason)


def _is_text(value: Json) -> bool:
    return isinstance(value, str) and bool(value.strip())


@dataclass(frozen=True, slots=True)
class GeneratedText:
    """One text as it is kept.

    Args:
        text: cut at its closing quote, outer white space removed.
        finish_reason: one of `core.domain.registries.finish_reasons`, or whatever the server gave.
        stripped: what `wrappings.unwrap` took off.
        likeliest: the likeliest first tokens of a chat's answer with their natural
            log-probabilities, where they were asked for.
    """

    text: str
    finish_reason: str
    likeliest: tuple[tuple[str, float], ...] = ()
    stripped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExpectedAnswer:
    """What a request asked for, which decides how its answer is read.

    Args:
        api: the route.
        n: texts asked for.
        open_quote: the prompt ended in an open quotation mark, though it was sent as a chat.
        max_tokens: of a text; None is unknown.
        unwrap: what chat models put around a text is taken off, and a text that only says that the
            model won't write one is a refusal; see `wrappings`.
    """

    api: Api
    n: int = 1
    open_quote: bool = False
    max_tokens: int | None = None
    unwrap: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request brought.

    Args:
        texts: in the server's own order; at most as many as were asked for.
        usage: the tokens it took.
        error: what broke a stream whose beginning is kept; None without one.
        model: which model answered, as the server says; empty where it does not.
    """

    texts: tuple[GeneratedText, ...]
    usage: Usage = Usage()
    error: ServerError | None = None
    model: str = ""


def read_answer(body: str, expected: ExpectedAnswer, *, server: ServerInfo) -> Answer:
    """The texts of a whole answer, as it came with status 200; see `parse_answer`.

    Raises:
        RequestFailed: it is a web page, no JSON, or an error.
    """
    data = parse_body(body)
    if data is None and body.lstrip().startswith("<"):
        raise RequestFailed(error_of_kind(server.base_url, "web_page"))
    return parse_answer(data, expected, server=server)


def parse_answer(data: Json, expected: ExpectedAnswer, *, server: ServerInfo) -> Answer:
    """The texts of a whole answer.

    Args:
        data: of its body.
        expected: what was asked for.
        server: whose it is.

    Raises:
        RequestFailed: it is no JSON object, or an error.
    """
    if not isinstance(data, dict):
        raise RequestFailed(error_of_kind(server.base_url, "bad_json"))
    if data.get("error") or data.get("object") == "error":
        raise RequestFailed(error_from_object(server, data))
    choices, usage = parse_choices(data), parse_usage(data)
    if choices:
        choices = _with_reasons(choices, usage, expected.max_tokens)
        texts = [_text(choice, expected) for choice in choices[: expected.n]]
    else:  # an answer it is, and was paid for: it counts as texts without a word
        texts = [GeneratedText("", "no_choices")] * expected.n
    model = data.get("model")
    named = without_key(model, server.secrets) if isinstance(model, str) else ""
    return Answer(tuple(texts), usage, model=named)


@dataclass
class StreamedAnswer:
    """A stream of one text, piece by piece.

    Args:
        server: whose it is.
        expected: what was asked for.
    """

    server: ServerInfo
    expected: ExpectedAnswer
    chunks: list[Json] = field(default_factory=list)

    @property
    def begun(self) -> bool:
        """Whether anything of a text came."""
        return any(choice.text for chunk in self.chunks for choice in parse_choices(chunk)[:1])

    def add(self, chunk: Json) -> None:
        """Take one chunk.

        Raises:
            RequestFailed: it is an error.
        """
        if value_at(chunk, "error"):
            raise RequestFailed(error_from_object(self.server, chunk))
        self.chunks.append(chunk)

    def answer(self, error: ServerError | None = None) -> Answer:
        """What came, whether it ended well or not."""
        whole = join_chunks(self.chunks, ended=False)
        return replace(parse_answer(whole, self.expected, server=self.server), error=error)


def cut_text(text: str, reason: str, expected: ExpectedAnswer) -> GeneratedText:
    """A text without its quotation marks, and without wrappings where these are to be taken off.

    After a prompt that ends in an open quotation mark the text ends at the closing one, whatever
    was written behind it, and is complete then. A chat's answer loses what it reasoned before, and
    one pair around the whole.
    """
    if expected.api == "completions":
        before, closing, _ = text.partition(QUOTE)
        return GeneratedText(before.strip(), "stop" if closing else reason)
    reasoned, mark, after = text.rpartition(_REASONED)
    text = (after if mark else text).strip()
    if (reasoned.strip() and not text) or text.startswith(_REASONING):
        return GeneratedText("", "reasoning")
    if not expected.unwrap:
        return _without_quotes(text, reason, expected)
    _, final, after = text.rpartition(_FINAL)
    if not final and text.startswith(_CHANNEL):
        return GeneratedText("", "reasoning")
    text, stripped = unwrap(after)
    if is_refusal(text):
        return GeneratedText(text, "refusal", stripped=stripped)
    return replace(_without_quotes(text, reason, expected), stripped=stripped)


def _without_quotes(text: str, reason: str, expected: ExpectedAnswer) -> GeneratedText:
    opening = text[:1]
    if opening in _PAIRS:
        inner = text[1:]
        if inner.endswith(_PAIRS[opening]):
            return GeneratedText(inner[:-1].strip(), reason)
        if reason != "stop":  # cut off before its closing one
            return GeneratedText(inner.strip(), reason)
    elif expected.open_quote and text.endswith(QUOTE) and text.count(QUOTE) == 1:
        return GeneratedText(text[:-1].strip(), reason)
    return GeneratedText(text, reason)


def _with_reasons(choices: Sequence[Choice], usage: Usage, max_tokens: int | None) -> list[Choice]:
    """The choices; one without a finish reason ended by itself if it has fewer tokens than allowed.

    A token is one byte at least; and of the tokens that the server reports, each of several texts
    has a share in proportion to its length.
    """
    length = sum(len(choice.text) for choice in choices)

    def ended(choice: Choice) -> bool:
        if max_tokens is None or len(choice.text.encode("utf-8", "replace")) < max_tokens:
            return max_tokens is not None
        share = len(choice.text) / length
        return usage.tokens_out is not None and usage.tokens_out * share < max_tokens

    return [
        replace(choice, finish_reason="stop")
        if not choice.finish_reason and ended(choice)
        else choice
        for choice in choices
    ]


def _text(choice: Choice, expected: ExpectedAnswer) -> GeneratedText:
    cut = cut_text(choice.text, choice.finish_reason or "unknown", expected)
    if not cut.text and choice.instead:
        cut = replace(cut, finish_reason=choice.instead)
    return replace(cut, likeliest=choice.likeliest)
