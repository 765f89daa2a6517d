import pandas as pd
import pytest

from core.domain.next_token import ListedToken
from core.figures.generate import (
    MISSING_COLOR,
    SUPPRESSED,
    balance_figure,
    next_token_figure,
    shown_token,
)


def frame(**rows: tuple[int, int]) -> pd.DataFrame:
    return pd.DataFrame.from_dict(rows, orient="index", columns=["new", "duplicates"])


def test_bars_hold_new_duplicates_and_missing_by_label() -> None:
    figure = balance_figure(
        frame(pos=(7, 2), neg=(12, 1)), wanted={"neg": 10, "none": 5, "pos": 10}
    )
    assert [(bar.name, list(bar.y), list(bar.x)) for bar in figure.data] == [
        ("new", ["neg", "none", "pos"], [12, 0, 7]),
        ("duplicate", ["neg", "none", "pos"], [1, 0, 2]),
        ("missing", ["neg", "none", "pos"], [0, 5, 1]),
    ]
    assert {bar.orientation for bar in figure.data} == {"h"}
    assert list(figure.data[0].marker.color) == ["#0072B2", "#E69F00", "#009E73"]
    assert figure.data[2].marker.color == MISSING_COLOR
    assert figure.data[1].marker.pattern.shape == "/"
    assert figure.layout.barmode == "stack"
    assert figure.layout.yaxis.autorange == "reversed"  # the first label on top


def test_no_rows_at_all_and_rows_of_other_labels() -> None:
    empty = pd.DataFrame({"new": {}, "duplicates": {}}, dtype="int64")
    assert [list(bar.x) for bar in balance_figure(empty, wanted={"a": 3}).data] == [[0], [0], [3]]
    other = balance_figure(frame(gone=(4, 4)), wanted={"a": 0})
    assert [list(bar.x) for bar in other.data] == [[0], [0], [0]]


def test_it_grows_with_the_labels() -> None:
    empty = pd.DataFrame({"new": {}, "duplicates": {}}, dtype="int64")
    heights = [
        balance_figure(empty, wanted=dict.fromkeys(map(str, range(n)), 1)).layout.height
        for n in (1, 2, 64)
    ]
    assert heights == [60, 86, 1698]


def test_a_label_is_never_markup() -> None:
    name = '<b onclick="x">&amp;</b><a href="http://example.com">'
    figure = balance_figure(frame(**{name: (1, 0)}), wanted={name: 2})
    shown = '&lt;b onclick="x"&gt;&amp;amp;&lt;/b&gt;&lt;a href="http://example.com"&gt;'
    for bar in figure.data:
        assert list(bar.y) == [shown]
        assert name not in bar.hovertemplate
    assert list(figure.data[0].x) == [1]


def test_labels_that_look_like_numbers_or_dates_are_names() -> None:
    figure = balance_figure(frame(**{"0": (1, 0), "1": (2, 0)}), wanted={"0": 2, "1": 2})
    assert figure.layout.yaxis.type == "category"
    assert list(figure.data[0].y) == ["0", "1"]
    assert list(figure.data[0].x) == [1, 2]


TOKENS = [
    ListedToken(5, text=" the", before=0.5, after=0.1, bias=-7.5, share=0.012),
    ListedToken(9, text=" the", before=0.3, after=0.6, bias=0.0, share=None),
    ListedToken(7, text="<b>\n", before=0.2, after=0.3, bias=0.0, share=None),
]


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
    empty = next_token_figure([])
    assert [list(trace.x) for trace in empty.data] == [[], []]


def test_quotes_read_as_quotes() -> None:
    token = ListedToken(1, text='"<', before=0.5, after=0.5, bias=0.0, share=None)
    assert next_token_figure([token]).layout.yaxis.ticktext == ('"&lt;',)
