"""In which order texts come up to be judged; all of it by rows, which the caller maps to ids."""

from collections.abc import Collection, Sequence

import numpy as np

from core.diversity.remote_clique import Numbers, Vectors, unit_vectors

_AT_ONCE = 32  # texts whose distances to all others are computed together


def random_order(candidates: Sequence[int], rng: np.random.Generator) -> list[int]:
    """The candidates, shuffled: the first n are an unbiased sample, fit to measure with.

    What is judged in this order is marked `audit` and kept apart from what proxies learn from.
    """
    return [candidates[place] for place in rng.permutation(len(candidates))]


def most_uncertain(confidence: Sequence[float | None], candidates: Sequence[int]) -> list[int]:
    """The candidates by the confidence in their label, the least first, the earlier of equals.

    Args:
        confidence: 0 to 1, one a text; texts without one are left out.
        candidates: rows.
    """
    known = [(value, row) for row in candidates if (value := confidence[row]) is not None]
    return [row for _, row in sorted(known)]


def most_spread(
    vectors: Vectors,
    count: int,
    *,
    candidates: Sequence[int] | None = None,
    covered: Collection[int] = (),
) -> list[int]:
    """Texts that lie far from each other: k-centre greedy (Gonzalez 1985; Sener and Savarese 2018).

    Each next text is the one whose nearest centre lies farthest away, so that every text soon has
    a judged one near. The first, where nothing is covered yet, is the text nearest to the mean.
    Of equals the earlier row comes first. O(count * texts).

    Args:
        vectors: embeddings, float32 (texts, size), of any length above 0.
        count: how many at most.
        candidates: rows to choose from; None is all.
        covered: rows that are centres already (judged texts); never chosen.

    Returns:
        Rows in order; the distance (cosine) of each to the centres before it never grows.
    """
    unit = unit_vectors(vectors)
    free = np.ones(len(unit), dtype=bool)
    if candidates is not None:
        free[:] = False
        free[list(candidates)] = True
    free[list(covered)] = False
    nearest: Numbers = np.full(len(unit), np.inf)
    centres = list(covered)
    for start in range(0, len(centres), _AT_ONCE):
        near = _distances(unit, centres[start : start + _AT_ONCE]).min(axis=1)
        nearest = np.minimum(nearest, near)
    known: dict[int, Numbers] = {}
    chosen: list[int] = []
    for _ in range(min(count, int(free.sum()))):
        if chosen or centres:
            row = int(np.where(free, nearest, -np.inf).argmax())
        else:
            mean = unit.mean(axis=0, dtype=np.float64)
            row = int(np.where(free, unit @ mean, -np.inf).argmax())
        if row not in known:
            # The next ones are most likely among those that lie farthest now; one product of
            # matrices for all of them passes over the vectors once instead of once for each.
            far = np.where(free, nearest, -np.inf).argsort(kind="stable")[: -_AT_ONCE - 1 : -1]
            rows = [row, *(int(other) for other in far if free[other] and other != row)]
            known = dict(zip(rows, _distances(unit, rows).T, strict=True))
        chosen.append(row)
        free[row] = False
        nearest = np.minimum(nearest, known[row])
    return chosen


def by_label(
    labels: Sequence[str],
    label_names: Sequence[str],
    candidates: Sequence[int],
    rng: np.random.Generator,
) -> list[int]:
    """The candidates a label at a time, in task order, shuffled within each label."""
    shuffled = random_order(candidates, rng)
    return [row for name in label_names for row in shuffled if labels[row] == name]


def _distances(unit: Vectors, rows: Sequence[int]) -> Numbers:
    """Cosine distances of all texts to some, (texts, rows)."""
    # Rounded, or equal texts would differ by the order in which their products are added up.
    distances: Numbers = np.round(1 - (unit @ unit[list(rows)].T).astype(np.float64), 6)
    return distances
