"""Running one claimed job: whatever its handler does, the job comes to rest in the store."""

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from core.errors import Pausing, StoreBusy, StoreFull, WidesetError
from core.jobs import claims
from core.jobs.context import Handler, JobContext

SETTLE_ATTEMPTS = 60
SETTLE_SECONDS = 1.0

log = logging.getLogger("wideset.worker")


def execute(
    context: JobContext,
    handlers: Mapping[str, Handler],
    *,
    log_file: Path,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Run a claimed job and store how it ended.

    A full or locked store pauses it, and so does `Pausing`; any other WidesetError fails it, with
    its sentences; any other exception fails it in plain words, with the traceback in the log only.
    If it was asked to stop it is cancelled, if the worker was told to end it is paused, else it is
    done.

    Args:
        context: the job.
        handlers: by kind of job.
        log_file: where people find the details of an error.
        sleep: waits so many seconds, between attempts to store the end.

    Returns:
        False if the end could not be stored within a minute: the caller gives up the lease, which
        makes the job read as interrupted.
    """
    job = context.job
    log.info("Job %s (%s) begins", job.id, job.kind)
    problem: WidesetError | None = None
    try:
        handler = handlers.get(job.kind)
        if handler is None:
            raise WidesetError(f"This version can't run jobs of the kind '{job.kind}'.")
        handler(context)
    except WidesetError as error:
        problem = error
    except Exception:
        log.exception("Job %s failed", job.id)
        problem = WidesetError(
            "The job stopped because of an error in Wideset.",
            f"What it made so far is kept; {log_file} has the details.",
        )
    log.info("Job %s ends: %s", job.id, problem or context.stop_reason or "done")
    for attempt in range(SETTLE_ATTEMPTS):
        if context.lost.is_set() or context.stop_reason == "lost":
            return True  # not ours to change any more
        if attempt:
            sleep(SETTLE_SECONDS)
        try:
            _bring_to_rest(context, problem)
            return True
        except (StoreBusy, StoreFull) as error:
            log.warning("The end of job %s is not stored yet: %s", job.id, error)
    return False


def _bring_to_rest(context: JobContext, problem: WidesetError | None) -> None:
    db, job_id, owner, progress = context.db, context.job.id, context.owner, context.progress
    if isinstance(problem, StoreFull | StoreBusy | Pausing):
        claims.pause(db, job_id, owner, problem, progress=progress)
    elif problem is not None:
        claims.fail(db, job_id, owner, problem, progress=progress)
    elif context.stop_reason == "cancel":
        claims.cancel(db, job_id, owner, progress=progress)
    elif context.stop_reason == "shutdown":
        ended = WidesetError("The worker was told to end.", "Resume goes on where it stopped.")
        claims.pause(db, job_id, owner, ended, progress=progress)
    else:
        claims.finish(db, job_id, owner, progress=progress)
