import numpy as np
import pytest

from core.figures.elements import SYMBOLS
from core.figures.map import DUPLICATE_COLORS, map_figure, marker_size, replay_figure
from core.figures.theme import LABEL_COLORS, SEQUENCE_COLORS, label_colors
from tests.figures.map_points import drawn, entries, many, points, real

SIX = points(
    {"label": "b", "duplicate": "near"},
    {"label": "a"},
    real(label="a"),
    {"label": "b", "dataset": "other", "duplicate": "exact"},
    {"label": None},
    {"label": "a"},
)


def ids(figure: object) -> list[tuple[str, list[str]]]:
    return [(trace.name, list(trace.customdata)) for trace in drawn(figure)]


def test_every_point_carries_its_id_under_its_label() -> None:
    figure = map_figure(SIX, colors=label_colors(["b", "a"]))
    assert ids(figure) == [
        ("reference", ["p2"]),
        ("b", ["p0", "p3"]),
        ("a", ["p1", "p5"]),
        ("other", ["p4"]),
    ]
    b = drawn(figure)[1]
    assert (list(b.x), list(b.y)) == ([0, 3], [0, -6])
    assert b.hoverinfo == "text"
    assert list(b.hovertext) == [
        "text 0<br><i>b · run · cycle 1 · near duplicate</i>",
        "text 3<br><i>b · other · cycle 4 · exact duplicate</i>",
    ]
    assert drawn(figure)[0].hovertext[0] == "text 2<br><i>a · real</i>"
    assert drawn(figure)[3].hovertext[0] == "text 4<br><i>no label · run · cycle 5</i>"


def test_colours_are_the_palettes_and_stand_in_the_legend() -> None:
    figure = map_figure(SIX, colors=label_colors(["b", "a"]))
    assert [trace.marker.color for trace in drawn(figure)][1:3] == list(LABEL_COLORS[:2])
    assert entries(figure)[1:3] == [("b", LABEL_COLORS[0]), ("a", LABEL_COLORS[1])]
    # A click on an entry switches its points.
    groups = {trace.name: trace.legendgroup for trace in drawn(figure)}
    assert {t.name: t.legendgroup for t in figure.data if t.showlegend} == groups
    assert len(set(groups.values())) == 4


def test_real_texts_lie_behind_small_and_hollow() -> None:
    reference = drawn(map_figure(SIX, color_by="dataset"))[0]
    assert reference.marker.symbol == "circle-open"
    assert reference.marker.color.startswith("rgba(128")
    assert reference.marker.size < drawn(map_figure(SIX))[1].marker.size


def test_real_texts_are_pale_in_the_colour_of_their_label() -> None:
    three = points(
        {"label": "b", "reference": True}, {"label": None, "reference": True}, {"label": "a"}
    )
    figure = map_figure(three, colors={"a": "#0072B2", "b": "#E69F00"})
    assert list(drawn(figure)[0].marker.color) == [
        "rgba(230, 159, 0, 0.55)",
        "rgba(128, 128, 128, 0.55)",
    ]
    assert entries(figure)[0] == ("reference", "rgba(128, 128, 128, 0.9)")
    assert entries(replay_figure(three, 3))[0] == entries(figure)[0]


@pytest.mark.parametrize(
    ("color_by", "expected"),
    [
        ("dataset", [("run", ["p0", "p1", "p4", "p5"]), ("other", ["p3"])]),
        ("duplicate", [("new", ["p1", "p4", "p5"]), ("near", ["p0"]), ("exact", ["p3"])]),
        ("reference", [("generated", ["p0", "p1", "p3", "p4", "p5"])]),
        ("cycle", [("texts", ["p0", "p1", "p3", "p4", "p5"])]),
    ],
)
def test_other_colourings(color_by: str, expected: list[tuple[str, list[str]]]) -> None:
    colors = {"run": "#111111", "other": "#222222"} if color_by == "dataset" else None
    figure = map_figure(SIX, color_by=color_by, colors=colors)
    assert [found for found in ids(figure) if found[1]] == [("reference", ["p2"]), *expected]


