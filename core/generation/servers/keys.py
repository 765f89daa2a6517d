"""Keys of servers: found by the name of their variable, bound to one base URL, shown nowhere."""

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import Path
from urllib.parse import quote

from core.domain.connections import Connection, checked_url
from core.domain.errors import BadInput

SECRETS = Path(".streamlit") / "secrets.toml"


class Key:
    """A key that can be read for its own base URL only.

    Args:
        value: the key itself.
        base_url: of the connection it belongs to.
    """

    __slots__ = ("_base_url", "_value")

    def __init__(self, value: str, *, base_url: str) -> None:
        self._value = value
        self._base_url = checked_url(base_url)

    def __repr__(self) -> str:
        return f"Key(for {self._base_url})"

    def __reduce__(self) -> str:
        raise TypeError("A key is never written anywhere.")

    def value_for(self, base_url: str) -> str:
        """The key itself.

        Raises:
            BadInput: it belongs to another base URL.
        """
        if checked_url(base_url) != self._base_url:
            raise BadInput(
                f"The key belongs to {self._base_url} and is not sent to another server.",
                "Name a key for this connection.",
            )
        return self._value


def key_of(
    connection: Connection,
    *,
    environment: Mapping[str, str] = os.environ,
    folders: Sequence[Path] | None = None,
) -> Key | None:
    """The key that a connection names; None if it names none.

    Args:
        connection: names the variable.
        environment: looked into first.
        folders: whose `.streamlit/secrets.toml` is looked into then, at its top level; None takes
            the current folder and the home folder, as Streamlit does.

    Raises:
        BadInput: the variable is nowhere, empty, or holds what no header can carry.
    """
    name = connection.key_variable
    if not name:
        return None
    places = [Path.cwd(), Path.home()] if folders is None else folders
    value = environment.get(name, "").strip() or _secret(name, places)
    if not value:
        raise BadInput(
            f"The key for {connection.base_url} is missing: the variable {name} is not set.",
            f"Set {name} in the environment that starts Wideset, or write it into "
            f"{SECRETS}, then restart Wideset.",
        )
    if not all(33 <= ord(char) <= 126 for char in value):
        raise BadInput(
            f"The variable {name} holds no key: there are blanks or unusual characters in it.",
            "Copy the key anew.",
        )
    return Key(value, base_url=connection.base_url)


def _secret(name: str, folders: Sequence[Path]) -> str:
    for folder in folders:
        path = folder / SECRETS
        try:
            secrets = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError:
            continue
        except ValueError:  # its words would quote the file
            raise BadInput(
                f"The file {path} is no TOML, so the key {name} can't be looked up.", "Mend it."
            ) from None
        value = secrets.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""


_PASTED_KEY = re.compile(
    r"(?i)^\s*bearer\s|\b(?:sk|rk|pk|hf|gsk|xai|nvapi|pplx|ghp|glpat|r8|fw|AIza)[-_]?"
    r"(?=[A-Za-z0-9_-]*\d)[A-Za-z0-9_-]{16,}"
)
_RANDOM_LENGTH = 16
_SWITCHES = 4


def looks_like_key(text: str, *, name: bool = False) -> bool:
    """Whether a text holds what providers' keys look like.

    Args:
        text: as it was typed.
        name: it should be a variable's name, so that letters and digits mixed, as in keys without
            a mark of their own, count, too.
    """
    if _PASTED_KEY.search(text):
        return True
    word = text.strip()
    if not name or len(word) < _RANDOM_LENGTH:
        return False
    digits = [char.isdigit() for char in word if char.isalnum()]
    return sum(a != b for a, b in pairwise(digits)) >= _SWITCHES


MAX_MESSAGE = 300
_WINDOW = 8  # characters in a row of a key that are hidden
_LONG = 16
HIDDEN = "[key]"
# What looks like a key or a header that holds one, whosever it is.
_KEY_PATTERNS = (
    re.compile(r"(?i)\b(bearer|basic)\s+[^\s\"',;]+"),
    re.compile(r"(?i)\b(authorization|x-api-key|api-key)\b[\"']?\s*[:=]\s*[\"']?[^\s\"',;]+"),
    re.compile(r"\b(?:sk|rk|pk|key|hf|gsk|xai)[-_][A-Za-z0-9_*.-]{6,}"),
)


def server_message(text: str, secrets: Sequence[str] = ()) -> str:
    """A server's words on one line, redacted and cut to 300 characters.

    Args:
        text: what it said, of any length.
        secrets: keys; any eight characters in a row of one are hidden, too, as servers like to
            repeat a part of it.
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in text[:20_000]).split())
    line = redacted(line, secrets)
    for pattern in _KEY_PATTERNS:
        line = pattern.sub(HIDDEN, line)
    return line if len(line) <= MAX_MESSAGE else line[: MAX_MESSAGE - 3].rstrip() + "..."


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
    stretches = groupby(zip(text, covered, strict=True), key=itemgetter(1))
    return "".join(
        HIDDEN if hidden else "".join(char for char, _ in stretch) for hidden, stretch in stretches
    )


def without_key(text: str, secrets: Sequence[str]) -> str:
    """A generated text without the key, should a server repeat it there.

    Only a long one, and only as a whole: short ones that servers without keys are given, such as
    `ollama`, are words that a text may hold.
    """
    for secret in secrets:
        if len(secret) >= _LONG:
            text = text.replace(secret, HIDDEN)
    return text
