"""The rule of what a text may hold to be stored, and the key by which texts count as the same.

The rule: a stored text is valid Unicode without NUL, of at most `MAX_TEXT` characters. Everything
else, bidirectional controls included, is kept exactly. Text that a model wrote is made to fit
(`storable_text`); text that a person brings is refused with the reason (`why_unstorable`), because
silently changing a person's data would be worse than asking.
"""

import hashlib
import re

MAX_TEXT = 100_000
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# SQLite reads a TEXT value in C, where NUL ends it; a lone surrogate has no UTF-8 form at all.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def storable_text(text: str) -> str:
    """A generated text as it is stored; texts within the rule come back unchanged.

    Each NUL and each lone surrogate becomes U+FFFD; what lies beyond `MAX_TEXT` (100,000)
    characters is cut off. Whoever stores a cut text marks its sample as truncated.
    """
    return _UNSTORABLE.sub(REPLACEMENT, text[:MAX_TEXT])


def why_unstorable(text: str) -> str | None:
    """Why a text that a person brings can't be stored, None if it can.

    The answer continues a sentence that began with the text ("Row 7: the text <answer>."), and
    counts characters from 1.
    """
    if len(text) > MAX_TEXT:
        return f"is {len(text):,} characters long, over the limit of {MAX_TEXT:,}"
    match = _UNSTORABLE.search(text)
    if match is None:
        return None
    what = "a NUL character" if match.group() == "\0" else "half of a surrogate pair"
    return f"holds {what} at character {match.start() + 1:,}"


def fold(text: str) -> str:
    """The key by which two texts count as duplicates: case folded, white space collapsed."""
    return " ".join(text.casefold().split())


def text_hash(text: str) -> bytes:
    """16 bytes by which the store knows a text, of its exact characters (BLAKE2b)."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
