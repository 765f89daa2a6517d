import math

from core.figures.compare.presenter import openings_figure, utility_figure
from tests.figures.compare.result_points import HOSTILE, no_markup_of, notes


def test_a_bar_for_each_model_with_its_value_and_interval() -> None:
    models = [
        ("baseline", "T 0.3", 0.6, 0.55, 0.65),
        ("real", "real", 0.8, math.nan, math.nan),
        ("wide", "not measured", math.nan, math.nan, math.nan),
    ]
    figure = utility_figure(models)
    (bars,) = figure.data
    assert (list(bars.x), list(bars.y), bars.orientation) == ([0.6, 0.8], [0, 1], "h")
    assert [round(end, 3) for end in bars.error_x.array] == [0.05, 0]
    low, high = figure.layout.yaxis.ticktext
    assert low.startswith("T 0.3  <br>")
    assert "<b>60.0%</b>  (55.0% to 65.0%)</span>" in low
    assert high.startswith("real  <br>")
    assert "<b>80.0%</b></span>" in high
    assert "No classifier" in notes(utility_figure(models[2:]))


def test_how_texts_begin() -> None:
    figure = openings_figure([("I am so", 30), (HOSTILE, 10)], texts=100)
    assert list(figure.data[0].x) == [0.3, 0.1]
    assert "<b>30</b> of 100" in figure.layout.yaxis.ticktext[0]
    assert no_markup_of(figure)
    for nothing in (openings_figure([], texts=5), openings_figure([("a b", 1)], texts=0)):
        assert not nothing.data
