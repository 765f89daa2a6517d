"""Runs that are measured and mapped already, as the worker would do it: with an encoder without a
model, straight in the store."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from core.diversity.embedding.encoder import EncoderChoice
from core.diversity.map.umap import version
from core.diversity.measures.measure import measure
from core.diversity.measures.remote_clique import Vectors
from core.domain.datasets import Dataset
from core.domain.references import Reference
from core.domain.runs import Example, RunSpec
from core.domain.tasks import Task
from core.domain.texts import text_hash
from core.store.database import Database
from core.store.datasets import load_dataset, reference_key, run_key
from core.store.diversity import (
    MapFacts,
    MappedDataset,
    MapRecord,
    add_vectors,
    find_measurement,
    new_map,
    recipe_of,
    save_measurement,
)
from core.store.generation.runs import RunRecord
from core.store.references import add_reference
from tests.diversity.fake_encoder import FakeEncoder
from tests.pages.making import make_run, table
from tests.store.making import TASK, make_spec

CHOICE = EncoderChoice()

# Two alike word for word, one near the first, and a second label.
TEXTS = (
    ("a fine film with a fine cast and a fine story", "pos"),
    ("a fine film with a fine cast and a fine plot", "pos"),
    ("A fine film with a fine cast and a fine  STORY", "pos"),
    ("a fine film with friends", "pos"),
    ("nothing works here", "neg"),
    ("a dull film", "neg"),
)


def run_of(
    db: Database,
    texts: Sequence[tuple[str, str]] = TEXTS,
    *,
    name: str = "Run",
    spec: RunSpec | None = None,
) -> RunRecord:
    """A run that is done, with these texts and labels."""
    rows = [{"text": text, "label": label} for text, label in texts]
    return make_run(db, "done", name=name, spec=spec, rows=rows)[0]


def reference(db: Database, texts: Sequence[tuple[str, str]], *, task: Task = TASK) -> Reference:
    """A reference whose train part has these texts."""
    train = [Example(text, label) for text, label in texts]
    return add_reference(db, task, "Real ones", train, train[:1], {"file": "real.csv"})


def embed(db: Database, dataset: Dataset) -> Vectors:
    """The vectors of a dataset, which the store has from now on."""
    encoder = FakeEncoder()
    vectors = encoder.embed(dataset.texts)
    hashes = [text_hash(text) for text in dataset.texts]
    add_vectors(db, encoder.fingerprint, dict(zip(hashes, vectors, strict=True)))
    return vectors


def measure_all(db: Database, *runs: RunRecord, beside: Reference | None = None) -> None:
    """Measure runs, against the reference and it by itself where there is one."""
    real = None
    if beside is not None:
        data = load_dataset(db, reference_key(beside.id, "train"))
        real = (data, embed(db, data))
        _measure(db, data, real[1], None)
    for run in runs:
        data = load_dataset(db, run_key(run.id))
        _measure(db, data, embed(db, data), real)


def _measure(
    db: Database, data: Dataset, vectors: Vectors, real: tuple[Dataset, Vectors] | None
) -> None:
    encoder = FakeEncoder()
    facts = {**encoder.facts, "pooling": "mean"}
    result = measure(data, vectors, rng=np.random.default_rng(0), encoder=facts, reference=real)
    recipe = recipe_of(CHOICE, None if real is None else real[0].key)
    fingerprint, n = encoder.fingerprint, len(data)
    save_measurement(db, data.key, encoder=fingerprint, recipe=recipe, n=n, result=result.to_dict())


def map_all(
    db: Database,
    *runs: RunRecord,
    beside: Reference | None = None,
    task: Task = TASK,
    columns: int | None = None,
) -> MapRecord:
    """Place runs, and the reference where there is one, on the task's map.

    By two axes of the vectors; with `columns`, on a grid row by row, so that the place of a text
    is its (column, row).
    """
    keys = [run_key(run.id) for run in runs]
    if beside is not None:
        keys.append(reference_key(beside.id, "train"))
    datasets = [load_dataset(db, key) for key in keys]
    places = {}
    for data in datasets:
        for row, (text, vector) in enumerate(zip(data.texts, embed(db, data), strict=True)):
            place = (vector[0], vector[1]) if columns is None else (row % columns, row // columns)
            places[text_hash(text)] = (float(place[0]), float(place[1]))
    facts = MapFacts(
        choice=CHOICE.to_dict(),
        datasets=tuple(MappedDataset(one.key, one.name, len(one)) for one in datasets),
        versions=version(),
    )
    fingerprint = FakeEncoder().fingerprint
    return new_map(
        db, task_key=task.key, encoder=fingerprint, choice=CHOICE, facts=facts, fitted=places
    )


def result_of(db: Database, key: str, beside: Reference | None = None) -> dict[str, Any]:
    """The measurement of a dataset."""
    other = None if beside is None else reference_key(beside.id, "train")
    found = find_measurement(db, key, recipe=recipe_of(CHOICE, other))
    assert found is not None
    return found


def spec_of(task: Task = TASK) -> RunSpec:
    """The spec of a small run of a task."""
    return replace(make_spec(), task=task)


def explore(app: AppTest, tab: str = "Map") -> None:
    """The page with a tab open."""
    app.switch_page("pages/explore.py")
    app.session_state["explore_tabs"] = tab
    app.run()
    assert not app.exception


def side_by_side(app: AppTest) -> list[dict[str, Any]]:
    """The rows of the table of runs."""
    return list(table(app, "interval").to_dict("records"))
