"""The encoding of a text file from outside: told for certain, or refused."""

import codecs
import io
import re
from collections.abc import Callable, Iterator

from core.domain.errors import BadInput

_UTF8_CHARACTER = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_NO_TEXT = re.compile(rb"[\0-\x08\x0e-\x1f]")


def lines_of(raw: bytes, name: str, *, newline: str, piece: int) -> Iterator[str]:
    """A file's lines with their ends, decoded as they are read.

    Args:
        raw: the file's content.
        name: how a message names the file.
        newline: what ends a line, as `io.TextIOWrapper` takes it.
        piece: a longer line (in characters) comes in pieces of that length.

    Raises:
        BadInput: the encoding can't be told for certain.
    """
    encoding = encoding_of(raw, name)
    # A lone surrogate passes here, so that it is refused later with the number of its row.
    errors = "strict" if encoding == "cp1252" else "surrogatepass"
    stream = io.TextIOWrapper(io.BytesIO(raw), encoding, errors, newline)
    while line := stream.readline(piece):
        yield line


def encoding_of(raw: bytes, name: str) -> str:
    """The encoding as `codecs` names it: utf-16, utf-8-sig or cp1252.

    By its mark, else UTF-8, else Windows-1252 where all bytes fit it and most of those beyond
    ASCII are not UTF-8 (damaged UTF-8 would fit it too, and turn into nonsense).

    Raises:
        BadInput: none of them for certain.
    """
    if raw.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)) or (
        b"\0" in raw[:4] and not raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    ):
        raise BadInput(
            f"The file {name} is in UTF-32, in UTF-16 without a mark, or no text at all.",
            "Save it as UTF-8.",
        )
    marked = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    first = "utf-16" if marked else "utf-8-sig"
    bad = _first_undecodable(raw, first)
    if bad is None:
        return first
    line = raw[:bad].decode("utf-16" if marked else "latin-1", "ignore").count("\n") + 1
    if not marked and _first_undecodable(raw, "cp1252") is None:
        characters = sum(1 for _ in _UTF8_CHARACTER.finditer(raw))
        stray = sum(1 for byte in _UTF8_CHARACTER.sub(b"", raw) if byte > 127)
        if stray > characters and not _NO_TEXT.search(raw):
            return "cp1252"
    raise BadInput(
        f"The file {name} is damaged: line {line:,} is neither UTF-8 nor another encoding "
        "that can be told for certain.",
        "Save it as UTF-8.",
    )


def _first_undecodable(raw: bytes, encoding: str) -> int | None:
    """The place of the first byte that doesn't decode, to a few bytes; None if all do."""
    errors = "strict" if encoding == "cp1252" else "surrogatepass"
    decoder: Callable[..., str] = codecs.getincrementaldecoder(encoding)(errors).decode
    view = memoryview(raw)
    for start in range(0, len(raw) + 1, 1 << 16):
        try:
            decoder(bytes(view[start : start + (1 << 16)]), start + (1 << 16) > len(raw))
        except UnicodeDecodeError as error:
            return start + error.start
    return None
