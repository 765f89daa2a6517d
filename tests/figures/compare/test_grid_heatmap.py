import math
import time

import numpy as np
import pytest

from core.figures.compare.grid_heatmap import grid_heatmap
from tests.figures.compare.result_points import HOSTILE, grid, no_markup_of, notes, points

CELLS = (
    {"temperature": 0.3, "suppression": 0.0, "diversity": 0.1, "label_accuracy": 0.9},
    {"temperature": 1.3, "suppression": 0.0, "diversity": 0.3, "label_accuracy": 0.8},
    {"temperature": 1.3, "suppression": 7.5, "diversity": 0.5, "label_accuracy": 0.7},
    {
        "temperature": 1.3,
        "suppression": 7.5,
        "seeding": 18,
        "diversity": 0.7,
        "label_accuracy": 0.6,
    },
)


def test_means_are_written_in_cells_that_open_their_point() -> None:
    shades, targets = grid_heatmap(points(*CELLS)).data
    assert np.allclose(shades.z, [[0.1, 0.3], [math.nan, 0.6]], equal_nan=True)
    assert [["0.100" in one for one in line] for line in shades.text] == [
        [True, False],
        [False, False],
    ]
    assert "0.600" in shades.text[1][1]
    assert shades.text[1][0] == ""
    assert (shades.zmin, shades.zmax) == (0.1, 0.7)
    assert list(zip(targets.x, targets.y, targets.customdata, strict=True)) == [
        (0, 0, "c0|0|0"),
        (1, 0, "c1|0|0"),
        (1, 1, ""),
    ]
    assert "mean of 2 conditions: <b>0.600</b> (0.500 to 0.700)" in targets.hovertext[2]


def test_axes_name_knobs_and_what_is_averaged_is_said() -> None:
    figure = grid_heatmap(points(*CELLS), metric="label_accuracy")
    assert [one.strip() for one in figure.layout.xaxis.ticktext] == ["0.3", "1.3"]
    assert figure.layout.yaxis.title.text == "Logit suppression"
    assert "65.0%" in figure.data[0].text[1][1]
    assert "Cells are means over seed examples." in notes(figure)


def test_a_panel_for_each_value_of_a_third_on_one_scale() -> None:
    figure = grid_heatmap(points(*CELLS), facet="seeding")
    first, _, second, _ = figure.data
    assert (first.zmin, first.zmax) == (second.zmin, second.zmax) == (0.1, 0.7)
    assert second.z[1][1] == pytest.approx(0.7)
    assert second.xaxis == "x2"
    assert "unseeded" in notes(figure)
    assert "means over" not in notes(figure)


def test_one_row_one_cell_none_and_the_paper() -> None:
    single = grid_heatmap(points(*CELLS[:2]))
    assert np.allclose(single.data[0].z, [[0.1, 0.3]])
    one = grid_heatmap(points(CELLS[0]))
    assert not one.data
    assert "Temperature and logit suppression have one value each" in notes(one)
    for frame in (
        points(),
        points({"diversity": math.nan}),
        points({**CELLS[0], "source": "paper"}),
    ):
        assert "No condition has diversity" in notes(grid_heatmap(frame))
    flat = grid_heatmap(points(*({**cell, "diversity": 0.2} for cell in CELLS)))
    assert flat.data[0].zmin < 0.2 < flat.data[0].zmax


def test_hostile_names_and_speed() -> None:
    frame = points(*({**cell, "model": HOSTILE, "task": HOSTILE} for cell in CELLS))
    assert no_markup_of(grid_heatmap(frame, x="model"))
    assert no_markup_of(grid_heatmap(frame, facet="task"))
    many = grid(500)
    began = time.process_time()
    figure = grid_heatmap(many, facet="min_p")
    assert time.process_time() - began < 1.5
    assert len(figure.data) == 10
