"""Encoders: what turns texts into vectors whose directions can be compared.

Each vector is computed once for an encoder and then kept in the store.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Protocol, TypedDict

import numpy as np

from core.diversity.measures.remote_clique import Vectors, no_pause
from core.domain.errors import BadInput
from core.domain.runs import Device
from core.domain.texts import text_hash
from core.store.database import Database
from core.store.diversity import add_vectors, known_vectors

Pooling = Literal["mean", "cls"]

AT_ONCE = 512  # texts embedded before their vectors are stored: what a kill can lose


@dataclass(frozen=True, slots=True)
class EncoderChoice:
    """Which encoder, how its vectors are pooled, and where it runs.

    Args:
        model: `embedded` (all-MiniLM-L6-v2), a Hugging Face id, or a local folder.
        pooling: `mean` over a text's tokens, or `cls`, the vector of the first one.
        device: `auto` takes CUDA, then MPS, then the CPU.

    Raises:
        BadInput: a value is none of these.
    """

    model: str = "embedded"
    pooling: Pooling = "mean"
    device: Device = "auto"

    def __post_init__(self) -> None:
        name = self.model
        if not isinstance(name, str) or not name.strip() or len(name) > 500 or "\0" in name:
            raise BadInput(
                "The encoder's name is empty or unusable.", "Use 'embedded', an id or a folder."
            )
        if self.pooling not in ("mean", "cls"):
            raise BadInput(f"The pooling '{self.pooling}' is unknown.", "Use mean or cls.")
        if self.device not in ("auto", "cpu", "cuda", "mps"):
            raise BadInput(f"The device '{self.device}' is unknown.", "Use auto, cpu, cuda or mps.")

    def to_dict(self) -> dict[str, str]:
        """The choice as JSON-ready data, the inverse of `encoder_choice_from_dict`."""
        return asdict(self)


def encoder_choice_from_dict(data: Mapping[str, Any]) -> EncoderChoice:
    """Build a choice from JSON data; what is not there is as usual.

    Raises:
        BadInput: a part of it is refused or unknown.
    """
    unknown = set(data) - {field.name for field in fields(EncoderChoice)}
    if unknown:
        raise BadInput(
            f"An encoder has no '{min(unknown)}'.", "It has a model, a pooling and a device."
        )
    return EncoderChoice(**data)


class EncoderFacts(TypedDict, total=False):
    """What an encoder is and runs on, as it is kept with what was measured by it.

    `choice` is its `EncoderChoice` as JSON, `fingerprint` as `Encoder.fingerprint`; `size` counts
    the numbers of a vector, `halved` how often a batch was too large for the memory.
    """

    choice: dict[str, str]
    model: str
    fingerprint: str
    pooling: str
    size: int
    max_tokens: int
    truncation: str
    device: str
    dtype: str
    threads: int
    torch: str
    transformers: str
    batch_tokens: int
    halved: int


class Encoder(Protocol):
    """Turns texts into vectors."""

    @property
    def fingerprint(self) -> str:
        """What tells its vectors from those of others: weights, pooling, length, number type."""

    @property
    def facts(self) -> EncoderFacts:
        """What it is and runs on."""

    @property
    def size(self) -> int:
        """Numbers of a vector."""

    def embed(self, texts: Sequence[str], *, between: Callable[[], None] = no_pause) -> Vectors:
        """The texts' vectors, float32 (texts, size), in the given order, as pooling gives them.

        Args:
            texts: any texts, empty ones too.
            between: called between two batches, some tenths of a second apart at most.

        Raises:
            BackendFailed: the memory does not do for a single text, or a vector is not finite.
        """


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
