"""The job that measures a dataset: embeds what is missing, measures, keeps the result.

Its spec: `{"dataset": key, "reference": key or None, "encoder": choice as a dict}`; a key may join
several, as `core.domain.datasets.joined` writes it.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from core.diversity.embedding.embedding import embedded
from core.diversity.embedding.encoder import encoder_choice_from_dict
from core.diversity.measures.live import Encoders
from core.diversity.measures.measure import measure
from core.domain.datasets import Dataset, joined
from core.jobs.context import JobContext
from core.store.database import Database
from core.store.datasets import load_dataset
from core.store.diversity.measurements import recipe_of, save_measurement

SEED = 0
"""Of the resamples and samples: one dataset gives one result."""

_JOINED = "joined:"


class _Stopped(Exception):
    """The job is to end now; the vectors that are stored stay."""


def measure_job(
    context: JobContext, encoders: Encoders, *, timer: Callable[[], float] = time.monotonic
) -> None:
    """Measure the dataset of a job.

    Reports phase (loading, embedding, measuring, done, stopped), done and total (texts embedded;
    0 while unknown) and seconds_left (None while unknown).

    Args:
        context: the job.
        encoders: opens the encoder.
        timer: seconds that only grow.

    Raises:
        BadInput: there is no such dataset, or the encoder's choice is refused.
        BackendFailed: the encoder can't be had or failed.
    """
    db, spec = context.db, context.spec
    progress: dict[str, Any] = {"phase": "loading", "done": 0, "total": 0, "seconds_left": None}

    def report(phase: str, **more: Any) -> None:
        at_once = phase != progress["phase"] or phase == "loading"
        progress.update({"phase": phase, "seconds_left": None, **more})
        context.report(progress, at_once=at_once)

    def between() -> None:
        context.serve_questions()
        if context.should_stop():
            raise _Stopped

    try:
        report("loading")
        between()
        choice = encoder_choice_from_dict(spec["encoder"])
        reference_key = spec.get("reference")
        dataset = stored_dataset(db, spec["dataset"])
        real = None if reference_key is None else stored_dataset(db, reference_key)
        encoder = encoders.encoder(choice)
        between()
        texts = [*dataset.texts, *(real.texts if real else ())]
        follow = _Embedding(report, timer)
        vectors = embedded(db, encoder, texts, between=between, progress=follow)
        report("measuring")
        n = len(dataset)
        result = measure(
            dataset,
            vectors[:n],
            rng=np.random.default_rng(SEED),
            encoder=encoder.facts,
            reference=None if real is None else (real, vectors[n:]),
            between=between,
        )
    except _Stopped:
        report("stopped")
        return
    save_measurement(
        db,
        spec["dataset"],
        encoder=encoder.fingerprint,
        recipe=recipe_of(choice, reference_key),
        n=n,
        result=result.to_dict(),
    )
    report("done")


def stored_dataset(db: Database, key: str) -> Dataset:
    """The dataset of a key, or of several that are joined.

    Raises:
        BadInput: nothing is stored under one of the keys.
    """
    if not key.startswith(_JOINED):
        return load_dataset(db, key)
    return joined([load_dataset(db, part) for part in key.removeprefix(_JOINED).split("+")])


class _Embedding:
    """Reports how far the embedding is; the time left goes by what was not there before."""

    def __init__(self, report: Callable[..., None], timer: Callable[[], float]) -> None:
        self._report = report
        self._timer = timer
        self._begun: tuple[int, float] | None = None

    def __call__(self, done: int, total: int) -> None:
        now = self._timer()
        known, start = self._begun = self._begun or (done, now)
        left = (now - start) / (done - known) * (total - done) if done > known else None
        self._report("embedding", done=done, total=total, seconds_left=left)
