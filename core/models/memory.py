"""Memory that runs out: fewer texts go through the model at once, and that is recorded."""

from typing import Any

from core.domain.errors import BackendFailed
from core.models.devices import give_memory_back

# How torch says it, on CUDA and MPS and on a CPU.
_NO_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _NO_MEMORY)
    )


class Portion:
    """How many texts go through the model at once.

    Args:
        size: at first, at least 1.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.first = size

    def parts(self, rows: Any) -> list[Any]:
        """The rows of a batch, cut into portions."""
        return [rows[start : start + self.size] for start in range(0, len(rows), self.size)]

    def halve(self) -> None:
        """Go on with half as many.

        Raises:
            BackendFailed: it is one text already.
        """
        if self.size == 1:
            raise BackendFailed(
                "Memory ran out with a single text at once.",
                "Choose a smaller model, fewer tokens a text, or the device cpu.",
            )
        self.size = (self.size + 1) // 2
        give_memory_back()
