"""The Label replacement tab: settings, a preview of every change, and accepting some of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from core.domain.errors import BadInput
from core.domain.registries.metrics import METRIC
from core.domain.registries.stages import VersionFacts, VersionSettings
from core.domain.serialization import from_json, to_json
from core.domain.wording import counted, percent
from core.interventions.annotators import labels_by_row
from core.interventions.previews import RelabelPreview, RelabelRequest
from core.interventions.registry import ORACLE, AcceptedLabels
from core.interventions.relabelling.oracle_quality import (
    SELF_JUDGED,
    AccuracyChange,
    accuracy_change,
    likely_worse_notes,
)
from core.interventions.relabelling.relabel import (
    PRESETS,
    WEIGHT,
    Change,
    Replacement,
    label_changes,
    within_confidence,
)
from core.store.interventions.previews import latest_preview
from pages.components.intervene.header import apply
from pages.components.intervene.previews import (
    PreviewQuery,
    choose_weight,
    explain,
    preview_button,
    show_flow,
    show_outcome,
)
from pages.components.intervene.state import RunState
from pages.components.shell import AppContext
from pages.components.tables import show_texts

_ALL = "All"
_TITLES = {"old": "Current label", "new": "New label", "proxy": "Proxy label"}


def show_relabelling(app: AppContext, state: RunState) -> None:
    """Draw the tab."""
    st.caption(
        "Proxies, one linear SVC per label, learn from the inspected texts and relabel the others. "
        "Every change is shown before it is applied, and can be undone."
    )
    last = state.last_judgement if state.choice.annotator == "people" else 0
    request, query, preview, blocked = None, None, None, None
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        try:
            request = _choose_settings(app, state)
            query = PreviewQuery(state.dataset.key, request, last)
            preview = query.state(app.db)
        except BadInput as error:
            blocked = str(error)
        preview_button(
            app,
            query,
            preview,
            label="Preview",
            icon="preview",
            key="lr_preview",
            blocked=blocked,
        )
    outdated = "Texts were judged after this preview. Preview again to use them."
    result = show_outcome(app, preview, blocked=blocked, outdated=outdated)
    if result is not None and request is not None and preview is not None:
        _show_preview(app, state, request, result, fresh=preview.fresh)


def _choose_settings(app: AppContext, state: RunState) -> RelabelRequest:
    """Draw the settings; those of the last preview come first.

    Raises:
        BadInput: nothing can be previewed with them.
    """
    choice, n = state.choice, len(state.dataset)
    by_oracle = choice.annotator == "oracle"
    latest = latest_preview(app.db, RelabelRequest.kind, state.dataset.key)
    before = None if latest is None else from_json(RelabelRequest, latest.request)
    inspect, judged = None, 0
    if by_oracle:
        inspect = _choose_inspected(n, before)
    else:
        judged = len(labels_by_row(state.dataset, state.judgements))
        st.metric("Judged so far", f"{judged:,}", help="Without the audit set.")
    weight = choose_weight(
        "lr_weight",
        WEIGHT if before is None else before.weight,
        disabled=by_oracle and inspect is None,
    )
    _set_default("lr_seed", 0 if before is None else before.seed)
    seed = st.number_input(
        "Seed",
        0,
        2**31,
        key="lr_seed",
        persist_state="session",
        width=110,
        help="Of the sampling and the training; equal seeds give equal previews.",
    )
    if not by_oracle and not judged:
        raise BadInput(
            "Nobody has labelled a text of this version yet, apart from the audit set.",
            "Judge some on the Annotate tab, or let the oracle inspect.",
        )
    return RelabelRequest(
        n=n,
        encoder=choice.encoder,
        annotator=choice.annotator,
        reference=choice.oracle_reference,
        inspect=inspect,
        error_rate=choice.error_rate if by_oracle else 0.0,
        weight=weight,
        seed=int(seed),
    )


def _choose_inspected(n: int, before: RelabelRequest | None) -> int | None:
    """How many texts the oracle inspects; None is all."""
    presets = [str(count) for count in PRESETS if count < n]
    options = [*presets, _ALL]
    default = "180" if "180" in options else options[-2] if presets else _ALL
    if before is not None and before.annotator == "oracle":
        default = _ALL if before.inspect is None else str(before.inspect)
    _set_default("lr_inspect", default, options)
    chosen = st.segmented_control(
        "Inspected texts",
        options,
        key="lr_inspect",
        required=True,
        persist_state="session",
        help="Drawn at random. The paper uses 90, 180 and 270; with all, no proxy is needed.",
    )
    return None if chosen in (_ALL, None) else int(chosen)


def _set_default(key: str, value: object, options: Sequence[object] = ()) -> None:
    """Set a widget's first value in this session; a later one stays while it is an option."""
    if key not in st.session_state or (options and st.session_state[key] not in options):
        st.session_state[key] = value if not options or value in options else options[-1]


