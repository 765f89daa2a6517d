"""Leakage: test texts that training has seen, word for word or nearly so.

A score on them says how well a classifier remembers, not how well it reads.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.diversity.measures.remote_clique import unit_vectors
from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.domain.texts import fold

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

    def warning(self) -> str | None:
        """What to tell; None if nothing was found."""
        advice = "the scores are too good. Take them out of one of the two."
        if not self.exact:
            message = f"{len(self.near):,} of {self.n:,} test texts nearly repeat a training text"
            return f"{message}: {advice}" if self.near else None
        nearly = f", {len(self.near):,} more nearly so" if self.near else ""
        message = f"{len(self.exact):,} of {self.n:,} test texts are training texts, too{nearly}"
        return f"{message}: {advice}"


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
    matches = [(row, first.get(fold(text))) for row, text in enumerate(test)]
    return [Overlap(row, seen, 1.0) for row, seen in matches if seen is not None]


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
    overlaps = []
    for start in range(0, len(asked), height):
        cosines = asked[start : start + height] @ seen.T
        nearest = cosines.argmax(axis=1)
        values = cosines[np.arange(len(cosines)), nearest]
        for place in np.flatnonzero(values >= threshold):
            cosine = min(1.0, float(values[place]))
            overlaps.append(Overlap(start + int(place), int(nearest[place]), cosine))
    return overlaps


_SHOWN = 5


def check(train: Dataset, test: Dataset) -> list[str]:
    """Refuse what can't be trained on or tested with; say what is odd.

    Returns:
        Warnings, one sentence or two each, for the result.

    Raises:
        BadInput: either is empty or holds an empty text, training has one label only or a label
            with a single text, or the test shares no label with it.
    """
    for what, dataset in (("training", train), ("test", test)):
        check_texts(what, dataset)
    count = check_training(train)
    tested = Counter(test.labels)
    warnings = []
    unseen = {name: n for name, n in tested.items() if name not in count}
    if len(unseen) == len(tested):
        raise BadInput(
            f"The test texts have none of the labels trained on: {_listed(tested)} against"
            f" {_listed(count)}.",
            "Give both the same labels, written alike.",
        )
    if unseen:
        warnings.append(
            f"No training text has the label {_listed(unseen)}, so all {sum(unseen.values())} test"
            " texts with it count as wrong. Add such texts to training, or take them out of the"
            " test."
        )
    untested = [name for name in count if name not in tested]
    if untested:
        warnings.append(
            f"No test text has the label {_listed(untested)}: how well it is recognised can't be"
            " measured. Add such texts to the test, or leave the label out of training."
        )
    return warnings


def check_training(train: Dataset) -> Counter[str]:
    """Refuse labels that can't be learned; the texts of each label that has any.

    Raises:
        BadInput: one label only, or a label with a single text.
    """
    counts = Counter(train.labels)
    if len(counts) < 2:
        raise BadInput(
            f"All {len(train)} training texts have the label {_listed(counts)}; a classifier needs"
            " at least two labels.",
            "Add texts with another label.",
        )
    single = [name for name, n in counts.items() if n < 2]
    if single:
        one = len(single) == 1
        raise BadInput(
            f"The label{'' if one else 's'} {_listed(single)} {'has' if one else 'have'} a single"
            f" training text{'' if one else ' each'}; at least 2 are needed, one to train and one"
            " to validate.",
            f"Add texts with {'the label, or leave it' if one else 'these labels, or leave them'}"
            " out.",
        )
    return counts


def check_texts(what: str, dataset: Dataset) -> None:
    """Refuse a dataset without texts, or with an empty one.

    Args:
        what: what the texts are for, in the message: `training` or `test`.
        dataset: the texts.

    Raises:
        BadInput: as above.
    """
    if not len(dataset):
        raise BadInput(f"There are no {what} texts.", "Choose a dataset with texts.")
    empty = [row for row, text in enumerate(dataset.texts) if not text.strip()]
    if empty:
        numbers = ", ".join(f"{row + 1:,}" for row in empty[:_SHOWN])
        more = ", ..." if len(empty) > _SHOWN else ""
        raise BadInput(
            f"{len(empty)} of the {what} texts are empty (text {numbers}{more}).",
            "Fill them in or take them out.",
        )


def _listed(names: "list[str] | dict[str, int] | Counter[str]") -> str:
    listed = [f"'{name}'" for name in names]
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more
