"""The Out-of-scope filtering tab: training the filter, its threshold, what it would remove."""

from collections import Counter
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.classification.evaluation.comparison import Difference
from core.domain.errors import BadInput
from core.domain.registries.metrics import METRIC
from core.domain.wording import MISSING, counted, percent, percent_interval
from core.interventions.annotators import scopes_by_row
from core.interventions.previews import (
    EffectPreview,
    EffectRequest,
    FilterPreview,
    FilterRequest,
)
from core.interventions.registry import AcceptedFilter
from core.interventions.scope_filter import (
    DRAWS,
    THRESHOLD,
    Quality,
    ScopeFilter,
    check_enough,
)
from core.jobs.queue import LIVE
from pages.components.encoder import diversity_words, remote_clique, stored_vectors
from pages.components.intervene.header import apply
from pages.components.intervene.previews import (
    PreviewQuery,
    explain,
    preview_button,
    show_outcome,
    show_progress,
)
from pages.components.intervene.state import RunState
from pages.components.shell import AppContext, escape_markdown
from pages.components.tables import show_texts

_EFFECT_JOB = "oosf_effect_asked"  # the job that was queued last from within the fragment


def show_filtering(app: AppContext, state: RunState) -> None:
    """Draw the tab."""
    st.caption(
        "Removes texts that belong to no label: a linear SVC learns from the texts that people "
        "judged in or out of scope. The paper found no consistent gain, so check the effect first."
    )
    judged = scopes_by_row(state.raw.ids, state.judgements)
    in_scope = sum(judged.values())
    request = FilterRequest(n=len(state.dataset), encoder=state.choice.encoder)
    query = PreviewQuery(state.dataset.key, request, state.last_judgement)
    blocked = None
    try:
        check_enough(judged.values())
    except BadInput as error:
        blocked = str(error)
    preview = query.state(app.db)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        st.metric("Judged in scope", f"{in_scope:,}", width="content")
        st.metric("Judged out of scope", f"{len(judged) - in_scope:,}", width="content")
        preview_button(
            app,
            query,
            preview,
            label="Train filter",
            icon="filter_alt",
            key="oosf_learn",
            blocked=blocked,
        )
    outdated = "Texts were judged after the filter was trained. Train it again to use them."
    available = None if blocked is not None else preview
    learned = show_outcome(app, available, blocked=blocked, outdated=outdated)
    if learned is None:
        return
    threshold = st.session_state.get("oosf_threshold", THRESHOLD)
    with st.container():  # keeps the position of the fragment below
        effect = _effect_query(state, learned, threshold)
        effect_state = None if effect is None else effect.state(app.db)
        if effect_state is not None and not effect_state.fresh:
            show_progress(app, effect_state)
    _show_filter(app, state, learned, fresh=preview.fresh)


@st.fragment
def _show_filter(app: AppContext, state: RunState, learned: FilterPreview, *, fresh: bool) -> None:
    """Redrawn alone, with every move of the threshold."""
    scope = learned.scope
    with st.grid(2, min_column_width=420, gap="large"):
        left, right = st.container(), st.container()
    with left:
        threshold = st.slider(
            "Remove below in-scope probability",
            0.0,
            1.0,
            THRESHOLD,
            0.01,
            key="oosf_threshold",
            help="Judged texts are kept or removed as they were judged.",
        )
        rows = scope.going(threshold)
        _show_quality(scope.quality(threshold), scope.learned_from)
        removable = 0 < len(rows) < len(state.dataset)
        if st.button(
            f"Remove {counted(len(rows), 'text')}",
            type="primary",
            icon=":material/delete_sweep:",
            key="oosf_remove",
            disabled=not removable or not fresh,
            help="From the next version of the dataset; Undo restores them.",
        ):
            decision = AcceptedFilter(
                scope=scope,
                threshold=threshold,
                spec={"seed": 0},
                facts={"explanations": list(scope.explanations)},
                by={key: one.scope_who for key, one in state.judgements.items() if one.scope_who},
            )
            message = f"{counted(len(rows), 'text')} removed. Undo to restore."
            apply(app, state, "oosf", decision, message)
        if not rows:
            st.caption(":material/check: No text is out of scope at this threshold.")
        explain(scope.explanations)
    with right:
        _show_counts(state, rows)
        _show_diversity(app, state, scope, threshold)
        _show_effect(app, _effect_query(state, learned, threshold), removable=removable)
    st.markdown("**To be removed** :small[:gray[closest to the threshold first, judged ones last]]")
    dataset = state.dataset
    frame = pd.DataFrame(
        {
            "text": [dataset.texts[row] for row in rows],
            "label": [dataset.labels[row] for row in rows],
            "confidence": [float(scope.confidence[row]) for row in rows],
            "judged": [row in scope.judged for row in rows],
        },
        index=[dataset.ids[row] for row in rows],
    )
    show_texts(frame, labels=state.label_names, key="oosf-texts", alt="Texts to be removed")


