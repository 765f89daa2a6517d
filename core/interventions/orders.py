"""Which texts a person is to judge next, in which order; by ids.

Texts of the audit set are there to measure with, so they are drawn from all texts, whatever was
judged before: an audit of what the other orders left over would be biased towards easy texts. The
other orders are there to learn from; they leave out what any person judged, so that several people
share the work.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.datasets import Dataset
from core.diversity.remote_clique import Vectors
from core.errors import BadInput
from core.interventions.judged import MACHINES
from core.interventions.queue import by_label, most_spread, most_uncertain, random_order
from core.store.judgements import Judgement, Why, by_person

Kind = Literal["audit", "uncertain", "spread", "label", "second"]


@dataclass(frozen=True, slots=True)
class Order:
    """How a queue is made.

    Args:
        kind: `audit` is a random sample to measure with; `uncertain` the least confident labels
            first; `spread` texts far from each other; `label` a label at a time; `second` what
            other people judged, for a second opinion.
        size: texts at most; an audit set of 90 begins with that of 45.
        seed: of the audit set's draw, and of the shuffling within a label.
        label: only texts specified for this label, for the kind `label`; None is all, in order.
    """

    kind: Kind
    size: int = 90
    seed: int = 0
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """A text that is to be judged, and the `why` that its judgement will carry."""

    id: str
    why: Why


def queue_of(
    dataset: Dataset,
    judgements: Iterable[Judgement],
    order: Order,
    *,
    who: str,
    vectors: Vectors | None = None,
    confidence: Mapping[str, float | None] | None = None,
) -> list[Due]:
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
    people = [one for one in known if one.why not in MACHINES]
    mine = by_person(known).get(who.strip(), {})
    rng = np.random.default_rng(order.seed)
    if order.kind == "second":
        return _second_opinions(dataset, people, mine, order.size)
    if order.kind == "audit":
        drawn = audit_set(dataset, order)
        return [Due(key, "audit") for key in drawn if key not in mine or mine[key].why != "audit"]
    seen = {one.verdict.sample_id for one in people if not one.verdict.skipped} | set(mine)
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
    return [Due(dataset.ids[row], order.kind) for row in rows[: order.size]]


def audit_set(dataset: Dataset, order: Order) -> list[str]:
    """The ids of a random sample of all texts, in the order drawn; one seed, one sample."""
    rng = np.random.default_rng(order.seed)
    drawn = random_order(range(len(dataset)), rng)[: order.size]
    return [dataset.ids[row] for row in drawn]


def _second_opinions(
    dataset: Dataset, people: list[Judgement], mine: Mapping[str, Judgement], size: int
) -> list[Due]:
    """What others judged and this person did not, as it came, for the reason that it was judged."""
    there = set(dataset.ids)
    firsts: dict[str, Why] = {}
    for one in people:
        key = one.verdict.sample_id
        if not one.verdict.skipped and key in there and key not in mine:
            firsts.setdefault(key, one.why)
    return [Due(key, why) for key, why in firsts.items()][:size]
