"""Tools without models, that survive being sent to another process; and what they are given."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.domain.conditions import Condition
from core.domain.errors import BackendFailed
from core.domain.runs import ModelChoice, Sample
from core.generation.backends import Completion, Request
from core.sweeps.assessment.recipe import Recipe
from core.sweeps.execution.executors import Executor
from core.sweeps.execution.trial import RealTexts, Trial, TrialEnd, TrialUpdate
from tests.diversity.fake_encoder import FakeEncoder
from tests.generation.fake_backend import FakeBackend
from tests.generation.making import facts_of, follow, make_spec

RECIPE = Recipe(reference=None, budgets=(0,), classifier="none")


class Stepping(FakeBackend):
    """Does something at every step."""

    step: Callable[[], None] = staticmethod(lambda: None)

    def complete(
        self,
        requests: Sequence[Request],
        condition: Condition,
        *,
        first_soon: bool,
        between_steps: Callable[[], None],
    ) -> Iterator[list[Completion]]:
        def step() -> None:
            self.step()
            between_steps()

        return super().complete(requests, condition, first_soon=first_soon, between_steps=step)


@dataclass(frozen=True)
class FakeTools:
    """See the top of the file.

    Args:
        folder: for marks, by which processes know of each other.
        delay: seconds that a step takes.
        deaths: how many processes kill themselves with SIGKILL, each at its third step.
        broken: the name of a model that can't be loaded.
    """

    folder: Path
    delay: float = 0.0
    deaths: int = 0
    broken: str = ""

    def backend(self, choice: ModelChoice, *, dtype: str | None = None) -> FakeBackend:
        if choice.model == self.broken:
            raise BackendFailed(f"The model '{choice.model}' is broken.", "Use another.")
        with (self.folder / "opened").open("a") as file:
            file.write(f"{os.getpid()}\n")
        backend = Stepping()
        threads = int(os.environ.get("OMP_NUM_THREADS", 0))
        backend.metadata = replace(backend.metadata, threads=threads)
        steps: list[None] = []

        def step() -> None:
            steps.append(None)
            time.sleep(self.delay)
            if len(steps) == 3 and len(list(self.folder.glob("died-*"))) < self.deaths:
                (self.folder / f"died-{os.getpid()}").touch()
                os.kill(os.getpid(), signal.SIGKILL)

        backend.step = step  # type: ignore[method-assign]
        return backend

    def encoder(self, choice: Mapping[str, Any]) -> FakeEncoder:
        return FakeEncoder()

    @property
    def opened(self) -> list[int]:
        """The processes that opened a model, in order, one line an opening."""
        return [int(line) for line in (self.folder / "opened").read_text().split()]


def no_reference() -> RealTexts:
    """What trials get without a reference."""
    none = np.empty((0, 16), dtype=np.float32)
    return RealTexts((), (), none, (), (), none, FakeEncoder().fingerprint)


def make_trial(index: int, *, per_label: int = 6, **more: Any) -> Trial:
    """A small trial; each index has a seed of its own."""
    spec = make_spec(per_label=per_label, size=3, seed=index)
    return Trial(index=index, run_id=f"r{index}", spec=spec, recipe=RECIPE, **more)


def wanted(trial: Trial) -> list[Any]:
    """The dataset of a trial as an undisturbed loop makes it."""
    return [facts_of(sample) for sample in follow(trial.spec).run().samples]


class Heard:
    """Hands trials to an executor until all are done, and keeps what it tells, as a store would.

    Args:
        executor: carries out.
        trials: what is to be done.
        seconds: fail after so long.
    """

    def __init__(self, executor: Executor, trials: Sequence[Trial], *, seconds: float = 60) -> None:
        self.executor = executor
        self.told: list[TrialUpdate] = []
        self.ends: dict[int, TrialEnd] = {}
        self.lost: list[int] = []
        self.most = 0
        self._trials = {trial.index: trial for trial in trials}
        self._queue = list(trials)
        self._end = time.monotonic() + seconds

    def run(self, between: Callable[[], None] = lambda: None) -> "Heard":
        going = 0
        while len(self.ends) < len(self._trials):
            assert time.monotonic() < self._end, "it takes too long"
            while self._queue and self.executor.room > 0:
                self.executor.submit(self._queue.pop(0))
                going += 1
                self.most = max(self.most, going - len(self.ends) - len(self.lost))
            self.executor.work(self.told.append, self._ended, between)
        return self

    def samples(self, index: int) -> list[Sample]:
        return [sample for told in self.told if told.index == index for sample in told.samples]

    def facts(self, index: int) -> list[Any]:
        return [facts_of(sample) for sample in self.samples(index)]

    def _ended(self, end: TrialEnd) -> None:
        if not end.lost:
            self.ends[end.index] = end
            return
        self.lost.append(end.index)
        before = self._trials[end.index]
        rounds = [t.round for t in self.told if t.index == end.index and t.round is not None]
        loaded = [t.metadata for t in self.told if t.index == end.index and t.metadata]
        self._queue.insert(
            0,
            Trial(
                index=before.index,
                run_id=before.run_id,
                spec=before.spec,
                recipe=before.recipe,
                history=tuple(self.samples(end.index)),
                finished_rounds=tuple((one.cycle, one.position) for one in rounds),
                metadata=loaded[0] if loaded else None,
            ),
        )
