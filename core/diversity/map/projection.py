"""Texts as points of a plane: principal axes at once, and which texts a map is fitted on.

Numpy alone, so that a page's process can use it; UMAP is in `core.diversity.map.umap`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.diversity.measures.remote_clique import Numbers, Vectors, unit_vectors
from core.domain.datasets import Dataset
from core.domain.texts import text_hash

Coordinates = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Axes:
    """The two directions in which unit vectors spread most; any vector has its place on them.

    Args:
        mean: of the unit vectors, float64 (size,).
        components: orthonormal rows, float64 (2, size); a row of zeros where nothing spreads.
        share: of the whole variance along each, 0 to 1, the larger first.
    """

    mean: Numbers
    components: Numbers
    share: tuple[float, float]

    def place(self, vectors: Vectors) -> Coordinates:
        """Where vectors lie: float32 (vectors, size) of any length to float32 (vectors, 2).

        Raises:
            ValueError: a vector is zero or not finite.
        """
        placed: Coordinates = (
            unit_vectors(vectors) @ self.components.T - self.components @ self.mean
        ).astype(np.float32)
        return placed


def principal_axes(vectors: Vectors) -> Axes:
    """Principal components of the unit vectors; O(n size^2): 10,000 take 0.1 s.

    The largest entry of each component is positive, so that equal vectors give equal pictures.

    Args:
        vectors: embeddings, float32 (texts, size), at least one.

    Raises:
        ValueError: there is no vector, or one is zero or not finite.
    """
    if not len(vectors):
        raise ValueError("no vector has no axes")
    size = vectors.shape[1]
    total: Numbers = np.zeros(size)
    for start in range(0, len(vectors), _BLOCK):
        total += unit_vectors(vectors[start : start + _BLOCK]).sum(axis=0, dtype=np.float64)
    mean = total / len(vectors)
    scatter: Numbers = np.zeros((size, size))
    for start in range(0, len(vectors), _BLOCK):
        centred = unit_vectors(vectors[start : start + _BLOCK]) - mean
        scatter += centred.T @ centred
    variances, directions = np.linalg.eigh(scatter / len(vectors))
    whole = float(np.trace(scatter)) / len(vectors)
    components: Numbers = np.zeros((2, size))
    share = [0.0, 0.0]
    for place in range(min(2, size)):
        variance = float(variances[-1 - place])
        # Below this it is rounding of float32 vectors, and its direction is chance.
        if variance <= 1e-12:
            continue
        direction = directions[:, -1 - place]
        components[place] = direction * np.sign(direction[np.argmax(np.abs(direction))])
        share[place] = min(1.0, variance / whole)
    return Axes(mean, components, (share[0], share[1]))


def different(vectors: Vectors, *, at_most: int) -> int:
    """How many different vectors there are, counted up to a number.

    Vectors of the same text may differ by rounding; whoever differs by less is the same.
    """
    unit = unit_vectors(vectors)
    count = 0
    while len(unit) and count < at_most:
        unit = unit[unit @ unit[0] < 1 - 1e-6]
        count += 1
    return count


def stratified(groups: Sequence[object], *, limit: int, rng: np.random.Generator) -> Rows:
    """A random sample in which every group keeps its share, to within one.

    The largest remainders get what rounding down leaves over.

    Args:
        groups: the group of each row; anything that can be a key of a dict.
        limit: rows to draw; all rows if there are not more.
        rng: draws them.

    Returns:
        int64 (min(limit, rows),): rows in ascending order, none twice.
    """
    if len(groups) <= limit:
        return np.arange(len(groups), dtype=np.int64)
    members: dict[object, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    # In whole numbers, as a rounded share could break the promise.
    quotas = [divmod(len(rows) * limit, len(groups)) for rows in members.values()]
    counts = [whole for whole, _ in quotas]
    chance = rng.permutation(len(quotas))  # decides between equal remainders
    order = sorted(range(len(quotas)), key=lambda place: (-quotas[place][1], chance[place]))
    for place in order[: limit - sum(counts)]:
        counts[place] += 1
    drawn = [
        rng.choice(np.array(rows, dtype=np.int64), size=count, replace=False)
        for rows, count in zip(members.values(), counts, strict=True)
    ]
    return np.sort(np.concatenate(drawn))


@dataclass(frozen=True, slots=True)
class MapTexts:
    """Different texts, each once.

    Args:
        texts: by hash, in the order of their hashes.
        of: how many different ones there are; more than there are here if these are a sample.
    """

    texts: Mapping[bytes, str]
    of: int

    @property
    def note(self) -> str:
        """A sentence if these are a sample; else empty."""
        if len(self.texts) == self.of:
            return ""
        return (
            f"The map was fitted on {len(self.texts):,} of {self.of:,} different texts, drawn at"
            " random with each dataset and label in proportion."
        )


def choose_texts(datasets: Sequence[Dataset], *, limit: int, seed: int) -> MapTexts:
    """The different texts of datasets; a sample stratified by dataset and label if they are many.

    A text of several datasets or labels counts for the first.

    Args:
        datasets: any.
        limit: texts at most.
        seed: equal seeds draw equal samples.
    """
    texts: dict[bytes, str] = {}
    groups: dict[bytes, tuple[str, str]] = {}
    for dataset in datasets:
        for text, label in zip(dataset.texts, dataset.labels, strict=True):
            key = text_hash(text)
            texts.setdefault(key, text)
            groups.setdefault(key, (dataset.key, label))
    keys = sorted(texts)
    rng = np.random.default_rng(seed)
    rows = stratified([groups[key] for key in keys], limit=limit, rng=rng)
    return MapTexts({keys[row]: texts[keys[row]] for row in rows.tolist()}, len(keys))
