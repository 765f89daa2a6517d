"""A version as a file with where each label is from, and its data card."""

import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import streamlit as st

from core.exports import ExportFormat
from core.interventions.card import card_markdown
from core.interventions.provenance import export_version
from core.interventions.subject import Subject
from core.interventions.version_card import version_card
from core.store.versions import VersionRecord
from pages.components.intervene.lineage import version_names
from pages.components.intervene.standing import Standing, subject_at
from pages.components.intervene.vectors import diversity_of
from pages.components.office import Office

_FORMATS: dict[ExportFormat, str] = {"csv": "CSV", "jsonl": "JSONL", "parquet": "Parquet"}


def show_export(office: Office, seen: Standing, versions: Sequence[VersionRecord]) -> None:
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
        subject = subject_at(office.db, seen.choice.run.id, chosen, len(seen.raw))
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
                partial(_card, office, seen, subject, ending),
                file_name=f"wideset-{name}-card.{ending}",
                icon=":material/description:",
                on_click="ignore",
                key=f"export-card-{ending}",
            )


def _content(subject: Subject, form: ExportFormat) -> io.BytesIO:
    return io.BytesIO(export_version(subject.texts, subject.specified, subject.rows, format=form))


def _card(office: Office, seen: Standing, subject: Subject, ending: str) -> io.BytesIO:
    card = version_card(
        office.db,
        subject,
        measures=_measures(office, seen, subject),
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
    if ending == "json":
        return io.BytesIO(json.dumps(card, ensure_ascii=False, indent=1).encode("utf-8"))
    return io.BytesIO(card_markdown(card).encode("utf-8"))


def _measures(office: Office, seen: Standing, subject: Subject) -> dict[str, Any]:
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
    diversity = diversity_of(office.db, dataset, seen.fingerprint)
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
