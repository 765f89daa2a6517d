import numpy as np
import pandas as pd
import pytest

from core.figures.ladder import kind_color, ladder_figure

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
