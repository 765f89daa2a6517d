import math

import pandas as pd
import pytest

from core.figures.budget import budget_curve

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