def test_colours_of_duplicates_and_cycles() -> None:
    marks = drawn(map_figure(SIX, color_by="duplicate"))[1:4]
    assert [trace.marker.color for trace in marks] == list(DUPLICATE_COLORS.values())
    cycles = drawn(map_figure(SIX, color_by="cycle"))[1].marker
    assert list(cycles.color) == [1, 2, 4, 5, 6]
    assert (cycles.cmin, cycles.cmax) == (1, 6)
    assert list(cycles.colorbar.tickvals) == [1, 2, 4, 5, 6]
    assert [color for _, color in cycles.colorscale] == list(SEQUENCE_COLORS)
    assert entries(map_figure(SIX, color_by="cycle")) == [("reference", "rgba(128, 128, 128, 0.9)")]


def test_found_points_stand_out_and_are_drawn_last() -> None:
    plain = map_figure(SIX)
    figure = map_figure(SIX, highlight={"p1", "p2"})
    assert ids(figure)[1] == ("a", ["p5", "p1"])
    faded, found = drawn(figure)[1].marker.opacity
    assert faded < 0.2
    assert found == 1
    assert list(drawn(figure)[0].marker.opacity) == [1]
    small, large = drawn(figure)[1].marker.size
    assert large == 1.5 * small == 1.5 * drawn(plain)[1].marker.size
    # All points are still there, and the legend keeps its colours.
    assert {name: sorted(own) for name, own in ids(figure)} == dict(ids(plain))
    assert entries(figure) == entries(plain)
    nothing = drawn(map_figure(SIX, highlight=()))
    assert {value for trace in nothing for value in trace.marker.opacity} == {faded}


def test_cycles_stay_with_their_points_when_some_are_found() -> None:
    trace = drawn(map_figure(SIX, color_by="cycle", highlight=["p0"]))[1]
    assert list(trace.customdata) == ["p1", "p3", "p4", "p5", "p0"]
    assert list(trace.marker.color) == [2, 4, 5, 6, 1]


def test_a_zoom_outlives_a_change_of_colour() -> None:
    layouts = [map_figure(SIX, color_by=by).layout for by in ("label", "cycle", "dataset")]
    assert len({layout.uirevision for layout in layouts}) == 1
    # Another map is looked at anew.
    moved = map_figure(SIX.assign(x=SIX["x"] + 9)).layout
    assert moved.uirevision != layouts[0].uirevision
    assert {tuple(layout.xaxis.range) for layout in layouts} == {(-0.2, 5.2)}
    assert {tuple(layout.yaxis.range) for layout in layouts} == {(-10.4, 0.4)}
    # What was switched off in one legend is no entry of another.
    assert len({layout.legend.uirevision for layout in layouts}) == 3


def test_axes_are_alike_and_unseen_and_the_page_shines_through() -> None:
    layout = map_figure(SIX).layout
    assert layout.yaxis.scaleanchor == "x"
    assert not layout.xaxis.visible
    assert not layout.yaxis.visible
    assert layout.dragmode == "lasso"
    assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0, 0, 0, 0)"
    assert layout.font.color is None


def test_no_point_and_one_point() -> None:
    nothing = map_figure(SIX.iloc[:0])
    assert sum(len(trace.x) for trace in drawn(nothing)) == 0
    assert list(nothing.layout.xaxis.range) == [-1, 1]
    assert entries(nothing) == []
    for color_by in ("label", "dataset", "cycle", "duplicate", "reference"):
        map_figure(SIX.iloc[:0], color_by=color_by, highlight=["p0"])
    one = map_figure(SIX.iloc[3:4], color_by="cycle")
    assert list(one.layout.xaxis.range) == [2, 4]
    assert (drawn(one)[1].marker.cmin, drawn(one)[1].marker.cmax) == (4, 5)


def test_more_labels_than_colours_differ_in_shape() -> None:
    labels = [f"label {number}" for number in range(40)]
    traces = drawn(map_figure(many(80, labels), colors=label_colors(labels)))[1:41]
    looks = [(trace.marker.color, trace.marker.symbol) for trace in traces]
    assert len(set(looks)) == 40
    assert looks[0] == (LABEL_COLORS[0], "circle")
    assert looks[8] == (LABEL_COLORS[8], SYMBOLS[1])
    assert looks[18] == (LABEL_COLORS[0], SYMBOLS[2])


