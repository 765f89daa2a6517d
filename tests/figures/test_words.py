import html
import re

from hypothesis import given
from hypothesis import strategies as st

from core.figures.words import escaped, hover_text, hover_texts, shortened

TEXTS = st.text(alphabet=st.characters(codec="utf-8"), max_size=1500)


def test_markup_is_escaped_and_quotes_stay() -> None:
    # Plotly decodes &amp; &lt; &gt;, but would show &quot; as it stands.
    assert escaped("<b>\"A\" & 'B'</b>") == "&lt;b&gt;\"A\" &amp; 'B'&lt;/b&gt;"


def test_a_short_text_stays_on_its_line() -> None:
    assert hover_text("I went home.") == "I went home."
    assert hover_text("  two\n\nlines\t") == "two lines"
    assert hover_text(" \n") == hover_text("") == "(empty)"


def test_a_long_text_breaks_between_words() -> None:
    words = "seven77 " * 10  # 80 characters; seven words and their gaps are 55
    line = " ".join(["seven77"] * 7)
    assert hover_text(words) == f"{line}<br>seven77 seven77 seven77"


def test_a_text_without_spaces_breaks_anyway_and_ends_after_300() -> None:
    lines = hover_text("x" * 5000).split("<br>")
    assert [len(line) for line in lines] == [60] * 5
    assert lines[-1] == "x" * 59 + "…"
    assert len(hover_text("word " * 60).replace("<br>", " ")) == 299  # fits: nothing is cut


def test_entities_are_never_cut_in_two() -> None:
    assert hover_text("&" * 61) == "&amp;" * 60 + "<br>&amp;"


@given(TEXTS)
def test_hovers_hold_no_markup_and_no_long_lines(text: str) -> None:
    shown = hover_text(text)
    lines = [html.unescape(line) for line in shown.split("<br>")]
    assert all(len(line) <= 60 for line in lines)
    assert sum(map(len, lines)) <= 300
    assert "<" not in shown.replace("<br>", "")
    plain = re.sub(r"\s", "", " ".join(text.split()))
    if plain and len(" ".join(text.split())) <= 300 and len(text) <= 1200 and "&" not in plain:
        assert re.sub(r"\s", "", "".join(lines)) == plain


def test_many_are_in_order() -> None:
    assert hover_texts(["b", "<", "b"]) == ["b", "&lt;", "b"]


def test_names_are_cut_before_they_are_escaped() -> None:
    assert shortened("a\nb") == "a b"
    assert shortened("<" * 40, 4) == "&lt;&lt;&lt;…"
    assert shortened("four", 4) == "four"
