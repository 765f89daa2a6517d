"""Run one trial from its first text to its assessment, without a store.

It runs in the worker, in a child process or on a node of a cluster. Everything that must survive is
sent to the sink as it arises; the coordinator stores it.
"""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from core.diversity.embedding.encoder import Encoder
from core.diversity.measures.remote_clique import Vectors
from core.diversity.measures.results import encoder_name
from core.domain.datasets import Dataset
from core.domain.errors import BackendFailed, Pausing, WidesetError
from core.domain.runs import Attempt, FinishedRound, ModelChoice, ModelMetadata, Sample
from core.domain.settings import home_from
from core.domain.spending import SpendingTracker
from core.generation.backends import Backend
from core.generation.generate import RunState, generate_texts
from core.generation.loop import Loop, Round
from core.generation.servers.backend import ServedBackend
from core.generation.servers.errors import ServerUnusable
from core.store.datasets import run_key
from core.sweeps.assessment.assess import FineTuner, assess, make_fine_tuner
from core.sweeps.execution.trial import RealTexts, Sink, Trial, TrialEnd, TrialUpdate


class OpenBackend(Protocol):
    """Opens language models."""

    def __call__(self, choice: ModelChoice, *, dtype: str | None = None) -> Backend:
        """A loaded backend; `dtype` is the number type that a resumed run used."""


def run_trial(
    trial: Trial,
    *,
    open_backend: OpenBackend,
    encoder: Encoder,
    real: RealTexts | None,
    sink: Sink,
    between: Callable[[], None],
    timer: Callable[[], float] = time.monotonic,
    fine_tuner: FineTuner | None = None,
    tracker: SpendingTracker | None = None,
) -> TrialEnd:
    """Generate what a trial lacks, then assess it.

    Args:
        trial: what is done. With its history, a generation goes on as if it had never stopped.
        open_backend: opens the language model, if texts are to be generated.
        encoder: embeds the usable texts.
        real: the reference, embedded by an encoder of the same fingerprint.
        sink: receives phases, the model's metadata, samples and rounds, in this order.
        between: called between two steps of the model and between blocks of the assessment.
        timer: monotonic seconds.
        fine_tuner: trains where the recipe says so; None does it with the models of this machine's
            own home folder.
        tracker: asked before every request to a server; None is no limit.

    Returns:
        The assessment and the vectors; or, where a model failed or what was asked is refused, what
        happened and what to do. Updates sent before stay valid.

    Raises:
        Whatever else `sink` and `between` raise. A `WidesetError` of theirs becomes the trial's
        end unless the caller wraps it (see `run_safely`).
    """
    # Nine parameters: the tools of a trial, handed in by whichever executor runs it.
    try:
        if real is not None:
            _check_encoder(encoder, real)
        samples = list(trial.history)
        if trial.generate:
            samples += _generated(trial, open_backend, sink, between, timer, tracker)
        else:
            sink(TrialUpdate(trial.index, phase="assessing"))
        dataset = _dataset(trial, samples)
        texts, vectors, places = _embedded(dataset.texts, encoder, between)
        if fine_tuner is None and trial.recipe.classifier == "fine-tuning":
            models = home_from().models
            fine_tuner = make_fine_tuner(trial.recipe, models=models, between=between)
        assessment = assess(
            dataset,
            vectors[places],
            real,
            trial.recipe,
            encoder=encoder_name(encoder.facts),
            fine_tuner=fine_tuner,
            between=between,
        )
    except WidesetError as error:
        kind = Pausing if isinstance(error, Pausing | ServerUnusable) else WidesetError
        return TrialEnd(trial.index, error=kind(error.what, error.remedy))
    return TrialEnd(trial.index, assessment=assessment, vectors=vectors, texts=texts)


def _check_encoder(encoder: Encoder, real: RealTexts) -> None:
    if encoder.fingerprint != real.encoder:
        raise BackendFailed(
            f"The encoder here is {encoder.fingerprint[:60]}, and the reference was embedded by "
            f"{real.encoder[:60]}: their vectors can't be compared.",
            "Put the same encoder on every machine of the sweep.",
        )


def _generated(
    trial: Trial,
    open_backend: OpenBackend,
    sink: Sink,
    between: Callable[[], None],
    timer: Callable[[], float],
    tracker: SpendingTracker | None,
) -> list[Sample]:
    """The new samples, each sent as it came."""
    sink(TrialUpdate(trial.index, phase="loading"))
    between()
    backend = _opened(trial, open_backend, sink, tracker)
    state = RunState(
        run_id=trial.run_id,
        spec=trial.spec,
        history=trial.history,
        finished_rounds=trial.finished_rounds,
        metadata=trial.metadata,
    )
    recorder = _SinkRecorder(trial.index, sink)
    shortfall = generate_texts(state, backend, recorder, between_steps=between, timer=timer)
    sink(TrialUpdate(trial.index, phase="assessing", shortfall=shortfall))
    return recorder.fresh


class _SinkRecorder:
    """Sends what a generation makes to the sink, and remembers the samples."""

    def __init__(self, index: int, sink: Sink) -> None:
        self._index, self._sink = index, sink
        self.fresh: list[Sample] = []

    def begin(self, metadata: ModelMetadata | None) -> None:
        self._sink(TrialUpdate(self._index, metadata=metadata, phase="generating"))

    def round_begun(self, loop: Loop, current: Round) -> None:
        pass

    def samples(self, samples: Sequence[Sample]) -> None:
        self.fresh += samples
        self._sink(TrialUpdate(self._index, samples=tuple(samples)))

    def round_finished(self, finished: FinishedRound) -> None:
        self._sink(TrialUpdate(self._index, round=finished))


def _opened(
    trial: Trial, open_backend: OpenBackend, sink: Sink, tracker: SpendingTracker | None
) -> Backend:
    """The language model; of one behind a server each request is sent to the sink."""
    model = trial.spec.model
    try:
        dtype = None if trial.metadata is None else trial.metadata.dtype
        backend = open_backend(model, dtype=dtype)
    except WidesetError as error:
        if model.backend == "local":
            raise
        # A missing key, connection or answer would stop every other condition, too.
        raise Pausing(error.what, error.remedy) from error
    if not isinstance(backend, ServedBackend):
        return backend

    def record(attempt: Attempt) -> None:
        sink(TrialUpdate(trial.index, attempt=attempt))

    return backend.for_run(trial.spec, record=record, tracker=tracker, before=trial.metadata)


def _dataset(trial: Trial, samples: Sequence[Sample]) -> Dataset:
    """The usable samples, as the store has them (`core.store.datasets`)."""
    usable = [sample for sample in samples if sample.outcome == "usable"]
    return Dataset(
        run_key(trial.run_id),
        trial.run_id,
        trial.spec.task.label_names,
        ids=tuple(sample.id for sample in usable),
        texts=tuple(sample.text for sample in usable),
        labels=tuple(sample.label for sample in usable),
        fluency=tuple(sample.fluency for sample in usable),
    )


def _embedded(
    texts: Sequence[str], encoder: Encoder, between: Callable[[], None]
) -> tuple[tuple[str, ...], Vectors, list[int]]:
    """The different texts, their vectors, and which of these each text has."""
    different = tuple(dict.fromkeys(texts))
    place = {text: row for row, text in enumerate(different)}
    vectors = np.empty((0, encoder.size), dtype=np.float32)
    if different:
        vectors = encoder.embed(different, between=between).astype(np.float32, copy=False)
    return different, vectors, [place[text] for text in texts]
