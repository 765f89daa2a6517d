"""Texts of people and models as text: Streamlit reads most of what it shows as Markdown."""

import re

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:@&=^/])")


def plain(text: str) -> str:
    """The text with everything escaped that Markdown, HTML, maths or icons could be made of."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
