"""Where in a TOML file each key stands, which `tomllib` does not tell."""

import re
import tomllib
from collections.abc import Iterator

Path = tuple[str, ...]

_QUOTES = ('"""', "'''", '"', "'")
_AT_LINE = re.compile(r"^(.*?) \(at line (\d+), column \d+\)$", re.DOTALL)


def lines_of_keys(text: str) -> dict[Path, int]:
    """The line, from 1, of each key and table header by its path ("axes", "temperature").

    Args:
        text: TOML that `tomllib` can read. Keys within inline tables are left out, and of an
            array of tables the first stands for all.
    """
    found: dict[Path, int] = {}
    table: Path = ()
    for start, key, header in _statements(text):
        line = text.count("\n", 0, start) + 1
        path = key if header else table + key
        if header:
            table = key
        for length in range(1, len(path) + 1):
            found.setdefault(path[:length], line)
    return found


def line_of_error(error: ValueError) -> tuple[int | None, str]:
    """The line that `tomllib` refuses, None at the file's end, and its reason."""
    told = str(error)
    match = _AT_LINE.match(told)
    if match is None:
        return None, told.replace(" (at end of document)", " at the file's end")
    return int(match[2]), match[1]


def _statements(text: str) -> Iterator[tuple[int, Path, bool]]:
    """Each statement's place, its key, and whether it is a table's header."""
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
        elif text[at] == "#":
            at = _end_of_line(text, at)
        elif text[at] == "[":
            double = text.startswith("[[", at)
            end = _until(text, at + 1 + double, "]")
            yield at, _key(text[at + 1 + double : end]), True
            at = _end_of_line(text, end)
        else:
            end = _until(text, at, "=")
            yield at, _key(text[at:end]), False
            at = _after_value(text, end + 1)


def _key(words: str) -> Path:
    data = tomllib.loads(f"{words.strip()} = 0")
    path: list[str] = []
    while isinstance(data, dict):
        ((name, data),) = data.items()
        path.append(name)
    return tuple(path)


def _after_value(text: str, at: int) -> int:
    depth = 0
    while at < len(text):
        char = text[at]
        if char in "\"'":
            at = _after_string(text, at)
            continue
        if char == "#":
            at = _end_of_line(text, at)
            continue
        if char == "\n" and depth == 0:
            return at
        depth += (char in "[{") - (char in "]}")
        at += 1
    return at


def _until(text: str, at: int, sign: str) -> int:
    """The place of a sign outside of quotes."""
    while at < len(text) and text[at] != sign:
        at = _after_string(text, at) if text[at] in "\"'" else at + 1
    return at


def _after_string(text: str, at: int) -> int:
    quote = next(quote for quote in _QUOTES if text.startswith(quote, at))
    at += len(quote)
    while at < len(text) and not text.startswith(quote, at):
        at += 2 if text[at] == "\\" and quote[0] == '"' else 1
    at += len(quote)
    # A multi-line string may end in one or two quotes of its own.
    while len(quote) == 3 and text.startswith(quote[0], at):
        at += 1
    return at


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
