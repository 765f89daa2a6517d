"""Telling a key from the name of its variable, before it is kept anywhere."""

import re
from itertools import pairwise

_LIKE_KEYS = re.compile(
    r"(?i)^\s*bearer\s|\b(?:sk|rk|pk|hf|gsk|xai|nvapi|pplx|ghp|glpat|r8|fw|AIza)[-_]?"
    r"(?=[A-Za-z0-9_-]*\d)[A-Za-z0-9_-]{16,}"
)
_RANDOM_LENGTH = 16
_SWITCHES = 4


def looks_like_key(text: str, *, name: bool = False) -> bool:
    """Whether a text holds what providers' keys look like.

    Args:
        text: as it was typed.
        name: it should be a variable's name, so that letters and digits thrown together, as in
            keys without a mark of their own, count, too.
    """
    if _LIKE_KEYS.search(text):
        return True
    word = text.strip()
    if not name or len(word) < _RANDOM_LENGTH:
        return False
    digits = [char.isdigit() for char in word if char.isalnum()]
    return sum(a != b for a, b in pairwise(digits)) >= _SWITCHES
