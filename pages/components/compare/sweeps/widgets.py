"""The widgets of a new sweep's settings; `sweep_settings` reads them."""

from collections.abc import Mapping

import streamlit as st

from core.domain.references import Reference
from core.domain.runs import MAX_PER_LABEL
from core.sweeps.assessment.recipe import ALL, Classifier
from core.sweeps.grid.spec import MAX_REPEATS
from pages.components.compare.sweeps.models import choose_models
from pages.components.compare.sweeps.settings import key_of, several
from pages.components.shell import AppContext

_AXES: Mapping[str, tuple[str, tuple[str, ...], str]] = {
    "temperature": (
        "Temperature",
        ("0.3", "0.5", "0.7", "0.9", "1.1", "1.3", "1.5"),
        "How freely words are chosen. Paper: 0.3, 0.7, 0.9, 1.3.",
    ),
    "suppression": (
        "Logit suppression",
        ("0", "2.5", "5", "7.5", "10"),
        "Makes words that were used often less likely: 0 is off, the paper's is 7.5.",
    ),
    "seeding": (
        "Real seed examples",
        ("0", "9", "18", "36"),
        "Texts of the reference that the prompts begin with: 0 is unseeded, the paper has 18.",
    ),
    "min_p": (
        "min_p",
        ("0", "0.02", "0.05", "0.1"),
        "Drops tokens less likely than this share of the likeliest; 0 is off.",
    ),
}
_BUDGETS = ("90", "180", "270", ALL)
_CLASSIFIERS: Mapping[Classifier, str] = {
    "probe": "Linear probe",
    "fine-tuning": "Fine-tuning",
    "none": "None",
}


def axes_widgets(app: AppContext, reference: Reference | None) -> None:
    """Draw the axes."""
    with st.grid(2, min_column_width=300, gap="small"):
        for axis, (title, offered, told) in _AXES.items():
            several(
                axis,
                title,
                offered,
                told,
                disabled=axis == "seeding" and reference is None,
            )
        choose_models(app)


def size_widgets() -> None:
    """Draw what else decides the texts."""
    with st.grid(4, min_column_width=140, gap="small"):
        _number("per_label", "Texts a label", 1, MAX_PER_LABEL, "Of each run.")
        _number(
            "texts_a_request",
            "Texts a request",
            1,
            100,
            "Suppression and examples move on between requests alone: a third of a label's texts "
            "or fewer lets them act.",
        )
        _number("repeats", "Repeats", 1, MAX_REPEATS, "Runs of each condition; the paper has 3.")
        _number("seed", "First seed", 0, 2**31 - 1, "Each further repeat has the next.")


def repair_widgets(reference: Reference | None) -> None:
    """Draw what is measured and repaired."""
    off = reference is None
    with st.grid(3, min_column_width=250, gap="small", vertical_alignment="bottom"):
        several(
            "budgets",
            "Label replacement: inspected texts",
            _BUDGETS,
            "The oracle stands in for the annotator. As generated is always measured.",
            disabled=off,
        )
        with st.container():
            st.segmented_control(
                "Classifier",
                list(_CLASSIFIERS),
                format_func=_CLASSIFIERS.__getitem__,
                key=key_of("classifier"),
                required=True,
                persist_state="session",
                disabled=off,
                help="Trained on each set and tested on real texts, for model accuracy. "
                "Fine-tuning takes minutes a set, a probe a second.",
            )
        with st.container():
            st.toggle(
                "Out-of-scope filtering, too",
                key=key_of("filter"),
                persist_state="session",
                disabled=off,
                help="Doubles the sets that are measured.",
            )


def name_widgets() -> None:
    """Draw what the sweep is called."""
    with st.grid(3, min_column_width=180, gap="small"):
        st.text_input(
            "Name",
            key=key_of("name"),
            max_chars=200,
            persist_state="session",
            placeholder="By its size",
        )
        st.text_input(
            "Study",
            key=key_of("study"),
            max_chars=200,
            persist_state="session",
            placeholder="None",
            help="Sweeps of several tasks that share a study's name are compared together.",
        )
        _number("cap", "Most conditions", 1, 10**6, "A grid above it is refused.")


def _number(name: str, title: str, low: int, high: int, told: str) -> None:
    st.number_input(title, low, high, key=key_of(name), step=1, persist_state="session", help=told)
