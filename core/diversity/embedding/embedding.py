"""Embedding: the vectors of texts, each computed once for an encoder and then kept in the store."""

from collections.abc import Callable, Sequence

import numpy as np

from core.diversity.embedding.encoder import Encoder
from core.diversity.measures.remote_clique import Vectors, no_pause
from core.domain.texts import text_hash
from core.store.database import Database
from core.store.diversity.embeddings import add_vectors, known_vectors

# Texts that are embedded before their vectors are stored: what a kill can lose.
AT_ONCE = 512


def embedded(
    db: Database,
    encoder: Encoder,
    texts: Sequence[str],
    *,
    between: Callable[[], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Vectors:
    """The texts' vectors: those the store knows from there, the others embedded and stored.

    Args:
        db: the store.
        encoder: embeds what is missing, each different text once.
        texts: in any order, repetitions too.
        between: called between two batches of the encoder.
        progress: called with texts done and texts in all, repetitions counted: once at the start
            and after each part that was stored.

    Returns:
        float32 (texts, size), in the texts' order.

    Raises:
        BackendFailed: the encoder can't embed a text; what was stored before stays.
        StoreFull, StoreBusy: likewise.
    """
    hashes = [text_hash(text) for text in texts]
    by_hash = dict(zip(hashes, texts, strict=True))
    counts: dict[bytes, int] = dict.fromkeys(by_hash, 0)
    for key in hashes:
        counts[key] += 1
    vectors = known_vectors(db, encoder.fingerprint, by_hash)
    missing = [key for key in by_hash if key not in vectors]
    done = len(texts) - sum(counts[key] for key in missing)

    def report() -> None:
        if progress is not None:
            progress(done, len(texts))

    report()
    for start in range(0, len(missing), AT_ONCE):
        part = missing[start : start + AT_ONCE]
        made = encoder.embed([by_hash[key] for key in part], between=between or no_pause)
        fresh = dict(zip(part, made, strict=True))
        add_vectors(db, encoder.fingerprint, fresh)
        vectors |= fresh
        done += sum(counts[key] for key in part)
        report()
    if not texts:
        return np.empty((0, encoder.size), dtype=np.float32)
    return np.stack([vectors[key] for key in hashes])
