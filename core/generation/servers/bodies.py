"""The JSON of an answer's body in whichever form it came: whole, followed by more, or as events."""

import json
import re
from collections.abc import Sequence

from core.domain.serialization import Json, parse_json, value_at

_LINE_END = re.compile(r"\r\n|\n|\r")
_FIELDS = ("data:", "event:", "id:", "retry:", ":")
_MESSAGE_TEXTS = ("content", "refusal", "reasoning_content", "reasoning")


def parse_body(text: str) -> Json:
    """What a body says as JSON; None where it says nothing as JSON.

    A byte order mark, and whatever follows the first JSON object, are ignored. A stream of events,
    which some servers send without being asked, becomes the whole answer that it adds up to.
    """
    text = text.lstrip("\ufeff \t\r\n")
    if text.startswith(_FIELDS):
        return _parse_events(text)
    data = parse_json(text)
    if data is not None or not text.startswith("{"):
        return data
    try:
        first: Json = json.JSONDecoder().raw_decode(text)[0]
    except (ValueError, RecursionError):
        return None
    return first


def _parse_events(text: str) -> Json:
    chunks: list[Json] = []
    ended = False
    for line in _LINE_END.split(text):
        if not line.startswith("data:"):
            continue
        value = line.removeprefix("data:").strip()
        ended = value == "[DONE]"
        chunk = None if ended else parse_json(value)
        if not isinstance(chunk, dict):
            break
        chunks.append(chunk)
    return join_chunks(chunks, ended=ended) if chunks else None


def join_chunks(chunks: Sequence[Json], *, ended: bool) -> dict[str, Json]:
    """The whole answer that the chunks of a stream add up to.

    Args:
        chunks: in the order in which they came.
        ended: the stream said that it is over. Without that, a text that has no finish reason gets
            `cut_off`.
    """
    choices: dict[int, dict[str, Json]] = {}
    messages: dict[int, dict[str, Json]] = {}
    whole: dict[str, Json] = {}
    for chunk in chunks:
        for name in ("usage", "model", "error"):
            if value_at(chunk, name):
                whole[name] = value_at(chunk, name)
        listed = value_at(chunk, "choices")
        for piece in listed if isinstance(listed, list) else ():
            place = value_at(piece, "index")
            index = place if type(place) is int else 0
            choice = choices.setdefault(index, {"index": index, "text": "", "finish_reason": None})
            message = messages.setdefault(index, {})
            delta = value_at(piece, "delta") or value_at(piece, "message")
            for name in _MESSAGE_TEXTS:
                message[name] = f"{message.get(name, '')}{content_text(value_at(delta, name))}"
            for name in ("tool_calls", "function_call"):
                message[name] = message.get(name) or value_at(delta, name)
            choice["text"] = f"{choice['text']}{content_text(value_at(piece, 'text'))}"
            for name in ("finish_reason", "logprobs"):
                choice[name] = value_at(piece, name) or choice.get(name)
    for index, choice in choices.items():
        if not ended and not choice["finish_reason"]:
            choice["finish_reason"] = "cut_off"
        choice["message"] = messages[index]
    if choices:
        whole.pop("error", None)  # what came before the error is kept
    return {**whole, "choices": list(choices.values())}


def content_text(content: Json) -> str:
    """The text of a message's content; some servers give parts, of which some are no answer."""
    parts = content if isinstance(content, list) else [{"text": content}]
    texts = [
        value_at(part, "text")
        for part in parts
        if value_at(part, "type") in (None, "text", "output_text")
    ]
    return "".join(text for text in texts if isinstance(text, str))
