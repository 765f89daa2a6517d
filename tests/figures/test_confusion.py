import numpy as np
import pandas as pd

from core.figures.confusion import confusion_figure

MATRIX = pd.DataFrame([[3, 1], [0, 0], [10, 30]], index=["a", "b", "c"], columns=["0", "1"])


def test_cells_hold_counts_and_shares_of_their_row() -> None:
    shades, cells = confusion_figure(MATRIX, columns="predicted").data
    assert np.asarray(shades.z).tolist() == [[0.75, 0.25], [0, 0], [0.25, 0.75]]
    assert (shades.zmin, shades.zmax) == (0, 1)
    assert [
        words.replace("</span>", "").partition(">")[2] for row in shades.text for words in row
    ] == [
        "3<br>75%",
        "1<br>25%",
        "",
        "",
        "10<br>25%",
        "30<br>75%",
    ]
    assert (list(cells.x), list(cells.y)) == ([0, 1, 0, 1, 0, 1], [0, 0, 1, 1, 2, 2])
    assert cells.hovertext[5] == "specified c<br>predicted 1<br>30 texts, 75.0% of the row"


def test_a_cell_is_known_by_its_labels() -> None:
    cells = confusion_figure(MATRIX).data[1]
    assert [tuple(pair) for pair in cells.customdata] == [
        ("a", "0"),
        ("a", "1"),
        ("b", "0"),
        ("b", "1"),
        ("c", "0"),
        ("c", "1"),
    ]
    assert cells.marker.opacity == cells.selected.marker.opacity == 0
    assert cells.unselected.marker.opacity == 0


def test_the_first_label_stands_top_left() -> None:
    layout = confusion_figure(MATRIX).layout
    assert list(layout.yaxis.range) == [2.5, -0.5]
    assert [text.strip() for text in layout.yaxis.ticktext] == ["a", "b", "c"]
    assert list(layout.xaxis.ticktext) == ["0", "1"]
    assert layout.xaxis.side == "top"


def test_many_labels_show_counts_alone() -> None:
    names = [f"label {number}" for number in range(18)]
    matrix = pd.DataFrame(np.eye(18, dtype=int) * 1500, index=names, columns=names)
    shades = confusion_figure(matrix).data[0]
    assert "1,500" in shades.text[0][0]
    assert "<br>" not in shades.text[0][0]


def test_nothing_and_hostile_names() -> None:
    empty = confusion_figure(pd.DataFrame(np.zeros((0, 0), dtype=int)))
    assert len(empty.data[1].x) == 0
    hostile = pd.DataFrame([[1]], index=["<b>"], columns=["<i>"])
    figure = confusion_figure(hostile)
    assert figure.data[1].hovertext[0].startswith("specified &lt;b&gt;<br>judged &lt;i&gt;<br>")
    assert tuple(figure.data[1].customdata[0]) == ("<b>", "<i>")  # data, not shown
    assert figure.layout.xaxis.ticktext[0] == "&lt;i&gt;"
