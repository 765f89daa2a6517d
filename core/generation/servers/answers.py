"""Answers of Completions and Chat Completions, whole or in pieces, as texts."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

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

_STOPPED = ("stop", "eos", "eos_token", "end_turn", "stop_sequence", "complete")
_LIMITED = ("length", "max_tokens", "max_length", "model_length")
# How models that reason mark it, where their server leaves it in the answer; the opening mark may
# stand at the prompt's end.
_REASONING, _REASONED = "<think>", "</think>"
_PAIRS = {'"': '"', "“": "”", "„": "“", "«": "»"}


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
        tokens_in: of the prompt, as the server reported; None is unknown.
        tokens_out: generated, as the server reported; None is unknown.
        error: what broke a stream whose beginning is kept; None without one.
    """

    texts: tuple[GeneratedText, ...]
    tokens_in: int | None = None
    tokens_out: int | None = None
    error: ServerError | None = None


def read_answer(
    body: str, *, server: ServerInfo, api: Api, n: int, open_quote: bool = False
) -> Answer:
    """The texts of a whole answer.

    Args:
        body: as it came, with status 200.
        server: whose it is.
        api: which route gave it.
        n: how many texts were asked for.
        open_quote: the prompt ended in an open quotation mark, though it was sent as a chat.

    Raises:
        RequestFailed: it is a web page, no JSON, or an error.
    """
    try:
        data = json.loads(body)
    except ValueError:
        page = body.lstrip()[:200].lower().startswith(("<!doctype", "<html", "<"))
        raise RequestFailed(
            error_of_kind(server.base_url, "web_page" if page else "bad_json")
        ) from None
    except RecursionError:
        raise RequestFailed(error_of_kind(server.base_url, "bad_json")) from None
    if not isinstance(data, dict):
        raise RequestFailed(error_of_kind(server.base_url, "bad_json"))
    if data.get("error") or data.get("object") == "error":
        raise RequestFailed(error_from_object(server, data))
    choices = data.get("choices")
    listed = choices if isinstance(choices, list) else []
    known = [choice for choice in listed if isinstance(choice, Mapping)]
    if not known:
        # An answer it is, and was paid for: it counts as texts without a word.
        texts = [GeneratedText("", "no_choices")] * n
    else:
        texts = [_text(choice, api, open_quote) for choice in _ordered(known)[:n]]
    return Answer(tuple(texts), *_usage(data))


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
    finish_reason: str | None = None
    seen: bool = False
    tokens_in: int | None = None
    tokens_out: int | None = None

    def add(self, chunk: Mapping[str, Any]) -> None:
        """Take one chunk.

        Raises:
            RequestFailed: it is an error.
        """
        if chunk.get("error"):
            raise RequestFailed(error_from_object(self.server, chunk))
        counted = _usage(chunk)
        self.tokens_in = counted[0] if counted[0] is not None else self.tokens_in
        self.tokens_out = counted[1] if counted[1] is not None else self.tokens_out
        choices = chunk.get("choices")
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
            return
        self.seen = True
        choice = choices[0]
        content = _content(choice, self.api, "delta")
        if content:
            self.parts.append(content)
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason:
            self.finish_reason = reason

    def answer(self, error: ServerError | None = None) -> Answer:
        """What came, whether it ended well or not."""
        if not self.seen and error is None:
            texts = (GeneratedText("", "no_choices"),)
        else:
            reason = _reason(self.finish_reason) if self.finish_reason else "cut_off"
            cut = cut_text("".join(self.parts), reason, api=self.api, open_quote=self.open_quote)
            texts = (cut,)
        return Answer(texts, self.tokens_in, self.tokens_out, error)


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


def _text(choice: Mapping[str, Any], api: Api, open_quote: bool) -> GeneratedText:
    reason = choice.get("finish_reason")
    reason = _reason(reason) if isinstance(reason, str) and reason else "unknown"
    cut = cut_text(_content(choice, api, "message"), reason, api=api, open_quote=open_quote)
    if not cut.text:
        cut = replace(cut, finish_reason=_instead(choice) or cut.finish_reason)
    likeliest = _likeliest(choice)
    return replace(cut, likeliest=likeliest) if likeliest else cut


def _instead(choice: Mapping[str, Any]) -> str:
    """What a message without a text holds instead, as a finish reason; empty for nothing."""
    message = choice.get("message")
    if not isinstance(message, Mapping):
        return ""
    if _is_text(message.get("refusal")):
        return "refusal"
    reasoned = any(_is_text(message.get(name)) for name in ("reasoning_content", "reasoning"))
    return "reasoning" if reasoned else ""


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _likeliest(choice: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
    """The likeliest first tokens of a chat's answer; empty where it reports none."""
    logprobs = choice.get("logprobs")
    positions = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    first = positions[0] if isinstance(positions, list) and positions else None
    entries = first.get("top_logprobs") if isinstance(first, Mapping) else None
    likeliest = []
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, Mapping):
            continue
        token, value = entry.get("token"), entry.get("logprob")
        if not isinstance(token, str) or isinstance(value, bool):
            continue
        if isinstance(value, int | float) and math.isfinite(value):
            likeliest.append((storable_text(token), float(value)))
    return tuple(likeliest)


def _reason(reason: str) -> str:
    small = reason.lower()  # some write COMPLETE
    return "stop" if small in _STOPPED else "length" if small in _LIMITED else reason


def _content(choice: Mapping[str, Any], api: Api, name: str) -> str:
    if api == "completions":
        content = choice.get("text")
    else:
        message = choice.get(name)
        content = message.get("content") if isinstance(message, Mapping) else None
    if isinstance(content, list):  # some servers give parts, of which some are no answer
        pieces = [
            part.get("text")
            for part in content
            if isinstance(part, Mapping) and part.get("type", "text") in ("text", "output_text")
        ]
        content = "".join(piece for piece in pieces if isinstance(piece, str))
    return content if isinstance(content, str) else ""


def _ordered(choices: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """By the index that each names, where all do and none twice."""
    places = [choice.get("index") for choice in choices]
    if all(type(place) is int for place in places) and len(set(places)) == len(places):
        return sorted(choices, key=lambda choice: choice["index"])
    return list(choices)


def _usage(data: Mapping[str, Any]) -> tuple[int | None, int | None]:
    usage = data.get("usage")
    usage = usage if isinstance(usage, Mapping) else {}
    counts = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
    known = [count if type(count) is int and 0 <= count < 2**53 else None for count in counts]
    return known[0], known[1]
