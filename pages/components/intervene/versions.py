"""Edits by hand: the label of chosen texts, or that they go or come back."""

import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core.domain.datasets import Dataset
from core.domain.errors import WidesetError
from core.figures.interventions import label_flow
from core.files.exports import ExportFormat
from core.interventions.versions.apply import accept_edits
from core.interventions.versions.card import card_markdown, export_version, version_card
from core.interventions.versions.compare import difference
from core.interventions.versions.subject import Subject
from core.store.interventions.versions import VersionRecord, choose, list_versions, moves_of
from pages.components.intervene.accuracy_words import percent, short
from pages.components.intervene.current_version import Standing, subject_at
from pages.components.intervene.lineage import depth_first, settings_in_words, version_names
from pages.components.intervene.previews import annotator_name
from pages.components.intervene.texts import choose_rows
from pages.components.intervene.vectors import diversity_of, in_words
from pages.components.shell import AppContext, escape_markdown, flash, show_errors

_MOST = 500


@st.fragment
def show_editing(app: AppContext, seen: Standing) -> None:
    """Draw the part; searching redraws nothing else."""
    subject = seen.subject
    removed = any(not row.kept for row in subject.rows)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = st.text_input(
            "Search", key="edit_search", placeholder="Words of a text", width=300
        )
        label = st.selectbox("Label", ["All", *seen.label_names], key="edit_label", width=200)
        gone = removed and st.toggle("Removed texts", key="edit_removed")
    rows = [
        (row, text)
        for row, text in zip(subject.rows, subject.texts, strict=True)
        if row.kept != gone and label in ("All", row.label) and wanted.casefold() in text.casefold()
    ]
    shown = rows[:_MOST]
    frame = pd.DataFrame(
        {"text": [text for _, text in shown], "label": [row.label for row, _ in shown]},
        index=[row.sample_id for row, _ in shown],
        dtype=object,
    )
    # Choices are by place, so another list is another table.
    key = f"edit-{wanted}-{label}-{gone}-{subject.dataset.key}"
    chosen = choose_rows(frame, labels=seen.label_names, key=key, height=320)
    if len(rows) > len(shown):
        st.caption(f"The first {_MOST:,} of {len(rows):,}; search for the others.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        new = st.selectbox("Set to", list(seen.label_names), key="edit_new", width=200)
        if st.button(
            f"Set the label of {len(chosen):,}" if chosen else "Set the label",
            icon=":material/label:",
            key="edit_set",
            disabled=not chosen,
        ):
            _edit(app, seen, dict.fromkeys(chosen, str(new)), {})
        words, icon = ("Bring back", "undo") if gone else ("Remove", "delete")
        if st.button(
            f"{words} {len(chosen):,}" if chosen else words,
            icon=f":material/{icon}:",
            key="edit_scope",
            disabled=not chosen,
        ):
            _edit(app, seen, {}, dict.fromkeys(chosen, bool(gone)))


def _edit(app: AppContext, seen: Standing, labels: dict[str, str], scopes: dict[str, bool]) -> None:
    with show_errors():
        accept_edits(app.db, seen.subject, labels, scopes, who=annotator_name())
        count = len(labels) + len(scopes)
        st.session_state["intervened"] = (
            f"{count:,} texts edited. Undo takes it back." if count > 1 else "One text edited."
        )
        st.rerun()


_GONE = "(removed)"


def show_comparison(app: AppContext, seen: Standing, versions: Sequence[VersionRecord]) -> None:
    """Draw the part."""
    names = version_names(versions)
    ids = list(names)
    now = seen.head.id if seen.head is not None else ids[-1]
    sides = []
    with st.container(horizontal=True):
        for words, key, first in (("From", "compare_from", ids[0]), ("To", "compare_to", now)):
            if st.session_state.get(key) not in names:
                st.session_state[key] = first
            chosen = st.selectbox(
                words, ids, format_func=lambda one: names.get(one, one), key=key, width=320
            )
            sides.append(subject_at(app.db, seen.choice.run.id, chosen, len(seen.raw)))
    before, after = sides
    found = difference(before.rows, after.rows, label_names=seen.label_names)
    with st.grid(2, min_column_width=420, gap="large"):
        with st.container():
            _table(app, seen, before.dataset, after.dataset, found.balance)
            st.caption(
                f"{len(found.relabelled):,} labels differ, {len(found.gone):,} texts went, "
                f"{len(found.come):,} came back."
            )
        with st.container():
            st.plotly_chart(
                label_flow(_flows(before, after), labels=seen.label_names, sides=("from", "to")),
                key="compare-flow",
                config={"displayModeBar": False},
                alt="Labels in the one version and in the other",
            )
    _texts(seen, before, after)


def _table(
    app: AppContext,
    seen: Standing,
    before: Dataset,
    after: Dataset,
    balance: dict[str, tuple[int, int]],
) -> None:
    rows = [("Texts", f"{len(before):,}", f"{len(after):,}")]
    pairs = [(seen.by_oracle(one), seen.by_people(one, audit=True)) for one in (before, after)]
    for place, words in enumerate(("By the oracle", "By the audit set")):
        found = [pair[place] for pair in pairs]
        rows.append((words, *(short(None if one is None else one.overall) for one in found)))
    rows.append(
        (
            "Remote-Clique",
            *(in_words(diversity_of(app.db, one, seen.fingerprint)) for one in (before, after)),
        )
    )
    rows += [(name, f"{old:,}", f"{new:,}") for name, (old, new) in balance.items()]
    st.dataframe(
        pd.DataFrame(rows, columns=["what", "before", "after"]),
        hide_index=True,
        height="content",
        column_config={
            "what": st.column_config.TextColumn("", width=130),
            "before": st.column_config.TextColumn("From", width=155),
            "after": st.column_config.TextColumn("To", width=155),
        },
        alt="Measures of both versions",
    )


def _kept(subject: Subject) -> dict[str, str]:
    return {row.sample_id: row.label for row in subject.rows if row.kept}


def _flows(before: Subject, after: Subject) -> pd.DataFrame:
    old, new = _kept(before), _kept(after)
    frame = pd.DataFrame(
        {"old": list(old.values()), "new": [new.get(key, _GONE) for key in old]}, dtype=object
    )
    return frame.value_counts().reset_index(name="count")


def _texts(seen: Standing, before: Subject, after: Subject) -> None:
    old, new = _kept(before), _kept(after)
    texts = {**_by_id(before), **_by_id(after)}
    changed = [key for key in texts if old.get(key) != new.get(key)]
    if not changed:
        st.caption("No text differs.")
        return
    frame = pd.DataFrame(
        {
            "text": [texts[key] for key in changed],
            "before": [old.get(key) for key in changed],
            "after": [new.get(key) for key in changed],
        },
        index=changed,
        dtype=object,
    )
    choose_rows(frame, labels=seen.label_names, key="compare-texts", choose=False)
    st.caption("An empty label: the text is not in that version.")


def _by_id(subject: Subject) -> dict[str, str]:
    return {row.sample_id: text for row, text in zip(subject.rows, subject.texts, strict=True)}


_FORMATS: dict[ExportFormat, str] = {"csv": "CSV", "jsonl": "JSONL", "parquet": "Parquet"}


def show_export(app: AppContext, seen: Standing, versions: Sequence[VersionRecord]) -> None:
    """Draw the part."""
    subject = seen.subject
    if versions:
        names = version_names(versions)
        now = None if seen.head is None else seen.head.id
        chosen = st.selectbox(
            "Version",
            list(names),
            index=list(names).index(now) if now in names else 0,
            format_func=lambda one: names.get(one, one),
            key=f"export_version_{now}",
            width=360,
        )
        subject = subject_at(app.db, seen.choice.run.id, chosen, len(seen.raw))
    st.caption(
        "Each text with its label, the one it was generated for, what proxies and annotators "
        "said, their confidence, whether it is in scope, and who said so."
    )
    name = "raw" if subject.version is None else subject.version.id
    with st.container(horizontal=True, vertical_alignment="center"):
        for form, words in _FORMATS.items():
            st.download_button(
                words,
                partial(_content, subject, form),
                file_name=f"wideset-{name}.{form}",
                icon=":material/download:",
                on_click="ignore",
                key=f"export-{form}",
                help=f"{len(subject.dataset):,} texts.",
            )
        for ending, words in (("md", "Data card"), ("json", "Data card as JSON")):
            st.download_button(
                words,
                partial(_card, app, seen, subject, ending),
                file_name=f"wideset-{name}-card.{ending}",
                icon=":material/description:",
                on_click="ignore",
                key=f"export-card-{ending}",
            )


def _content(subject: Subject, form: ExportFormat) -> io.BytesIO:
    return io.BytesIO(export_version(subject.texts, subject.specified, subject.rows, format=form))


def _card(app: AppContext, seen: Standing, subject: Subject, ending: str) -> io.BytesIO:
    card = version_card(
        app.db,
        subject,
        measures=_measures(app, seen, subject),
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
    if ending == "json":
        return io.BytesIO(json.dumps(card, ensure_ascii=False, indent=1).encode("utf-8"))
    return io.BytesIO(card_markdown(card).encode("utf-8"))


def _measures(app: AppContext, seen: Standing, subject: Subject) -> dict[str, Any]:
    dataset, measures = subject.dataset, {}
    for name, found in (
        ("label_accuracy_by_oracle", seen.by_oracle(dataset)),
        ("label_accuracy_by_audit_set", seen.by_people(dataset, audit=True)),
    ):
        if found is not None:
            measures[name] = found.overall.to_dict()
    if seen.oracle is not None:
        measures["oracle"] = {
            "accuracy": seen.oracle.to_dict(),
            "measured_on": seen.oracle_facts["measured_on"],
        }
    diversity = diversity_of(app.db, dataset, seen.fingerprint)
    if diversity is not None and diversity.value is not None:
        measures["remote_clique"] = {
            "value": diversity.value,
            "low": diversity.low,
            "high": diversity.high,
            "n": diversity.n,
            "encoder": seen.fingerprint,
            "distance": "cosine",
        }
    return measures


def show_versions(app: AppContext, seen: Standing) -> None:
    """Draw the tab."""
    st.caption(
        "A version is derived from another and never changed; every step can be taken back and "
        "forth, and a branch that was left stays."
    )
    versions = list_versions(app.db, seen.choice.run.id)
    if not versions:
        st.info(
            "Nothing was derived yet: these are the texts as generated.",
            icon=":material/account_tree:",
        )
    else:
        _show_tree(app, seen, versions)
        _show_choice(app, seen, versions)
        _show_growth(seen, versions)
    parts = (
        ("Compare two versions", "compare", lambda: show_comparison(app, seen, versions)),
        ("Edit by hand", "edit", lambda: show_editing(app, seen)),
        ("Take it away", "export", lambda: show_export(app, seen, versions)),
    )
    for title, key, show in parts:
        if key == "compare" and len(versions) < 2:
            continue
        part = st.expander(title, key=f"versions_{key}", on_change="rerun")
        if part.open:
            with part:
                show()


def _show_tree(app: AppContext, seen: Standing, versions: list[VersionRecord]) -> None:
    made_by = {m.version_id: m.who for m in moves_of(app.db, seen.choice.run.id)[::-1]}
    rows: list[dict[str, Any]] = []
    for version, depth in depth_first(versions):
        subject = subject_at(app.db, version.run_id, version.id, len(seen.raw))
        accuracy = seen.by_oracle(subject.dataset)
        diversity = diversity_of(app.db, subject.dataset, seen.fingerprint)
        rows.append(
            {
                "here": "●" if seen.head is not None and version.id == seen.head.id else "",
                "name": "\u2003" * depth + ("└ " if depth else "") + version.name,
                "how": settings_in_words(version),
                "n": len(subject.dataset),
                "replaced": sum(
                    row.kept and row.label != label
                    for row, label in zip(subject.rows, subject.specified, strict=True)
                ),
                "accuracy": percent(None if accuracy is None else accuracy.overall),
                "diversity": None if diversity is None else diversity.value,
                "who": made_by.get(version.id, "") if version.kind != "raw" else "",
                "when": datetime.fromtimestamp(version.created_at).astimezone(),
            }
        )
    text, number = st.column_config.TextColumn, st.column_config.NumberColumn
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height="content",
        column_config={
            "here": text("", width=25, help="Where the run stands."),
            "name": text("Version", width=215),
            "how": text("Settings", width=215),
            "n": number("Texts", format="localized", width=70),
            "replaced": number("Labels replaced", format="localized", width=110),
            "accuracy": text("By the oracle", width=100, help="Label accuracy by the oracle."),
            "diversity": number("Remote-Clique", format="%.3f", width=110),
            "who": text("By", width=80),
            "when": st.column_config.DatetimeColumn("Made", format="distance", width=100),
        },
        alt="The run's versions, each below the one it derives from",
    )


def _show_choice(app: AppContext, seen: Standing, versions: list[VersionRecord]) -> None:
    names = version_names(versions)
    now = seen.head.id if seen.head is not None else None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = st.selectbox(
            "Stand at",
            list(names),
            index=None if now is None else list(names).index(now),
            format_func=lambda one: names.get(one, one),
            key=f"versions_stand_{now}",
            width=360,
            help="What this page repairs next derives from the version that the run stands at.",
        )
        st.button(
            "Stand there",
            icon=":material/place:",
            key="versions_choose",
            disabled=wanted is None or wanted == now,
            on_click=_choose,
            args=(app, wanted),
        )


def _show_growth(seen: Standing, versions: list[VersionRecord]) -> None:
    if seen.head is not None and len(seen.subject.rows) < len(seen.raw):
        more = len(seen.raw) - len(seen.subject.rows)
        st.info(
            f"The run has generated {'one text' if more == 1 else f'{more:,} texts'} since this "
            "version was made; what is new is in no version yet.",
            icon=":material/playlist_add:",
        )


def _choose(app: AppContext, version_id: str) -> None:
    try:
        version = choose(app.db, version_id, who=annotator_name())
        st.session_state["intervened"] = f"The run stands at: {escape_markdown(version.name)}."
    except WidesetError as error:
        flash(error)
