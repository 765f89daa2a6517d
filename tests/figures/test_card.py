import math
from typing import Any

from core.figures.card import VERDICTS, card_figure
from tests.figures.result_points import HOSTILE, no_markup_of, notes, traces

FINDINGS: list[dict[str, Any]] = [
    {
        "finding": "1",
        "name": "Suppression raises diversity",
        "effect": 0.11,
        "low": 0.09,
        "high": 0.13,
        "verdict": "holds",
        "paper": 0.058,
    },
    {
        "finding": 3,
        "name": "Benefits do not add up",
        "effect": 0.02,
        "low": -0.01,
        "high": 0.04,
        "verdict": "does not",
        "paper": None,
    },
    {
        "finding": "7",
        "name": "Filtering changes little",
        "effect": None,
        "low": math.nan,
        "high": None,
        "verdict": "undecided",
        "paper": -0.001,
    },
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
    nothing = card_figure([{"finding": "1", "name": "none"}])
    assert "not measured" in notes(nothing)
    hostile = [{**one, "finding": HOSTILE, "name": HOSTILE, "verdict": HOSTILE} for one in FINDINGS]
    figure = card_figure(hostile, axis=HOSTILE)
    assert no_markup_of(figure)
    assert traces(figure, "ours")[0].marker.symbol[0] == "circle-open"
    assert "<a" not in figure.layout.xaxis.title.text
