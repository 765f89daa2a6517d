"""The numbers and tokens of a run, as a person reads them."""

import pytest

from pages.components.generate.progress import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (" to", "␣to"),
        ("\n\t", "↵⇥"),
        (",", ","),
        # Parts of characters look alike, so their numbers tell them apart.
        ("\ufffd", "\ufffd #7"),
        ("\ufffd\ufffd", "\ufffd\ufffd #7"),
        (" \ufffd", "␣\ufffd #7"),
    ],
)
def test_a_token_shows_what_it_is(text: str, shown: str) -> None:
    assert visible(text, 7) == shown
