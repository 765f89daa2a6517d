"""Out-of-scope filtering (OOSF; paper, section 5): texts that belong to no label go.

A binary linear SVC on embeddings learns from the judged texts; its margin becomes the confidence
that a text is in scope by Platt scaling (see `proxies`). A text goes where that is below the
threshold; a judged one goes or stays as it was judged. The paper found no consistent gain, so
`filter_effect` shows what a classifier makes of a filter.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.classification.evaluation.comparison import Difference, paired_bootstrap, right_shares
from core.classification.evaluation.intervals import Interval, over_seeds, wilson
from core.classification.probe import fit_probe
from core.classification.splitting import stratified_draw
from core.diversity.measures.remote_clique import Numbers, Vectors, unit_vectors
from core.domain.errors import BadInput
from core.interventions.relabelling.proxies import FIXED, MAX_ITERATIONS, Flags, train_proxy

THRESHOLD = 0.5
SPLITS = 10
TEST_SHARE = 0.2
MIN_EACH = 5
"""So many texts in scope, and out of it, must have been judged."""

DRAWS = 10
"""Samples of as many texts at random that a filter's effect is compared with."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What a split's filter said of the judged texts that it did not learn from.

    Args:
        confidence: that each is in scope, 0 to 1.
        in_scope: what was judged.
    """

    confidence: tuple[float, ...]
    in_scope: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Quality:
    """How well the filter finds what is out of scope, on judged texts held out ten times.

    Args:
        precision: of the texts that would go, the share judged out of scope, 0 to 1, as the mean
            over splits with Student's t interval; None if in no split any would go.
        recall: of the texts judged out of scope, the share that would go.
        accuracy: share of texts rightly kept or let go, as the paper reports.
        splits: how many splits.
        without_precision: in how many of them no text would go; they don't count in precision.
    """

    precision: Interval | None
    recall: Interval
    accuracy: Interval
    splits: int
    without_precision: int


@dataclass(frozen=True, slots=True)
class ScopeFilter:
    """The trained filter, applied; the threshold is chosen after.

    Args:
        confidence: that each text is in scope, float64 (texts,), 0 to 1.
        judged: what was judged, by row.
        held_out: the splits that `quality` rests on.
        explanations: what rests on little; whole sentences.
        learned_from: how many different texts it learned from.
    """

    confidence: Numbers
    judged: Mapping[int, bool]
    held_out: tuple[HeldOut, ...]
    explanations: tuple[str, ...] = ()
    learned_from: int = 0

    def kept(self, threshold: float = THRESHOLD) -> Flags:
        """Which texts stay, bool (texts,).

        Raises:
            BadInput: the threshold is out of range.
        """
        _check_threshold(threshold)
        stays: Flags = self.confidence >= threshold
        for row, in_scope in self.judged.items():
            stays[row] = in_scope
        return stays

    def going(self, threshold: float = THRESHOLD) -> list[int]:
        """Rows of the texts that go: those at the boundary first, those judged out of scope last.

        Raises:
            BadInput: the threshold is out of range.
        """
        rows = np.flatnonzero(~self.kept(threshold)).tolist()
        return sorted(rows, key=lambda row: (row in self.judged, -self.confidence[row], row))

    def quality(self, threshold: float = THRESHOLD) -> Quality:
        """How well the filter does at a threshold.

        Raises:
            BadInput: the threshold is out of range.
        """
        _check_threshold(threshold)
        precision, recall, accuracy = [], [], []
        for split in self.held_out:
            goes, in_scope = np.array(split.confidence) < threshold, np.array(split.in_scope)
            right = int((goes & ~in_scope).sum())
            if goes.any():
                precision.append(right / int(goes.sum()))
            recall.append(right / int((~in_scope).sum()))
            accuracy.append(float((goes != in_scope).mean()))
        return Quality(
            precision=over_seeds(precision) if precision else None,
            recall=over_seeds(recall),
            accuracy=over_seeds(accuracy),
            splits=len(self.held_out),
            without_precision=len(self.held_out) - len(precision),
        )


def check_enough(judged: Iterable[bool]) -> None:
    """See that there is enough to learn from and to measure on.

    Args:
        judged: whether each judged text is in scope.

    Raises:
        BadInput: fewer than five are in scope, or out of it; the message says what then.
    """
    rows = list(judged)
    n, inside = len(rows), sum(rows)
    outside = n - inside
    judge_more = "Judge more texts; least certain ones first find the boundary sooner."
    if n == 0:
        raise BadInput("No text was judged in or out of scope; none was removed.", judge_more)
    if inside == 0 or outside == 0:
        side = "in" if outside == 0 else "out of"
        raise BadInput(
            f"All {n} judged texts are {side} scope, so nothing tells the two apart; "
            "no text was removed.",
            "Nothing needs filtering, as far as was judged." if outside == 0 else judge_more,
        )
    if min(inside, outside) < MIN_EACH:
        raise BadInput(
            f"{inside} of the judged texts are in scope and {outside} out of it; a filter and its "
            f"measure need at least {MIN_EACH} of each. No text was removed.",
            judge_more
            if outside >= inside
            else f"Take the {outside} out one by one, or judge more.",
        )


def train_filter(
    vectors: Vectors, judged: Mapping[int, bool], *, seed: int = 0, splits: int = SPLITS
) -> ScopeFilter:
    """Learn what is out of scope, and measure it on ten stratified splits of 8:2, as the paper did.

    Args:
        vectors: embeddings of all texts, float32 (texts, size); normalised here.
        judged: whether a text is in scope, by row.
        seed: of splits and training; equal arguments give equal filters.
        splits: how many splits.

    Raises:
        BadInput: fewer than five judged texts are in scope, or out of it. Nothing was removed.
    """
    rows = np.array(sorted(judged), dtype=np.int64)
    in_scope = np.array([judged[row] for row in rows.tolist()], dtype=bool)
    check_enough(judged.values())
    unit = unit_vectors(vectors)
    confidence_of_all, notes = _confidence(unit, rows, in_scope, seed)
    held_out = []
    for train, test in _splits(in_scope, splits, seed):
        confidence, _ = _confidence(unit, rows[train], in_scope[train], seed, rows[test])
        held_out.append(HeldOut(tuple(confidence.tolist()), tuple(in_scope[test].tolist())))
    return ScopeFilter(confidence_of_all, dict(judged), tuple(held_out), tuple(notes), len(judged))


def learn_filter(
    texts: Sequence[str],
    vectors: Vectors,
    judged: Mapping[int, bool],
    *,
    count: int | None = None,
    seed: int = 0,
    splits: int = SPLITS,
) -> ScopeFilter:
    """`train_filter` on judged texts of which some are copies of each other.

    Each different text is learned from once, however many of its copies were judged: a copy held
    out would be no test.

    Args:
        texts: all texts; judged ones of elsewhere stand behind the first `count`.
        vectors: their embeddings, float32 (texts, size).
        judged: whether a text is in scope, by row.
        count: texts that the filter is for; None is all.
        seed: of splits and training.
        splits: see `train_filter`.

    Returns:
        The filter of the first `count` texts; its `judged` holds all judged ones among them, and
        `learned_from` how many texts it learned from.

    Raises:
        BadInput: as `train_filter`.
    """
    first_row: dict[str, int] = {}
    for row in judged:
        first_row.setdefault(texts[row], row)
    learned = {row: judged[row] for row in first_row.values()}
    count = len(texts) if count is None else count
    trained = train_filter(vectors, learned, seed=seed, splits=splits)
    return replace(
        trained,
        confidence=trained.confidence[:count],
        judged={row: in_scope for row, in_scope in judged.items() if row < count},
        learned_from=len(learned),
    )


def _confidence(
    unit: Vectors,
    rows: "np.typing.NDArray[np.int64]",
    in_scope: Flags,
    seed: int,
    apply_to: "np.typing.NDArray[np.int64] | None" = None,
) -> tuple[Numbers, list[str]]:
    others = unit if apply_to is None else unit[apply_to]
    judged_rows = np.arange(len(rows), dtype=np.int64)
    proxy = train_proxy(np.concatenate([unit[rows], others]), judged_rows, in_scope, seed=seed)
    curve = proxy.curve or FIXED
    notes = []
    if curve.source == "flat":
        notes.append(
            "On held-out texts the filter does no better than chance: its confidence is the same "
            "for every text."
        )
    if proxy.unconverged:
        notes.append(
            f"{proxy.unconverged} of {proxy.fits} SVCs had not converged after "
            f"{MAX_ITERATIONS:,} iterations."
        )
    return curve.confidence(proxy.margins[len(rows) :]), notes


def _splits(
    in_scope: Flags, count: int, seed: int
) -> "list[tuple[np.typing.NDArray[np.int64], np.typing.NDArray[np.int64]]]":
    """Rows of `in_scope` to train and to test on; both kinds occur in both parts."""
    rng = np.random.default_rng(seed)
    kinds = [np.flatnonzero(in_scope), np.flatnonzero(~in_scope)]
    splits = []
    for _ in range(count):
        train, test = [], []
        for rows in kinds:
            mixed = rng.permutation(rows)
            cut = max(1, math.floor(len(rows) * TEST_SHARE + 0.5))
            test.append(mixed[:cut])
            train.append(mixed[cut:])
        splits.append((np.sort(np.concatenate(train)), np.sort(np.concatenate(test))))
    return splits


def _check_threshold(threshold: float) -> None:
    if not 0 <= threshold <= 1:
        raise BadInput(f"The threshold is {threshold}.", "Choose from 0 to 1.")


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterEffect:
    """Accuracies of linear probes with and without what a filter removes, 0 to 1.

    All are tested on the same real texts.

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
    """Fit probes to all texts, to what is left, and, as fewer texts alone can make it worse, to as
    many texts drawn at random.

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
    label_array = np.array(labels, dtype=object)
    if len(set(label_array[kept])) < 2:
        raise BadInput(
            "Texts of fewer than two labels would be left, so that a classifier learns nothing.",
            "Lower the threshold.",
        )

    def predicted(rows: "np.typing.NDArray[np.int64]") -> list[str]:
        between()
        names = list(dict.fromkeys(label_array[rows]))
        probe = fit_probe(vectors[rows], label_array[rows].tolist(), label_names=names)
        return [names[at] for at in probe.probabilities(test_vectors).argmax(axis=1)]

    rng = np.random.default_rng(seed)
    size = int(kept.sum())
    with_all, with_kept = (
        right_shares(test_labels, [predicted(rows)])
        for rows in (np.arange(len(label_array)), np.flatnonzero(kept))
    )
    draws = [predicted(stratified_draw(labels, size, rng=rng)) for _ in range(DRAWS)]
    drawn = right_shares(test_labels, draws)
    n_test = len(test_labels)
    return FilterEffect(
        n=len(label_array),
        kept=size,
        n_test=n_test,
        before=wilson(round(with_all.sum()), n_test),
        after=wilson(round(with_kept.sum()), n_test),
        drawn=over_seeds(
            [float(right_shares(test_labels, [predictions]).mean()) for predictions in draws]
        ),
        against_all=paired_bootstrap(with_all, with_kept, rng=rng),
        against_drawn=paired_bootstrap(drawn, with_kept, rng=rng),
    )
