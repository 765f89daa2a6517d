import math

import numpy as np
import pandas as pd
import pytest

from core.figures.interventions import budget_curve, confusion_figure, label_flow


def changes(*rows: tuple[str, str, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["old", "new", "count"])


MOVES = changes(
    ("a", "a", 6), ("a", "b", 2), ("b", "b", 1), ("b", "out of scope", 1), ("b", "a", 0)
)


def test_a_band_for_each_pair_that_has_texts() -> None:
    bands = label_flow(MOVES, labels=["b", "a"]).data
    assert [band.text for band in bands] == [
        "b stays: 1 texts, 50.0%",
        "a stays: 6 texts, 75.0%",
        "b → out of scope: 1 texts, 50.0% of b",
        "a → b: 2 texts, 25.0% of a",
    ]
    # Nine tenths of the height are for texts, so one of ten has 0.09.
    heights = [band.y[-1] - band.y[0] for band in bands]
    assert heights == pytest.approx([0.09, 0.54, 0.09, 0.18])
    assert [band.fillcolor.startswith("rgba(128, 128, 128, 0.2") for band in bands] == [
        True,
        True,
        False,
        False,
    ]
    assert bands[3].fillcolor == "rgba(230, 159, 0, 0.6)"  # of a, the second label


def test_bands_fill_their_bars_without_overlap() -> None:
    figure = label_flow(MOVES, labels=["b", "a"])
    left = sorted((band.y[0], band.y[-1]) for band in figure.data)
    right = sorted((band.y[23], band.y[24]) for band in figure.data)
    bars = [(bar.y0, bar.y1) for bar in figure.layout.shapes]
    assert bars == [
        pytest.approx(bar)
        # b and a at the left; b, a and out of scope at the right, gaps of 0.1 in all
        for bar in [(0, 0.18), (0.28, 1), (0, 0.27), (0.32, 0.86), (0.91, 1)]
    ]
    assert left == [
        pytest.approx(ends) for ends in [(0, 0.09), (0.09, 0.18), (0.28, 0.46), (0.46, 1)]
    ]
    assert right == [
        pytest.approx(ends) for ends in [(0, 0.09), (0.09, 0.27), (0.32, 0.86), (0.91, 1)]
    ]


def test_names_and_counts_stand_beside_the_bars() -> None:
    notes = label_flow(MOVES, labels=["b", "a"]).layout.annotations
    assert [(note.x, note.text.rsplit("  ", 1)[1]) for note in notes[:5]] == [
        (0, "2"),
        (0, "8"),
        (1, "3"),
        (1, "6"),
        (1, "1"),
    ]
    assert "out of scope" in notes[4].text


def test_nothing_hostile_names_and_many_labels() -> None:
    assert len(label_flow(changes(), labels=["a"]).data) == 0
    figure = label_flow(changes(("<b>", "0", 3)), labels=["<b>", "0"])
    assert figure.data[0].text == "&lt;b&gt; → 0: 3 texts, 100.0% of &lt;b&gt;"
    assert "<b>" not in figure.layout.annotations[0].text
    labels = [f"label {number}" for number in range(24)]
    matrix = pd.DataFrame(np.ones((24, 24), dtype=int), index=labels, columns=labels)
    long = matrix.rename_axis("old").reset_index().melt("old", var_name="new", value_name="count")
    assert len(label_flow(long, labels=labels).data) == 576


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


ROWS = pd.DataFrame(
    [(90, 0.79, 0.77, 0.82), (0, 0.72, math.nan, math.nan), (180, 0.84, 0.83, 0.85)],
    columns=["inspected", "value", "low", "high"],
)


def test_points_in_order_with_their_intervals() -> None:
    curve = budget_curve(ROWS).data[0]
    assert (list(curve.x), list(curve.y)) == ([0, 90, 180], [0.72, 0.79, 0.84])
    assert list(curve.error_y.array) == pytest.approx([0, 0.03, 0.01])
    assert list(curve.error_y.arrayminus) == pytest.approx([0, 0.02, 0.01])
    assert list(curve.customdata) == ["", " (77.0% to 82.0%)", " (83.0% to 85.0%)"]
    assert list(budget_curve(ROWS).layout.xaxis.tickvals) == [0, 90, 180]


def test_lines_for_nothing_and_for_all() -> None:
    figure = budget_curve(ROWS, baseline=0.72, everything=0.869)
    assert [(line.y0, line.y1) for line in figure.layout.shapes] == [(0.72, 0.72), (0.869, 0.869)]
    nothing, everything = figure.layout.annotations
    assert (nothing.y, everything.y) == (0.72, 0.869)
    assert "72.0%" in nothing.text
    assert "86.9%" in everything.text
    low, high = figure.layout.yaxis.range
    assert low < 0.72
    assert high > 0.869
    assert len(budget_curve(ROWS).layout.shapes) == 0


def test_equal_lines_have_names_apart() -> None:
    figure = budget_curve(ROWS, baseline=0.8, everything=0.8)
    assert [note.yshift for note in figure.layout.annotations] == pytest.approx([-8, 8])


def test_nothing_and_one_point() -> None:
    assert len(budget_curve(ROWS.iloc[:0]).data[0].x) == 0
    assert list(budget_curve(ROWS.iloc[1:2]).data[0].y) == [0.72]
