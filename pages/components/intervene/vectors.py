"""Remote-Clique of a version, from the stored vectors, without a worker."""

from collections.abc import Sequence

import streamlit as st

from core.diversity.measures.remote_clique import CliqueSum, Estimate, Vectors
from core.domain.datasets import Dataset
from core.domain.texts import text_hash
from core.store.database import Database
from core.store.diversity.embeddings import matrix_of


def diversity_of(db: Database, dataset: Dataset, fingerprint: str | None) -> Estimate | None:
    """Remote-Clique with its interval; None while a vector is missing."""
    vectors = vectors_of(db, dataset, fingerprint)
    if vectors is None or fingerprint is None:
        return None
    return _estimate(vectors, dataset.key, len(dataset), fingerprint)


def vectors_of(db: Database, dataset: Dataset, fingerprint: str | None) -> Vectors | None:
    """The texts' vectors, float32 (texts, size); None while one is missing."""
    if fingerprint is None:
        return None
    try:
        return _vectors(db, dataset.texts, dataset.key, len(dataset), fingerprint)
    except LookupError:
        return None


def estimate(vectors: Vectors) -> Estimate:
    """Remote-Clique of some vectors, float32 (texts, size)."""
    total = CliqueSum(vectors.shape[1])
    total.add(vectors)
    return total.estimate()


def in_words(found: Estimate | None) -> str:
    """0.712 (0.690 to 0.734)."""
    if found is None or found.value is None:
        return "unknown"
    if found.low is None:
        return f"{found.value:.3f}"
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


@st.cache_resource(max_entries=4, show_spinner=False)
def _vectors(_db: Database, _texts: Sequence[str], key: str, n: int, fingerprint: str) -> Vectors:
    found = matrix_of(_db, fingerprint, [text_hash(text) for text in _texts])
    if found is None:
        raise LookupError("a vector is missing")  # what is raised is not kept
    return found


@st.cache_resource(max_entries=64, show_spinner=False)
def _estimate(_vectors: Vectors, key: str, n: int, fingerprint: str) -> Estimate:
    return estimate(_vectors)
