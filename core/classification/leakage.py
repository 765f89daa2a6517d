"""Leakage: test texts that training has seen, word for word or nearly so.

A score on them says how well a classifier remembers, not how well it reads.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.diversity.remote_clique import unit_vectors
from core.texts import fold

# Above it, texts of all-MiniLM-L6-v2 differ by a word, a mark or their order; from 0.93 down they
# begin to be paraphrases. Test texts that have one in training: sst2 0 of 1,821, CARER 3 of 2,000,
# HWU64 85 of 1,076.
NEAR = 0.95
_CELLS = 8_000_000  # cosines held at once: 32 MB


@dataclass(frozen=True, slots=True)
class Overlap:
    """A test text and the training text that it repeats.

    Args:
        test: row of the test text.
        train: row of the first training text of that kind.
        similarity: cosine, at most 1; 1 where the texts are the same.
    """

    test: int
    train: int
    similarity: float


@dataclass(frozen=True, slots=True)
class Leakage:
    """What training has seen of a test.

    Args:
        exact: test texts that are training texts, but for case and white space.
        near: others that lie nearer to one than the threshold.
        threshold: a cosine; None if near repeats were not looked for.
        n: test texts.
    """

    exact: tuple[Overlap, ...]
    near: tuple[Overlap, ...]
    threshold: float | None
    n: int

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    def warning(self) -> str | None:
        """What to tell; None if nothing was found."""
        advice = "the scores are too good. Take them out of one of the two."
        if not self.exact:
            told = f"{len(self.near):,} of {self.n:,} test texts nearly repeat a training text"
            return f"{told}: {advice}" if self.near else None
        nearly = f", {len(self.near):,} more nearly so" if self.near else ""
        told = f"{len(self.exact):,} of {self.n:,} test texts are training texts, too{nearly}"
        return f"{told}: {advice}"


def look_for_leakage(
    train: Sequence[str],
    test: Sequence[str],
    *,
    vectors: "tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]] | None" = None,
    threshold: float = NEAR,
) -> Leakage:
    """Look for test texts among the training texts.

    Args:
        train: training texts.
        test: test texts.
        vectors: embeddings of both, (texts, size) each; without them only exact repeats are found.
        threshold: the least cosine of a near repeat.
    """
    exact = exact_overlaps(train, test)
    if vectors is None:
        return Leakage(tuple(exact), (), None, len(test))
    known = {overlap.test for overlap in exact}
    near = [o for o in near_overlaps(*vectors, threshold=threshold) if o.test not in known]
    return Leakage(tuple(exact), tuple(near), threshold, len(test))


def exact_overlaps(train: Sequence[str], test: Sequence[str]) -> list[Overlap]:
    """Test texts that are training texts, case folded and white space collapsed."""
    first: dict[str, int] = {}
    for row, text in enumerate(train):
        first.setdefault(fold(text), row)
    found = [(row, first.get(fold(text))) for row, text in enumerate(test)]
    return [Overlap(row, seen, 1.0) for row, seen in found if seen is not None]


def near_overlaps(
    train: "npt.NDArray[np.float32]",
    test: "npt.NDArray[np.float32]",
    *,
    threshold: float = NEAR,
) -> list[Overlap]:
    """Test texts whose nearest training text has at least that cosine; a block at a time.

    Args:
        train: embeddings of training texts, float32 (texts, size).
        test: embeddings of test texts, by the same encoder.
        threshold: a cosine.
    """
    seen, asked = unit_vectors(train), unit_vectors(test)
    height = max(1, _CELLS // max(1, len(seen)))
    found = []
    for start in range(0, len(asked), height):
        cosines = asked[start : start + height] @ seen.T
        nearest = cosines.argmax(axis=1)
        values = cosines[np.arange(len(cosines)), nearest]
        for place in np.flatnonzero(values >= threshold):
            cosine = min(1.0, float(values[place]))
            found.append(Overlap(start + int(place), int(nearest[place]), cosine))
    return found
