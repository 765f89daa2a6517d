import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.figures.scores import diversity_against_fluency, diversity_by_label, nearest_histogram
from core.figures.theme import LABEL_COLORS

COLUMNS = ["dataset", "label", "value", "low", "high", "n"]

ROWS = pd.DataFrame(
    [
        ("one", "b", 0.5, 0.4, 0.65, 10),
        ("one", "a", 0.3, 0.2, 0.35, 1200),
        ("two", "a", 0.4, math.nan, math.nan, 2),
        ("two", "b", math.nan, math.nan, math.nan, 1),
        ("real", "a", 0.6, 0.55, 0.7, 30),
    ],
    columns=COLUMNS,
)


def test_a_dot_for_each_label_and_dataset() -> None:
    one, two, real = diversity_by_label(ROWS, labels=["a", "b"], reference="real").data
    assert (list(one.x), list(one.y)) == ([0.5, 0.3], [1 - 0.15, 0 - 0.15])
    assert list(one.error_x.array) == pytest.approx([0.15, 0.05])
    assert list(one.error_x.arrayminus) == pytest.approx([0.1, 0.1])
    assert (list(two.x), list(two.y)) == ([0.4], [0.15])
    assert list(two.error_x.array) == list(two.error_x.arrayminus) == [0]
    assert (list(real.x), list(real.y)) == ([0.6], [0])
    assert [trace.marker.color for trace in (one, two)] == list(LABEL_COLORS[:2])
    assert [t.marker.symbol for t in (one, two, real)] == ["circle", "circle", "diamond-open"]
    assert list(one.customdata) == [
        "b: 0.500 (0.400 to 0.650), 10 texts",
        "a: 0.300 (0.200 to 0.350), 1,200 texts",
    ]
    assert list(two.customdata) == ["a: 0.400, 2 texts"]
    # A column of nothing but None holds objects and no numbers.
    none = ROWS.assign(low=None, high=None)
    assert diversity_by_label(none, labels=["a"]).data[0].customdata[0] == "a: 0.300, 1,200 texts"


def test_the_first_label_on_top_and_the_datasets_chosen() -> None:
    figure = diversity_by_label(ROWS, labels=["b", "a", "none"], datasets={"two": "#123456"})
    assert [trace.name for trace in figure.data] == ["two"]
    assert figure.data[0].marker.color == "#123456"
    assert list(figure.data[0].y) == [1]
    assert list(figure.layout.yaxis.range) == [2.5, -0.5]
    assert [text.strip() for text in figure.layout.yaxis.ticktext] == ["b", "a", "none"]


def test_it_grows_with_labels_and_datasets() -> None:
    heights = [
        diversity_by_label(
            ROWS,
            labels=list(map(str, range(count))),
            datasets=dict.fromkeys("abcde"[:sets], "#000000"),
        ).layout.height
        for count, sets in ((1, 1), (18, 2), (18, 5))
    ]
    assert heights == [92 + 26, 92 + 18 * 26, 92 + 18 * 55]


def test_no_rows_numbers_as_labels_and_hostile_names() -> None:
    assert len(diversity_by_label(ROWS.iloc[:0], labels=[]).data) == 0
    rows = pd.DataFrame(
        [("<b>", "0", 0.5, 0.4, 0.6, 3), ("<b>", "1", 0.6, 0.5, 0.7, 3)], columns=COLUMNS
    )
    figure = diversity_by_label(rows, labels=["1", "0"])
    assert list(figure.data[0].y) == [1, 0]
    assert figure.data[0].name == "&lt;b&gt;"
    rows["label"] = "<i>"
    figure = diversity_by_label(rows, labels=["<i>"])
    assert figure.data[0].customdata[0].startswith("&lt;i&gt;: 0.500")
    assert figure.layout.yaxis.ticktext[0].strip() == "&lt;i&gt;"


def fluency(*rows: tuple[Any, ...]) -> pd.DataFrame:
    columns = ["name", "value", "low", "high", "fluency_mean", "fluency_sd", "n"]
    return pd.DataFrame(rows, columns=columns)


