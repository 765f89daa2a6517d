"""What a classifier makes of the filter at a threshold: asked of the worker, shown when it came."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.classification.comparison import Difference
from core.classification.intervals import Interval
from core.interventions.filter_effect import DRAWS, effect_from_dict
from core.interventions.requests import EffectRequest
from core.jobs.job import LIVE
from core.jobs.previews import look
from pages.components.intervene.asking import ask_button, show_asked
from pages.components.intervene.standing import Standing
from pages.components.office import Office
from pages.components.plain import plain

_ASKED = "oosf_effect_asked"  # the request that was queued last from within the fragment


def effect_request(seen: Standing, threshold: float) -> EffectRequest | None:
    """What is asked at a threshold; None without real texts to test on."""
    reference = seen.choice.reference
    if reference is None or not any(reference.test.values()):
        return None
    return EffectRequest(
        n=len(seen.dataset),
        encoder=seen.choice.encoder.to_dict(),
        reference=reference.id,
        threshold=threshold,
    )


def follow_effect(office: Office, seen: Standing, threshold: float, *, learned: int) -> None:
    """Draw how far the worker is; outside of the fragment that `show_effect` is in.

    Args:
        office: home and store.
        seen: where the run stands.
        threshold: as it stands.
        learned: number of the latest judgement that the filter knows.
    """
    request = effect_request(seen, threshold)
    if request is not None:
        asked = look(office.db, seen.dataset.key, request, seen=learned)
        if asked.result is None or not asked.fresh:
            show_asked(office, asked)


def show_effect(
    office: Office, seen: Standing, threshold: float, *, going: int, learned: int
) -> None:
    """Draw the button, or what came of it; arguments as `follow_effect`.

    Args:
        going: how many texts would go.
    """
    request = effect_request(seen, threshold)
    if request is None:
        st.caption(
            "With a reference attached, a linear probe tells here what a classifier makes of it."
        )
        return
    asked = look(office.db, seen.dataset.key, request, seen=learned)
    if asked.result is not None and asked.fresh:
        _show(asked.result)
        return
    ask_button(
        office,
        seen.dataset.key,
        request if 0 < going < len(seen.dataset) else None,
        asked=asked,
        seen=learned,
        label="What a classifier makes of it",
        icon="model_training",
        key="oosf_effect",
        why="No text would go, or all would.",
        main=False,
    )
    live = asked.work is not None and asked.work.state in LIVE
    if live and st.session_state.get(_ASKED) != asked.work.job.id:
        st.session_state[_ASKED] = asked.work.job.id
        st.rerun()  # the whole page, which follows the job outside of this fragment


def _show(result: Mapping[str, Any]) -> None:
    effect = effect_from_dict(result)
    st.markdown(
        "**What a classifier makes of it** "
        f":small[:gray[linear probes on the {effect.n_test:,} texts of {plain(result['test'])}]]"
    )
    with st.grid(3, min_column_width=100, gap="small"):
        for name, n, score, how in (
            ("All texts", effect.n, effect.before, "over test texts"),
            ("What is left", effect.kept, effect.after, "over test texts"),
            ("Drawn at random", effect.kept, effect.drawn, f"over {DRAWS} draws"),
        ):
            with st.container(gap=None):
                st.metric(name, f"{score.mean:.1%}", help=f"Accuracy, {how}.")
                st.caption(f"{_range(score)} · {n:,} texts")
    st.caption(
        f"What is left against all: {_points(effect.against_all)}; against as many at random: "
        f"{_points(effect.against_drawn)}. 95 % intervals, of differences by drawing the test "
        "texts anew, the same for both."
    )


def _range(score: Interval) -> str:
    if score.low is None or score.high is None:
        return "no interval"
    return f"{score.low:.1%} to {score.high:.1%}"


def _points(found: Difference) -> str:
    low, high = 100 * found.low, 100 * found.high
    sure = "" if low > 0 or high < 0 else ", which may be chance"
    return f"{100 * found.difference:+.1f} points ({low:+.1f} to {high:+.1f}{sure})"
