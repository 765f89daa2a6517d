"""What the tests of the store and of the jobs make: homes, specs, samples."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.domain.conditions import Condition
from core.domain.runs import RunSpec, Sample
from core.domain.settings import Home
from core.domain.tasks import Label, Task
from core.store.database import Database, open_database

TASK = Task(
    "Reviews", "movie review", (Label("pos", "a good review"), Label("neg", "a bad review"))
)


class FakeClock:
    """A clock that moves when told to."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home folder of the test's own."""
    return Home(tmp_path / "home")


@pytest.fixture
def clock() -> FakeClock:
    """The clock of the fixture `db`."""
    return FakeClock()


@pytest.fixture
def db(home: Home, clock: FakeClock) -> Iterator[Database]:
    """A new store."""
    database = open_database(home, clock=clock)
    yield database
    database.close()


@pytest.fixture
def real_db(home: Home) -> Iterator[Database]:
    """A new store that goes by the real clock, for tests with other processes."""
    database = open_database(home)
    yield database
    database.close()


def make_spec(*, per_label: int = 4) -> RunSpec:
    """The spec of a small run."""
    return RunSpec(TASK, Condition(temperature=0.9), per_label=per_label, seed=3)


def make_sample(
    run_id: str,
    number: int,
    *,
    text: str | None = None,
    label: str = "pos",
    outcome: str = "usable",
    finish_reason: str = "stop",
    duplicate_of: str | None = None,
    token_ids: tuple[int, ...] = (1, 2, 3),
) -> Sample:
    """The Nth sample (from 0) of a run, in the order of arrival; 20 make a cycle."""
    return Sample(
        id=f"{run_id}-{number}",
        run_id=run_id,
        cycle=number // 20 + 1,
        label=label,
        index=number % 20,
        order=number,
        text=f"text {number}" if text is None else text,
        finish_reason=finish_reason,
        outcome=outcome,  # type: ignore[arg-type]
        fluency=-1.5,
        token_ids=token_ids,
        duplicate_of=duplicate_of,
        seconds=number / 10,
    )
