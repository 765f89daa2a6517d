"""A worker process that generates with a model that only pretends:
`python -m tests.jobs.fake_generation HOME JOB DIE` works one job off and, if DIE is not 0, kills
itself with SIGKILL before the model's DIEth step.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from core.domain.conditions import Condition
from core.domain.settings import Home
from core.generation.backends import Completion, Request
from core.jobs.queue import get_job
from core.store.database import open_database
from tests.generation.fake_backend import FakeBackend, FakeKeeper
from tests.generation.making import work_off

ROOT = Path(__file__).parent.parent.parent


class DyingBackend(FakeBackend):
    """Kills its process before the Nth step, 0 never."""

    die = 0
    steps = 0

    def complete(
        self,
        requests: Sequence[Request],
        condition: Condition,
        *,
        first_soon: bool,
        between_steps: Callable[[], None],
    ) -> Iterator[list[Completion]]:
        def step() -> None:
            self.steps += 1
            if self.steps == self.die:
                os.kill(os.getpid(), signal.SIGKILL)
            between_steps()

        return super().complete(requests, condition, first_soon=first_soon, between_steps=step)


def run(home: Home, job_id: str, *, die: int = 0) -> "subprocess.CompletedProcess[str]":
    """Run this script to its end, natural or not."""
    command = [sys.executable, "-m", "tests.jobs.fake_generation", str(home.folder), job_id]
    return subprocess.run(
        [*command, str(die)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def main(folder: str, job_id: str, die: str) -> None:
    home = Home(Path(folder))
    db = open_database(home)
    job: Any = get_job(db, job_id)
    db.close()
    backend = DyingBackend()
    backend.die = int(die)
    print(work_off(home, job, FakeKeeper(backend)).state)


if __name__ == "__main__":
    main(*sys.argv[1:])
