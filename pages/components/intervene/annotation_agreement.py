"""How far annotators agree, and the texts on which they do not."""

import pandas as pd
import streamlit as st

from core.datasets import Dataset
from core.interventions.differences import agreements, differences, said_by
from core.store.judgements import Judgement, judgements_of
from core.store.runs import RunRecord
from pages.components.intervene.annotation_judge import ask_the_model
from pages.components.office import Office

_SHOWN = 500
_SCALE = (
    (0.81, "almost perfect"),
    (0.61, "substantial"),
    (0.41, "moderate"),
    (0.21, "fair"),
    (0.0, "slight"),
)


def in_words(kappa: float | None) -> str:
    """Kappa as Landis and Koch (1977) read it."""
    if kappa is None:
        return "undefined: both gave one label throughout"
    return next((word for least, word in _SCALE if kappa >= least), "worse than chance")


def show_agreement(office: Office, run: RunRecord, dataset: Dataset) -> None:
    """Draw kappa of every two annotators and where they differ; a model can be asked as well."""
    known = judgements_of(office.db, run.id)
    ask_the_model(office, run, dataset, known)
    _show_pairs(known, dataset)


def _show_pairs(known: list[Judgement], dataset: Dataset) -> None:
    people = said_by(known)
    if len(people) < 2:
        st.info(
            "Agreement needs two annotators. Another person gives a name above and takes the same "
            "audit set, or the order “Second opinion”; the language model is one, too.",
            icon=":material/group:",
        )
        return
    pairs = [pair for pair in agreements(known) if pair.n]
    if not pairs:
        st.info(
            f"{len(people)} annotators judged texts, but no two of them the same one.",
            icon=":material/group:",
        )
        return
    st.dataframe(
        pd.DataFrame(
            {
                "one": [pair.one for pair in pairs],
                "other": [pair.other for pair in pairs],
                "n": [pair.n for pair in pairs],
                "same": [pair.same / pair.n for pair in pairs],
                "kappa": [pair.kappa for pair in pairs],
                "words": [in_words(pair.kappa) for pair in pairs],
            }
        ),
        column_config={
            "one": st.column_config.TextColumn("Annotator"),
            "other": st.column_config.TextColumn("and"),
            "n": st.column_config.NumberColumn("Texts", help="Texts that both judged."),
            "same": st.column_config.ProgressColumn(
                "Same", format="percent", min_value=0.0, max_value=1.0
            ),
            "kappa": st.column_config.NumberColumn(
                "Cohen's kappa",
                format="%.2f",
                help="Agreement beyond chance: 0 is chance, 1 full agreement.",
            ),
            "words": st.column_config.TextColumn("In words (Landis and Koch 1977)"),
        },
        hide_index=True,
        alt="Agreement of every two annotators",
    )
    _show_differences(known, dataset, list(people))


def _show_differences(known: list[Judgement], dataset: Dataset, people: list[str]) -> None:
    found = differences(known)
    if not found:
        st.caption("No text is judged differently.")
        return
    row = {key: place for place, key in enumerate(dataset.ids)}
    shown = [one for one in found if one.id in row][:_SHOWN]
    st.markdown(f"**{len(found):,} texts judged differently**")
    st.dataframe(
        pd.DataFrame(
            {
                "text": [dataset.texts[row[one.id]] for one in shown],
                "specified": [dataset.labels[row[one.id]] for one in shown],
                **{f"by {who}": [one.said.get(who, "") for one in shown] for who in people},
            }
        ),
        column_config={
            "text": st.column_config.TextColumn("Text", width=560),
            "specified": st.column_config.TextColumn("Generated as"),
            **{f"by {who}": st.column_config.TextColumn(who) for who in people},
        },
        hide_index=True,
        alt="Texts on which annotators differ",
    )
