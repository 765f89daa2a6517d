"""The store at 10,000 samples: what a page asks on every redraw, and what the worker adds."""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from core.domain.runs import Sample
from core.domain.settings import Home
from core.store.database import Database, open_database
from core.store.generation.runs import RunRecord, create_run, list_runs
from core.store.generation.samples import add_samples, sample_rows
from tests.benchmarks.report import Report, median
from tests.benchmarks.work import carer_spec

SAMPLES = 10_000
RUNS = 10
CALLS = 20


def run(options: argparse.Namespace) -> Report:
    """Time single calls on a store of ten runs, one of them of 10,000 samples."""
    report = Report("store", ["", "median ms", "slowest ms"])
    with tempfile.TemporaryDirectory(prefix="wideset-bench-") as folder:
        db = open_database(Home(Path(folder)).prepare())
        large = filled(db, SAMPLES)
        for _ in range(RUNS - 1):
            filled(db, 100)
        next_run = create_run(db, large.spec)
        made = iter(samples(next_run, CALLS * 7))

        def add(count: int) -> Callable[[], object]:
            return lambda: add_samples(db, [next(made) for _ in range(count)])

        for name, call in (
            (f"list_runs, {RUNS + 1} runs", lambda: list_runs(db)),
            (f"sample_rows, all {SAMPLES:,}", lambda: sample_rows(db, large.id)),
            (
                "sample_rows, the last 20",
                lambda: sample_rows(db, large.id, after_order=SAMPLES - 21),
            ),
            ("add_samples, 1", add(1)),
            ("add_samples, 6", add(6)),
        ):
            times = _milliseconds(call)
            report.add([name, median(times), max(times)])
        db.close()
    return report


def filled(db: Database, count: int) -> RunRecord:
    """A run with that many samples."""
    record = create_run(db, carer_spec(per_label=max(1, count // 6)))
    add_samples(db, samples(record, count))
    return record


def samples(record: RunRecord, count: int) -> list[Sample]:
    """Samples of a run, of the length that the model writes."""
    names = record.spec.task.label_names
    return [
        Sample(
            id=f"{record.id}-{number}",
            run_id=record.id,
            cycle=1 + number // (20 * len(names)),
            label=names[number % len(names)],
            index=number // len(names) % 20,
            order=number,
            text=f"i feel number {number} of these texts is as long as the others that i wrote",
            finish_reason="stop",
            outcome="usable",
            fluency=-2.5,
            token_ids=tuple(range(number, number + 19)),
            duplicate_of=None,
            seconds=number / 10,
        )
        for number in range(count)
    ]


def _milliseconds(call: Callable[[], object]) -> list[float]:
    times = []
    for _ in range(CALLS):
        start = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - start))
    return times
