"""The Compare two tab: is one model better than another, and on which texts do they differ?"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from core.classification.evaluation.comparison import Difference
from core.domain.wording import number, percent
from pages.components.shell import AppContext, escape_markdown
from pages.components.tables import show_texts
from pages.components.train.choice import Choice
from pages.components.train.trainings import (
    Answers,
    Training,
    answers_of,
    choose_training,
    difference_of,
)

_ALL, _FIRST, _SECOND, _BOTH = "They differ", "A right, B wrong", "B right, A wrong", "Both wrong"


def show_compare(app: AppContext, choice: Choice, trainings: Sequence[Training]) -> None:
    """Draw the choice of two, their difference, and the texts."""
    if len(trainings) < 2:
        st.info("Train another model to compare two.", icon=":material/balance:")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        first = choose_training("A", trainings, key="train_a", default=-2)
        second = choose_training("B", trainings, key="train_b")
    if first.id == second.id:
        st.info("A and B are the same model.", icon=":material/balance:")
        return
    a, b = answers_of(app.db, first), answers_of(app.db, second)
    difference = difference_of(a.right, b.right, (first.id, second.id), len(a.right))
    with st.grid(4, min_column_width=110, gap="small"):
        st.metric("Accuracy of A", number(float(a.right.mean()), digits=3))
        st.metric("Accuracy of B", number(float(b.right.mean()), digits=3))
        st.metric(
            "B minus A",
            f"{difference.difference:+.3f}",
            help="On the same test texts, averaged over repeats.",
        )
        st.metric("95% interval", f"{difference.low:+.3f} to {difference.high:+.3f}")
    st.caption(escape_markdown(verdict(difference, first.name, second.name)))
    _show_differences(a, b, labels=choice.task.label_names, key=f"{first.id}-{second.id}")


def verdict(difference: Difference, first: str, second: str) -> str:
    """The difference in words."""
    method = (
        f"Paired bootstrap over the {difference.n:,} test texts, 10,000 draws; B is better in "
        f"{percent(difference.share)} of them."
    )
    if difference.low > 0:
        return f"{second} is better than {first}. {method}"
    if difference.high < 0:
        return f"{first} is better than {second}. {method}"
    return f"The interval includes 0: no difference can be shown on this test set. {method}"


def _show_differences(first: Answers, second: Answers, *, labels: Sequence[str], key: str) -> None:
    truth = np.array(first.test.labels, dtype=object)
    a, b = (np.array(answers.labels, dtype=object) for answers in (first, second))
    groups = {
        _ALL: a != b,
        _FIRST: (a == truth) & (b != truth),
        _SECOND: (b == truth) & (a != truth),
        _BOTH: (a != truth) & (b != truth),
    }
    group = (
        st.segmented_control(
            "Texts",
            list(groups),
            format_func=lambda name: f"{name} ({int(groups[name].sum()):,})",
            default=_ALL,
            key="train_differences",
            required=True,
            label_visibility="collapsed",
        )
        or _ALL
    )
    rows = np.flatnonzero(groups[group])
    if not len(rows):
        st.info("No such texts.", icon=":material/check:")
        return
    frame = pd.DataFrame(
        {
            "text": [first.test.texts[row] for row in rows],
            "own": truth[rows],
            "a": a[rows],
            "b": b[rows],
            "Confidence of A": first.confidence[rows],
            "Confidence of B": second.confidence[rows],
        }
    )
    show_texts(
        frame,
        titles={"own": "True label", "a": "Predicted by A", "b": "Predicted by B"},
        shares=("Confidence of A", "Confidence of B"),
        labels=labels,
        key=f"differences-{group}-{key}",
        alt="Test texts and the predictions of both models",
        height=460,
    )
    st.caption(
        "Predictions are the label of the highest mean probability over the repeats, so their "
        "accuracy can differ from the mean accuracy above."
    )
