"""Label replacement and the budget curve at the size of the paper's largest task."""

import argparse
import time
from collections.abc import Callable

import numpy as np

from core.interventions.annotation_queue import most_spread
from core.interventions.relabelling.budget import budget_curve
from core.interventions.relabelling.oracle import train_oracle
from core.interventions.relabelling.relabel import replace_labels
from core.interventions.scope_filter import train_filter
from tests.benchmarks.report import Report, Stopwatch, median

TEXTS, SIZE, LABELS = 6_000, 384, 18
MOST_SECONDS = {"label replacement, 180 inspected": 3, "budget curve, 6 budgets x 5 samples": 60}


def run(options: argparse.Namespace) -> Report:
    """Time each on texts around the centres of 18 labels, three tenths of the labels wrong."""
    report = Report(
        "interventions",
        ["", "median s", "slowest s", "others' share"],
        facts={"texts": TEXTS, "size": SIZE, "labels": LABELS},
    )
    rng = np.random.default_rng(0)
    names = [f"label {number}" for number in range(LABELS)]
    places = rng.integers(0, LABELS, TEXTS)
    # As far apart as real ones: a sentence encoder's texts of one label have a cosine near 0.3.
    centres = rng.normal(0, 1, (LABELS, SIZE))
    vectors = (0.65 * centres[places] + rng.normal(0, 1, (TEXTS, SIZE))).astype(np.float32)
    truth = [names[place] for place in places]
    wrong = rng.random(TEXTS) < 0.3
    specified = [
        names[(place + 1 + int(rng.integers(LABELS - 1))) % LABELS] if bad else names[place]
        for place, bad in zip(places, wrong, strict=True)
    ]
    judged = dict(enumerate(truth))

    def replacement(inspected: int) -> Callable[[], object]:
        rows = rng.permutation(TEXTS)[:inspected].tolist()
        given = {row: truth[row] for row in rows}
        return lambda: replace_labels(vectors, specified, given, label_names=names)

    scopes = {row: bool(row % 12) for row in range(360)}
    calls: list[tuple[str, Callable[[], object]]] = [
        ("label replacement, 180 inspected", replacement(180)),
        ("label replacement, 360 inspected", replacement(360)),
        ("label replacement, 6,000 inspected", replacement(TEXTS)),
        ("filter, 360 judged, 10 splits", lambda: train_filter(vectors, scopes)),
        ("oracle, trained and cross-validated", lambda: train_oracle(vectors, truth)),
        ("k-centre, 360 of 6,000", lambda: most_spread(vectors, 360)),
        (
            "budget curve, 6 budgets x 5 samples",
            lambda: budget_curve(vectors, specified, judged, label_names=names),
        ),
    ]
    for name, call in calls:
        once = name.startswith("budget") or "6,000 inspected" in name
        times = []
        with Stopwatch() as watch:
            for _ in range(1 if once else options.repeats):
                start = time.perf_counter()
                call()
                times.append(time.perf_counter() - start)
        report.add([name, median(times), max(times), watch.others])
        if median(times) > MOST_SECONDS.get(name, np.inf):
            report.failures.append(f"{name}: over {MOST_SECONDS[name]} s")
    return report
