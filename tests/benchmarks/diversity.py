"""Remote-Clique: of a million texts in closed form, and its bootstrap interval."""

import argparse
import time
from collections.abc import Callable

import numpy as np

from core.diversity.measures.neighbours import nearest_earlier
from core.diversity.measures.remote_clique import Vectors, bootstrap, remote_clique
from tests.benchmarks.report import Report, median

SIZE = 384
MANY = 1_000_000
WANTED_MANY_SECONDS = 1.0
RESAMPLED = 5_000
RESAMPLES = 1_000
WANTED_BOOTSTRAP_SECONDS = 2.0
COMPARED = 10_000


def run(options: argparse.Namespace) -> Report:
    """Time the measures on made-up vectors; vectors are made before the time is taken."""
    report = Report("diversity", ["", "median s", "slowest s", "wanted s"])
    rng = np.random.default_rng(0)
    some = scattered(COMPARED, rng)
    cases: list[tuple[str, Callable[[], object], float | None]] = [
        (
            f"bootstrap, {RESAMPLES:,} resamples of {RESAMPLED:,} x {SIZE}",
            lambda: bootstrap(some[:RESAMPLED], rng, resamples=RESAMPLES),
            WANTED_BOOTSTRAP_SECONDS,
        ),
        (
            f"nearest earlier text, {COMPARED:,} x {SIZE}",
            lambda: nearest_earlier(some),
            None,
        ),
    ]
    many = np.tile(some, (MANY // COMPARED, 1))
    cases.append(
        (f"Remote-Clique, {MANY:,} x {SIZE}", lambda: remote_clique(many), WANTED_MANY_SECONDS)
    )
    for name, call, wanted in cases:
        times = seconds(call, options.repeats)
        report.add([name, median(times), max(times), wanted])
        if wanted is not None and median(times) > wanted:
            report.failures.append(f"{name}: {median(times):.2f} s, wanted {wanted:.0f} s")
    report.facts["vectors"] = f"float32, normal around one direction, {many.nbytes / 1e9:.1f} GB"
    return report


def scattered(n: int, rng: np.random.Generator) -> Vectors:
    """Vectors as far apart as those of real texts: a Remote-Clique near 0.6."""
    return rng.standard_normal((n, SIZE), dtype=np.float32) + np.float32(0.8)


def seconds(call: Callable[[], object], repeats: int) -> list[float]:
    """How long each of some calls takes, after one that is not counted."""
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return times
