"""The map: seconds for 5,000 texts in a fresh process, with and without the compiled code that is
kept, then in a process that has fitted one before, and for placing 500 texts that came later."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from typing import Any

from core.diversity.map.umap import version
from tests.benchmarks.report import Report, median
from tests.benchmarks.work import ROOT

TEXTS, SIZE, CLUSTERS, LATER = 5000, 384, 20, 500
WANTED_SECONDS = 15.0


def run(options: argparse.Namespace) -> Report:
    """Fit and place in fresh processes, one after the other, which share a folder of their own."""
    report = Report("projection", ["", "median", "each", "unit"])
    with tempfile.TemporaryDirectory(prefix="wideset-bench-") as folder:
        first = _fresh(folder)
        kept = [_fresh(folder) for _ in range(options.repeats)]
    report.add(["fresh process, nothing compiled yet", first["fresh"], [first["fresh"]], "s"])
    for name, key in (
        ("fresh process, compiled code kept", "fresh"),
        ("of it: loading umap and its code", "loading"),
        ("again in the same process", "again"),
        (f"placing {LATER:,} that came later", "placing"),
        ("principal axes", "axes"),
    ):
        each = [times[key] for times in kept]
        report.add([name, median(each), each, "s"])
    report.facts["vectors"] = f"{TEXTS:,} x {SIZE} in {CLUSTERS} clusters"
    report.facts["with"] = version()
    if not all(times["same"] for times in [first, *kept]):
        report.failures.append("Equal seeds gave different maps.")
    if median([times["fresh"] for times in kept]) > WANTED_SECONDS:
        report.failures.append(
            f"A fresh process took over {WANTED_SECONDS:g} s for {TEXTS:,} texts."
        )
    return report


def _fresh(folder: str) -> dict[str, Any]:
    environment = {key: value for key, value in os.environ.items() if key != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.projection", folder],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    times: dict[str, Any] = json.loads(done.stdout)
    return times


def _measure(folder: str) -> dict[str, Any]:
    import time
    from pathlib import Path

    import numpy as np

    from core.diversity.map.projection import principal_axes
    from core.diversity.map.umap import fit_map, keep_compiled

    rng = np.random.default_rng(1)
    centres = rng.normal(size=(CLUSTERS, SIZE))
    places = rng.integers(0, CLUSTERS, size=TEXTS + LATER)
    vectors = (centres[places] + rng.normal(size=(len(places), SIZE))).astype(np.float32)
    fitted, later = vectors[:TEXTS], vectors[TEXTS:]

    marks = [time.perf_counter()]

    def lap() -> float:
        marks.append(time.perf_counter())
        return marks[-1] - marks[-2]

    keep_compiled(Path(folder))
    loading = lap()
    one = fit_map(fitted, seed=1)
    fresh = loading + lap()
    two = fit_map(fitted, seed=1)
    again = lap()
    one.place(later[:5])  # what is compiled for it alone
    lap()
    one.place(later)
    placing = lap()
    principal_axes(fitted).place(fitted)
    return {
        "fresh": fresh,
        "loading": loading,
        "again": again,
        "placing": placing,
        "axes": lap(),
        "same": bool(np.array_equal(one.coordinates, two.coordinates)),
    }


if __name__ == "__main__":
    json.dump(_measure(sys.argv[1]), sys.stdout)
