"""Encoders: what turns texts into vectors whose directions can be compared."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Protocol, TypedDict

from core.diversity.measures.remote_clique import Vectors, no_pause
from core.domain.errors import BadInput
from core.domain.runs import Device

Pooling = Literal["mean", "cls"]


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
