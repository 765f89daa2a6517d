"""The queue of texts to judge: in which order they come up, and one person's session with it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.diversity.measures.remote_clique import Numbers, Vectors, unit_vectors
from core.domain.datasets import Dataset
from core.domain.errors import BadInput, StaleEdit
from core.store.database import Database
from core.store.interventions.judgements import (
    MACHINES,
    Judgement,
    Verdict,
    Why,
    add_judgements,
    by_person,
    judgements_of,
    last_judgement,
    last_number,
    retract,
)

_AT_ONCE = 32  # texts whose distances to all others are computed together


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
    own = by_person(known).get(who.strip(), {})
    rng = np.random.default_rng(order.seed)
    if order.kind == "second":
        return _second_opinions(dataset, people, own, order.size)
    if order.kind == "audit":
        drawn = audit_set(dataset, order)
        return [
            QueuedText(key, "audit") for key in drawn if key not in own or own[key].why != "audit"
        ]
    seen = {
        judgement.verdict.sample_id for judgement in people if not judgement.verdict.skipped
    } | set(own)
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
        shuffled = [free[place] for place in rng.permutation(len(free))]
        rows = [row for name in names for row in shuffled if dataset.labels[row] == name]
    return [QueuedText(dataset.ids[row], order.kind) for row in rows[: order.size]]


def audit_set(dataset: Dataset, order: QueueOrder) -> list[str]:
    """The ids of a random sample of all texts, in the order drawn; one seed, one sample.

    What is judged in this order is marked `audit` and kept apart from what proxies learn from.
    """
    rng = np.random.default_rng(order.seed)
    return [dataset.ids[row] for row in rng.permutation(len(dataset))[: order.size]]


def _second_opinions(
    dataset: Dataset, people: list[Judgement], own: Mapping[str, Judgement], size: int
) -> list[QueuedText]:
    """What others judged and this person did not, as it came, for the reason that it was judged."""
    ids = set(dataset.ids)
    firsts: dict[str, Why] = {}
    for judgement in people:
        key = judgement.verdict.sample_id
        if not judgement.verdict.skipped and key in ids and key not in own:
            firsts.setdefault(key, judgement.why)
    return [QueuedText(key, why) for key, why in firsts.items()][:size]


# C and R are the browser page's own; O, S, Z and N are out of scope, skip, undo and neighbours.
KEYS = "123456789ABDEFGHIJKLMPQTUVWXY"


def label_keys(names: Sequence[str]) -> dict[str, str | None]:
    """Each label's key, in task order; None for those beyond the last key."""
    return {name: KEYS[place] if place < len(KEYS) else None for place, name in enumerate(names)}


class AnnotationSession:
    """One person's queue.

    Args:
        db: the store.
        run_id: the texts' run.
        dataset: its texts.
        order: how the queue is made.
        who: the person.
        session: stored with each judgement; undo is limited to it. One person's queues, one after
            another, share it.
        vectors: see `build_queue`.
        confidence: see `build_queue`.

    Raises:
        BadInput: see `build_queue`.
    """

    def __init__(
        self,
        db: Database,
        run_id: str,
        dataset: Dataset,
        order: QueueOrder,
        *,
        who: str,
        session: str,
        vectors: Vectors | None = None,
        confidence: Mapping[str, float | None] | None = None,
    ) -> None:
        # Nine parameters: what a person chose before the first text.
        self.order = order
        self.who = who.strip()
        self.session = session
        self._db = db
        self._run_id = run_id
        with db.read():
            self._number = last_number(db, run_id)
            known = judgements_of(db, run_id)
        self._due = build_queue(
            dataset, known, order, who=who, vectors=vectors, confidence=confidence
        )
        # An audit set is the same in every session, so what was done of it counts as done.
        self._ids = set(audit_set(dataset, order) if order.kind == "audit" else ())
        self._ids |= {queued.id for queued in self._due}
        self._mine = self._own(known)

    @property
    def current(self) -> QueuedText | None:
        """The text to judge now; None when the queue is done."""
        return self._due[0] if self._due else None

    @property
    def total(self) -> int:
        """How many texts the queue has in all."""
        return len(self._ids)

    @property
    def done(self) -> int:
        """How many texts of the queue were judged or skipped."""
        return self.total - len(self._due)

    @property
    def mine(self) -> int:
        """How many of the run's texts this person judged, skips apart."""
        return len(self._mine)

    def since(self, moment: float) -> int:
        """How many of them since then, in seconds since 1970."""
        return sum(at >= moment for at in self._mine.values())

    def judge(self, verdict: Verdict) -> Judgement | None:
        """Store a verdict on the current text and go on to the next.

        A verdict on another text than the current one changes nothing: it was given twice.

        Returns:
            What was stored; None if nothing was.

        Raises:
            StaleEdit: somebody else judged the text since it came up; the message says who and
                what. Nothing was stored, the text stays, and the next verdict on it counts.
            StoreFull, StoreBusy: nothing was stored, and the text stays.
        """
        queued = self.current
        if queued is None or verdict.sample_id != queued.id:
            return None
        try:
            with self._db.write():
                before = last_number(self._db, self._run_id)
                (stored,) = add_judgements(
                    self._db,
                    self._run_id,
                    [verdict],
                    who=self.who,
                    why=queued.why,
                    session=self.session,
                    seen=self._number,
                )
        except StaleEdit:
            self._number = last_number(self._db, self._run_id)
            self._leave_to_others(but=queued.id)
            raise
        del self._due[0]
        others_came, self._number = before != self._number, stored.number
        self._mine.pop(queued.id, None)
        if not verdict.skipped:
            self._mine[queued.id] = stored.at
        if others_came:
            self._leave_to_others()
        return stored

    def undo(self) -> Judgement | None:
        """Take this session's latest judgement back; its text comes up again.

        Another session may be another person under the same name, whose last word is not ours.

        Returns:
            What was taken back; None when nothing of the session is left to take back.
        """
        last = last_judgement(self._db, self._run_id, who=self.who, session=self.session)
        if last is None:
            return None
        retract(self._db, last.id, who=self.who)
        with self._db.read():
            self._number = last_number(self._db, self._run_id)
            self._mine = self._own(judgements_of(self._db, self._run_id))
        self._leave_to_others()
        key = last.verdict.sample_id
        self._ids.add(key)  # it may be of an earlier queue
        self._due = [
            QueuedText(key, last.why),
            *(queued for queued in self._due if queued.id != key),
        ]
        return last

    def _leave_to_others(self, *, but: str | None = None) -> None:
        """Take out what others judged meanwhile, where one judgement a text is enough.

        Args:
            but: the id of a text that stays all the same.
        """
        if self.order.kind in ("audit", "second"):
            return
        taken = {
            judgement.verdict.sample_id
            for judgement in judgements_of(self._db, self._run_id)
            if judgement.who != self.who
            and judgement.why not in MACHINES
            and not judgement.verdict.skipped
        } - {but}
        self._ids -= {queued.id for queued in self._due if queued.id in taken}
        self._due = [queued for queued in self._due if queued.id not in taken]

    def _own(self, known: list[Judgement]) -> dict[str, float]:
        """When this person judged which text."""
        return {
            judgement.verdict.sample_id: judgement.at
            for judgement in known
            if judgement.who == self.who and not judgement.verdict.skipped
        }
