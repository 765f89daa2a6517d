"""Datasets as the Train page reads them again and again."""

import streamlit as st

from core.datasets import Dataset
from core.store.database import Database
from core.store.datasets import load_dataset


@st.cache_resource(max_entries=32, show_spinner=False)
def dataset_at(_db: Database, key: str, n: int = 0) -> Dataset:
    """The texts behind a key; `n` tells a run that grew from its younger self, others never do."""
    return load_dataset(_db, key)
