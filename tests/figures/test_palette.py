"""The palette against published models of colour vision.

Machado, Oliveira and Fernandes (2009), "A Physiologically-based Model for Simulation of Color
Vision Deficiency", IEEE TVCG 15(6): matrices for severity 1 on linear RGB. Distances are CIE76 in
CIELAB (D65); contrast is WCAG 2's.
"""

import itertools
import tomllib
from pathlib import Path

import numpy as np
import pytest

from core.figures.palette import LABEL_COLORS, SEQUENCE_COLORS, label_colors

CONFIG = tomllib.loads((Path(__file__).parent.parent.parent / ".streamlit/config.toml").read_text())
PAGES = [CONFIG["theme"][base]["backgroundColor"] for base in ("light", "dark")]
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}
RGB_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def linear(color: str) -> np.ndarray:
    """Linear RGB, 0 to 1, of "#RRGGBB"."""
    values = np.array([int(color[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def cielab(rgb: np.ndarray) -> np.ndarray:
    """L*, a*, b* of linear RGB under D65."""
    ratios = RGB_TO_XYZ @ rgb / (RGB_TO_XYZ @ np.ones(3))
    edge = 6 / 29
    f = np.where(ratios > edge**3, np.cbrt(ratios), ratios / (3 * edge**2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted(float(RGB_TO_XYZ[1] @ linear(color)) for color in (one, other))
    return (lighter + 0.05) / (darker + 0.05)


def seen(color: str, vision: str) -> np.ndarray:
    return cielab(np.clip(VISION[vision] @ linear(color), 0, 1))


def test_the_measures_give_known_values() -> None:
    assert cielab(linear("#FF0000")) == pytest.approx([53.24, 80.09, 67.20], abs=0.02)
    assert cielab(linear("#808080")) == pytest.approx([53.585, 0, 0], abs=0.01)
    assert contrast("#FFFFFF", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("vision", VISION)
def test_the_first_eight_are_told_apart(vision: str) -> None:
    # Okabe and Ito's own eight come to 17.0 by this measure; 2.3 is just noticeable.
    distances = {
        (one, other): float(np.linalg.norm(seen(one, vision) - seen(other, vision)))
        for one, other in itertools.combinations(LABEL_COLORS[:8], 2)
    }
    nearest = min(distances, key=distances.__getitem__)
    assert distances[nearest] > 17, nearest


@pytest.mark.parametrize("page", PAGES)
def test_every_colour_shows_on_both_pages(page: str) -> None:
    weakest = [
        min(contrast(color, page) for color in LABEL_COLORS[a:b]) for a, b in ((0, 8), (8, 18))
    ]
    assert weakest[0] >= 2.1
    assert weakest[1] >= 1.7


def test_charts_of_streamlit_use_the_same_eight() -> None:
    assert tuple(CONFIG["theme"]["chartCategoricalColors"]) == LABEL_COLORS[:8]


def test_a_label_keeps_the_colour_of_its_place() -> None:
    assert label_colors(["neg", "pos"]) == {"neg": "#0072B2", "pos": "#E69F00"}
    many = [f"label {number}" for number in range(40)]
    colors = label_colors(many)
    assert list(colors) == many
    assert colors["label 18"] == colors["label 0"] == colors["label 36"]
    assert len(set(colors.values())) == len(set(LABEL_COLORS)) == 18
    assert label_colors([]) == {}


def test_colours_of_numbers_show_on_both_pages_and_are_even_in_lightness() -> None:
    assert min(contrast(color, page) for color in SEQUENCE_COLORS for page in PAGES) >= 1.9
    lightness = [cielab(linear(color))[0] for color in SEQUENCE_COLORS]
    steps = np.diff(lightness)
    assert steps.min() > 0.8 * steps.mean()
    assert steps.max() < 1.2 * steps.mean()
