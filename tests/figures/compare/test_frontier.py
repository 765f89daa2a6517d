import math
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.figures.compare.frontier import PATH, FrontierView, frontier_figure, pareto_mask
from tests.figures.compare.result_points import HOSTILE, grid, no_markup_of, notes, points, traces

RING = "Ringed: Pareto-optimal"

# c0 and c2 are the set: c1 is surpassed by c0 in both.
THREE = (
    {"temperature": 0.3, "diversity": 0.2, "label_accuracy": 0.9, "model_accuracy": 0.6},
    {"temperature": 0.7, "diversity": 0.1, "label_accuracy": 0.8, "model_accuracy": 0.5},
    {"temperature": 1.3, "diversity": 0.5, "label_accuracy": 0.7, "model_accuracy": 0.8},
)


def repaired(condition: str, inspected: str, x: float, y: float, **more: Any) -> dict[str, Any]:
    return {
        "condition": condition,
        "inspected": inspected,
        "diversity": x,
        "label_accuracy": y,
        **more,
    }


def test_a_mark_for_each_condition_and_a_ring_round_the_best() -> None:
    figure = frontier_figure(points(*THREE, repaired("c0", "90", 0.19, 0.95)))
    (marks,) = traces(figure, "condition")
    assert (list(marks.x), list(marks.y)) == ([0.2, 0.1, 0.5], [0.9, 0.8, 0.7])
    assert list(marks.customdata) == ["c0|0|0", "c1|0|0", "c2|0|0"]
    assert list(marks.marker.color) == [0.6, 0.5, 0.8]
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == (0.5, 0.8)
    # The area rises evenly with the value: from 64 to 361 square pixels.
    assert list(marks.marker.size) == pytest.approx([math.sqrt(163), 8, 19])
    (ring,) = traces(figure, RING)
    assert (list(ring.x), list(ring.y)) == ([0.2, 0.5], [0.9, 0.7])
    (edge,) = traces(figure, "edge")
    assert (list(edge.x), edge.line.shape) == ([0.2, 0.5], "vh")
    assert "T 0.3" in notes(figure)
    assert "T 0.7" not in notes(figure)


def test_any_two_metrics_and_a_shade_left_out() -> None:
    figure = frontier_figure(
        points(*THREE), FrontierView(x="model_accuracy", y="diversity", value=None)
    )
    (marks,) = traces(figure, "condition")
    assert (list(marks.x), list(marks.y)) == ([0.6, 0.5, 0.8], [0.2, 0.1, 0.5])
    assert list(traces(figure, RING)[0].x) == [0.8]
    assert figure.layout.xaxis.title.text == "Model accuracy"
    assert figure.layout.coloraxis.colorbar.title.text is None


def test_a_knob_has_colours_and_symbols_and_many_numbers_are_shades() -> None:
    figure = frontier_figure(points(*THREE), FrontierView(by="temperature"))
    own = [traces(figure, name)[0] for name in ("T 0.3", "T 0.7", "T 1.3")]
    assert len({trace.marker.color for trace in own}) == 3
    assert len({trace.marker.symbol for trace in own}) == 3
    assert [list(trace.customdata) for trace in own] == [["c0|0|0"], ["c1|0|0"], ["c2|0|0"]]
    (marks,) = traces(
        frontier_figure(grid(100).assign(min_p=range(100)), FrontierView(by="min_p")), "condition"
    )
    assert list(marks.marker.color) == list(range(100))


def test_tasks_have_colours_and_a_narrow_range_has_decimals() -> None:
    frame = points(*THREE).assign(task=["a", "b", "a"])
    figure = frontier_figure(frame, FrontierView(by="task"))
    assert [len(traces(figure, name)[0].x) for name in ("a", "b")] == [2, 1]
    bar = frontier_figure(frame).layout.coloraxis.colorbar
    assert bar.tickformat == ".0%"
    narrow = frame.assign(model_accuracy=[0.60, 0.61, 0.62])
    assert frontier_figure(narrow).layout.coloraxis.colorbar.tickformat == ".1%"


