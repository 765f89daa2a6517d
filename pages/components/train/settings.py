"""Settings of training in the side bar of the Train page."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.classification.settings import EMBEDDED_RATE, PAPER_RATE, FineTuning

_USUAL = FineTuning()


def choose_settings(encoders: Sequence[str]) -> tuple[dict[str, Any], tuple[int, ...]]:
    """Draw the settings, folded away.

    Args:
        encoders: those that are trained or probed.

    Returns:
        Arguments of `FineTuning` but its model, and the seeds of the repeats.
    """
    with st.expander("Settings", icon=":material/tune:"):
        with st.container(horizontal=True):
            repeats = _whole("Repeats", "train_repeats", 3, 1, 10, "Each with a seed of its own.")
            seed = _whole("First seed", "train_seed", 0, 0, 2**31 - 20)
        own_rate = st.toggle(
            "Learning rate of my own",
            key="train_own_rate",
            persist_state="session",
            help=f"Else {EMBEDDED_RATE:g} for MiniLM (measured) and the paper's {PAPER_RATE:g} "
            "for other encoders.",
        )
        rate = None
        if own_rate:
            rate = st.number_input(
                "Learning rate",
                1e-7,
                1.0,
                EMBEDDED_RATE,
                format="%.1e",
                step=1e-5,
                key="train_rate",
                persist_state="session",
            )
        with st.container(horizontal=True):
            epochs = _whole("Epochs at most", "train_epochs", _USUAL.max_epochs, 1, 1_000)
            patience = _whole(
                "Patience",
                "train_patience",
                _USUAL.patience,
                1,
                1_000,
                "Epochs without a better one on the texts held out, after which training ends.",
            )
        with st.container(horizontal=True):
            warmup = _whole("Warm-up epochs", "train_warmup", _USUAL.warmup_epochs, 0, 100)
            batch = _whole("Batch size", "train_batch", _USUAL.batch_size, 1, 1_024)
        weights = st.toggle(
            "Class weights",
            key="train_weights",
            persist_state="session",
            help="Rare labels count more, so that all labels count the same. Label replacement "
            "may leave labels of unlike size.",
        )
        if encoders and all(one == "embedded" for one in encoders):
            st.caption("A tenth of each label's texts is held out for early stopping.")
    tuning = {
        "learning_rate": rate,
        "max_epochs": epochs,
        "patience": patience,
        "warmup_epochs": warmup,
        "batch_size": batch,
        "class_weights": weights,
    }
    return tuning, tuple(range(seed, seed + repeats))


def _whole(label: str, key: str, value: int, low: int, high: int, told: str | None = None) -> int:
    return int(
        st.number_input(
            label, low, high, value, key=key, persist_state="session", help=told, width=130
        )
    )
