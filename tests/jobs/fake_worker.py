"""A worker process with handlers that only pretend: `python -m tests.jobs.fake_worker HOME ...`.

Its job `drip` writes a run's samples one by one, at a pace of its own, and can be told to die.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from core.domain.progress import JobProgress
from core.domain.runs import FinishedRound, Sample
from core.domain.settings import Home
from core.jobs.context import JobContext
from core.jobs.worker import Worker
from core.store.generation.rounds import finish_round, rounds_of
from core.store.generation.runs import get_run
from core.store.generation.samples import add_samples, next_order, samples_of

ROOT = Path(__file__).parent.parent.parent


def drip(context: JobContext) -> None:
    """Write `spec["cycles"]` cycles of `spec["size"]` samples a label, `spec["delay"]` s each.

    `spec["die"]` kills the process at the Nth sample it makes, if the folder has no file `died`:
    after the sample "arrived" and before it is stored.
    """
    db, spec = context.db, context.spec
    assert context.job.run_id is not None
    run = get_run(db, context.job.run_id)
    done = {(r.cycle, r.position) for r in rounds_of(db, run.id)}
    known = {(s.cycle, s.label, s.index) for s in samples_of(db, run.id)}
    order = next_order(db, run.id)
    made = 0
    for cycle in range(1, spec["cycles"] + 1):
        for position, label in enumerate(run.spec.task.label_names):
            if (cycle, position) in done:
                continue
            for index in range(spec["size"]):
                context.serve_questions()
                if context.should_stop():
                    return
                time.sleep(spec["delay"])
                sample = Sample(
                    id=f"{run.id}-{cycle}-{position}-{index}",
                    run_id=run.id,
                    cycle=cycle,
                    label=label,
                    index=index,
                    order=order,
                    text=f"{label} {cycle} {index}",
                    finish_reason="stop",
                    outcome="usable",
                    fluency=-0.5,
                    token_ids=(cycle, index),
                    duplicate_of=None,
                    seconds=0.0,
                )
                made += 1
                mark = db.path.with_name("died")
                if made == spec.get("die") and not mark.exists():
                    mark.touch()
                    os.kill(os.getpid(), signal.SIGKILL)
                add_samples(db, [sample])
                order += (cycle, label, index) not in known
                context.report(JobProgress(done=made))
            finished = FinishedRound(cycle, position, {label: spec["size"]}, 0.0, 2)
            finish_round(db, run.id, finished)


def start(home: Home, *arguments: str) -> "subprocess.Popen[str]":
    """Start this script as a process; its output is read from `stdout`."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.jobs.fake_worker", str(home.folder), *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def end(process: "subprocess.Popen[str]", *, seconds: float = 15.0) -> str:
    """Wait for a process that ends by itself; what it printed."""
    try:
        return process.communicate(timeout=seconds)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        print(process.communicate()[0])
        raise


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    parser.add_argument("--lease", type=float, default=10.0)
    parser.add_argument("--beat", type=float, default=2.0)
    parser.add_argument("--idle", type=float, default=0.2)
    parser.add_argument("--at", type=float, help="begin at this time")
    options = parser.parse_args()
    worker = Worker(
        Home(options.home),
        {"drip": drip},
        idle_seconds=options.idle,
        answerers={"double": lambda spec: {"answer": spec["number"] * 2}},
        lease_seconds=options.lease,
        beat_seconds=options.beat,
    )
    if options.at is not None:
        time.sleep(max(0.0, options.at - time.time()))
    print("first" if worker.run_forever() else "second", flush=True)


if __name__ == "__main__":
    main()
