"""Stored vectors of texts, kept in memory between reruns, and Remote-Clique from them."""

from collections.abc import Sequence

import streamlit as st

from core.diversity.measures.remote_clique import CliqueSum, Estimate, Vectors
from core.domain.datasets import Dataset
from core.domain.registries.metrics import METRIC
from core.domain.texts import text_hash
from core.domain.wording import UNKNOWN
from core.store.database import Database
from core.store.diversity import encoders_of, matrix_of


def stored_vectors(
    db: Database, dataset: Dataset, fingerprint: str | None, *, any_encoder: bool = False
) -> Vectors | None:
    """The texts' vectors, float32 (texts, size); None while one is missing.

    Args:
        db: the store.
        dataset: the texts.
        fingerprint: of the encoder, None while it is unknown.
        any_encoder: an unknown encoder means any that has embedded all the texts.
    """
    if fingerprint is None and not any_encoder:
        return None
    try:
        return _vectors(db, dataset.texts, dataset.key, len(dataset), fingerprint)
    except LookupError:
        return None


@st.cache_resource(max_entries=4, show_spinner=False)
def _vectors(
    _db: Database, _texts: Sequence[str], key: str, n: int, fingerprint: str | None
) -> Vectors:
    hashes = [text_hash(text) for text in _texts]
    encoders = [fingerprint] if fingerprint is not None else sorted(encoders_of(_db, hashes))
    for encoder in encoders:
        vectors = matrix_of(_db, encoder, hashes)
        if vectors is not None:
            return vectors
    raise LookupError("a vector is missing")  # exceptions are not cached


def stored_diversity(db: Database, dataset: Dataset, fingerprint: str | None) -> Estimate | None:
    """Remote-Clique with its interval, without a worker; None while a vector is missing."""
    vectors = stored_vectors(db, dataset, fingerprint)
    if vectors is None or fingerprint is None:
        return None
    return _estimate(vectors, dataset.key, len(dataset), fingerprint)


@st.cache_resource(max_entries=64, show_spinner=False)
def _estimate(_vectors: Vectors, key: str, n: int, fingerprint: str) -> Estimate:
    return remote_clique(_vectors)


def remote_clique(vectors: Vectors) -> Estimate:
    """Remote-Clique of vectors, float32 (texts, size)."""
    total = CliqueSum(vectors.shape[1])
    total.add(vectors)
    return total.estimate()


def diversity_words(estimate: Estimate | None) -> str:
    """ "0.712 (0.690 to 0.734)"."""
    if estimate is None:
        return UNKNOWN
    return METRIC["remote_clique"].estimate_words(estimate.value, estimate.low, estimate.high)
