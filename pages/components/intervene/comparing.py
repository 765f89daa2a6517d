"""Two versions side by side: what changed, and what it did."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.datasets import Dataset
from core.figures.interventions import label_flow
from core.interventions.compare import difference
from core.interventions.subject import Subject
from core.store.versions import VersionRecord
from pages.components.intervene.accuracy_words import short
from pages.components.intervene.lineage import version_names
from pages.components.intervene.standing import Standing, subject_at
from pages.components.intervene.texts import choose_rows
from pages.components.intervene.vectors import diversity_of, in_words
from pages.components.office import Office

_GONE = "(removed)"


def show_comparison(office: Office, seen: Standing, versions: Sequence[VersionRecord]) -> None:
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
            sides.append(subject_at(office.db, seen.choice.run.id, chosen, len(seen.raw)))
    before, after = sides
    found = difference(before.rows, after.rows, label_names=seen.label_names)
    with st.grid(2, min_column_width=420, gap="large"):
        with st.container():
            _table(office, seen, before.dataset, after.dataset, found.balance)
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
    office: Office,
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
            *(in_words(diversity_of(office.db, one, seen.fingerprint)) for one in (before, after)),
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
