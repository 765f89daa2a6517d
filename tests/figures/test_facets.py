import pytest

from core.figures.facets import Facets


def test_panels_fill_rows_and_keep_apart() -> None:
    facets = Facets(2, 2, panel=180, head=26, foot=30, gap=0.1)
    assert facets.height == 472
    across, up = facets.domains(0)
    assert across == pytest.approx([0, 0.45])
    assert up == pytest.approx([1 - 206 / 472, 1 - 26 / 472])
    across, up = facets.domains(3)
    assert across == pytest.approx([0.55, 1])
    assert up == pytest.approx([30 / 472, 210 / 472])
    assert facets.axes(0) == {"xaxis": "x", "yaxis": "y"}
    assert facets.axes(3) == {"xaxis": "x4", "yaxis": "y4"}
    assert facets.name(1, "a")["x"] == pytest.approx(0.55)