def _show_quality(quality: Quality, taught: int) -> None:
    with st.container(horizontal=True, gap="large"):
        for name, share, help in (
            ("Precision", quality.precision, "Share of the removed texts judged out of scope."),
            ("Recall", quality.recall, "Share of the texts judged out of scope that are removed."),
        ):
            with st.container(width="content", gap=None):
                value = MISSING if share is None else percent(share.mean, digits=0)
                st.metric(name, value, width="content", help=help)
                if share is not None and share.low is not None:
                    st.caption(percent_interval(share.low, share.high))
    nothing = quality.without_precision
    st.caption(
        f"On {taught:,} judged texts, a fifth held out in {quality.splits} splits; means with 95% "
        "intervals."
        + (f" In {counted(nothing, 'split')}, no text would be removed." if nothing else "")
    )
    if not quality.recall.mean:
        st.warning(
            "At this threshold the filter finds none of the held-out texts that people judged out "
            "of scope. Judge more texts before trusting it with others.",
            icon=":material/warning:",
        )


def _show_counts(state: RunState, rows: Sequence[int]) -> None:
    before = Counter(state.dataset.labels)
    removed = Counter(state.dataset.labels[row] for row in rows)
    names = list(state.label_names)
    number = st.column_config.NumberColumn
    st.dataframe(
        pd.DataFrame(
            {
                "label": names,
                "n": [before[name] for name in names],
                "removed": [removed[name] for name in names],
                "share": [removed[name] / max(1, before[name]) for name in names],
            }
        ),
        hide_index=True,
        height="content",
        column_config={
            "label": st.column_config.TextColumn("Label"),
            "n": number("Texts", format="localized"),
            "removed": number("To be removed", format="localized"),
            "share": st.column_config.ProgressColumn(
                "Share", format="percent", min_value=0, max_value=1
            ),
        },
        alt="Texts to be removed, by label",
    )


def _show_diversity(app: AppContext, state: RunState, scope: ScopeFilter, threshold: float) -> None:
    vectors = stored_vectors(app.db, state.dataset, state.fingerprint)
    if vectors is None:
        return
    kept = vectors[scope.kept(threshold)]
    after = remote_clique(kept) if len(kept) else None
    st.caption(
        f"Effect on diversity: Remote-Clique {diversity_words(remote_clique(vectors))} before, "
        f"{diversity_words(after)} after."
    )


def _effect_query(
    state: RunState, learned: FilterPreview, threshold: float
) -> PreviewQuery[EffectPreview] | None:
    """The filter's effect on a classifier; None without real texts to test on."""
    reference = state.choice.reference
    if reference is None or not any(reference.test.values()):
        return None
    request = EffectRequest(
        n=len(state.dataset),
        encoder=state.choice.encoder,
        reference=reference.id,
        threshold=threshold,
    )
    return PreviewQuery(state.dataset.key, request, learned.seen)


def _show_effect(
    app: AppContext, query: PreviewQuery[EffectPreview] | None, *, removable: bool
) -> None:
    """Draw the button that measures the effect, or the effect."""
    if query is None:
        st.caption("Attach a reference to see the effect on a classifier's accuracy.")
        return
    preview = query.state(app.db)
    if preview.result is not None and preview.fresh:
        _show_accuracies(preview.result)
        return
    preview_button(
        app,
        query,
        preview,
        label="Effect on a classifier",
        icon="model_training",
        key="oosf_effect",
        blocked=None if removable else "The threshold removes no text or all texts.",
        primary=False,
    )
    work = preview.work
    if work is not None and work.state in LIVE and st.session_state.get(_EFFECT_JOB) != work.job.id:
        st.session_state[_EFFECT_JOB] = work.job.id
        st.rerun()  # the whole page, which shows the progress outside this fragment


def _show_accuracies(effect: EffectPreview) -> None:
    st.markdown(
        f"**Effect on a classifier** :small[:gray[accuracy of linear probes on the "
        f"{effect.n_test:,} texts of {escape_markdown(effect.test)}]]"
    )
    with st.grid(3, min_column_width=100, gap="small"):
        for name, n, score, help in (
            ("All texts", effect.n, effect.before, "Interval over test texts."),
            ("Kept texts", effect.kept, effect.after, "Interval over test texts."),
            ("Random subset", effect.kept, effect.drawn, f"Mean over {DRAWS} draws."),
        ):
            with st.container(gap=None):
                st.metric(name, percent(score.mean), help=help)
                st.caption(f"{percent_interval(score.low, score.high)} · {counted(n, 'text')}")
    st.caption(
        f"Kept texts against all: {_difference_words(effect.against_all)}; against a random subset "
        f"of the same size: {_difference_words(effect.against_drawn)}. 95% intervals, paired over "
        "test texts."
    )


def _difference_words(difference: Difference) -> str:
    """ "+1.2 points (-0.4 to +2.8 points, includes 0)"."""
    metric = METRIC["model_accuracy"]
    ends = metric.difference_interval_words(difference.low, difference.high)
    unclear = "" if difference.low > 0 or difference.high < 0 else ", includes 0"
    return f"{metric.difference_words(difference.difference)} ({ends}{unclear})"
