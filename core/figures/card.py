"""The replication card: which of the paper's findings hold, with effect and interval."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.figures.forest import ForestRow, forest_figure
from core.figures.palette import LABEL_COLORS
from core.figures.points import legend_entry
from core.figures.sentence import sentence_figure
from core.figures.style import grey
from core.figures.words import escaped

if TYPE_CHECKING:
    import plotly.graph_objects as go

# A verdict's colour and symbol; what is none of them is undecided.
VERDICTS = {
    "holds": (LABEL_COLORS[2], "circle"),
    "does not": (LABEL_COLORS[5], "x"),
    "undecided": (grey(1), "circle-open"),
}
_LINE = 34  # characters of a finding's name in a line


def card_figure(
    findings: Sequence[Mapping[str, Any]],
    *,
    own_scales: bool = False,
    axis: str = "effect",
) -> "go.Figure":
    """A row for each finding: effect with its interval, colour and symbol by verdict.

    Args:
        findings: `finding` (the paper's number of it, or a key: the mark's customdata), `name`,
            `effect`, `low`, `high`, `verdict` ("holds", "does not", "undecided"), `paper` (its
            effect), from the top; None or NaN for a number that is not known.
        own_scales: stretch each row to its own largest number, for effects of unlike units; small
            ones then look as large as others.
        axis: what the effects are.
    """
    rows = []
    for one in findings:
        effect, low, high, paper = (_number(one.get(k)) for k in ("effect", "low", "high", "paper"))
        verdict = str(one.get("verdict") or "undecided")
        color, symbol = VERDICTS.get(verdict, VERDICTS["undecided"])
        words = [f"{effect:+.3f}" if math.isfinite(effect) else "not measured"]
        if math.isfinite(low) and math.isfinite(high):
            words.append(f"({low:+.3f} to {high:+.3f})")
        rows.append(
            ForestRow(
                name=f"{escaped(str(one['finding']))}. {_broken(str(one['name']))}",
                value=effect,
                low=low,
                high=high,
                paper=paper,
                color=color,
                symbol=symbol,
                told=f"{' '.join(words)}<br><b>{escaped(verdict)}</b>",
                key=str(one["finding"]),
            )
        )
    if not rows:
        return sentence_figure(
            "No findings yet: a sweep over temperature and suppression has them."
        )
    legend = [
        legend_entry(name, group=name, color=color, symbol=symbol, line=_rim(symbol))
        for name, (color, symbol) in VERDICTS.items()
    ]
    apart = f"{escaped(axis)}, each row to its own scale; the line is no effect"
    return forest_figure(
        rows,
        axis=apart if own_scales else escaped(axis),
        own_scales=own_scales,
        legend=legend,
        row_pixels=52,
    )


def _rim(symbol: str) -> dict[str, Any]:
    return {"width": 2 if symbol.endswith("-open") else 0}


def _number(value: Any) -> float:
    return float(value) if value is not None else math.nan


def _broken(words: str) -> str:
    """Escaped, in lines."""
    lines = textwrap.wrap(words, _LINE, max_lines=3, placeholder="…") or [""]
    return "<br>".join(map(escaped, lines))
