"""Made-up vectors that other packages measured, and ours are measured on."""

import functools
from collections.abc import Callable, Mapping

import numpy as np


def scattered(n: int, size: int, *, seed: int, middle: float, copies: int = 0) -> np.ndarray:
    """Vectors around one direction, of unlike lengths, float32 (n, size).

    Args:
        n: how many.
        size: their length.
        seed: of the numbers.
        middle: the higher, the nearer they lie together.
        copies: the last so many repeat the first so many.
    """
    rng = np.random.default_rng(seed)
    vectors = (rng.normal(0, 1, (n, size)) + middle) * rng.uniform(0.1, 9, (n, 1))
    if copies:
        vectors[-copies:] = vectors[:copies]
    return vectors.astype(np.float32)


VECTORS: Mapping[str, Callable[[], np.ndarray]] = {
    "two texts": functools.partial(scattered, 2, 8, seed=1, middle=0.5),
    "three texts": functools.partial(scattered, 3, 8, seed=2, middle=0.0),
    "seven texts": functools.partial(scattered, 7, 16, seed=3, middle=1.0),
    "with copies": functools.partial(scattered, 20, 16, seed=4, middle=0.3, copies=6),
    "near together": functools.partial(scattered, 50, 32, seed=5, middle=3.0),
    "far apart": functools.partial(scattered, 200, 384, seed=6, middle=0.0),
    "more than a block": functools.partial(scattered, 1500, 24, seed=7, middle=0.8),
}
