"""Which texts of some datasets a map shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.diversity.map.projection import stratified
from core.domain.datasets import Dataset
from core.domain.texts import text_hash


@dataclass(frozen=True, slots=True)
class MapTexts:
    """Different texts, each once.

    Args:
        texts: by hash, in the order of their hashes.
        of: how many different ones there are; more than there are here if these are a sample.
    """

    texts: Mapping[bytes, str]
    of: int

    @property
    def note(self) -> str:
        """A sentence if these are a sample; else empty."""
        if len(self.texts) == self.of:
            return ""
        return (
            f"The map was fitted on {len(self.texts):,} of {self.of:,} different texts, drawn at"
            " random with each dataset and label in proportion."
        )


def choose_texts(datasets: Sequence[Dataset], *, limit: int, seed: int) -> MapTexts:
    """The different texts of datasets; a sample stratified by dataset and label if they are many.

    A text of several datasets or labels counts for the first.

    Args:
        datasets: any.
        limit: texts at most.
        seed: equal seeds draw equal samples.
    """
    texts: dict[bytes, str] = {}
    groups: dict[bytes, tuple[str, str]] = {}
    for dataset in datasets:
        for text, label in zip(dataset.texts, dataset.labels, strict=True):
            key = text_hash(text)
            texts.setdefault(key, text)
            groups.setdefault(key, (dataset.key, label))
    keys = sorted(texts)
    rng = np.random.default_rng(seed)
    rows = stratified([groups[key] for key in keys], limit=limit, rng=rng)
    return MapTexts({keys[row]: texts[keys[row]] for row in rows.tolist()}, len(keys))
