"""Texts of people and models as text: Streamlit reads most of what it shows as Markdown."""

import re

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:@&=^/])")
# Addresses become links even where they are escaped, unless something invisible splits them.
_ADDRESS = re.compile(r"(?<=http)(?=:)|(?<=https)(?=:)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)
WORD_JOINER = "\u2060"


def plain(text: str) -> str:
    """The text with everything escaped that Markdown, HTML, maths, icons or links are made of."""
    split = _ADDRESS.sub(WORD_JOINER, " ".join(text.split()))
    return _MARKDOWN.sub(r"\\\1", split)