@dataclass(frozen=True)
class _Selection:
    """What would be accepted.

    Args:
        request: the settings of the preview.
        replacement: the proposed labels.
        ids: of the texts whose label changes.
        accepted: of the texts whose change is accepted, those included on whose label people have
            the last word.
        band: lowest and highest confidence, 0 to 1.
        change: label accuracy by the oracle with the accepted changes; None while it is unknown.
    """

    request: RelabelRequest
    replacement: Replacement
    ids: Collection[str]
    accepted: Collection[str]
    band: tuple[float, float]
    change: AccuracyChange | None


@st.fragment
def _show_preview(
    app: AppContext,
    state: RunState,
    request: RelabelRequest,
    preview: RelabelPreview,
    *,
    fresh: bool,
) -> None:
    """Redrawn alone, with every move of the band."""
    replacement = state.subject.overrule(preview.replacement)
    changes = label_changes(state.dataset.ids, replacement)
    if not changes:
        st.success("No label would change.", icon=":material/check:")
        explain(replacement.explanations)
        return
    with st.grid(2, min_column_width=420, gap="large"):
        figure, side = st.container(), st.container()
    with side:
        band = _choose_band(changes)
        in_band = within_confidence(changes, *band)
        summary = st.container()
    st.markdown(
        "**Changes to accept** :small[:gray[least confident first; select rows to accept only "
        "those]]"
    )
    settings = f"{request.seed}-{request.inspect}-{request.weight:.2f}"
    chosen = show_texts(
        _changes_frame(state, replacement, in_band),
        titles=_TITLES,
        labels=state.label_names,
        key=f"lr-rows-{band[0]:.2f}-{band[1]:.2f}-{settings}",
        alt="Texts with their labels",
        selectable=True,
    )
    by_people = {state.dataset.ids[row] for row in state.subject.labels_of_people}
    corrections = by_people & {change.id for change in changes}
    ids = corrections | set(chosen or [change.id for change in in_band])
    accepted = set(ids)
    if not chosen:
        own = label_changes(state.dataset.ids, preview.replacement)
        accepted |= {change.id for change in within_confidence(own, *band)}
    rows = zip(state.dataset.ids, replacement.old, replacement.new, strict=True)
    labels = tuple(new if key in ids else old for key, old, new in rows)
    judged = state.labels_by_oracle(state.dataset)
    inspected = state.subject.inspected_by_oracle(
        replacement if request.annotator == "oracle" else None
    )
    change, notes = None, list(replacement.explanations)
    if judged is not None and state.opinion is not None:
        change = accuracy_change(state.dataset.labels, labels, judged, inspected=inspected)
    if judged is not None and state.opinion is not None and request.annotator == "oracle":
        notes += likely_worse_notes(
            state.dataset.labels,
            labels,
            judged,
            state.opinion.oracle,
            label_names=state.label_names,
        )
    selection = _Selection(request, replacement, ids, accepted, band, change)
    with summary:
        _show_summary(state, selection)
        text = _accept_words(len(changes), len(ids), selected=bool(chosen))
        if st.button(
            text,
            type="primary",
            icon=":material/check:",
            key="lr_accept",
            disabled=not ids or not fresh,
        ):
            _accept(app, state, selection, notes)
        explain(tuple(notes))
    with figure:
        show_flow(
            replacement.old,
            labels,
            labels=state.label_names,
            sides=("specified" if state.version is None else "current", "new"),
            key="lr-flow",
            alt="Texts whose labels stay and change",
        )


