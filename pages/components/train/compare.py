"""Two rows of the ladder beside each other: is one better, and on which texts do they differ?"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from core.classification.evaluation.comparison import Difference
from pages.components.shell import AppContext, escape_markdown
from pages.components.train.answers import Answers, answers_of, difference_of
from pages.components.train.entries import Entry
from pages.components.train.labelled import show_labelled

_ALL, _FIRST, _SECOND, _BOTH = "They differ", "A right, B wrong", "B right, A wrong", "Both wrong"


def show_compare(app: AppContext, entries: Sequence[Entry], *, labels: Sequence[str]) -> None:
    """Draw the choice of two, their difference, and the texts."""
    if len(entries) < 2:
        st.info("Comparing takes two rows. Train another one.", icon=":material/balance:")
        return
    by_id = {one.record.id: one for one in entries}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        first = _choose("A", by_id, "train_a", -2)
        second = _choose("B", by_id, "train_b", -1)
    if first.record.id == second.record.id:
        st.info("A and B are the same row.", icon=":material/balance:")
        return
    one, other = answers_of(app.db, first), answers_of(app.db, second)
    ids = (first.record.id, second.record.id)
    found = difference_of(one.right, other.right, ids, len(one.right))
    with st.grid(4, min_column_width=110, gap="small"):
        st.metric("A's accuracy", f"{one.right.mean():.3f}")
        st.metric("B's accuracy", f"{other.right.mean():.3f}")
        st.metric(
            "B minus A",
            f"{found.difference:+.3f}",
            help="Over the same test texts, repeats averaged.",
        )
        st.metric("95 % interval", f"{found.low:+.3f} to {found.high:+.3f}")
    st.caption(escape_markdown(verdict(found, first.name, second.name)))
    _show_texts(one, other, labels=labels, key="-".join(ids))


def verdict(found: Difference, first: str, second: str) -> str:
    """The difference in words."""
    how = (
        f"Paired bootstrap over the {found.n:,} test texts, 10,000 draws: B is the better one in "
        f"{found.share:.1%} of them."
    )
    if found.low > 0:
        return f"{second} is better than {first} on such texts. {how}"
    if found.high < 0:
        return f"{first} is better than {second} on such texts. {how}"
    return f"The interval holds 0: on so many texts the two can't be told apart. {how}"


def _choose(label: str, by_id: dict[str, Entry], key: str, usual: int) -> Entry:
    ids = list(by_id)
    if st.session_state.get(key) not in by_id:
        st.session_state[key] = ids[max(-len(ids), usual)]
    chosen = st.selectbox(
        label,
        ids,
        format_func=lambda one: by_id[one].name if one in by_id else one,
        key=key,
        persist_state="session",
    )
    return by_id[chosen]


def _show_texts(one: Answers, other: Answers, *, labels: Sequence[str], key: str) -> None:
    own = np.array(one.test.labels, dtype=object)
    a, b = (np.array(answers.labels, dtype=object) for answers in (one, other))
    kinds = {
        _ALL: a != b,
        _FIRST: (a == own) & (b != own),
        _SECOND: (b == own) & (a != own),
        _BOTH: (a != own) & (b != own),
    }
    picked = (
        st.segmented_control(
            "Texts",
            list(kinds),
            format_func=lambda kind: f"{kind} ({int(kinds[kind].sum()):,})",
            default=_ALL,
            key="train_differences",
            required=True,
            label_visibility="collapsed",
        )
        or _ALL
    )
    rows = np.flatnonzero(kinds[picked])
    if not len(rows):
        st.info("No such text.", icon=":material/check:")
        return
    frame = pd.DataFrame(
        {
            "text": [one.test.texts[row] for row in rows],
            "own": own[rows],
            "a": a[rows],
            "b": b[rows],
            "confidence of A": one.confidence[rows],
            "confidence of B": other.confidence[rows],
        }
    )
    show_labelled(
        frame,
        titles={"own": "Real label", "a": "A says", "b": "B says"},
        labels=labels,
        key=f"differences-{picked}-{key}",
        alt="Test texts and what the two say of them",
        height=460,
    )
    st.caption(
        "What a row says is the label of the highest mean probability over its repeats. Taken "
        "together so, repeats can be more often right, or less, than their mean accuracy above."
    )
