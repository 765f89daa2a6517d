"""Generating a run of the store, while its diversity is followed."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from core.diversity.embedding.encoder import EncoderChoice
from core.diversity.measures.live import Encoders, LiveClique
from core.domain.runs import FinishedRound, ModelChoice, ModelMetadata, Sample
from core.domain.spending import SpendingLimit, SpendingTracker, Traffic
from core.generation.backends import Backend
from core.generation.generate import RunState, generate_texts
from core.generation.loop import Loop, Round, texts_to_request
from core.generation.progress import Meter
from core.generation.servers.backend import ServedBackend
from core.services.progress import NO_PROGRESS, Progress, Stopped
from core.services.servers.served_models import backend_for_run
from core.store.database import Database
from core.store.generation.rounds import finish_round, rounds_of
from core.store.generation.runs import RunRecord, get_run, set_metadata
from core.store.generation.samples import Counts, add_samples, counts, samples_of

NO_LIMIT = SpendingLimit()

TRAFFIC_SECONDS = 0.5
"""Seconds between two reports of what is in flight while no text arrives."""


class Models(Protocol):
    """Opens language models; `core.generation.local.backend.ModelCache` is the real one."""

    def backend(self, choice: ModelChoice, *, dtype: str | None = None) -> Backend:
        """A loaded model; `dtype` is the number type that a resumed run used."""
        ...


def generate_run(
    db: Database,
    run_id: str,
    *,
    models: Models,
    encoders: Encoders,
    limit: SpendingLimit = NO_LIMIT,
    job_id: str | None = None,
    progress: Progress = NO_PROGRESS,
    timer: Callable[[], float] = time.monotonic,
) -> Mapping[str, int]:
    """Generate a run, from its start or from where it stopped; each sample is stored as it comes.

    Reports `GenerationProgress` with the phases loading, generating, done and stopped.

    Args:
        db: the store.
        run_id: the run.
        models: opens the language model.
        encoders: opens the encoder that diversity is followed by.
        limit: what a server's model may take, over all resumptions of the run.
        job_id: the job that generates, for the record of requests.
        progress: follows the work.
        timer: monotonic seconds.

    Returns:
        How many texts each label lacks in the end; labels that lack none are missing.

    Raises:
        Pausing: the server does not answer now, or the spending limit is reached.
        BackendFailed: the model can't be loaded, failed, or is no longer the run's.
        BadInput: the run's settings don't fit the model.
        Stopped: the work is to end; what is stored stays.
    """
    run = get_run(db, run_id)
    recorder = _StoreRecorder(db, run, encoders, progress, timer)
    recorder.report("loading")
    try:
        progress.checkpoint()
        dtype = None if run.metadata is None else run.metadata.dtype
        backend = models.backend(run.spec.model, dtype=dtype)
        if isinstance(backend, ServedBackend):
            backend, recorder.tracker = backend_for_run(
                db, run, backend, limit=limit, job_id=job_id
            )
        recorder.backend = backend
        shortfall = generate_texts(
            recorder.state, backend, recorder, between_steps=recorder.between_steps, timer=timer
        )
        recorder.live.catch_up(between=recorder.between_steps, at_once=True)
    except Stopped:
        recorder.report("stopped")
        raise
    recorder.report("done", shortfall=shortfall)
    return shortfall


def can_go_on(db: Database, run: RunRecord) -> bool:
    """Whether resuming a run can bring it further: not where texts are missing and each label that
    lacks some was asked for as often as it may be."""
    asked: Counter[str] = Counter()
    for finished in rounds_of(db, run.id):
        asked.update(finished.requested)
    found, only_new = counts(db, run.id), run.spec.condition.only_new
    missing = {}
    for name, wanted in run.spec.wanted.items():
        count = found.get(name, Counts())
        accepted = count.new if only_new else count.usable
        if accepted < wanted:
            missing[name] = accepted
    return not missing or any(
        texts_to_request(run.spec, name, accepted=accepted, asked=asked[name])
        for name, accepted in missing.items()
    )


def stored_state(db: Database, run: RunRecord) -> RunState:
    """A run's current state in the store."""
    return RunState(
        run_id=run.id,
        spec=run.spec,
        history=tuple(samples_of(db, run.id)),
        finished_rounds=tuple((done.cycle, done.position) for done in rounds_of(db, run.id)),
        metadata=run.metadata,
    )


class _StoreRecorder:
    """Stores what a generation makes and reports it."""

    def __init__(
        self,
        db: Database,
        run: RunRecord,
        encoders: Encoders,
        progress: Progress,
        timer: Callable[[], float],
    ) -> None:
        self.state = stored_state(db, run)
        self.live = LiveClique(db, encoders, EncoderChoice(), timer=timer)
        self.live.add([s.text for s in self.state.history if s.outcome == "usable"])
        self.tracker: SpendingTracker | None = None
        self.backend: Backend | None = None
        self._db, self._run, self._progress, self._timer = db, run, progress, timer
        self._meter = Meter(run.spec, history=self.state.history, timer=timer)
        self._traffic = Traffic()
        self._next_look = 0.0

    def report(
        self, phase: str, *, shortfall: Mapping[str, int] | None = None, at_once: bool = False
    ) -> None:
        now = self._meter.progress(phase, shortfall=shortfall)
        spending = None
        if self.tracker is not None:
            spending = self.tracker.progress(written=now.accepted, target=now.target)
        now = replace(now, diversity=self.live.progress(), spending=spending)
        self._progress.report(now, at_once=at_once)

    def begin(self, metadata: ModelMetadata | None) -> None:
        if metadata is not None:
            set_metadata(self._db, self._run.id, metadata)
        if self.backend is not None and not self.backend.repeatable:
            self.live.prepare()  # while it loads, answers of a server would wait past deadlines
        self._meter.begin()
        self.report("generating")

    def round_begun(self, loop: Loop, current: Round) -> None:
        assert self.backend is not None
        label = self._run.spec.task.label_names[current.iterations[0].label_index]
        self._meter.suppressed = [
            replace(row, text=self.backend.token_text(row.token)) for row in loop.suppressed(label)
        ]

    def samples(self, samples: Sequence[Sample]) -> None:
        add_samples(self._db, samples)
        self._meter.add(samples)
        self.live.add([sample.text for sample in samples if sample.outcome == "usable"])
        self.report("generating")
        self.live.catch_up(between=self.between_steps)

    def round_finished(self, finished: FinishedRound) -> None:
        finish_round(self._db, self._run.id, finished)

    def between_steps(self) -> None:
        self._progress.checkpoint()
        tracker = self.tracker
        if tracker is None or self._timer() < self._next_look:
            return
        if tracker.traffic != self._traffic:
            self._traffic = tracker.traffic
            self._next_look = self._timer() + TRAFFIC_SECONDS
            self.report("generating", at_once=True)
