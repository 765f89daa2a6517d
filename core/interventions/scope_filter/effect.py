"""What a classifier makes of a filter: a linear probe with and without what would go.

Fewer texts alone can make it worse, so that what is left is compared with as many texts drawn at
random, too. All are tested on the same real texts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.classification.evaluation.comparison import Difference, paired_bootstrap, right_shares
from core.classification.evaluation.intervals import Interval, over_seeds, wilson
from core.classification.probe import fit_probe
from core.classification.splitting import stratified_draw
from core.diversity.measures.remote_clique import Vectors
from core.domain.errors import BadInput
from core.interventions.relabelling.proxies import Flags

DRAWS = 10
"""Samples of as many texts at random."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterEffect:
    """Accuracies of probes, 0 to 1.

    Args:
        n: texts before.
        kept: texts left.
        n_test: real texts tested on.
        before: learned from all; Wilson's interval over test texts.
        after: learned from what is left; likewise.
        drawn: learned from as many at random; Student's interval over draws.
        against_all: `after` minus `before`, paired over test texts.
        against_drawn: `after` minus `drawn`, likewise.
    """

    n: int
    kept: int
    n_test: int
    before: Interval
    after: Interval
    drawn: Interval
    against_all: Difference
    against_drawn: Difference

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, the inverse of `effect_from_dict`."""
        counts = {"n": self.n, "kept": self.kept, "n_test": self.n_test}
        parts = {name: getattr(self, name).to_dict() for name in (*_SCORES, *_DIFFERENCES)}
        return {**counts, **parts}


_SCORES = ("before", "after", "drawn")
_DIFFERENCES = ("against_all", "against_drawn")


def effect_from_dict(data: Mapping[str, Any]) -> FilterEffect:
    """An effect from JSON data."""
    parts: dict[str, Any] = {name: data[name] for name in ("n", "kept", "n_test")}
    parts |= {name: Interval(**data[name]) for name in _SCORES}
    parts |= {name: Difference(**data[name]) for name in _DIFFERENCES}
    return FilterEffect(**parts)


def filter_effect(
    vectors: Vectors,
    labels: Sequence[str],
    kept: Flags,
    *,
    test_vectors: Vectors,
    test_labels: Sequence[str],
    seed: int,
    between: Callable[[], None] = lambda: None,
) -> FilterEffect:
    """Fit the probes and compare them.

    Args:
        vectors: of the texts, float32 (texts, size).
        labels: theirs.
        kept: which texts stay, bool (texts,).
        test_vectors: of real texts, float32 (test texts, size), at least one.
        test_labels: theirs.
        seed: of the draws.
        between: called before every fit; what it raises ends the call.

    Raises:
        BadInput: fewer than two labels are left to learn.
    """
    borne = np.array(labels, dtype=object)
    if len(set(borne[kept])) < 2:
        raise BadInput(
            "Texts of fewer than two labels would be left, so that a classifier learns nothing.",
            "Lower the threshold.",
        )

    def answers(rows: "np.typing.NDArray[np.int64]") -> list[str]:
        between()
        names = list(dict.fromkeys(borne[rows]))
        probe = fit_probe(vectors[rows], borne[rows].tolist(), label_names=names)
        return [names[at] for at in probe.probabilities(test_vectors).argmax(axis=1)]

    rng = np.random.default_rng(seed)
    size = int(kept.sum())
    whole, left = (
        right_shares(test_labels, [answers(rows)])
        for rows in (np.arange(len(borne)), np.flatnonzero(kept))
    )
    draws = [answers(stratified_draw(labels, size, rng=rng)) for _ in range(DRAWS)]
    drawn = right_shares(test_labels, draws)
    n_test = len(test_labels)
    return FilterEffect(
        n=len(borne),
        kept=size,
        n_test=n_test,
        before=wilson(round(whole.sum()), n_test),
        after=wilson(round(left.sum()), n_test),
        drawn=over_seeds(
            [float(right_shares(test_labels, [labels_of_draw]).mean()) for labels_of_draw in draws]
        ),
        against_all=paired_bootstrap(whole, left, rng=rng),
        against_drawn=paired_bootstrap(drawn, left, rng=rng),
    )
