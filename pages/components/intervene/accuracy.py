"""The Label accuracy tab: by the oracle, by people, and the texts behind each cell."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from core.domain.registries.metrics import METRIC
from core.figures.interventions import confusion_figure
from core.interventions.annotators import labels_by_row
from core.interventions.relabelling.label_accuracy import LabelAccuracy
from core.interventions.relabelling.oracle_quality import SELF_JUDGED, seems_worse
from core.interventions.versions import Subject
from pages.components.intervene.state import RunState, share_words
from pages.components.shell import AppContext
from pages.components.tables import show_texts

_ORACLE, _AUDIT, _PEOPLE = "Oracle", "Audit set", "All human judgements"
_RAW = "As generated"


def show_accuracy(app: AppContext, state: RunState) -> None:
    """Draw the tab."""
    st.caption(
        "Label accuracy: the share of texts whose label is right. The oracle judges every text, "
        "with errors of its own; people judge a few, and the audit set is a random sample of them. "
        "What people judged is compared with the labels before their corrections."
    )
    subject = _choose_version(state)
    sources = {
        name: accuracy
        for name, accuracy in (
            (_ORACLE, state.accuracy_by_oracle(subject)),
            (_AUDIT, subject.accuracy_by_people(audit=True)),
            (_PEOPLE, subject.accuracy_by_people(audit=None)),
        )
        if accuracy is not None
    }
    if not sources and subject.inspected_by_oracle():
        st.info(SELF_JUDGED, icon=":material/fact_check:")
        return
    if not sources:
        st.info(
            "Label accuracy is not known yet. Attach a reference for an oracle, or judge an audit "
            "set on the Annotate tab.",
            icon=":material/fact_check:",
        )
        return
    if _ORACLE in sources:
        _warn_of_oracle(state, subject, sources[_ORACLE])
    elif subject.inspected_by_oracle():
        st.info(SELF_JUDGED, icon=":material/fact_check:")
    with st.grid(2, min_column_width=420, gap="large"):
        with st.container():
            st.markdown(f"**{METRIC['label_accuracy'].title}** :small[:gray[with 95% intervals]]")
            _show_table(state, sources)
        with st.container():
            source = _choose_source(list(sources))
            cell = _show_confusion(sources[source], source)
    _show_texts(state, subject, source, cell)


def _choose_version(state: RunState) -> Subject:
    if state.version is None or state.version.kind == "raw":
        return state.subject
    version = st.segmented_control(
        "Labels",
        ["Active version", _RAW],
        default="Active version",
        required=True,
        key="labels_of",
        label_visibility="collapsed",
    )
    return state.generated if version == _RAW else state.subject


def _choose_source(known: list[str]) -> str:
    if st.session_state.get("labels_by") not in known:
        st.session_state["labels_by"] = known[0]
    chosen = st.segmented_control("Judged by", known, key="labels_by", required=True)
    return str(chosen or known[0])


def _warn_of_oracle(state: RunState, subject: Subject, accuracy: LabelAccuracy) -> None:
    if state.opinion is None:
        return
    quality, agreement = state.opinion.oracle, accuracy.overall.interval
    labels = len(state.label_names)
    own = quality.for_labels(subject.dataset.labels) or quality.accuracy.interval
    if own is None or agreement is None:
        return
    if labels < 2 or seems_worse(agreement.mean, own.mean, labels=labels):
        st.warning(
            "The oracle seems to be wrong at least as often as these labels. What it calls wrong "
            "may be its own error: judge an audit set yourself.",
            icon=":material/warning:",
        )


def _show_table(state: RunState, sources: Mapping[str, LabelAccuracy]) -> None:
    frame = pd.DataFrame({"label": ["all labels", *state.label_names]})
    text, number = st.column_config.TextColumn, st.column_config.NumberColumn
    config = {"label": text("Label", width=85, pinned=True)}
    for source, key in ((_ORACLE, "oracle"), (_AUDIT, "audit")):
        accuracy = sources.get(source)
        if accuracy is None:
            continue
        shares = [accuracy.overall, *accuracy.by_label.values()]
        frame[key] = [share_words(share) for share in shares]
        frame[f"{key}_n"] = [share.n for share in shares]
        config[key] = text(source, width=150)
        config[f"{key}_n"] = number("Texts", format="localized", width=60)
    if len(config) == 1:
        st.info("There is neither an oracle nor an audit set yet.", icon=":material/fact_check:")
        return
    st.dataframe(
        frame,
        hide_index=True,
        height="content",
        column_config=config,
        alt="Label accuracy overall and by label",
    )
    if state.opinion is not None:
        st.caption(f"Accuracy of the oracle itself: {state.oracle_words(state.dataset)}.")


def _show_confusion(accuracy: LabelAccuracy, source: str) -> tuple[str, str] | None:
    """The confusion matrix; (current label, judged label) of the cell that was clicked."""
    names = list(accuracy.label_names)
    matrix = pd.DataFrame(accuracy.confusion, index=names, columns=names)
    selection = st.plotly_chart(
        confusion_figure(matrix, rows="label", columns="judged"),
        key=f"confusion-{source}",
        on_select="rerun",
        selection_mode="points",
        config={"displayModeBar": False},
        alt="Labels against judgements; click a cell to list its texts",
    )
    points = selection["selection"]["points"]
    if not points:
        return None
    row, column = points[0]["customdata"][:2]
    return str(row), str(column)


def _show_texts(
    state: RunState, subject: Subject, source: str, cell: tuple[str, str] | None
) -> None:
    dataset, current = subject.dataset, subject.dataset.labels
    if source == _ORACLE and state.opinion is not None:
        labels, own = state.opinion.label_by_id, subject.inspected_by_oracle()
        judged = {row: labels[key] for row, key in enumerate(dataset.ids) if row not in own}
    else:
        audit = True if source == _AUDIT else None
        judged = labels_by_row(dataset, state.judgements, audit=audit)
        current = subject.proposed_labels
    pairs = {row: (current[row], label) for row, label in judged.items()}
    if cell is None:
        rows = [row for row, (label, other) in pairs.items() if label != other]
        title, hint = "Disagreements", "; click a cell above to list its texts"
    else:
        rows = [row for row, pair in pairs.items() if pair == cell]
        title, hint = "Texts of the selected cell", ""
    st.markdown(f"**{title}** :small[:gray[{len(rows):,} texts{hint}]]")
    frame = pd.DataFrame(
        {
            "text": [dataset.texts[row] for row in rows],
            "label": [pairs[row][0] for row in rows],
            "judged_label": [pairs[row][1] for row in rows],
        },
        index=[dataset.ids[row] for row in rows],
    )
    show_texts(
        frame,
        titles={"label": "Label", "judged_label": "Judged"},
        labels=state.label_names,
        key="labels-texts",
        alt="Texts with their labels",
    )
