"""What a server said, made fit to be shown and stored: no key, no control characters, short."""

import re
from collections.abc import Sequence
from urllib.parse import quote

MAX_SAID = 300
_WINDOW = 8
_LONG = 16
HIDDEN = "[key]"
# What looks like a key or a header that holds one, whosever it is.
_LIKE_KEYS = (
    re.compile(r"(?i)\b(bearer|basic)\s+[^\s\"',;]+"),
    re.compile(r"(?i)\b(authorization|x-api-key|api-key)\b[\"']?\s*[:=]\s*[\"']?[^\s\"',;]+"),
    re.compile(r"\b(?:sk|rk|pk|key|hf|gsk|xai)[-_][A-Za-z0-9_*.-]{6,}"),
)


def said_by_server(text: str, secrets: Sequence[str] = ()) -> str:
    """A server's words on one line, redacted and cut to 300 characters.

    Args:
        text: what it said, of any length.
        secrets: keys; any eight characters in a row of one are hidden, too, as servers like to
            repeat a part of it.
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in text[:20_000]).split())
    line = redacted(line, secrets)
    for pattern in _LIKE_KEYS:
        line = pattern.sub(HIDDEN, line)
    return line if len(line) <= MAX_SAID else line[: MAX_SAID - 3].rstrip() + "..."


def redacted(text: str, secrets: Sequence[str]) -> str:
    """The text with every part of a secret of eight or more characters hidden; a shorter secret
    only as a whole."""
    covered = bytearray(len(text))
    for secret in {form for key in secrets if key for form in (key, quote(key, safe=""))}:
        size = min(_WINDOW, len(secret))
        windows = {secret[at : at + size] for at in range(len(secret) - size + 1)}
        for at in range(len(text) - size + 1):
            if text[at : at + size] in windows:
                covered[at : at + size] = b"\1" * size
    return _masked(text, covered) if any(covered) else text


def without_key(text: str, secrets: Sequence[str]) -> str:
    """A generated text without the key, should a server repeat it there.

    Only a long one, and only as a whole: short ones that servers without keys are given, such as
    `ollama`, are words that a text may hold.
    """
    for secret in secrets:
        if len(secret) >= _LONG:
            text = text.replace(secret, HIDDEN)
    return text


def _masked(text: str, covered: bytearray) -> str:
    parts, hidden = [], False
    for char, under in zip(text, covered, strict=True):
        if not under:
            parts.append(char)
        elif not hidden:
            parts.append(HIDDEN)
        hidden = bool(under)
    return "".join(parts)
