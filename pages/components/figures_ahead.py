"""What draws figures in the browser, asked for before there is a figure.

Streamlit's page loads it (plotly.js, 4.7 MB) when the first figure arrives, and takes most of a
second to get it, read it and start it. So pages with figures ask for it first, and Home, where most
begin, when all else is drawn.
"""

from functools import cache
from pathlib import Path

import streamlit as st

_SCRIPTS = Path(st.__file__).parent / "static" / "static" / "js"
_PLACE = "figures_ahead"


def load_figures_ahead() -> None:
    """Have the browser load it now; once more is nothing, as scripts are known by address."""
    script = script_of_figures()
    if script is not None:
        with st.container(key=_PLACE):
            st.html(
                f"<style>.st-key-{_PLACE} {{display: none}}</style>"
                f'<script type="module" src="./static/js/{script}"></script>',
                unsafe_allow_javascript=True,
            )


@cache
def script_of_figures() -> str | None:
    """Its file's name, which has a digest in it; None where Streamlit calls it otherwise."""
    found = [path.name for path in _SCRIPTS.glob("PlotlyChart.*.js")]
    return found[0] if len(found) == 1 else None
