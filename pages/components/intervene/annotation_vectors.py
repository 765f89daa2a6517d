"""Stored vectors of a run's texts, held in memory between two keys."""

import numpy as np
import numpy.typing as npt
import streamlit as st

from core.datasets import Dataset
from core.store.database import Database
from core.store.embeddings import encoders_of, matrix_of
from core.texts import text_hash

Vectors = npt.NDArray[np.float32]


def vectors_of(db: Database, dataset: Dataset, fingerprint: str | None) -> Vectors | None:
    """The texts' vectors, float32 (texts, size); None while one is missing.

    Args:
        db: the store.
        dataset: the texts.
        fingerprint: of the encoder; None takes any that knows all texts.
    """
    try:
        return _vectors(db, dataset, dataset.key, len(dataset), fingerprint)
    except LookupError:
        return None


@st.cache_resource(max_entries=3, show_spinner=False)
def _vectors(
    _db: Database, _dataset: Dataset, key: str, n: int, fingerprint: str | None
) -> Vectors:
    hashes = [text_hash(text) for text in _dataset.texts]
    names = [fingerprint] if fingerprint is not None else sorted(encoders_of(_db, hashes))
    for name in names:
        found = matrix_of(_db, name, hashes)
        if found is not None:
            return found
    raise LookupError("a vector is missing")  # what is raised is not kept
