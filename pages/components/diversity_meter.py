"""The diversity meter of a run: Remote-Clique so far, its curve, and the run before behind it."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.figures.curves import Curve, meter_figure
from core.jobs.history import EarlierCurve, curve_before
from core.store.database import Database
from core.store.runs import RunRecord
from pages.components.plain import plain

_LOW_FLUENCY = -4.0
_HELP = (
    "Remote-Clique: the mean cosine distance between two texts, duplicates included; higher is more"
    " diverse. With its 95 % interval."
)


def show_meter(db: Database, run: RunRecord, progress: Mapping[str, Any]) -> None:
    """Draw the meter.

    Args:
        db: the store.
        run: the run.
        progress: as `core.jobs.generate` reports it.
    """
    told = progress.get("diversity") or {}
    st.markdown("**Diversity** :small[:gray[mean distance between two texts]]", help=_HELP)
    if told.get("problem"):
        st.warning(plain(told["problem"]), icon=":material/error:")
        return
    if told.get("value") is None:
        st.caption("It shows with the second text.")
        return
    before = _before(db, run)
    st.markdown(_sentence(told, progress))
    st.plotly_chart(
        meter_figure(
            _curve(run.name, told["curve"]),
            previous=None if before is None else _curve(before.name, before.curve),
            target=run.spec.target,
            height=150,
        ),
        key="meter",
        config={"displayModeBar": False},
        alt="Remote-Clique over the texts so far, the run before in grey",
    )
    grey = f"Grey: {plain(before.name)}. " if before is not None else ""
    st.caption(f"{grey}{told['n']:,} texts · {plain(told['encoder'] or '')} · cosine distance")


def _sentence(told: Mapping[str, Any], progress: Mapping[str, Any]) -> str:
    value, low, high = told["value"], told["low"], told["high"]
    words = f"### {value:.3f}"
    if low is not None and high is not None:
        words += f" :small[:gray[{low:.3f} to {high:.3f}]]"
    fluency, spread = progress.get("fluency"), progress.get("fluency_sd")
    if fluency is not None:
        around = f" ± {spread:.1f}" if spread is not None else ""
        words += f" :small[:gray[· fluency {fluency:.1f}{around}]]"
        if fluency < _LOW_FLUENCY:
            words += " :small[:orange[:material/warning: much of this may be gibberish]]"
    return words


def _curve(name: str, rows: Any) -> Curve:
    at, value, low, high = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Curve(name, at, value, low, high)


@st.cache_data(max_entries=16, show_spinner=False)
def _earlier(_db: Database, _run: RunRecord, run_id: str) -> EarlierCurve | None:
    return curve_before(_db, _run)


def _before(db: Database, run: RunRecord) -> EarlierCurve | None:
    return _earlier(db, run, run.id)
