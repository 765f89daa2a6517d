"""Datasets as the Train page reads them again and again."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st

from core.classification.evaluation.comparison import (
    Difference,
    Shares,
    paired_bootstrap,
    right_shares,
)
from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.store.database import Database
from core.store.datasets import load_dataset
from core.store.trainings import predictions_of
from pages.components.train.entries import Entry


@st.cache_resource(max_entries=32, show_spinner=False)
def dataset_at(_db: Database, key: str, n: int = 0) -> Dataset:
    """The texts behind a key; `n` tells a run that grew from its younger self, others never do."""
    return load_dataset(_db, key)


SEED = 0
"""Of the bootstrap, so that the same two rows always get the same interval."""


@dataclass(frozen=True)
class Answers:
    """See the top of the file; rows in the order of the test texts.

    Args:
        test: the test texts.
        by_seed: the label given to each text, by repeat.
        labels: the label of the highest mean probability over the repeats, one a text.
        confidence: that probability, (texts,).
        right: share of the repeats that gave the text's own label, (texts,).
    """

    test: Dataset
    by_seed: tuple[tuple[str, ...], ...]
    labels: tuple[str, ...]
    confidence: "npt.NDArray[np.float64]"
    right: Shares


def answers_of(db: Database, entry: Entry) -> Answers:
    """What a training said.

    Raises:
        BadInput: it has no predictions, or its test set is not what it was.
    """
    return _answers(
        db,
        entry.record.id,
        entry.record.spec["test"],
        tuple(entry.result["seeds"]),
        tuple(entry.result["label_names"]),
    )


@st.cache_resource(max_entries=16, show_spinner=False)
def _answers(
    _db: Database, training_id: str, test: str, seeds: tuple[int, ...], names: tuple[str, ...]
) -> Answers:
    found = [predictions_of(_db, training_id, seed) for seed in seeds]
    data = dataset_at(_db, test)
    if any(one.text_ids != data.ids for one in found):
        raise BadInput("The test texts are not those that were tested on.", "Train it again.")
    means = np.mean([one.probabilities.astype(np.float64) for one in found], axis=0)
    by_seed = tuple(one.labels for one in found)
    return Answers(
        data,
        by_seed,
        tuple(names[place] for place in means.argmax(axis=1)),
        means.max(axis=1),
        right_shares(data.labels, by_seed),
    )


@st.cache_data(max_entries=32, show_spinner=False)
def difference_of(_first: Shares, _second: Shares, ids: tuple[str, str], n: int) -> Difference:
    """How much more often the second is right; `ids` and `n` tell pairs of rows apart."""
    return paired_bootstrap(_first, _second, rng=np.random.default_rng(SEED))


def answers_frame(answers: Answers, names: Sequence[str], seeds: Sequence[int]) -> pd.DataFrame:
    """A row for each test text: its label, what each repeat said, and the mean's confidence."""
    test = answers.test
    frame = {"id": test.ids, "text": test.texts, "label": test.labels}
    for seed, given in zip(seeds, answers.by_seed, strict=True):
        frame[f"seed {seed}"] = given
    return pd.DataFrame({**frame, "predicted": answers.labels, "confidence": answers.confidence})
