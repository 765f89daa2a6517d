import pytest

from core.figures.calibration import calibration_figure

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
    assert "sure to 90% to 100%: 16 texts" in dots.hovertext[1]
    (line,) = figure.layout.shapes
    assert (line.x0, line.y0, line.x1, line.y1) == (0, 0, 1, 1)


def test_nothing() -> None:
    assert len(calibration_figure([]).data[0].x) == 0
