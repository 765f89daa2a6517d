import math
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.figures.compare.forest import (
    VERDICTS,
    CardRow,
    card_figure,
    coefficients_figure,
    p_words,
    residuals_figure,
)
from tests.figures.compare.result_points import HOSTILE, no_markup_of, notes, traces

FINDINGS = [
    CardRow("1", "Suppression raises diversity", "holds", 0.11, 0.09, 0.13, 0.058),
    CardRow("3", "Benefits do not add up", "does not", 0.02, -0.01, 0.04, None),
    CardRow("7", "Filtering changes little", "undecided", None, math.nan, None, -0.001),
]


def test_effects_with_intervals_and_verdicts_by_colour_and_symbol() -> None:
    figure = card_figure(FINDINGS)
    (ours,), (paper,) = traces(figure, "ours"), traces(figure, "the paper")
    assert list(ours.x)[:2] == [0.11, 0.02]
    assert math.isnan(ours.x[2])
    assert list(ours.customdata) == ["1", "3", "7"]
    assert list(ours.marker.symbol) == ["circle", "x", "circle-open"]
    assert list(ours.marker.color) == [color for color, _ in VERDICTS.values()]
    assert sorted(tuple(one.x) for one in traces(figure, "interval")) == [
        (-0.01, 0.04),
        (0.09, 0.13),
    ]
    assert list(paper.x) == [0.058, -0.001]
    assert [int(y) for y in paper.y] == [0, 2]
    said = notes(figure)
    assert "+0.110 (+0.090 to +0.130)<br><b>holds</b>" in said
    assert "not measured<br><b>undecided</b>" in said
    assert figure.layout.yaxis.ticktext[0].strip() == "1. Suppression raises diversity"


def test_each_row_to_its_own_scale() -> None:
    figure = card_figure(FINDINGS, own_scales=True)
    (ours,) = traces(figure, "ours")
    assert list(ours.x)[:2] == [0.11 / 0.13, 0.02 / 0.04]
    assert list(traces(figure, "the paper")[0].x) == [0.058 / 0.13, -1]
    assert list(figure.layout.xaxis.ticktext) == ["0"]
    assert "own scale" in figure.layout.xaxis.title.text


def test_no_findings_unknown_verdicts_and_hostile_names() -> None:
    assert "No findings yet" in notes(card_figure([]))
    nothing = card_figure([CardRow("1", "none")])
    assert "not measured" in notes(nothing)
    hostile = [replace(one, finding=HOSTILE, name=HOSTILE, verdict=HOSTILE) for one in FINDINGS]
    figure = card_figure(hostile, axis=HOSTILE)
    assert no_markup_of(figure)
    assert traces(figure, "ours")[0].marker.symbol[0] == "circle-open"
    assert "<a" not in figure.layout.xaxis.title.text


ROWS = pd.DataFrame(
    {
        "point": ["p0", "p1", "p2", "p3"],
        "name": ["T 0.3", "T 0.7", "T 0.9", HOSTILE],
        "group": ["news", "reviews", "news", "news"],
        "fitted": [0.5, 0.6, 0.7, math.nan],
        "residual": [0.01, -0.04, 0.02, 0.1],
    }
)

TERMS = pd.DataFrame(
    {
        "term": ["label_accuracy", "diversity", "similarity", "gone"],
        "value": [0.4, -0.1, 0.2, math.nan],
        "low": [0.2, -0.3, math.nan, math.nan],
        "high": [0.6, 0.1, math.nan, math.nan],
        "p": [0.0002, 0.32, math.nan, math.nan],
    }
)


def test_residuals_about_a_line_of_none() -> None:
    figure = residuals_figure(ROWS, unit="model accuracy")
    (news,), (reviews,) = traces(figure, "news"), traces(figure, "reviews")
    assert (list(news.x), list(news.y)) == ([0.5, 0.7], [0.01, 0.02])
    assert list(news.customdata) == ["p0", "p2"]
    assert news.marker.symbol != reviews.marker.symbol
    assert reviews.hovertext[0] == "T 0.7<br>fitted 0.600, residual <b>-0.040</b>"
    assert list(figure.layout.yaxis.range) == pytest.approx([-0.0448, 0.0448])
    assert figure.layout.xaxis.title.text == "Fitted model accuracy"


def test_too_few_rows_hostile_names_and_speed() -> None:
    assert "2 fitted values" in notes(residuals_figure(ROWS.iloc[:2]))
    assert "0 fitted values" in notes(residuals_figure(ROWS.iloc[:0]))
    hostile = ROWS.assign(name=HOSTILE, group=HOSTILE)
    assert no_markup_of(residuals_figure(hostile, unit=HOSTILE))
    plain = residuals_figure(ROWS[["point", "fitted", "residual"]])
    assert len(plain.data) == 1
    assert not plain.layout.showlegend
    rng = np.random.default_rng(0)
    many = pd.DataFrame({"point": map(str, range(1500)), "fitted": rng.random(1500)})
    began = time.process_time()
    figure = residuals_figure(many.assign(residual=rng.random(1500)))
    assert time.process_time() - began < 1.5
    assert figure.data[0].type == "scattergl"


def test_coefficients_with_intervals_and_the_papers() -> None:
    figure = coefficients_figure(TERMS, paper={"label_accuracy": 0.48, "diversity": 0.226})
    (ours,), (paper,) = traces(figure, "ours"), traces(figure, "the paper")
    assert (list(ours.x), list(ours.y)) == ([0.4, -0.1, 0.2], [0, 1, 2])
    # Hollow where the interval holds 0, or where there is none.
    assert list(ours.marker.symbol) == ["circle", "circle-open", "circle-open"]
    assert sorted(tuple(one.x) for one in traces(figure, "interval")) == [(-0.3, 0.1), (0.2, 0.6)]
    assert (list(paper.x), paper.marker.symbol) == ([0.48, 0.226], "diamond-open")
    assert "+0.400 (+0.200 to +0.600) p &lt; .001" in notes(figure)
    assert [one.strip() for one in figure.layout.yaxis.ticktext] == [
        "Label accuracy",
        "Diversity (Remote-Clique)",
        "Similarity to the reference",
    ]


def test_no_coefficients_and_hostile_terms() -> None:
    assert "could not be fitted" in notes(coefficients_figure(TERMS.iloc[3:]))
    assert no_markup_of(coefficients_figure(TERMS.assign(term=HOSTILE), scale=HOSTILE))
    assert (p_words(0.0009), p_words(0.032), p_words(1.0)) == ("p < .001", "p = .032", "p = 1.000")