def test_a_point_with_whiskers_both_ways_and_its_name() -> None:
    figure = diversity_against_fluency(
        fluency(
            ("cold", 0.4, 0.35, 0.5, -1.0, 0.3, 600),
            ("unknown", 0.4, 0.3, 0.5, math.nan, math.nan, 5),
            ("hot", 0.7, math.nan, math.nan, -4.0, math.nan, 2),
            ("real", 0.6, 0.5, 0.7, -3.0, 0.5, 100),
        ),
        reference="real",
    )
    cold, hot, real = figure.data
    assert (list(cold.x), list(cold.y)) == ([-1.0], [0.4])
    assert list(cold.error_x.array) == [0.3]
    assert list(cold.error_y.array) == pytest.approx([0.1])
    assert list(cold.error_y.arrayminus) == pytest.approx([0.05])
    assert "cold" in cold.text[0]
    assert "%{y:.3f} (0.350 to 0.500), 600 texts" in cold.hovertemplate
    assert list(hot.error_x.array) == list(hot.error_y.array) == [0]
    assert [cold.marker.color, hot.marker.color] == list(LABEL_COLORS[:2])
    assert real.marker.symbol == "diamond-open"


def test_names_of_near_points_get_out_of_each_others_way() -> None:
    figure = diversity_against_fluency(
        fluency(
            ("a long name", 0.5, 0.5, 0.5, -1.0, 0.0, 9),
            ("another name", 0.5, 0.5, 0.5, -1.02, 0.0, 9),
            ("far", 0.9, 0.9, 0.9, -3.0, 0.0, 9),
        )
    )
    sides = [trace.textposition for trace in figure.data]
    assert sides[0] != sides[1]
    assert sides[2] == "top right"


def test_fluency_of_nothing_and_of_hostile_names() -> None:
    assert len(diversity_against_fluency(fluency()).data) == 0
    figure = diversity_against_fluency(fluency(("<b>%{x}", 0.4, 0.3, 0.5, -1.0, 0.1, 3)))
    assert figure.data[0].name == "&lt;b&gt;%{x}"
    assert "<b>" not in figure.data[0].text[0]
    assert "<b>" not in figure.data[0].hovertemplate


def test_shares_of_texts_in_steps() -> None:
    figure = nearest_histogram(
        {"one": np.array([0.0, 0.01, 0.2, 0.4]), "two": np.array([0.3, 0.4])}, threshold=0.1
    )
    one, two = figure.data
    edges = np.linspace(0, 0.4, 41)
    assert np.allclose(one.x[::2], edges)
    assert np.allclose(one.x[1::2], edges)
    heights = np.asarray(one.y)[1:-1:2]
    assert len(heights) == 40
    # 0.01 is the first edge of the second bin; the last bin holds its upper edge.
    assert [(place, share) for place, share in enumerate(heights) if share] == [
        (0, 0.25),
        (1, 0.25),
        (20, 0.25),
        (39, 0.25),
    ]
    assert (one.y[0], one.y[-1]) == (0, 0)
    assert sum(np.asarray(two.y)[1:-1:2]) == pytest.approx(1)
    assert (one.name, two.name) == ("one: 50.0% within", "two: 0.0% within")
    assert [one.line.color, two.line.color] == list(LABEL_COLORS[:2])


def test_the_threshold_has_its_line_and_is_always_in_sight() -> None:
    figure = nearest_histogram({"one": np.array([0.01])}, threshold=0.5)
    assert (figure.layout.shapes[0].x0, figure.layout.shapes[0].x1) == (0.5, 0.5)
    assert figure.layout.annotations[0].text == "near duplicates within 0.5"
    assert figure.layout.xaxis.range[1] > 0.5


def test_nothing_equal_texts_alone_and_hostile_names() -> None:
    assert len(nearest_histogram({"none": np.array([])}, threshold=0.1).data) == 0
    same = nearest_histogram({"<b>": np.zeros(3)}, threshold=0)
    assert same.data[0].name == "&lt;b&gt;: 100.0% within"
    assert same.data[0].y[1] == 1
