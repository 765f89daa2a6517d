import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.texts import MAX_TEXT, fold, storable_text, why_unstorable

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()))  # lone surrogates included


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("plain", "plain"),
        ("a\0b", "a\ufffdb"),
        ("a\ud800b\udfff", "a\ufffdb\ufffd"),
        ("\U0001f600", "\U0001f600"),
        ("\u202eabc\u2066d\u2069", "\u202eabc\u2066d\u2069"),
        ("tab\tand\nline\r", "tab\tand\nline\r"),
        ("x" * MAX_TEXT, "x" * MAX_TEXT),
        ("x" * MAX_TEXT + "y", "x" * MAX_TEXT),
        ("", ""),
    ],
)
def test_storable_text(text: str, stored: str) -> None:
    assert storable_text(text) == stored


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("plain \u202e text", None),
        ("ab\0", "holds a NUL character at character 3"),
        ("\udc80", "holds half of a surrogate pair at character 1"),
        ("x" * 100_000, None),
        ("x" * 100_001, "is 100,001 characters long, over the limit of 100,000"),
    ],
)
def test_why_unstorable(text: str, why: str | None) -> None:
    assert why_unstorable(text) == why


@given(ANY_TEXT)
def test_a_stored_text_is_storable_and_unchanged_by_storing_it_again(text: str) -> None:
    stored = storable_text(text)
    assert why_unstorable(stored) is None
    assert storable_text(stored) == stored
    assert stored.encode("utf-8").decode("utf-8") == stored
    if why_unstorable(text) is None:
        assert stored == text


def test_fold() -> None:
    assert fold("  The\tSTRASSE \n ends\u00a0here ") == fold("the straße ends here")
    assert fold("the STRASSE") == "the strasse"
    assert fold("a b") != fold("ab")
