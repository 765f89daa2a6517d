import numpy as np
import pandas as pd
import pytest

from core.domain.progress import Epoch
from core.figures.classifiers import (
    accuracy_by_distance,
    calibration_figure,
    kind_color,
    ladder_figure,
    training_curves,
)


def epochs(*accuracies: float) -> list[Epoch]:
    return [
        Epoch(epoch=n, loss=2 / n, validation_loss=3 / n, accuracy=accuracy)
        for n, accuracy in enumerate(accuracies, start=1)
    ]


def test_loss_on_the_left_and_accuracy_on_the_right() -> None:
    figure = training_curves(epochs(0.5, 0.75, 0.75), epochs=20)
    learned, held, accuracy, best = figure.data
    assert (list(learned.y), list(held.y)) == ([2, 1, 2 / 3], [3, 1.5, 1])
    assert (learned.xaxis, held.yaxis) == ("x", "y")
    assert list(accuracy.x) == [1, 2, 3]
    assert list(accuracy.y) == [0.5, 0.75, 0.75]
    assert (accuracy.xaxis, accuracy.yaxis) == ("x2", "y2")
    # Of equally accurate epochs the one of the lowest loss, as in training.
    assert (best.x[0], best.y[0]) == (3, 0.75)
    assert figure.layout.xaxis.range[1] == figure.layout.xaxis2.range[1] == 20.3


def test_other_repeats_lie_behind() -> None:
    figure = training_curves(epochs(0.5), others=[epochs(0.1, 0.2)])
    assert [trace.name for trace in figure.data[:2]] == ["another repeat"] * 2
    assert list(figure.data[1].y) == [0.1, 0.2]
    assert figure.data[2].mode == "lines+markers"  # a single epoch would be no line


def test_nothing_yet() -> None:
    assert [len(trace.x) for trace in training_curves([]).data] == [0, 0, 0]


ROWS = pd.DataFrame(
    {
        "id": ["m", "r", "l", "o"],
        "name": ["Majority", "Raw", "LR", "Real"],
        "kind": ["majority", "raw", "lr", "real"],
        "mean": [0.2, 0.5, 0.7, 0.9],
        "low": [0.1, 0.4, np.nan, 0.85],
        "high": [0.3, 0.6, np.nan, 0.95],
        "n": [np.nan, 120, 1200, 120],
    }
)


def test_a_dot_with_its_interval_for_each_row() -> None:
    figure = ladder_figure(ROWS, measure="Macro-F1")
    dots = {trace.name: trace for trace in figure.data}
    assert [list(dots[kind].x) for kind in ("majority", "raw", "lr", "real")] == [
        [0.2],
        [0.5],
        [0.7],
        [0.9],
    ]
    assert [int(dots[kind].y[0]) for kind in dots] == [0, 1, 2, 3]
    assert dots["raw"].error_x.array[0] == pytest.approx(0.1)
    assert dots["real"].error_x.arrayminus[0] == pytest.approx(0.05)
    assert dots["lr"].error_x.array[0] == 0  # no interval
    assert dots["raw"].customdata[0] == ["r"]
    assert dots["raw"].hovertext[0] == (
        "<b>Raw</b><br>0.500 (0.400 to 0.600)<br>trained on 120 texts"
    )
    assert dots["lr"].marker.color == kind_color("lr") != kind_color("raw")
    assert figure.layout.xaxis.title.text == "Macro-F1"
    assert [words.strip() for words in figure.layout.yaxis.ticktext] == list(ROWS["name"])
    assert list(figure.layout.yaxis.range) == [3.5, -0.5]


def test_real_data_is_a_dashed_line_at_its_best() -> None:
    better = pd.concat([ROWS, ROWS[ROWS["kind"] == "real"].assign(id="p", mean=0.93)])
    (line,) = ladder_figure(better).layout.shapes
    assert (line.x0, line.x1, line.line.dash) == (0.93, 0.93, "dash")
    assert not ladder_figure(ROWS[ROWS["kind"] != "real"]).layout.shapes


def test_each_row_ends_in_its_number_and_size() -> None:
    said = [one.text for one in ladder_figure(ROWS).layout.annotations]
    assert "<b>0.200</b></span>" in said[0]
    assert "<b>0.700</b> · 1,200 texts" in said[2]


def test_nothing_and_hostile_names() -> None:
    assert len(ladder_figure(ROWS[:0]).data) == 0
    figure = ladder_figure(ROWS[:1].assign(name="<b>x", kind="unheard of"))
    assert figure.layout.yaxis.ticktext[0].strip() == "&lt;b&gt;x"
    assert "<b>&lt;b&gt;x</b>" in figure.data[0].hovertext[0]


BINS = [
    {"from": 0.5, "to": 0.6, "n": 4, "confidence": 0.55, "accuracy": 0.25},
    {"from": 0.9, "to": 1.0, "n": 16, "confidence": 0.95, "accuracy": 0.75},
]


def test_accuracy_over_confidence_with_the_diagonal() -> None:
    figure = calibration_figure(BINS)
    (dots,) = figure.data
    assert (list(dots.x), list(dots.y)) == ([0.55, 0.95], [0.25, 0.75])
    small, large = dots.marker.size
    assert large == 24
    assert small == pytest.approx(7 + 17 / 2)  # a quarter of the texts, half the way
    assert "confidence 90% to 100%: 16 texts" in dots.hovertext[1]
    (line,) = figure.layout.shapes
    assert (line.x0, line.y0, line.x1, line.y1) == (0, 0, 1, 1)


def test_calibration_nothing() -> None:
    assert len(calibration_figure([]).data[0].x) == 0


PARTS = [
    {"from": 0.1, "to": 0.3, "n": 20, "mean": 0.8, "low": 0.7, "high": 0.85},
    {"from": 0.3, "to": 0.6, "n": 21, "mean": 0.5, "low": 0.3, "high": 0.7},
]


def test_from_near_to_far_with_intervals() -> None:
    figure = accuracy_by_distance(PARTS, overall=0.65)
    (dots,) = figure.data
    assert (list(dots.x), list(dots.y)) == ([0, 1], [0.8, 0.5])
    assert list(dots.error_y.array) == pytest.approx([0.05, 0.2])
    assert list(dots.error_y.arrayminus) == pytest.approx([0.1, 0.2])
    assert list(figure.layout.xaxis.ticktext) == ["to 0.30", "to 0.60"]
    assert figure.layout.shapes[0].y0 == 0.65
    assert "21 texts<br>accuracy 0.500 (0.300 to 0.700)" in dots.hovertext[1]


def test_distance_nothing() -> None:
    assert len(accuracy_by_distance([], overall=0.0).data[0].x) == 0
