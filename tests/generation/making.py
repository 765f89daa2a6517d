"""What the tests of generation make: specs, runs of the loop, and whole jobs in a real store."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.domain.conditions import Condition, Suppression
from core.domain.progress import JobProgress
from core.domain.runs import Example, RunSpec, Sample
from core.domain.settings import Home
from core.domain.tasks import Label, Task
from core.generation.backends import Backend, Request
from core.generation.loop import Loop, Round
from core.generation.progress import GenerationProgress
from core.jobs.handlers.generate import generate_job as run_generation
from core.jobs.queue import Job, start_run
from core.jobs.tools import WorkerTools
from core.jobs.worker import Worker
from core.store.database import Database
from tests.diversity.fake_encoder import FakeEncoders
from tests.generation.fake_backend import FakeBackend, FakeKeeper, Writer, Written, drawn_text

TASK = Task(
    "Reviews", "movie review", (Label("pos", "a good review"), Label("neg", "a bad review"))
)


def make_spec(
    *,
    per_label: int = 4,
    size: int = 2,
    seed: int = 3,
    seeds: Sequence[Example] = (),
    targets: Sequence[tuple[str, int]] = (),
    suppression: Suppression | None = None,
    task: Task = TASK,
    **knobs: Any,
) -> RunSpec:
    """A small run; `size` texts a request."""
    condition = Condition(texts_a_request=size, suppression=suppression or Suppression(), **knobs)
    return RunSpec(
        task,
        condition,
        per_label=per_label,
        seed=seed,
        seed_examples=tuple(seeds),
        targets=tuple(targets),
    )


def place_of(request: Request) -> tuple[int, int]:
    """A request's cycle and label index, which its entropy ends in."""
    cycle, label_index = request.entropy[-2:]
    return cycle, label_index


def distinct(request: Request, index: int) -> Written:
    """A text that no other equals."""
    cycle, label_index = place_of(request)
    return Written(f"text {cycle} {label_index} {index}", (2, 3))


@dataclass
class Followed:
    """A run of the loop and what it handed on."""

    loop: Loop
    events: list[tuple[Round, list[Sample]]] = field(default_factory=list)

    def run(self, between_steps: Callable[[], None] = lambda: None) -> "Followed":
        for event in self.loop.rounds(between_steps=between_steps):
            self.events.append(event)
        return self

    @property
    def samples(self) -> list[Sample]:
        return [sample for _, samples in self.events for sample in samples]

    def usable(self, label: str) -> list[str]:
        return [s.text for s in self.samples if s.label == label and s.outcome == "usable"]

    @property
    def asked(self) -> list[list[tuple[int, int]]]:
        """(label index, texts) of each round's requests."""
        return [
            [(it.label_index, it.count) for it in round_.iterations]
            for round_, samples in self.events
            if not samples
        ]


def follow(
    spec: RunSpec,
    write: Writer = drawn_text,
    *,
    backend: Backend | None = None,
    history: Sequence[Sample] = (),
    finished: Collection[tuple[int, int]] = (),
) -> Followed:
    """A loop that is still to be run."""
    ticks = iter(range(10**9))
    return Followed(
        Loop(
            spec,
            run_id="r",
            backend=backend or FakeBackend(write),
            history=history,
            finished_rounds=finished,
            clock=lambda: float(next(ticks)),
        )
    )


def facts_of(sample: Sample) -> tuple[Any, ...]:
    """Everything of a sample that must not hang on when it was made; its run left out."""
    return (
        sample.id.removeprefix(sample.run_id),
        sample.cycle,
        sample.label,
        sample.index,
        sample.order,
        sample.text,
        sample.finish_reason,
        sample.outcome,
        sample.token_ids,
        sample.duplicate_of and sample.duplicate_of.removeprefix(sample.run_id),
    )


def generate_job(
    home: Home, db: Database, spec: RunSpec, backend: FakeBackend, **options: Any
) -> Job:
    """Queue a run and work it off with a backend, in this process and a real store."""
    _, job = start_run(db, spec)
    return work_off(home, job, FakeKeeper(backend), **options)


def work_off(
    home: Home,
    job: Job,
    keeper: Any,
    *,
    timer: Callable[[], float] = time.monotonic,
    clock: Callable[[], float] = time.time,
    stop_at: int | None = None,
    listen: Callable[[JobProgress], None] | None = None,
    encoders: FakeEncoders | None = None,
) -> Job:
    """Work a queued job off.

    Args:
        home: where the store lies.
        job: the job.
        keeper: hands out the backend.
        timer: what the generation's seconds go by.
        clock: what the store and the lease go by.
        stop_at: tell the worker to end once so many texts are reported.
        listen: called with every report.
        encoders: open the encoder of the diversity meter.
    """
    tools = WorkerTools(home, models=keeper, encoders=encoders or FakeEncoders(), timer=timer)
    worker = Worker(home, {"generate": lambda context: run_generation(context, tools)}, clock)

    def hear(progress: JobProgress) -> None:
        if listen is not None:
            listen(progress)
        assert isinstance(progress, GenerationProgress)
        if stop_at is not None and progress.texts >= stop_at:
            worker.stop()

    return worker.run_job(job.id, listen=hear)
