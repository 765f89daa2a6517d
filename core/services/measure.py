"""Measuring how diverse a dataset is."""

import time
from collections.abc import Callable

import numpy as np

from core.diversity.embedding.encoder import EncoderChoice
from core.diversity.measures.live import Encoders
from core.diversity.measures.measure import measure as measure_vectors
from core.diversity.measures.results import MeasureResult
from core.domain.datasets import Dataset, joined
from core.services.embedding import Embedder
from core.services.progress import NO_PROGRESS, Progress
from core.store.database import Database
from core.store.datasets import load_dataset
from core.store.diversity import recipe_of, save_measurement

SEED = 0
"""Of the resamples and samples: one dataset gives one result."""

_JOINED = "joined:"


def measure(
    db: Database,
    dataset: Dataset,
    choice: EncoderChoice,
    *,
    encoders: Encoders,
    reference: Dataset | None = None,
    seed: int = SEED,
    progress: Progress = NO_PROGRESS,
    timer: Callable[[], float] = time.monotonic,
) -> MeasureResult:
    """Embed and measure a dataset; nothing but vectors is stored.

    Reports the phases loading, embedding and measuring.

    Args:
        db: the store, where vectors are kept.
        dataset: the texts.
        choice: the encoder.
        encoders: opens it.
        reference: real texts to compare with.
        seed: of resamples and samples.
        progress: follows the work.
        timer: monotonic seconds.

    Raises:
        BackendFailed: the encoder can't be loaded or failed.
        Stopped: the work is to end.
    """
    embedder = Embedder(db, encoders, choice, progress, timer=timer)
    embedder.phase("loading")
    n = len(dataset)
    texts = [*dataset.texts, *(reference.texts if reference else ())]
    vectors = embedder.embed(texts)
    embedder.phase("measuring", len(texts), len(texts))
    return measure_vectors(
        dataset,
        vectors[:n],
        rng=np.random.default_rng(seed),
        encoder=embedder.encoder.facts,
        reference=None if reference is None else (reference, vectors[n:]),
        between=progress.checkpoint,
    )


def measure_stored(
    db: Database,
    dataset_key: str,
    choice: EncoderChoice,
    *,
    encoders: Encoders,
    reference_key: str | None = None,
    progress: Progress = NO_PROGRESS,
    timer: Callable[[], float] = time.monotonic,
) -> MeasureResult:
    """Measure a dataset of the store, or several joined ones, and store the measurement.

    Args as `measure`, with the keys of dataset and reference.

    Raises:
        BadInput: there is no such dataset.
        BackendFailed, Stopped: as `measure`.
    """
    dataset = stored_dataset(db, dataset_key)
    reference = None if reference_key is None else stored_dataset(db, reference_key)
    result = measure(
        db,
        dataset,
        choice,
        encoders=encoders,
        reference=reference,
        progress=progress,
        timer=timer,
    )
    save_measurement(
        db,
        dataset_key,
        encoder=result.encoder_facts["fingerprint"],
        recipe=recipe_of(choice, reference_key),
        n=len(dataset),
        result=result.to_dict(),
    )
    return result


def stored_dataset(db: Database, key: str) -> Dataset:
    """The dataset of a key, or of several keys that are joined (`core.domain.datasets.joined`).

    Raises:
        BadInput: nothing is stored under one of the keys.
    """
    if not key.startswith(_JOINED):
        return load_dataset(db, key)
    return joined([load_dataset(db, part) for part in key.removeprefix(_JOINED).split("+")])
