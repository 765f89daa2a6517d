"""The Versions tab: all versions of a run, the active one, comparison and export."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

import pandas as pd
import streamlit as st

from core.diversity.map.frame import display_names
from core.domain.registries.stages import STAGE
from core.domain.serialization import to_json
from core.domain.wording import counted
from core.files.exports import ExportFormat
from core.interventions.card import card_file, export_version, version_card
from core.interventions.versions import Subject, compare_versions
from core.store.interventions.versions import VersionRecord, choose, list_versions, moves_of
from pages.components.encoder import diversity_words, stored_diversity
from pages.components.intervene.header import change_version
from pages.components.intervene.previews import show_flow
from pages.components.intervene.state import (
    RunState,
    accuracy_value,
    overall_words,
)
from pages.components.shell import AppContext
from pages.components.tables import download_buttons, show_texts

_REMOVED = "(removed)"


def show_versions(app: AppContext, state: RunState) -> None:
    """Draw the tab."""
    st.caption(
        "Every intervention derives a new version; versions never change, and can be activated at "
        "any time."
    )
    versions = list_versions(app.db, state.choice.run.id)
    if not versions:
        st.info(
            "There are no versions yet: these are the texts as generated.",
            icon=":material/account_tree:",
        )
    else:
        _show_tree(app, state, versions)
        _show_activation(app, state, versions)
        missing = len(state.raw) - len(state.subject.rows)
        if state.version is not None and missing > 0:
            st.info(
                f"The run has generated {counted(missing, 'text')} since this version was made; "
                "no version contains them yet.",
                icon=":material/playlist_add:",
            )
    parts = [("Compare versions", "compare", _show_comparison)] if len(versions) > 1 else []
    for title, key, show in [*parts, ("Export", "export", _show_export)]:
        part = st.expander(title, key=f"versions_{key}", on_change="rerun")
        if part.open:
            with part:
                show(app, state, versions)


def depth_first(versions: Sequence[VersionRecord]) -> Iterator[tuple[VersionRecord, int]]:
    """The versions, each followed by those derived from it, with their depth from 0.

    Args:
        versions: each after its parent; one whose parent is missing counts as a root.
    """
    ids = {version.id for version in versions}
    children: dict[str | None, list[VersionRecord]] = {}
    for version in versions:
        parent = version.parent_id if version.parent_id in ids else None
        children.setdefault(parent, []).append(version)
    waiting = [(version, 0) for version in reversed(children.get(None, []))]
    while waiting:
        version, depth = waiting.pop()
        yield version, depth
        waiting += [(child, depth + 1) for child in reversed(children.get(version.id, []))]


def version_names(versions: Sequence[VersionRecord]) -> dict[str, str]:
    """Unique display names by id, in the order of the tree."""
    ordered = [version for version, _ in depth_first(versions)]
    names = display_names([version.name for version in ordered])
    return {version.id: name for version, name in zip(ordered, names, strict=True)}


def _show_tree(app: AppContext, state: RunState, versions: Sequence[VersionRecord]) -> None:
    made_by = {move.version_id: move.who for move in moves_of(app.db, state.choice.run.id)[::-1]}
    rows = []
    for version, depth in depth_first(versions):
        subject = state.at(app.db, version.id)
        diversity = stored_diversity(app.db, subject.dataset, state.fingerprint)
        rows.append(
            {
                "active": "●" if version.id == state.version_id else "",
                "name": "\u2003" * depth + ("└ " if depth else "") + version.name,
                "settings": STAGE[version.kind].settings_words(version.spec, version.facts),
                "n": len(subject.dataset),
                "replaced": subject.replaced,
                "accuracy": accuracy_value(state.accuracy_by_oracle(subject)),
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
        placeholder="–",
        column_config={
            "active": text("", width=25, help="Active version"),
            "name": text("Version", width=215),
            "settings": text("Settings", width=215),
            "n": number("Texts", format="localized", width=70),
            "replaced": number("Labels replaced", format="localized", width=110),
            "accuracy": text(
                "Label accuracy",
                width=110,
                help="By the oracle, of the texts that it did not label itself.",
            ),
            "diversity": number("Remote-Clique", format="%.3f", width=110),
            "who": text("By", width=80),
            "when": st.column_config.DatetimeColumn("Created", format="distance", width=100),
        },
        alt="Versions of the run, each below the one it derives from",
    )


def _choose_version(
    title: str, names: Mapping[str, str], *, key: str, default: str | None, help: str | None = None
) -> str | None:
    """Draw the choice of a version by its name; None where there is no default."""
    if st.session_state.get(key) not in names:
        st.session_state[key] = default
    chosen: str | None = st.selectbox(
        title,
        list(names),
        index=None if default is None else 0,
        format_func=lambda version: names.get(version, version),
        key=key,
        width=340,
        help=help,
    )
    return chosen


def _show_activation(app: AppContext, state: RunState, versions: Sequence[VersionRecord]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = _choose_version(
            "Active version",
            version_names(versions),
            key=f"versions_stand_{state.version_id}",
            default=state.version_id,
            help="Interventions on this page derive from the active version.",
        )
        st.button(
            "Activate",
            icon=":material/check_circle:",
            key="versions_choose",
            disabled=chosen is None or chosen == state.version_id,
            on_click=change_version,
            args=(choose, app.db, chosen),
        )


def _show_comparison(app: AppContext, state: RunState, versions: Sequence[VersionRecord]) -> None:
    names = version_names(versions)
    first, active = next(iter(names)), state.version_id or list(names)[-1]
    with st.container(horizontal=True):
        before, after = (
            state.at(app.db, _choose_version(title, names, key=key, default=default))
            for title, key, default in (
                ("From", "compare_from", first),
                ("To", "compare_to", active),
            )
        )
    result = compare_versions(before.rows, after.rows, label_names=state.label_names)
    old, new = _kept_labels(before), _kept_labels(after)
    with st.grid(2, min_column_width=420, gap="large"):
        with st.container():
            _show_measures(app, state, before, after, result.balance)
            st.caption(
                f"{counted(len(result.relabelled), 'label')} changed, {len(result.gone):,} texts "
                f"removed, {len(result.come):,} restored."
            )
        with st.container():
            show_flow(
                list(old.values()),
                [new.get(key, _REMOVED) for key in old],
                labels=state.label_names,
                sides=("from", "to"),
                key="compare-flow",
                alt="Labels in the one version and in the other",
            )
    texts = {**before.text_by_id, **after.text_by_id}
    changed = [key for key in texts if old.get(key) != new.get(key)]
    if not changed:
        st.caption("The versions are equal.")
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
    show_texts(
        frame,
        titles={"before": "From", "after": "To"},
        labels=state.label_names,
        key="compare-texts",
        alt="Texts that differ",
    )
    st.caption("Without a label, the text is not in that version.")


def _kept_labels(subject: Subject) -> dict[str, str]:
    return {row.sample_id: row.label for row in subject.rows if row.kept}


def _show_measures(
    app: AppContext,
    state: RunState,
    before: Subject,
    after: Subject,
    balance: dict[str, tuple[int, int]],
) -> None:
    sides = (before, after)
    measures: dict[str, Callable[[Subject], str]] = {
        "Texts": lambda side: f"{len(side.dataset):,}",
        "Accuracy (oracle)": lambda side: overall_words(state.accuracy_by_oracle(side)),
        "Accuracy (audit set)": lambda side: overall_words(side.accuracy_by_people(audit=True)),
        "Remote-Clique": lambda side: diversity_words(
            stored_diversity(app.db, side.dataset, state.fingerprint)
        ),
    }
    rows = [(name, *map(words, sides)) for name, words in measures.items()]
    rows += [(name, f"{old:,}", f"{new:,}") for name, (old, new) in balance.items()]
    text = st.column_config.TextColumn
    st.dataframe(
        pd.DataFrame(rows, columns=["what", "before", "after"]),
        hide_index=True,
        height="content",
        column_config={
            "what": text("", width=130),
            "before": text("From", width=155),
            "after": text("To", width=155),
        },
        alt="Measures of both versions",
    )


def _show_export(app: AppContext, state: RunState, versions: Sequence[VersionRecord]) -> None:
    subject = state.subject
    if versions:
        names = version_names(versions)
        chosen = _choose_version(
            "Version",
            names,
            key=f"export_version_{state.version_id}",
            default=state.version_id or next(iter(names)),
        )
        subject = state.at(app.db, chosen)
    st.caption(
        "Each text with its label, the label it was generated for, the labels by proxies and "
        "annotators with their confidence, whether it is in scope, and who judged it."
    )

    def content(form: ExportFormat) -> bytes:
        return export_version(subject.texts, subject.specified, subject.rows, format=form)

    name = "raw" if subject.version is None else subject.version.id
    with st.container(horizontal=True, vertical_alignment="center"):
        download_buttons(
            content,
            file_name=f"wideset-{name}",
            key="export",
            help=f"{counted(len(subject.dataset), 'text')}.",
        )
        for ending, title in (("md", "Data card"), ("json", "Data card as JSON")):
            st.download_button(
                title,
                partial(_card, app, state, subject, ending),
                file_name=f"wideset-{name}-card.{ending}",
                icon=":material/description:",
                on_click="ignore",
                key=f"export-card-{ending}",
            )


def _card(app: AppContext, state: RunState, subject: Subject, ending: str) -> io.BytesIO:
    card = version_card(
        app.db,
        subject,
        measures=_card_measures(app, state, subject),
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
    return io.BytesIO(card_file(card, as_json=ending == "json"))


def _card_measures(app: AppContext, state: RunState, subject: Subject) -> dict[str, object]:
    """The measures of a data card, JSON-ready."""
    dataset, measures = subject.dataset, dict[str, object]()
    for name, accuracy in (
        ("label_accuracy_by_oracle", state.accuracy_by_oracle(subject)),
        ("label_accuracy_by_audit_set", subject.accuracy_by_people(audit=True)),
    ):
        if accuracy is not None:
            measures[name] = to_json(accuracy.overall)
    if state.opinion is not None:
        measures["oracle"] = state.opinion.oracle.facts(dataset.labels)
    diversity = stored_diversity(app.db, dataset, state.fingerprint)
    if diversity is not None and diversity.value is not None:
        measures["remote_clique"] = {
            "value": diversity.value,
            "low": diversity.low,
            "high": diversity.high,
            "n": diversity.n,
            "encoder": state.fingerprint,
            "distance": "cosine",
        }
    return measures
