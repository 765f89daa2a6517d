"""What a classifier makes of the filter at a threshold: asked of the worker, shown when it came."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from core.classification.evaluation.comparison import Difference
from core.classification.evaluation.intervals import Interval
from core.domain.errors import BadInput
from core.interventions.annotation.judged import scopes_by_row
from core.interventions.requests import EffectRequest, FilterRequest
from core.interventions.results import filter_from_dict
from core.interventions.scope_filter.effect import DRAWS, effect_from_dict
from core.interventions.scope_filter.out_of_scope import (
    THRESHOLD,
    Quality,
    ScopeFilter,
    check_enough,
)
from core.interventions.versions.apply import accept_filter
from core.jobs.previews import look
from core.jobs.queue import LIVE
from pages.components.intervene.current_version import Standing
from pages.components.intervene.previews import annotator_name, ask_button, show_asked
from pages.components.intervene.texts import choose_rows
from pages.components.intervene.vectors import estimate, in_words, vectors_of
from pages.components.shell import AppContext, escape_markdown, show_errors

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


def follow_effect(app: AppContext, seen: Standing, threshold: float, *, learned: int) -> None:
    """Draw how far the worker is; outside of the fragment that `show_effect` is in.

    Args:
        app: home and store.
        seen: where the run stands.
        threshold: as it stands.
        learned: number of the latest judgement that the filter knows.
    """
    request = effect_request(seen, threshold)
    if request is not None:
        asked = look(app.db, seen.dataset.key, request, seen=learned)
        if asked.result is None or not asked.fresh:
            show_asked(app, asked)


def show_effect(
    app: AppContext, seen: Standing, threshold: float, *, going: int, learned: int
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
    asked = look(app.db, seen.dataset.key, request, seen=learned)
    if asked.result is not None and asked.fresh:
        _show(asked.result)
        return
    ask_button(
        app,
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
        f":small[:gray[linear probes on the {effect.n_test:,} texts of "
        f"{escape_markdown(result['test'])}]]"
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


def show_filtering(app: AppContext, seen: Standing) -> None:
    """Draw the tab."""
    st.caption(
        "Texts that belong to no label can go: a linear SVC learns from those that people judged "
        "in or out of scope. The paper found no consistent gain from it, so look before you do it."
    )
    judged = scopes_by_row(seen.raw.ids, seen.people)
    inside = sum(judged.values())
    request = FilterRequest(n=len(seen.dataset), encoder=seen.choice.encoder.to_dict())
    why = None
    try:
        check_enough(judged.values())
    except BadInput as error:
        why = f"{error.what} {error.remedy}".strip()
    asked = look(app.db, seen.dataset.key, request, seen=seen.seen)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        st.metric("Judged in scope", f"{inside:,}", width="content")
        st.metric("Judged out of scope", f"{len(judged) - inside:,}", width="content")
        ask_button(
            app,
            seen.dataset.key,
            None if why is not None else request,
            asked=asked,
            seen=seen.seen,
            label="Learn the filter",
            icon="filter_alt",
            key="oosf_learn",
            why=why,
        )
    if why is not None:
        st.info(escape_markdown(why), icon=":material/info:")
        return
    show_asked(app, asked)
    if asked.result is None:
        return
    if not asked.fresh:
        st.info("More was judged since the filter learned. Learn again to use it.")
    threshold = st.session_state.get("oosf_threshold", THRESHOLD)
    with st.container():  # what comes and goes must not move the fragment below
        follow_effect(app, seen, threshold, learned=int(asked.result["seen"]))
    _show_filter(app, seen, asked.result, fresh=asked.fresh)


@st.fragment
def _show_filter(
    app: AppContext, seen: Standing, result: Mapping[str, Any], *, fresh: bool
) -> None:
    """Redrawn alone, with every move of the threshold."""
    scope = filter_from_dict(result)
    with st.grid(2, min_column_width=420, gap="large"):
        left, right = st.container(), st.container()
    with left:
        threshold = st.slider(
            "Goes below a confidence of",
            0.0,
            1.0,
            THRESHOLD,
            0.01,
            key="oosf_threshold",
            help="Confidence that a text is in scope. Judged texts go or stay as they were judged.",
        )
        going = scope.going(threshold)
        _show_quality(scope.quality(threshold), int(result["taught"]))
        gone = len(seen.dataset)
        if st.button(
            f"Remove {len(going):,} texts" if len(going) != 1 else "Remove the text",
            type="primary",
            icon=":material/delete_sweep:",
            key="oosf_remove",
            disabled=not going or len(going) == gone or not fresh,
            help="They leave the dataset's next version; undo brings them back.",
        ):
            _remove(app, seen, scope, threshold)
        if not going:
            st.caption(":material/check: Nothing is out of scope by this threshold.")
        for sentence in scope.explanations:
            st.caption(f":material/info: {escape_markdown(sentence)}")
    with right:
        _show_counts(seen, going)
        _show_diversity(app, seen, scope, threshold)
        learned = int(result["seen"])
        show_effect(app, seen, threshold, going=len(going), learned=learned)
    st.markdown("**About to go** :small[:gray[at the boundary first, judged ones last]]")
    dataset = seen.dataset
    frame = pd.DataFrame(
        {
            "text": [dataset.texts[row] for row in going],
            "label": [dataset.labels[row] for row in going],
            "confidence": [float(scope.confidence[row]) for row in going],
            "judged": [row in scope.judged for row in going],
        },
        index=[dataset.ids[row] for row in going],
    )
    choose_rows(frame, labels=seen.label_names, key="oosf-texts", choose=False)


def _show_quality(quality: Quality, taught: int) -> None:
    with st.container(horizontal=True, gap="large"):
        for name, found, words in (
            ("Precision", quality.precision, "Of the texts that would go, those judged out."),
            ("Recall", quality.recall, "Of the texts judged out of scope, those that would go."),
        ):
            with st.container(width="content", gap=None):
                st.metric(name, _share(found), width="content", help=words)
                st.caption(_filtering_range(found))
    nothing = quality.without_precision
    st.caption(
        f"On {taught:,} judged texts, a fifth held out in {quality.splits} splits; means with "
        "95 % intervals."
        + (f" In {nothing} of the splits nothing would have gone." if nothing else "")
    )
    if not quality.recall.mean:
        st.warning(
            "On held-out texts the filter finds nothing of what people call out of scope at this "
            "threshold. Judge more texts before you trust it with others.",
            icon=":material/warning:",
        )


def _share(found: Interval | None) -> str:
    return "-" if found is None else f"{found.mean:.0%}"


def _filtering_range(found: Interval | None) -> str:
    if found is None or found.low is None or found.high is None:
        return ""
    return f"{found.low:.0%} to {found.high:.0%}"


def _show_counts(seen: Standing, going: list[int]) -> None:
    before = Counter(seen.dataset.labels)
    leaving = Counter(seen.dataset.labels[row] for row in going)
    st.dataframe(
        pd.DataFrame(
            {
                "label": list(seen.label_names),
                "n": [before[name] for name in seen.label_names],
                "go": [leaving[name] for name in seen.label_names],
                "share": [leaving[name] / max(1, before[name]) for name in seen.label_names],
            }
        ),
        hide_index=True,
        height="content",
        column_config={
            "label": st.column_config.TextColumn("Label"),
            "n": st.column_config.NumberColumn("Texts", format="localized"),
            "go": st.column_config.NumberColumn("Would go", format="localized"),
            "share": st.column_config.ProgressColumn(
                "Share", format="percent", min_value=0, max_value=1
            ),
        },
        alt="Texts that would go, by label",
    )


def _show_diversity(app: AppContext, seen: Standing, scope: ScopeFilter, threshold: float) -> None:
    vectors = vectors_of(app.db, seen.dataset, seen.fingerprint)
    if vectors is None:
        return
    kept = vectors[scope.kept(threshold)]
    before, after = estimate(vectors), (estimate(kept) if len(kept) else None)
    st.caption(
        f"What it does to this dataset: Remote-Clique {in_words(before)} before, "
        f"{in_words(after)} after."
    )


def _remove(app: AppContext, seen: Standing, scope: ScopeFilter, threshold: float) -> None:
    with show_errors():
        version = accept_filter(
            app.db,
            seen.subject,
            scope,
            threshold=threshold,
            who=annotator_name(),
            spec={"seed": 0},
            facts={"explanations": list(scope.explanations)},
            by={key: said.who for key, said in seen.people.items()},
        )
        st.session_state["intervened"] = (
            f"{version.facts['removed']:,} texts removed. Undo brings them back."
        )
        st.rerun()