def test_labels_that_look_like_numbers_are_names() -> None:
    figure = map_figure(points({"label": "1"}, {"label": "0"}))
    assert ids(figure)[1:3] == [("0", ["p1"]), ("1", ["p0"])]


def test_texts_and_names_are_never_markup() -> None:
    hostile = '<a href="http://x.test">&lt;b&gt; %{x}</a>'
    figure = map_figure(points({"text": hostile, "label": hostile, "dataset": hostile}))
    trace = drawn(figure)[1]
    shown = '&lt;a href="http://x.test"&gt;&amp;lt;b&amp;gt; %{x}&lt;/a&gt;'
    name = '&lt;a href="http://x.test"&gt;&amp;lt;b&amp;g…'  # 31 characters and the ellipsis
    assert trace.hovertext[0] == f"{shown}<br><i>{name} · {name} · cycle 1</i>"
    assert trace.name == entries(figure)[0][0] == name
    assert trace.hovertemplate is None


def test_many_points_are_drawn_by_webgl() -> None:
    kinds = [
        {trace.type for trace in drawn(map_figure(many(count, ["a", "b"])))}
        for count in (1000, 1001)
    ]
    assert kinds == [{"scatter"}, {"scattergl"}]
    assert [marker_size(count) for count in (0, 10, 1000, 10_000, 1_000_000)] == [
        10.0,
        10.0,
        7.0,
        4.5,
        3.5,
    ]


def test_a_replay_shows_what_had_arrived() -> None:
    frame = many(50, ["a", "b"])
    frame["order"] = frame["order"].to_numpy()[::-1]
    frame.loc[len(frame)] = points(real(id="r")).iloc[0]
    figure = replay_figure(frame, 29, colors=label_colors(["a", "b"]))
    reference, waiting, a, b, other = drawn(figure)
    assert list(reference.customdata) == ["r"]
    assert sorted(waiting.customdata) == sorted(f"p{place}" for place in range(20))
    assert waiting.marker.color == "rgba(128, 128, 128, 0.2)"
    # Orders 10 to 29 are the newest twenty: points 39 down to 20.
    newest = {
        one
        for trace in (a, b)
        for one, size in zip(trace.customdata, trace.marker.size, strict=True)
        if size > marker_size(51)
    }
    assert newest == {f"p{place}" for place in range(20, 40)}
    assert len(a.customdata) + len(b.customdata) == 30
    assert list(a.customdata)[-10:] == [f"p{place}" for place in range(20, 40, 2)]
    assert len(other.customdata) == 0
    same = replay_figure(frame, 3).layout
    assert same.xaxis.range == figure.layout.xaxis.range == map_figure(frame).layout.xaxis.range
    assert same.uirevision == figure.layout.uirevision


def test_a_replay_before_the_first_and_after_the_last() -> None:
    frame = many(5, ["a"])
    before, after = (drawn(replay_figure(frame, upto)) for upto in (-1, 99))
    assert [len(trace.customdata) for trace in before] == [0, 5, 0, 0]
    assert [len(trace.customdata) for trace in after] == [0, 0, 5, 0]
    replay_figure(frame.iloc[:0], 3)


def test_ids_and_places_survive_the_way_to_the_browser() -> None:
    trace = map_figure(SIX).to_plotly_json()["data"][1]
    assert np.asarray(trace["customdata"]).tolist() == ["p1", "p5"]


def test_a_click_chooses_a_point_where_dragging_draws_nothing() -> None:
    layouts = [map_figure(SIX, drag=drag).layout for drag in ("lasso", "select", "pan")]
    assert [one.dragmode for one in layouts] == ["lasso", "select", "pan"]
    assert [one.clickmode for one in layouts] == ["event", "event", "event+select"]
    assert map_figure(SIX).layout.dragmode == "lasso"


def test_two_cycles_have_no_mark_between_them() -> None:
    two = points({}, {}, {})
    two["cycle"] = [1, 1, 2]
    assert list(drawn(map_figure(two, color_by="cycle"))[1].marker.colorbar.tickvals) == [1, 2]
