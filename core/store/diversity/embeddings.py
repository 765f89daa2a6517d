"""Embeddings in the store: a text's vector is computed once for each encoder, whoever holds it."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from core.store.database import Database

_AT_ONCE = 500  # hashes a query; SQLite allows 999 values in its oldest versions

Vector = npt.NDArray[np.float32]


def known_vectors(db: Database, encoder: str, hashes: Iterable[bytes]) -> dict[bytes, Vector]:
    """The vectors that are there, by text hash; those that are missing are left out.

    Args:
        db: the store.
        encoder: the encoder's fingerprint.
        hashes: of `core.domain.texts.text_hash`; repetitions are harmless.

    Returns:
        float32 (size,) each, read-only.
    """
    wanted = list(dict.fromkeys(hashes))
    vectors: dict[bytes, Vector] = {}
    with db.read() as connection:
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]
            marks = ",".join("?" * len(part))
            for row in connection.execute(
                f"SELECT text_hash, vector FROM embeddings"
                f" WHERE encoder = ? AND text_hash IN ({marks})",
                (encoder, *part),
            ):
                vectors[row["text_hash"]] = np.frombuffer(row["vector"], dtype="<f4")
    return vectors


def matrix_of(db: Database, encoder: str, hashes: Sequence[bytes]) -> Vector | None:
    """The vectors of texts in their order, float32 (texts, size); None if any is missing."""
    known = known_vectors(db, encoder, hashes)
    if not hashes or any(key not in known for key in hashes):
        return None
    return np.stack([known[key] for key in hashes])


def add_vectors(db: Database, encoder: str, vectors: Mapping[bytes, Vector]) -> None:
    """Store vectors by text hash in one short transaction; those already there stay.

    Raises:
        StoreFull, StoreBusy: none of them was stored.
        ValueError: a vector is not finite.
    """
    rows = []
    for key, vector in vectors.items():
        if not np.isfinite(vector).all():
            raise ValueError("an embedding is not finite")
        rows.append((encoder, key, np.ascontiguousarray(vector, dtype="<f4").tobytes()))
    with db.write() as connection:
        connection.executemany(
            "INSERT INTO embeddings (encoder, text_hash, vector) VALUES (?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            rows,
        )


def encoders_of(db: Database, hashes: Iterable[bytes]) -> set[str]:
    """The encoders under which any of these texts is embedded."""
    wanted = list(dict.fromkeys(hashes))
    encoders: set[str] = set()
    with db.read() as connection:
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]
            marks = ",".join("?" * len(part))
            rows = connection.execute(
                f"SELECT DISTINCT encoder FROM embeddings WHERE text_hash IN ({marks})", part
            )
            encoders |= {row["encoder"] for row in rows}
    return encoders
