from core.figures.sentence import footnote, sentence_figure


def test_a_sentence_instead_of_axes() -> None:
    figure = sentence_figure("Nothing yet.")
    assert not figure.data
    assert not figure.layout.xaxis.visible
    assert [one.text for one in figure.layout.annotations] == ["Nothing yet."]


def test_a_footnote_has_a_line_for_each_sentence() -> None:
    note = footnote(["One.", "Two."], below=40)
    assert (note["text"], note["yshift"]) == ("<i>One.</i><br><i>Two.</i>", -40)
