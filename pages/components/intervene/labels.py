"""Label accuracy: by the oracle, by people, and the texts behind every cell."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from core.domain.datasets import Dataset
from core.figures.interventions import confusion_figure
from core.interventions.annotation.judged import labels_by_row
from core.interventions.relabelling.label_accuracy import LabelAccuracy, Share, behind_the_oracle
from pages.components.intervene.accuracy_words import short, told
from pages.components.intervene.current_version import Standing
from pages.components.intervene.texts import choose_rows

_SOURCES = ("Oracle", "Audit set", "All of people's")


def show_labels(seen: Standing) -> None:
    """Draw the tab."""
    st.caption(
        "Label accuracy: how often a text is of the label that it bears. The oracle judges every "
        "text and errs; people judge few, and the audit set is a random sample of theirs."
    )
    dataset = _version(seen)
    found = {
        "Oracle": seen.by_oracle(dataset),
        "Audit set": seen.by_people(dataset, audit=True),
        "All of people's": seen.by_people(dataset, audit=None),
    }
    known = [name for name in _SOURCES if found[name] is not None]
    if not known:
        st.info(
            "Nothing says yet whether labels are right. Attach reference data for an oracle, or "
            "judge an audit set on the Annotate tab.",
            icon=":material/fact_check:",
        )
        return
    _doubt(seen, found["Oracle"])
    with st.grid(2, min_column_width=420, gap="large"):
        with st.container():
            st.markdown("**How right the labels are** :small[:gray[with 95 % intervals]]")
            _table(seen, found)
        with st.container():
            source = _source(known)
            cell = _confusion(found[source], source)
    _texts(seen, dataset, source, cell)


def _version(seen: Standing) -> Dataset:
    if seen.head is None or seen.head.kind == "raw":
        return seen.dataset
    which = st.segmented_control(
        "Labels",
        ["Present version", "As generated"],
        default="Present version",
        required=True,
        key="labels_of",
        label_visibility="collapsed",
    )
    return seen.raw if which == "As generated" else seen.dataset


def _source(known: list[str]) -> str:
    if st.session_state.get("labels_by") not in known:
        st.session_state["labels_by"] = known[0]
    chosen = st.segmented_control("Judged by", known, key="labels_by", required=True)
    return str(chosen or known[0])


def _doubt(seen: Standing, found: LabelAccuracy | None) -> None:
    own = None if seen.oracle is None else seen.oracle.interval
    if found is None or own is None or found.overall.interval is None:
        return
    agreement, labels = found.overall.interval.mean, len(seen.label_names)
    behind = behind_the_oracle(agreement, own.mean, labels=labels) if labels > 1 else 1.0
    if behind is None or behind >= own.mean:
        st.warning(
            "The oracle seems to err at least as often as these labels do. What it calls wrong "
            "may be its own mistake: judge an audit set yourself.",
            icon=":material/warning:",
        )


def _table(seen: Standing, found: Mapping[str, LabelAccuracy | None]) -> None:
    oracle, audit = found["Oracle"], found["Audit set"]
    rows: dict[str, list[Any]] = {"label": ["all labels", *seen.label_names]}
    text, number = st.column_config.TextColumn, st.column_config.NumberColumn
    config: dict[str, Any] = {"label": text("Label", width=85, pinned=True)}
    if oracle is not None:
        shares = _shares(oracle)
        rows["n"] = [share.n for share in shares]
        rows["oracle"] = [short(share) for share in shares]
        config["n"] = number("Texts", format="localized", width=50)
        config["oracle"] = text("By the oracle", width=135)
    if audit is not None:
        shares = _shares(audit)
        rows["audit"] = [short(share) for share in shares]
        rows["audited"] = [share.n for share in shares]
        config["audit"] = text("By the audit set", width=135)
        config["audited"] = number("Audited", format="localized", width=60)
    if len(rows) == 1:
        st.info("There is neither an oracle nor an audit set yet.", icon=":material/fact_check:")
        return
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height="content",
        column_config=config,
        alt="Label accuracy overall and by label",
    )
    if seen.oracle is not None:
        st.caption(
            f"The oracle itself is right on {told(seen.oracle)}; "
            f"{seen.oracle_facts['measured_on']}."
        )


def _shares(found: LabelAccuracy) -> list[Share]:
    return [found.overall, *found.by_label.values()]


def _confusion(found: LabelAccuracy | None, source: str) -> tuple[str, str] | None:
    """The figure; the labels (borne, judged) of the cell that was clicked."""
    assert found is not None
    names = list(found.label_names)
    matrix = pd.DataFrame(found.confusion, index=names, columns=names)
    state = st.plotly_chart(
        confusion_figure(matrix, rows="label", columns="judged"),
        key=f"confusion-{source}",
        on_select="rerun",
        selection_mode="points",
        config={"displayModeBar": False},
        alt="Labels against judgements; a cell opens its texts",
    )
    points = state["selection"]["points"]
    if not points:
        return None
    row, column = points[0]["customdata"][:2]
    return str(row), str(column)


def _texts(seen: Standing, dataset: Dataset, source: str, cell: tuple[str, str] | None) -> None:
    if source == "Oracle":
        said = {row: seen.says[key] for row, key in enumerate(dataset.ids)}
    else:
        audit = True if source == "Audit set" else None
        said = labels_by_row(dataset.ids, seen.people, audit=audit)
    pairs = [(row, dataset.labels[row], label) for row, label in said.items()]
    if cell is None:
        shown = [pair for pair in pairs if pair[1] != pair[2]]
        st.markdown(
            f"**Judged to be of another label** :small[:gray[{len(shown):,} texts; click a cell "
            "above for its own]]"
        )
    else:
        shown = [pair for pair in pairs if pair[1:] == cell]
        st.markdown(f"**The texts of the chosen cell** :small[:gray[{len(shown):,} texts]]")
    frame = pd.DataFrame(
        {
            "text": [dataset.texts[row] for row, _, _ in shown],
            "label": [label for _, label, _ in shown],
            "said": [label for _, _, label in shown],
        },
        index=[dataset.ids[row] for row, _, _ in shown],
    )
    choose_rows(frame, labels=seen.label_names, key="labels-texts", choose=False)
