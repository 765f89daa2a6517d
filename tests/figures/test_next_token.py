"""The next token's figure: which bar stands where, and that tokens are only text."""

from typing import Any

import pytest

from core.figures.next_token import SUPPRESSED, next_token_figure, shown_token

TOKENS: dict[str, list[Any]] = {
    "token": [5, 9, 7],
    "text": [" the", " the", "<b>\n"],
    "before": [0.5, 0.3, 0.2],
    "after": [0.1, 0.6, 0.3],
    "bias": [-7.5, 0.0, 0.0],
    "share": [0.012, None, None],
}


def test_two_bars_a_token_in_their_own_rows() -> None:
    alone, drawn, suppressed = next_token_figure(TOKENS).data
    assert (list(alone.x), list(alone.y)) == ([0.5, 0.3, 0.2], [0, 1, 2])
    assert (list(drawn.x), list(drawn.y)) == ([0.6, 0.3], [1, 2])  # two that read alike stay apart
    assert (list(suppressed.x), list(suppressed.y)) == ([0.1], [0])
    assert suppressed.marker.color == SUPPRESSED
    assert alone.offsetgroup != drawn.offsetgroup == suppressed.offsetgroup
    assert "1.20% of all tokens so far, bias -7.50" in suppressed.customdata[0][1]


def test_tokens_are_text() -> None:
    names = next_token_figure(TOKENS).layout.yaxis.ticktext
    assert names == ("·the ▾", "·the", "&lt;b&gt;⏎")


@pytest.mark.parametrize(
    ("text", "seen"),
    [("", "(empty)"), (" a b", "·a·b"), ("\u202e\x00x", "▯▯x"), ("y" * 50, "y" * 24)],
)
def test_what_a_token_reads_as(text: str, seen: str) -> None:
    assert shown_token(text) == seen


def test_nothing_to_show_is_no_error() -> None:
    empty = next_token_figure({name: [] for name in TOKENS})
    assert [list(trace.x) for trace in empty.data] == [[], []]


def test_quotes_read_as_quotes() -> None:
    tokens = {
        "token": [1],
        "text": ['"<'],
        "before": [0.5],
        "after": [0.5],
        "bias": [0.0],
        "share": [None],
    }
    assert next_token_figure(tokens).layout.yaxis.ticktext == ('"&lt;',)
