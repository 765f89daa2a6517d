"""AnnotationSession: one person's queue of texts to judge, and the keys that give labels."""

from collections.abc import Mapping, Sequence

from core.diversity.measures.remote_clique import Vectors
from core.domain.datasets import Dataset
from core.domain.errors import StaleEdit
from core.interventions.annotation.consensus import MACHINES
from core.interventions.annotation.queue import QueuedText, QueueOrder, audit_set, build_queue
from core.store.database import Database
from core.store.interventions.judgements import (
    Judgement,
    Verdict,
    add_judgements,
    judgements_of,
    last_judgement,
    last_number,
    retract,
)

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
        self._ids |= {due.id for due in self._due}
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
        due = self.current
        if due is None or verdict.sample_id != due.id:
            return None
        try:
            with self._db.write():
                before = last_number(self._db, self._run_id)
                (stored,) = add_judgements(
                    self._db,
                    self._run_id,
                    [verdict],
                    who=self.who,
                    why=due.why,
                    session=self.session,
                    seen=self._number,
                )
        except StaleEdit:
            self._number = last_number(self._db, self._run_id)
            self._leave_to_others(but=due.id)
            raise
        del self._due[0]
        others_came, self._number = before != self._number, stored.number
        self._mine.pop(due.id, None)
        if not verdict.skipped:
            self._mine[due.id] = stored.at
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
        self._due = [QueuedText(key, last.why), *(due for due in self._due if due.id != key)]
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
        self._ids -= {due.id for due in self._due if due.id in taken}
        self._due = [due for due in self._due if due.id not in taken]

    def _own(self, known: list[Judgement]) -> dict[str, float]:
        """When this person judged which text."""
        return {
            judgement.verdict.sample_id: judgement.at
            for judgement in known
            if judgement.who == self.who and not judgement.verdict.skipped
        }
