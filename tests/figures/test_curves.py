import pytest

from core.figures.curves import Curve, diversity_curve, score_range, vocabulary_curve
from core.figures.generate import diversity_meter
from core.figures.theme import LABEL_COLORS

NOW = Curve("now", [2, 10, 20], [None, 0.5, 0.6], [None, 0.4, 0.55], [None, 0.6, 0.65])

BEFORE = Curve("before", [2, 10, 30], [0.3, 0.4, 0.41], emphasised=False)


def test_the_emphasised_in_colour_with_bands_before_the_grey() -> None:
    figure = diversity_curve([NOW, BEFORE])
    before, band, now = figure.data
    assert (before.name, band.name, now.name) == ("before", "interval", "now")
    assert (list(now.x), list(now.y)) == ([2, 10, 20], [None, 0.5, 0.6])
    assert (list(band.x), list(band.y)) == ([10, 20, 20, 10], [0.6, 0.65, 0.55, 0.4])
    assert band.fill == "toself"
    assert band.hoverinfo == "skip"
    assert now.line.color == LABEL_COLORS[0]
    assert band.fillcolor == "rgba(0, 114, 178, 0.16)"
    assert before.line.color.startswith("rgba(128")
    assert list(now.customdata) == ["", " (0.400 to 0.600)", " (0.550 to 0.650)"]
    assert list(before.customdata) == ["", "", ""]


def test_colours_follow_the_order_of_the_emphasised() -> None:
    other = Curve("other", [1, 2], [0.1, 0.2], color="#123456")
    third = Curve("third", [1, 2], [0.1, 0.2])
    lines = diversity_curve([other, BEFORE, NOW, third]).data
    assert {
        line.name: line.line.color for line in lines if line.name not in ("interval", "before")
    } == {
        "other": "#123456",
        "now": LABEL_COLORS[0],
        "third": LABEL_COLORS[1],
    }


def test_names_stand_at_the_ends_apart_from_each_other() -> None:
    figure = diversity_curve([NOW, BEFORE], reference=("real", 0.601))
    before, now, real = figure.layout.annotations
    assert (before.x, before.y, now.x, now.y) == (30, 0.41, 20, 0.6)
    assert "now" in now.text
    assert LABEL_COLORS[0] in now.text
    assert (real.x, real.y) == (30, 0.601)
    low, high = figure.layout.yaxis.range
    pixels = (320 - 12 - 44) / (high - low)
    places = [note.y * pixels + note.yshift for note in (before, now, real)]
    assert places[2] - places[1] == pytest.approx(16)
    assert before.yshift == pytest.approx(0)


def test_lines_across_and_down() -> None:
    figure = diversity_curve([NOW], reference=("real", 0.7), marker=12)
    across, down = figure.layout.shapes
    assert (across.y0, across.y1, across.line.dash) == (0.7, 0.7, "dash")
    assert (down.x0, down.x1, down.yref) == (12, 12, "paper")
    assert figure.layout.yaxis.range[1] > 0.7
    assert len(diversity_curve([NOW]).layout.shapes) == 0


def test_the_axis_holds_values_and_settled_bands() -> None:
    wide = Curve("wide", [2, 100], [0.5, 0.5], [0.0, 0.4], [1.9, 0.6])
    low, high = score_range([wide])
    assert (low, high) == pytest.approx((0.4 - 0.012, 0.6 + 0.012))
    # A flat curve is not blown up to fill the figure.
    low, high = score_range([Curve("flat", [1, 2], [0.5, 0.5001])])
    assert high - low > 0.04
    assert score_range([]) == (0.0, 1.0)
    assert score_range([Curve("none", [1], [None])]) == (0.0, 1.0)


def test_no_curve_and_a_hostile_name() -> None:
    assert len(diversity_curve([]).data) == 0
    assert len(diversity_curve([Curve("none", [], [])]).layout.annotations) == 0
    figure = diversity_curve([Curve("<b>x</b>", [1], [0.5])], reference=("<i>", 0.4))
    assert figure.data[0].name == "&lt;b&gt;x&lt;/b&gt;"
    assert "<b>" not in figure.layout.annotations[0].text
    assert "<i>" not in figure.layout.annotations[1].text


def test_the_meter_is_low_and_has_the_previous_behind() -> None:
    figure = diversity_meter(NOW, previous=BEFORE, target=500)
    assert [trace.name for trace in figure.data][:3] == ["before", "interval", "now"]
    assert figure.layout.height == 110
    assert list(figure.layout.xaxis.range) == [0, 500]
    dot = figure.data[-1]
    assert (list(dot.x), list(dot.y)) == ([20], [0.6])
    assert figure.data[0].line.color.startswith("rgba(128")


def test_a_meter_before_the_first_texts() -> None:
    assert len(diversity_meter(None).data) == 0
    assert [trace.name for trace in diversity_meter(None, previous=BEFORE).data] == ["before"]
    only = diversity_meter(Curve("now", [1], [None]), target=20)
    assert [trace.name for trace in only.data] == ["now"]


def test_vocabulary_starts_from_nothing() -> None:
    figure = vocabulary_curve([Curve("now", [0, 100], [0, 420])])
    assert figure.layout.yaxis.range[0] == 0
    assert figure.layout.yaxis.range[1] > 420
    assert list(figure.data[0].y) == [0, 420]
    assert "%{y:,.0f}" in figure.data[0].hovertemplate
