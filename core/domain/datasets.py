"""Dataset: labelled texts as they are measured, mapped, repaired and trained on.

Where they come from (a run, a reference, a version, a file) is behind the key.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Dataset:
    """Texts with their labels, in their order of arrival.

    Args:
        key: what the store knows it by: `run:ID`, `reference:ID:train`, `reference:ID:test`,
            `version:ID`; `file:NAME` for texts that are not in the store.
        name: for display.
        label_names: all labels, in task order; one may have no text.
        ids: stable, one per text.
        texts: the texts.
        labels: each text's label, one of `label_names`.
        fluency: each text's mean log-probability a token; None where unknown.

    Raises:
        ValueError: the columns differ in length.
    """

    key: str
    name: str
    label_names: tuple[str, ...]
    ids: tuple[str, ...]
    texts: tuple[str, ...]
    labels: tuple[str, ...]
    fluency: tuple[float | None, ...]

    def __post_init__(self) -> None:
        if len({len(self.ids), len(self.texts), len(self.labels), len(self.fluency)}) > 1:
            raise ValueError("the columns of a dataset differ in length")

    def __len__(self) -> int:
        return len(self.texts)

    def rows_by_label(self) -> Iterator[tuple[str, "npt.NDArray[np.int64]"]]:
        """Each label that has texts, in task order, with the rows of its texts (int64)."""
        labels = np.array(self.labels, dtype=object)
        for name in self.label_names:
            rows = np.flatnonzero(labels == name)
            if len(rows):
                yield name, rows

    def take(self, rows: Sequence[int]) -> "Dataset":
        """The dataset of some rows only, in the order given."""
        return Dataset(
            self.key,
            self.name,
            self.label_names,
            ids=tuple(self.ids[row] for row in rows),
            texts=tuple(self.texts[row] for row in rows),
            labels=tuple(self.labels[row] for row in rows),
            fluency=tuple(self.fluency[row] for row in rows),
        )


def joined(datasets: Sequence[Dataset], *, name: str | None = None) -> Dataset:
    """Several datasets as one, in the order given; their labels are one where their names are.

    Args:
        datasets: at least one; their ids must differ.
        name: for display; None joins the names.

    Raises:
        ValueError: there is none, or an id stands twice.
    """
    if not datasets:
        raise ValueError("there is no dataset to join")
    ids = tuple(text_id for dataset in datasets for text_id in dataset.ids)
    if len(set(ids)) < len(ids):
        raise ValueError("a text stands in two of the datasets")
    return Dataset(
        "joined:" + "+".join(dataset.key for dataset in datasets),
        name or " + ".join(dataset.name for dataset in datasets),
        tuple(dict.fromkeys(label for dataset in datasets for label in dataset.label_names)),
        ids=ids,
        texts=tuple(text for dataset in datasets for text in dataset.texts),
        labels=tuple(label for dataset in datasets for label in dataset.labels),
        fluency=tuple(value for dataset in datasets for value in dataset.fluency),
    )
