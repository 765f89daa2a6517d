"""The choice of an encoder in the sidebar, and the stored vectors of texts with their diversity."""

from collections.abc import Sequence
from typing import get_args

import streamlit as st

from core.diversity.embedding.encoder import EncoderChoice, Pooling
from core.diversity.measures.remote_clique import CliqueSum, Estimate, Vectors
from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.domain.registries.metrics import METRIC
from core.domain.texts import text_hash
from core.domain.wording import UNKNOWN
from core.store.database import Database
from core.store.diversity import encoders_of, matrix_of
from pages.components.shell import escape_markdown

_BUILT_IN, _HUB = "Built-in", "Hugging Face"


def choose_encoder() -> EncoderChoice | None:
    """Draw the choice; None while it is incomplete or invalid."""
    with st.expander("Encoder", icon=":material/scatter_plot:"):
        kind = st.segmented_control(
            "Encoder",
            [_BUILT_IN, _HUB],
            default=_BUILT_IN,
            key="encoder_kind",
            required=True,
            persist_state="session",
            label_visibility="collapsed",
        )
        if kind == _BUILT_IN:
            st.caption("all-MiniLM-L6-v2 with mean pooling; runs on this machine, offline.")
            return EncoderChoice()
        name = st.text_input(
            "Model id or folder",
            key="encoder_id",
            persist_state="session",
            placeholder="google-bert/bert-base-uncased",
        ).strip()
        pooling = st.segmented_control(
            "Pooling",
            get_args(Pooling),
            default="mean",
            key="encoder_pooling",
            required=True,
            persist_state="session",
            help="The mean over all tokens, or the vector of the first token (CLS).",
        )
        if not name:
            st.info("Enter a model id or folder.")
            return None
        try:
            return EncoderChoice(model=name, pooling=pooling or "mean")
        except BadInput as error:
            st.error(escape_markdown(str(error)))
            return None


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
