"""Answers of Completions and Chat Completions, whole or in pieces: their choices, as texts."""

import math
from dataclasses import dataclass, field, replace
from typing import Literal

from core.domain.serialization import Json, parse_json, value_at
from core.domain.texts import storable_text
from core.generation.prompts import QUOTE
from core.generation.servers.errors import (
    RequestFailed,
    ServerError,
    ServerInfo,
    error_from_object,
    error_of_kind,
)

Api = Literal["chat", "completions"]

_FINISH_REASONS = {
    **dict.fromkeys(("stop", "eos", "eos_token", "end_turn", "stop_sequence", "complete"), "stop"),
    **dict.fromkeys(("length", "max_tokens", "max_length", "model_length"), "length"),
}
# How models that reason mark it, where their server leaves it in the answer; the opening mark may
# stand at the prompt's end.
_REASONING, _REASONED = "<think>", "</think>"
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
        instead: `refusal` or `reasoning`, where the message holds that; empty without it.
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
    elif any(_is_text(value_at(message, name)) for name in ("reasoning_content", "reasoning")):
        instead = "reasoning"
    return Choice(
        text=_content(choice.get("text")) or _content(value_at(message, "content")),
        finish_reason=_finish_reason(reason) if isinstance(reason, str) else "",
        index=index if type(index) is int else None,
        instead=instead,
        likeliest=_likeliest(value_at(choice, "logprobs", "content", 0, "top_logprobs")),
    )


def _content(content: Json) -> str:
    """The text; some servers give parts, of which some are no answer."""
    parts = content if isinstance(content, list) else [{"text": content}]
    texts = [
        value_at(part, "text")
        for part in parts
        if value_at(part, "type") in (None, "text", "output_text")
    ]
    return "".join(text for text in texts if isinstance(text, str))


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
        finish_reason: `stop`, `length`, `content_filter` or whatever the server gave; `no_choices`
            for an answer without any; `unknown` where it gave none; `cut_off` where a stream ended
            or broke before its end; `refusal` or `reasoning` where that is all that came.
        likeliest: the likeliest first tokens of a chat's answer with their natural
            log-probabilities, where they were asked for.
    """

    text: str
    finish_reason: str
    likeliest: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request brought.

    Args:
        texts: in the server's own order; at most as many as were asked for.
        usage: the tokens it took.
        error: what broke a stream whose beginning is kept; None without one.
    """

    texts: tuple[GeneratedText, ...]
    usage: Usage = Usage()
    error: ServerError | None = None


def read_answer(
    body: str, *, server: ServerInfo, api: Api, n: int, open_quote: bool = False
) -> Answer:
    """The texts of a whole answer, as it came with status 200; see `parse_answer`.

    Raises:
        RequestFailed: it is a web page, no JSON, or an error.
    """
    data = parse_json(body)
    if data is None and body.lstrip().startswith("<"):
        raise RequestFailed(error_of_kind(server.base_url, "web_page"))
    return parse_answer(data, server=server, api=api, n=n, open_quote=open_quote)


def parse_answer(
    data: Json, *, server: ServerInfo, api: Api, n: int, open_quote: bool = False
) -> Answer:
    """The texts of a whole answer.

    Args:
        data: of its body.
        server: whose it is.
        api: which route gave it.
        n: how many texts were asked for.
        open_quote: the prompt ended in an open quotation mark, though it was sent as a chat.

    Raises:
        RequestFailed: it is no JSON object, or an error.
    """
    if not isinstance(data, dict):
        raise RequestFailed(error_of_kind(server.base_url, "bad_json"))
    if data.get("error") or data.get("object") == "error":
        raise RequestFailed(error_from_object(server, data))
    choices = parse_choices(data)
    if choices:
        texts = [_text(choice, api, open_quote) for choice in choices[:n]]
    else:  # an answer it is, and was paid for: it counts as texts without a word
        texts = [GeneratedText("", "no_choices")] * n
    return Answer(tuple(texts), parse_usage(data))


@dataclass
class StreamedAnswer:
    """A stream of one text, piece by piece.

    Args:
        server: whose it is.
        api: which route gives it.
        open_quote: as in `read_answer`.
    """

    server: ServerInfo
    api: Api
    open_quote: bool = False
    parts: list[str] = field(default_factory=list)
    finish_reason: str = ""
    seen: bool = False
    usage: Usage = Usage()

    def add(self, chunk: Json) -> None:
        """Take one chunk.

        Raises:
            RequestFailed: it is an error.
        """
        if value_at(chunk, "error"):
            raise RequestFailed(error_from_object(self.server, chunk))
        reported = parse_usage(chunk)
        if reported.tokens_in is not None:
            self.usage = replace(self.usage, tokens_in=reported.tokens_in)
        if reported.tokens_out is not None:
            self.usage = replace(self.usage, tokens_out=reported.tokens_out)
        for choice in parse_choices(chunk)[:1]:
            self.seen = True
            if choice.text:
                self.parts.append(choice.text)
            self.finish_reason = choice.finish_reason or self.finish_reason

    def answer(self, error: ServerError | None = None) -> Answer:
        """What came, whether it ended well or not."""
        if not self.seen and error is None:
            text = GeneratedText("", "no_choices")
        else:
            reason = self.finish_reason or "cut_off"
            text = cut_text("".join(self.parts), reason, api=self.api, open_quote=self.open_quote)
        return Answer((text,), self.usage, error)


def cut_text(text: str, reason: str, *, api: Api, open_quote: bool) -> GeneratedText:
    """A text without its quotation marks.

    After a prompt that ends in an open quotation mark the text ends at the closing one, whatever
    was written behind it, and is complete then. A chat's answer loses what it reasoned before, and
    one pair around the whole.
    """
    if api == "completions":
        before, closing, _ = text.partition(QUOTE)
        return GeneratedText(before.strip(), "stop" if closing else reason)
    reasoned, mark, after = text.rpartition(_REASONED)
    text = (after if mark else text).strip()
    if (reasoned.strip() and not text) or text.startswith(_REASONING):
        return GeneratedText("", "reasoning")
    opening = text[:1]
    if opening in _PAIRS:
        inner = text[1:]
        if inner.endswith(_PAIRS[opening]):
            return GeneratedText(inner[:-1].strip(), reason)
        if reason != "stop":  # cut off before its closing one
            return GeneratedText(inner.strip(), reason)
    elif open_quote and text.endswith(QUOTE) and text.count(QUOTE) == 1:
        return GeneratedText(text[:-1].strip(), reason)
    return GeneratedText(text, reason)


def _text(choice: Choice, api: Api, open_quote: bool) -> GeneratedText:
    reason = choice.finish_reason or "unknown"
    cut = cut_text(choice.text, reason, api=api, open_quote=open_quote)
    if not cut.text and choice.instead:
        cut = replace(cut, finish_reason=choice.instead)
    return replace(cut, likeliest=choice.likeliest)