def _choose_band(changes: Sequence[Change]) -> tuple[float, float]:
    band = (0.0, 1.0)
    if all(change.confidence is None for change in changes):
        return band
    return st.slider(
        "Accept changes with confidence",
        0.0,
        1.0,
        band,
        0.01,
        key="lr_band",
        help="Confidence in the new label. Move one end for a threshold, both for a range. Changes "
        "of inspected texts have no confidence and are always included.",
    )


def _accept_words(total: int, accepted: int, *, selected: bool) -> str:
    if selected:
        return f"Accept {accepted:,} selected"
    if total == accepted:
        return f"Accept all {total:,} changes" if total > 1 else "Accept the change"
    return f"Accept {accepted:,} of {total:,} changes"


def _show_summary(state: RunState, selection: _Selection) -> None:
    change = selection.change
    with st.container(horizontal=True, gap="large"):
        st.metric("Changed labels", f"{len(selection.ids):,}", width="content")
        st.metric("Inspected", f"{selection.replacement.inspected:,}", width="content")
        if change is not None and change.after is not None:
            st.metric(
                "Label accuracy",
                percent(change.after),
                delta=METRIC["label_accuracy"].change_words(change.before, change.after),
                width="content",
                help=f"By the oracle: {percent(change.before)} before, {percent(change.after)} "
                f"after, of the {counted(change.n, 'text')} that it did not label itself.",
            )
    if change is not None:
        note = f"The oracle's own accuracy: {state.oracle_words(state.dataset)}."
        if change.after is None:
            note = f"Label accuracy is {percent(change.before)} before. {SELF_JUDGED} {note}"
        st.caption(note)


def _changes_frame(
    state: RunState, replacement: Replacement, changes: Sequence[Change]
) -> pd.DataFrame:
    row_of = {key: row for row, key in enumerate(state.dataset.ids)}
    ordered = sorted(changes, key=lambda item: 2.0 if item.confidence is None else item.confidence)
    return pd.DataFrame(
        {
            "text": [state.dataset.texts[row_of[change.id]] for change in ordered],
            "old": [change.old for change in ordered],
            "new": [change.new for change in ordered],
            "proxy": [replacement.proxy[row_of[change.id]] for change in ordered],
            "confidence": pd.array([change.confidence for change in ordered], dtype="Float64"),
            "judged": [change.judged for change in ordered],
        },
        index=[change.id for change in ordered],
    )


def _accept(app: AppContext, state: RunState, selection: _Selection, notes: Sequence[str]) -> None:
    request, replacement = selection.request, selection.replacement
    by: str | dict[str, str] = ORACLE
    if request.annotator == "people":
        by = {key: judgement.who for key, judgement in state.judgements.items()}
    facts: VersionFacts = {"explanations": list(notes)}
    if selection.change is not None and state.opinion is not None:
        facts["label_accuracy"] = to_json(selection.change)
        facts["oracle"] = state.opinion.oracle.facts(state.dataset.labels)
    all_inspected = request.annotator == "oracle" and request.inspect is None
    spec: VersionSettings = {
        "annotator": request.annotator,
        "inspect": request.inspect,
        "weight": None if all_inspected else request.weight,
        "error_rate": request.error_rate,
        "seed": request.seed,
        "confidence": list(selection.band),
    }
    decision = AcceptedLabels(
        replacement=replacement, accepted=selection.accepted, spec=spec, facts=facts, by=by
    )
    message = f"{counted(len(selection.ids), 'label')} changed. Undo to revert."
    apply(app, state, "lr", decision, message)
