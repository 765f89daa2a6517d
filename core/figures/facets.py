"""Facets: where the panels of a figure stand, and what they are called."""

from dataclasses import dataclass
from typing import Any

from core.figures.style import page_text


@dataclass(frozen=True)
class Facets:
    """A grid of panels, filled row by row.

    Args:
        rows: of panels.
        columns: panels in a row.
        panel: height of a panel's axes in pixels.
        head: pixels above them, for the panel's name.
        foot: pixels below them, for ticks.
        gap: between panels, of the figure's width.
    """

    rows: int
    columns: int
    panel: int = 180
    head: int = 26
    foot: int = 30
    gap: float = 0.05

    @property
    def height(self) -> int:
        """Pixels of all rows together."""
        return self.rows * (self.head + self.panel + self.foot)

    @staticmethod
    def end(place: int) -> str:
        """What follows "x" and "y" in the names of a panel's axes."""
        return "" if place == 0 else str(place + 1)

    def axes(self, place: int) -> dict[str, str]:
        """A trace's axes in the panel of that place."""
        return {"xaxis": f"x{self.end(place)}", "yaxis": f"y{self.end(place)}"}

    def domains(self, place: int) -> tuple[list[float], list[float]]:
        """Shares of the figure's width and height that a panel's axes take."""
        row, column = divmod(place, self.columns)
        width = (1 - self.gap * (self.columns - 1)) / self.columns
        left = column * (width + self.gap)
        top = 1 - (row * (self.head + self.panel + self.foot) + self.head) / self.height
        return [left, min(1.0, left + width)], [max(0.0, top - self.panel / self.height), top]

    def name(self, place: int, words: str) -> dict[str, Any]:
        """The annotation above a panel; words escaped."""
        across, up = self.domains(place)
        return {
            "text": page_text(words),
            "x": across[0],
            "y": up[1],
            "xref": "paper",
            "yref": "paper",
            "xanchor": "left",
            "yanchor": "bottom",
            "yshift": 3,
            "showarrow": False,
            "font": {"size": 13},
        }
