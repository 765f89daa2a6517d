import pytest

from core.figures.map import MAX_PANELS, column_count, small_multiples
from core.figures.theme import LABEL_COLORS, label_colors
from tests.figures.map_points import drawn, many, points, real

FIVE = points(
    {"dataset": "one"},
    {"dataset": "two", "label": "b"},
    real(),
    {"dataset": "one", "label": "b"},
    {"dataset": "one"},
)


def test_each_panel_has_its_points_before_all_others() -> None:
    figure = small_multiples(FIVE, panels=label_colors(["two", "one"]))
    behind = [trace for trace in figure.data if trace.name == "all"]
    assert [list(trace.x) for trace in behind] == [[0, 1, 3, 4]] * 2
    assert {trace.hoverinfo for trace in behind} == {"skip"}
    own = drawn(figure)
    assert [(trace.name, list(trace.customdata)) for trace in own] == [
        ("two", ["p1"]),
        ("one", ["p0", "p3", "p4"]),
    ]
    assert [trace.marker.color for trace in own] == list(LABEL_COLORS[:2])
    assert [trace.xaxis for trace in own] == ["x", "x2"]
    assert [note.text.rsplit("  ", 1)[1] for note in figure.layout.annotations] == ["1", "3"]
    assert not figure.layout.showlegend


def test_panels_share_their_axes() -> None:
    layout = small_multiples(FIVE).layout
    assert layout.xaxis.range == layout.xaxis2.range
    assert (layout.xaxis2.matches, layout.yaxis2.matches) == ("x", "y")
    assert layout.yaxis.scaleanchor == "x"


def test_points_of_a_panel_can_be_coloured_by_label() -> None:
    figure = small_multiples(FIVE, color_by="label", colors={"a": "#0072B2"})
    one = drawn(figure)[0]
    assert list(one.customdata) == ["p0", "p3", "p4"]
    assert list(one.marker.color) == ["#0072B2", "rgba(128, 128, 128, 0.9)", "#0072B2"]
    assert [trace.name for trace in figure.data if trace.showlegend] == ["a"]
    assert figure.layout.showlegend


def test_the_real_texts_can_lie_behind() -> None:
    figure = small_multiples(FIVE, panels=label_colors(["two", "one"]), behind_real=True)
    behind = [trace for trace in figure.data if trace.name == "reference"]
    assert [list(trace.x) for trace in behind] == [[2]] * 2
    assert {trace.marker.symbol for trace in behind} == {"circle-open"}
    assert not [trace for trace in figure.data if trace.name == "all"]
    assert [list(trace.customdata) for trace in drawn(figure) if trace.name != "reference"] == [
        ["p1"],
        ["p0", "p3", "p4"],
    ]


def test_no_more_than_sixteen_panels_and_two_thousand_points_behind() -> None:
    labels = [f"label {number:02d}" for number in range(19)]
    figure = small_multiples(many(6001, labels), by="label")
    assert [trace.name for trace in drawn(figure)] == labels[:MAX_PANELS]
    behind = [len(trace.x) for trace in figure.data if trace.name == "all"]
    assert behind == [1501] * 16
    assert {trace.type for trace in figure.data} == {"scattergl"}


def test_nothing_and_hostile_names() -> None:
    assert len(small_multiples(FIVE.iloc[:0]).data) == 0
    figure = small_multiples(points({"dataset": "<b>0</b>"}))
    assert drawn(figure)[0].name == "&lt;b&gt;0&lt;/b&gt;"
    assert "&lt;b&gt;0&lt;/b&gt;" in figure.layout.annotations[0].text


@pytest.mark.parametrize(
    ("panels", "columns"),
    [(0, 1), (1, 1), (2, 2), (3, 3), (4, 2), (5, 3), (6, 3), (7, 4), (8, 4), (9, 3), (12, 4)],
)
def test_rows_are_as_full_as_can_be(panels: int, columns: int) -> None:
    assert column_count(panels) == columns
