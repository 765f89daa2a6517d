"""In which order texts come up to be judged; all of it by rows, which the caller maps to ids."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.diversity.measures.remote_clique import Numbers, Vectors, unit_vectors
from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.interventions.annotation.consensus import MACHINES
from core.store.interventions.judgements import Judgement, Why, by_person

_AT_ONCE = 32  # texts whose distances to all others are computed together


def random_order(candidates: Sequence[int], rng: np.random.Generator) -> list[int]:
    """The candidates, shuffled: the first n are an unbiased sample, fit to measure with.

    What is judged in this order is marked `audit` and kept apart from what proxies learn from.
    """
    return [candidates[place] for place in rng.permutation(len(candidates))]


def most_uncertain(confidence: Sequence[float | None], candidates: Sequence[int]) -> list[int]:
    """The candidates by the confidence in their label, the least first, the earlier of equals.

    Args:
        confidence: 0 to 1, one a text; texts without one are left out.
        candidates: rows.
    """
    known = [(value, row) for row in candidates if (value := confidence[row]) is not None]
    return [row for _, row in sorted(known)]


def most_spread(
    vectors: Vectors,
    count: int,
    *,
    candidates: Sequence[int] | None = None,
    covered: Collection[int] = (),
) -> list[int]:
    """Texts that lie far from each other: k-centre greedy (Gonzalez 1985; Sener and Savarese 2018).

    Each next text is the one whose nearest centre lies farthest away, so that every text soon has
    a judged one near. The first, where nothing is covered yet, is the text nearest to the mean.
    Of equals the earlier row comes first. O(count * texts).

    Args:
        vectors: embeddings, float32 (texts, size), of any length above 0.
        count: how many at most.
        candidates: rows to choose from; None is all.
        covered: rows that are centres already (judged texts); never chosen.

    Returns:
        Rows in order; the distance (cosine) of each to the centres before it never grows.
    """
    unit = unit_vectors(vectors)
    free = np.ones(len(unit), dtype=bool)
    if candidates is not None:
        free[:] = False
        free[list(candidates)] = True
    free[list(covered)] = False
    nearest: Numbers = np.full(len(unit), np.inf)
    centres = list(covered)
    for start in range(0, len(centres), _AT_ONCE):
        near = _distances(unit, centres[start : start + _AT_ONCE]).min(axis=1)
        nearest = np.minimum(nearest, near)
    known: dict[int, Numbers] = {}
    chosen: list[int] = []
    for _ in range(min(count, int(free.sum()))):
        if chosen or centres:
            row = int(np.where(free, nearest, -np.inf).argmax())
        else:
            mean = unit.mean(axis=0, dtype=np.float64)
            row = int(np.where(free, unit @ mean, -np.inf).argmax())
        if row not in known:
            # The next ones are most likely among those that lie farthest now; one product of
            # matrices for all of them passes over the vectors once instead of once for each.
            far = np.where(free, nearest, -np.inf).argsort(kind="stable")[: -_AT_ONCE - 1 : -1]
            rows = [row, *(int(other) for other in far if free[other] and other != row)]
            known = dict(zip(rows, _distances(unit, rows).T, strict=True))
        chosen.append(row)
        free[row] = False
        nearest = np.minimum(nearest, known[row])
    return chosen


def by_label(
    labels: Sequence[str],
    label_names: Sequence[str],
    candidates: Sequence[int],
    rng: np.random.Generator,
) -> list[int]:
    """The candidates label by label, in task order, shuffled within each label."""
    shuffled = random_order(candidates, rng)
    return [row for name in label_names for row in shuffled if labels[row] == name]


def _distances(unit: Vectors, rows: Sequence[int]) -> Numbers:
    """Cosine distances of all texts to some, (texts, rows)."""
    # Rounded, or equal texts would differ by the order in which their products are added up.
    distances: Numbers = np.round(1 - (unit @ unit[list(rows)].T).astype(np.float64), 6)
    return distances


QueueKind = Literal["audit", "uncertain", "spread", "label", "second"]


@dataclass(frozen=True, slots=True)
class QueueOrder:
    """How a queue is made.

    Args:
        kind: `audit` is a random sample to measure with; `uncertain` the least confident labels
            first; `spread` texts far from each other; `label` label by label; `second` what
            other people judged, for a second opinion.
        size: texts at most; an audit set of 90 begins with that of 45.
        seed: of the audit set's draw, and of the shuffling within a label.
        label: only texts specified for this label, for the kind `label`; None is all, in order.
    """

    kind: QueueKind
    size: int = 90
    seed: int = 0
    label: str | None = None


@dataclass(frozen=True, slots=True)
class QueuedText:
    """A text that is to be judged, and the `why` that its judgement will carry."""

    id: str
    why: Why


def build_queue(
    dataset: Dataset,
    judgements: Iterable[Judgement],
    order: QueueOrder,
    *,
    who: str,
    vectors: Vectors | None = None,
    confidence: Mapping[str, float | None] | None = None,
) -> list[QueuedText]:
    """The texts that a person is to judge next.

    Args:
        dataset: a run's texts.
        judgements: those in effect, oldest first; a person's skips count as judged by that person.
        order: how the queue is made.
        who: the person.
        vectors: of the dataset's texts, float32 (texts, size); `spread` needs them.
        confidence: in labels by text id, 0 to 1; `uncertain` needs them.

    Raises:
        BadInput: vectors or confidences are needed and missing, or the label is unknown.
    """
    known = list(judgements)
    people = [judgement for judgement in known if judgement.why not in MACHINES]
    mine = by_person(known).get(who.strip(), {})
    rng = np.random.default_rng(order.seed)
    if order.kind == "second":
        return _second_opinions(dataset, people, mine, order.size)
    if order.kind == "audit":
        drawn = audit_set(dataset, order)
        return [
            QueuedText(key, "audit") for key in drawn if key not in mine or mine[key].why != "audit"
        ]
    seen = {
        judgement.verdict.sample_id for judgement in people if not judgement.verdict.skipped
    } | set(mine)
    judged = [row for row, key in enumerate(dataset.ids) if key in seen]
    free = [row for row, key in enumerate(dataset.ids) if key not in seen]
    if order.kind == "uncertain":
        if confidence is None:
            raise BadInput(
                "Nothing is known yet of how certain the labels are.",
                "Judge an audit set or a spread first, and preview a label replacement with it.",
            )
        rows = most_uncertain([confidence.get(key) for key in dataset.ids], free)
    elif order.kind == "spread":
        if vectors is None:
            raise BadInput(
                "The worker has not embedded all of these texts yet.",
                "Wait for it, or open the run on the Explore page.",
            )
        rows = most_spread(vectors, order.size, candidates=free, covered=judged)
    else:
        if order.label is not None and order.label not in dataset.label_names:
            raise BadInput(f"There is no label '{order.label[:60]}'.", "Choose one of the task's.")
        names = dataset.label_names if order.label is None else (order.label,)
        rows = by_label(dataset.labels, names, free, rng)
    return [QueuedText(dataset.ids[row], order.kind) for row in rows[: order.size]]


def audit_set(dataset: Dataset, order: QueueOrder) -> list[str]:
    """The ids of a random sample of all texts, in the order drawn; one seed, one sample."""
    rng = np.random.default_rng(order.seed)
    drawn = random_order(range(len(dataset)), rng)[: order.size]
    return [dataset.ids[row] for row in drawn]


def _second_opinions(
    dataset: Dataset, people: list[Judgement], mine: Mapping[str, Judgement], size: int
) -> list[QueuedText]:
    """What others judged and this person did not, as it came, for the reason that it was judged."""
    there = set(dataset.ids)
    firsts: dict[str, Why] = {}
    for judgement in people:
        key = judgement.verdict.sample_id
        if not judgement.verdict.skipped and key in there and key not in mine:
            firsts.setdefault(key, judgement.why)
    return [QueuedText(key, why) for key, why in firsts.items()][:size]
