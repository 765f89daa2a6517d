"""What the tests of this folder make: texts as points around the centres of their labels."""

import numpy as np

from core.diversity.measures.remote_clique import Vectors


def clouds(
    *counts: int, spread: float = 0.25, size: int = 8, seed: int = 0
) -> tuple[Vectors, list[str]]:
    """So many vectors around each of as many far-apart centres, with labels "a", "b", ...

    Shuffled; lengths differ, as directions alone must count.
    """
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    rng.shuffle(labels)
    vectors = np.eye(size)[labels] + rng.normal(0, spread, (len(labels), size))
    vectors *= rng.uniform(0.5, 3, (len(labels), 1))
    return vectors.astype(np.float32), [chr(ord("a") + label) for label in labels]
