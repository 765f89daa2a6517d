"""The worker process: seconds from Start to the first sample, and the memory of a run."""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from core.domain.errors import BackendFailed
from core.domain.runs import RunSpec
from core.domain.settings import Home, home_from
from core.domain.tasks import preset
from core.generation.local.loading import converted_embedded
from core.jobs.queue import request_cancel, start_run, status
from core.store.database import Database, open_database
from core.store.generation.samples import samples_of
from tests.benchmarks.report import Report, median
from tests.benchmarks.work import ROOT, carer_spec

PATIENCE_SECONDS = 600.0
MEMORY_TEXTS = 240
UNENDED = ("queued", "running")


def run(options: argparse.Namespace) -> Report:
    """Start runs as the page does, in a home folder of its own with the model converted already.

    Cold: from the start of the worker process. Warm: a job for the worker whose model is loaded.
    """
    report = Report("worker", ["", "median", "each", "unit"])
    models = home_from().models
    converted_embedded(models)
    plain = RunSpec(task=preset("sst2"), condition=carer_spec(per_label=20).condition)
    seeded = carer_spec(per_label=20)
    cold: dict[str, list[float]] = {"sst2, unseeded": [], "carer, seeded": []}
    warm: dict[str, list[float]] = {name: [] for name in cold}
    for repeat in range(options.repeats):
        for name, spec in (("sst2, unseeded", plain), ("carer, seeded", seeded)):
            start = time.monotonic()
            with _fresh_worker(models) as (db, _):
                spec = replace(spec, seed=repeat)
                cold[name].append(_first_sample(db, spec, since=start))
                warm[name].append(_first_sample(db, spec, since=time.monotonic()))
    for heat, measured in (("cold", cold), ("warm", warm)):
        for name, times in measured.items():
            report.add([f"first sample, {heat}, {name}", median(times), times, "s"])
    peak, seconds = _whole_run(models)
    report.add([f"memory peak, carer, {MEMORY_TEXTS} texts", peak, [peak], "MB"])
    report.add([f"whole run, carer, {MEMORY_TEXTS} texts", seconds, [seconds], "s"])
    return report


def _first_sample(db: Database, spec: RunSpec, *, since: float) -> float:
    """Seconds from `since` to the first stored sample of a new run, which is stopped then."""
    record, job = start_run(db, spec)
    while not samples_of(db, record.id, limit=1):
        _check(db, job.id, since)
        time.sleep(0.01)
    seconds = time.monotonic() - since
    request_cancel(db, job.id)
    _ended(db, job.id, time.monotonic())
    return seconds


def _whole_run(models: Path) -> tuple[float, float]:
    start = time.monotonic()
    with _fresh_worker(models) as (db, worker):
        _, job = start_run(db, carer_spec(per_label=MEMORY_TEXTS // 6))
        _ended(db, job.id, start)
        return _peak_mb(worker.pid), time.monotonic() - start


@contextmanager
def _fresh_worker(models: Path) -> Iterator[tuple[Database, subprocess.Popen[bytes]]]:
    """A store of its own and a worker process for it, both gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="wideset-bench-") as folder:
        home = Home(Path(folder), models).prepare()
        db = open_database(home)
        worker = _spawn(home)
        try:
            yield db, worker
        finally:
            _end(worker)
            db.close()


def _ended(db: Database, job_id: str, since: float) -> None:
    while status(db, job_id)[1] in UNENDED:
        _check(db, job_id, since)
        time.sleep(0.02)


def _check(db: Database, job_id: str, since: float) -> None:
    job, state = status(db, job_id)
    if state in ("failed", "interrupted") or time.monotonic() - since > PATIENCE_SECONDS:
        raise BackendFailed(f"The run is {state}: {job.message}", "See the worker's log.")


def _spawn(home: Home) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "WIDESET_HOME": str(home.folder)}
    if home.models_folder is not None:
        environment["WIDESET_MODELS"] = str(home.models_folder)
    command = [sys.executable, "-m", "core", "worker"]
    with home.worker_log.open("ab") as log:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)


def _end(worker: subprocess.Popen[bytes]) -> None:
    worker.send_signal(signal.SIGTERM)
    try:
        worker.wait(30)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()


def _peak_mb(pid: int) -> float:
    """The most memory that a process ever held (VmHWM); Linux only, else 0."""
    file = Path(f"/proc/{pid}/status")
    if not file.is_file():
        return 0.0
    line = next(line for line in file.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024
