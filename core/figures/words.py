"""Words in figures: names and texts are data, so plotly must find no markup in them."""

import html
import re
from collections.abc import Sequence
from functools import lru_cache

_LINE = 60
_MOST = 300
# As many words as fit a line, or the part of a word that does.
_LINES = re.compile(rf"(.{{1,{_LINE}}})(?:\s|$)|(.{{{_LINE}}})")


def escaped(words: str) -> str:
    """Words with no markup left. Quotes stay: they are none in a text; plotly knows no &quot;."""
    return html.escape(words, quote=False)


def shortened(name: str, most: int = 32) -> str:
    """A name, escaped, on one line, of at most so many characters with the ellipsis."""
    line = " ".join(name.split())
    return escaped(line if len(line) <= most else line[: most - 1].rstrip() + "…")


@lru_cache(maxsize=50_000)
def hover_text(text: str) -> str:
    """A text for a hover: its first 300 characters, escaped, in lines of at most 60."""
    shown = " ".join(text[: 4 * _MOST].split())
    if len(shown) > _MOST or len(text) > 4 * _MOST:
        shown = shown[: _MOST - 1].rstrip() + "…"
    if len(shown) <= _LINE:
        return escaped(shown) or "(empty)"
    return "<br>".join(escaped(words or part) for words, part in _LINES.findall(shown))


def hover_texts(texts: Sequence[str]) -> list[str]:
    """`hover_text` of each; a text seen before costs a look-up."""
    return list(map(hover_text, texts))