def test_arrows_go_from_a_condition_to_its_repairs() -> None:
    frame = points(
        *THREE,
        repaired("c0", "90", 0.19, 0.95),
        repaired("c0", "all", 0.18, 1.0),
        repaired("c2", "90", 0.45, 0.85),
        repaired("c2", "0", 0.48, 0.72, filtered=True),
    )
    figure = frontier_figure(frame, FrontierView(budget="90", filtered=True))
    (arrows,) = traces(figure, "LR with 90 inspected texts")
    assert list(arrows.x) == [0.2, 0.19, None, 0.5, 0.45, None]
    assert list(arrows.y) == [0.9, 0.95, None, 0.7, 0.85, None]
    assert list(arrows.customdata) == ["", "c0|90|0", "", "", "c2|90|0", ""]
    assert list(arrows.marker.symbol)[1::3] == ["arrow", "arrow"]
    (oosf,) = traces(figure, "OOSF")
    assert list(oosf.x) == [0.5, 0.48, None]
    assert oosf.line.dash == "dot"
    assert figure.layout.yaxis.range[1] > 0.95
    (path,) = traces(frontier_figure(frame, FrontierView(budget=PATH)), "LR, by texts inspected")
    assert list(path.x) == [0.2, 0.19, 0.18, None, 0.5, 0.45, None]
    assert list(path.marker.symbol)[1:3] == ["circle", "arrow"]
    assert not traces(
        frontier_figure(frame, FrontierView(budget="180")), "LR with 180 inspected texts"
    )


def test_the_paper_is_hollow_and_no_member_and_unlike_points_are_said() -> None:
    paper = {"source": "paper", "encoder": "BERT", "n": 5600}
    frame = points(*THREE, {**THREE[0], **paper, "diversity": 0.9, "label_accuracy": 0.99})
    figure = frontier_figure(frame)
    (theirs,) = traces(figure, "the paper")
    assert theirs.marker.symbol == "diamond-open"
    assert list(traces(figure, RING)[0].x) == [0.2, 0.5]
    assert "Not comparable: 2 encoders (BERT, MiniLM); datasets of 200 to 5,600 texts." in notes(
        figure
    )


def test_missing_values_are_counted_and_not_drawn() -> None:
    frame = points(*THREE, {"diversity": 0.4}, {"diversity": 0.3, "label_accuracy": 0.95})
    figure = frontier_figure(frame)
    assert list(traces(figure, "condition")[0].x) == [0.2, 0.1, 0.5]
    assert list(traces(figure, "no model accuracy")[0].x) == [0.3]
    assert list(traces(figure, RING)[0].x) == [0.5, 0.3]
    assert "1 condition lacks a value." in notes(figure)


def test_one_condition_none_and_hostile_names() -> None:
    alone = frontier_figure(points(THREE[0]))
    assert not traces(alone, RING)
    assert "One condition only." in notes(alone)
    for frame in (points(), points({"diversity": 0.4})):
        figure = frontier_figure(frame)
        assert not figure.data
        assert "No condition has both" in notes(figure)
    frame = points(*({**row, "model": f"{HOSTILE}{place}"} for place, row in enumerate(THREE)))
    for figure in (frontier_figure(frame), frontier_figure(frame, FrontierView(by="model"))):
        assert no_markup_of(figure)
    assert "&lt;a" in frontier_figure(frame, FrontierView(by="model")).to_json()


def test_intervals_up_to_eighty_marks_unless_asked() -> None:
    (bars,) = traces(frontier_figure(grid(80)), "interval")
    assert np.allclose(bars.error_x.array, 0.03)
    assert np.allclose(bars.error_y.arrayminus, 0.02)
    assert not traces(frontier_figure(grid(81)), "interval")
    assert traces(frontier_figure(grid(81), FrontierView(intervals=True)), "interval")
    assert not traces(frontier_figure(grid(3), FrontierView(intervals=False)), "interval")


def test_large_letters_for_a_room() -> None:
    small, large = (
        frontier_figure(points(*THREE), FrontierView(large=one)) for one in (False, True)
    )
    assert large.layout.height > small.layout.height
    assert large.layout.xaxis.tickfont.size == 18
    sizes = [traces(one, "condition")[0].marker.size for one in (small, large)]
    assert np.allclose(np.array(sizes[1]), 1.5 * np.array(sizes[0]))


def test_many_conditions_are_drawn_fast() -> None:
    frame = grid(500)
    both = pd.concat(
        [frame, frame.assign(inspected="90", label_accuracy=0.9, point=frame["point"] + "r")]
    )
    frontier_figure(both.head(3))  # plotly's own import is not the figure's time
    began = time.process_time()
    figure = frontier_figure(both, FrontierView(budget="90", by="suppression"))
    assert time.process_time() - began < 1.5
    assert sum(len(traces(figure, f"S {one}")[0].x) for one in (2.5, 5, 7.5, 10)) == 400
    assert traces(frontier_figure(grid(1001)), "condition")[0].type == "scattergl"


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=20))
def test_the_set_is_that_of_a_naive_search(pairs: list[tuple[int, int]]) -> None:
    x, y = (np.array([pair[axis] for pair in pairs], dtype=np.float64) for axis in (0, 1))
    naive = [not any(c >= a and d >= b and (c > a or d > b) for c, d in pairs) for a, b in pairs]
    assert pareto_mask(x, y).tolist() == naive
