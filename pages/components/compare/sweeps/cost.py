"""What a sweep takes, told while its settings are chosen."""

import streamlit as st

from core.domain.datasets import Dataset
from core.domain.runs import Example
from core.jobs.sweeps.estimate import what_it_takes
from core.store.database import Database
from core.store.datasets import load_dataset, reference_key
from core.sweeps.cost_estimate import DryRun
from core.sweeps.grid.spec import Grid
from pages.components.shell import escape_markdown
from pages.components.spending import money

_MANY = 2_000  # runs; of more, looking each up would keep a person waiting


def show_takes(db: Database, grid: Grid) -> None:
    """What it takes, as far as it can be told at once.

    Raises:
        BadInput: the grid is refused.
    """
    grid.check_size()
    if grid.runs > _MANY:
        with st.grid(3, min_column_width=110, gap="small"):
            st.metric("Conditions", f"{grid.conditions:,}")
            st.metric("Runs", f"{grid.runs:,}")
            st.metric("Texts, at most", f"{grid.texts:,}")
        st.caption(f"Above {_MANY:,} runs time, tokens and what is there already are not told.")
        return
    train, n_test = real_texts(db, grid.recipe.reference)
    takes = what_it_takes(db, grid, train=train, n_test=n_test)
    asked = bool(takes.requests)
    with st.grid(4 if asked else 6, min_column_width=105, gap="small"):
        st.metric("Conditions", f"{takes.conditions:,}")
        st.metric(
            "Runs",
            f"{takes.runs:,}",
            help=f"{takes.reused:,} were generated before with equal settings and are reused; "
            f"{takes.assessed:,} of them are measured by this recipe, too.",
        )
        st.metric("Reused", f"{takes.reused:,}")
        st.metric("New texts", f"{takes.texts:,}")
        st.metric(
            "Tokens",
            _short(takes.tokens_in + takes.tokens_out),
            help=f"{takes.tokens_in:,} of prompts, {takes.tokens_out:,} generated, roughly.",
        )
        st.metric("Time", time_words(takes))
        if asked:
            st.metric("Requests", f"{takes.requests:,}", help="To servers, at least.")
            st.metric(
                "Money",
                money(takes.money, takes.currency),
                help="By the connection's prices and the numbers of tokens above.",
            )
    cost = ""
    if takes.money == 0 and not asked:
        cost = "It costs no money: the models run on this machine. "
    st.caption(escape_markdown(f"{cost}{' '.join(takes.notes)}"))


def _short(number: int) -> str:
    if number >= 10_000_000:
        return f"{number / 1e6:,.0f} M"
    if number >= 1_000_000:
        return f"{number / 1e6:.1f} M"
    return f"{number / 1e3:,.0f} k" if number >= 10_000 else f"{number:,}"


def time_words(takes: DryRun) -> str:
    """How long it takes, from the least to the most."""
    if takes.minutes_low is None or takes.minutes_high is None:
        return "unknown"
    if takes.minutes_high * 60 < 1:
        return "none"
    low, high = takes.minutes_low, takes.minutes_high
    if high < 1:
        return "under 1 min"
    if high < 120:
        return f"{max(1, round(low))} to {max(2, round(high))} min"
    return f"{low / 60:.1f} to {high / 60:.1f} h"


def real_texts(db: Database, reference_id: str | None) -> tuple[tuple[Example, ...], int]:
    """The reference's train part, and how many texts its test part has."""
    if reference_id is None:
        return (), 0
    train = _part(db, reference_key(reference_id, "train"))
    pairs = zip(train.texts, train.labels, strict=True)
    return tuple(Example(*pair) for pair in pairs), len(
        _part(db, reference_key(reference_id, "test"))
    )


@st.cache_resource(max_entries=8, show_spinner=False)
def _part(_db: Database, key: str) -> Dataset:
    """A reference's part, which never changes."""
    return load_dataset(_db, key)
