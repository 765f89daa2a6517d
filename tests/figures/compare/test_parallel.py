import math
import time

import numpy as np
import pytest

from core.figures.compare.parallel import parallel_figure
from tests.figures.compare.result_points import HOSTILE, grid, no_markup_of, notes, points, traces

ROWS = (
    {"temperature": 0.3, "model": "b", "diversity": 0.2, "model_accuracy": 0.5},
    {"temperature": 1.3, "model": "a", "diversity": 0.4, "model_accuracy": 0.9},
    {"temperature": 0.8, "model": "a", "diversity": math.nan, "model_accuracy": 0.7},
)


def test_a_line_through_each_axis_with_gaps_between() -> None:
    figure = parallel_figure(points(*ROWS))
    lines = traces(figure, "conditions")
    # Three values, three shades; each line is broken after its last axis.
    assert len(lines) == 3
    assert list(lines[0].x[:4]) == [0, 1, 2, 3]
    # Knobs first: temperature from low to high, models in alphabetical order, then the metrics.
    assert list(lines[0].y[:4]) == pytest.approx([0.04, 0.96, 0.04, 0.04])
    assert math.isnan(lines[0].y[4])
    assert len({one.line.color for one in lines}) == 3
    said = notes(figure)
    for word in ("Temperature", "Model", "Diversity", "Model accuracy", "0.3", "1.3", "50.0%"):
        assert word in said


def test_marks_open_their_point_and_missing_values_are_gaps() -> None:
    (marks,) = traces(parallel_figure(points(*ROWS)), "marks")
    assert list(marks.customdata) == ["c0|0|0"] * 2 + ["c1|0|0"] * 2 + ["c2|0|0"]
    # Only at the axes of metrics: at a knob's, conditions meet in one place.
    assert list(marks.x) == [2, 3, 2, 3, 3]
    assert list(marks.marker.color) == [0.5, 0.5, 0.9, 0.9, 0.7]
    assert list(marks.y) == pytest.approx([0.04, 0.04, 0.96, 0.96, 0.5])


def test_those_not_highlighted_fade() -> None:
    figure = parallel_figure(points(*ROWS), highlight=["c1|0|0"])
    faded, bright = traces(figure, "conditions")
    assert len(faded.x) == 10
    assert faded.line.color == "rgba(128, 128, 128, 0.18)"
    assert list(bright.y[:4]) == pytest.approx([0.96, 0.04, 0.96, 0.96])
    assert set(traces(figure, "marks")[0].customdata) == {"c1|0|0"}


def test_columns_chosen_and_conditions_without_the_colour() -> None:
    frame = points(*ROWS, {"temperature": 0.5, "diversity": 0.3})
    figure = parallel_figure(frame, columns=["diversity", "temperature"])
    assert "rgba(128, 128, 128, 0.5)" in [one.line.color for one in traces(figure, "conditions")]
    assert list(figure.layout.xaxis.range) == [-0.02, 1.02]


def test_nothing_one_and_no_difference() -> None:
    assert "No condition at this stage" in notes(parallel_figure(points()))
    assert "Only one condition at this stage" in notes(parallel_figure(points(ROWS[0])))
    assert "do not differ" in notes(parallel_figure(points({}, {})))
    assert "No condition" in notes(
        parallel_figure(points(*({**r, "source": "paper"} for r in ROWS)))
    )


def test_hostile_names_and_speed() -> None:
    frame = points(*({**row, "model": f"{place}{HOSTILE}"} for place, row in enumerate(ROWS)))
    assert no_markup_of(parallel_figure(frame))
    many = grid(500)
    began = time.process_time()
    figure = parallel_figure(many)
    assert time.process_time() - began < 1.5
    (marks,) = traces(figure, "marks")
    assert marks.type == "scattergl"
    assert len(marks.x) == 500 * 4
    assert sum(np.isnan(one.x).sum() for one in traces(figure, "conditions")) == 500
