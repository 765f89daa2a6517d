"""A run's numbers: counts and speed, the diversity meter, balance, and suppressed tokens."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from core.domain.progress import CurvePoint, DiversityProgress
from core.domain.runs import RunSpec
from core.domain.wording import MISSING, counted, duration, interval, number, percent
from core.figures.curves import Curve
from core.figures.generate import balance_figure, diversity_meter
from core.generation.progress import GenerationProgress
from core.jobs.handlers.generate import EarlierCurve, curve_before
from core.store.database import Database
from core.store.generation.runs import RunRecord
from core.store.generation.samples import Counts, counts
from pages.components.shell import escape_markdown

_LOW_FLUENCY = -4.0
_HELP = (
    "Remote-Clique: the mean cosine distance between two texts, duplicates included; higher is more"
    " diverse. Shown with its 95% confidence interval."
)


def show_meter(db: Database, run: RunRecord, progress: GenerationProgress) -> None:
    """Draw the meter.

    Args:
        db: the store.
        run: the run.
        progress: of its job.
    """
    diversity = progress.diversity or DiversityProgress()
    st.markdown("**Diversity** :small[:gray[mean distance between two texts]]", help=_HELP)
    if diversity.problem:
        st.warning(escape_markdown(diversity.problem), icon=":material/error:")
        return
    if diversity.value is None:
        st.caption("Available after two texts.")
        return
    before = _earlier_curve(db, run, run.id)
    st.markdown(_diversity_words(diversity, diversity.value, progress))
    st.plotly_chart(
        diversity_meter(
            _curve(run.name, diversity.curve),
            previous=None if before is None else _curve(before.name, before.curve),
            target=run.spec.target,
            height=150,
        ),
        key="meter",
        config={"displayModeBar": False},
        alt="Remote-Clique over the texts so far, the previous run in grey",
    )
    grey = f"Grey: {escape_markdown(before.name)}. " if before is not None else ""
    encoder = escape_markdown(diversity.encoder or "")
    st.caption(f"{grey}{counted(diversity.n, 'text')} · {encoder} · cosine distance")


def _diversity_words(
    diversity: DiversityProgress, value: float, progress: GenerationProgress
) -> str:
    words = f"### {number(value, digits=3)}"
    if diversity.low is not None and diversity.high is not None:
        words += f" :small[:gray[{interval(diversity.low, diversity.high)}]]"
    fluency, spread = progress.fluency, progress.fluency_sd
    if fluency is not None:
        around = f" ± {spread:.1f}" if spread is not None else ""
        words += f" :small[:gray[· fluency {fluency:.1f}{around}]]"
        if fluency < _LOW_FLUENCY:
            words += " :small[:orange[:material/warning: much of this may be gibberish]]"
    return words


def _curve(name: str, rows: Sequence[CurvePoint]) -> Curve:
    at, value, low, high = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Curve(name, at, value, low, high)


@st.cache_data(max_entries=16, show_spinner=False)
def _earlier_curve(_db: Database, _run: RunRecord, run_id: str) -> EarlierCurve | None:
    """Cached by the run's id."""
    return curve_before(_db, _run)


def show_numbers(progress: GenerationProgress, *, live: bool) -> None:
    """The row of numbers over a run, from `core.generation.progress.Meter.progress`."""
    usable, duplicates = progress.usable, progress.duplicates
    share = f" · {percent(duplicates / usable, digits=0)}" if usable else ""
    mean = progress.mean_tokens
    empty, truncated = progress.empty, progress.truncated
    numbers = [
        ("Texts", f"{progress.accepted:,} / {progress.target:,}", None),
        ("Duplicates", f"{duplicates:,}{share}", "Same words as an earlier text or seed example."),
        (
            "Set aside",
            f"{empty + truncated:,}",
            f"{empty:,} empty, {truncated:,} truncated; not counted as texts.",
        ),
        ("Mean length", MISSING if mean is None else f"{mean:.1f} tokens", None),
        (
            "Speed",
            f"{progress.tokens_per_second:.0f} tokens/s",
            f"{progress.texts_per_second:.1f} texts/s",
        ),
        ("Time left", duration(progress.seconds_left), None)
        if live
        else (
            "Took",
            duration(progress.elapsed),
            "Time spent generating, without loading the model.",
        ),
    ]
    with st.grid(6, min_column_width=125, gap="small"):
        for label, value, words in numbers:
            st.metric(label, value, help=words)


def show_spread(db: Database, run: RunRecord, progress: GenerationProgress) -> None:
    """Draw diversity, balance and suppressed tokens, side by side where there is room."""
    with st.grid(3, min_column_width=300, gap="large"):
        with st.container():
            show_meter(db, run, progress)
        with st.container():
            _show_balance(run.spec, counts(db, run.id), key="balance")
        with st.container():
            _show_suppressed(run.spec, progress)


def _show_balance(spec: RunSpec, counts: Mapping[str, Counts], *, key: str) -> None:
    """Draw the texts per label as bars."""
    frame = pd.DataFrame(
        {
            "new": {name: row.new for name, row in counts.items()},
            "duplicates": {name: row.duplicates for name, row in counts.items()},
        },
        dtype="int64",
    )
    st.markdown("**Balance** :small[:gray[texts per label; hatched: duplicates, pale: missing]]")
    st.plotly_chart(
        balance_figure(frame, wanted=spec.wanted),
        key=key,
        config={"displayModeBar": False},
        alt="Texts per label: new, duplicates, missing",
    )


def _show_suppressed(spec: RunSpec, progress: GenerationProgress) -> None:
    """Draw the most suppressed tokens with count, share and bias."""
    rows = progress.suppressed
    suppression = spec.condition.suppression
    scope = (
        f" in {escape_markdown(spec.task.label_names[0])}" if suppression.scope == "label" else ""
    )
    st.markdown(f"**Suppressed tokens**{scope} :small[:gray[at the start of the cycle]]")
    if not suppression.on:
        st.caption("Suppression is off for this run.")
        return
    if not rows:
        first = progress.cycle < 2
        st.caption(
            "None yet: there are no tokens to count in the first cycle."
            if first
            else "Not stored for runs of a sweep."
        )
        return
    frame = pd.DataFrame(
        {
            "token": visible(row.text, row.token),
            "count": row.count,
            "share": row.share * 100,
            "bias": row.bias,
        }
        for row in rows
    )
    st.dataframe(
        frame,
        column_config={
            "token": st.column_config.TextColumn("Token", width=110),
            "count": st.column_config.NumberColumn("Count", width=60),
            "share": st.column_config.NumberColumn("Share", format="%.2f%%", width=70),
            "bias": st.column_config.NumberColumn("Bias", format="%.2f", width=60),
        },
        hide_index=True,
        height=min(220, 38 + 35 * len(frame)),
        alt="Suppressed tokens: count, share of all tokens, logit bias",
    )


def visible(text: str, token: int) -> str:
    """A token with its spaces and line breaks made visible.

    Parts of a character, such as an emoji's, all look alike, so they get their token id.
    """
    shown = text.replace(" ", "␣").replace("\n", "↵").replace("\t", "⇥")
    if "\ufffd" in shown:
        return f"{shown} #{token}"
    return shown
