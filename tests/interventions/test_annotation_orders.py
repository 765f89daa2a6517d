"""Which texts come up to be judged, in which order."""

import numpy as np
import pytest

from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.interventions.annotation_queue import QueuedText, QueueOrder, audit_set, build_queue
from core.store.interventions.judgements import Judgement, Verdict, Why

LABELS = ("pos", "neg", "pos", "neg", "pos", "neg")


def make_dataset(labels: tuple[str, ...] = LABELS) -> Dataset:
    ids = tuple(f"t{n}" for n in range(len(labels)))
    texts = tuple(f"text {n}" for n in range(len(labels)))
    return Dataset("run:r", "r", ("pos", "neg"), ids, texts, labels, (None,) * len(labels))


def said(
    number: int, key: str, who: str, *, why: Why = "label", skipped: bool = False
) -> Judgement:
    verdict = Verdict(key, None if skipped else "pos", skipped=skipped)
    return Judgement(number, f"j{number}", "r", who, 1.0, why, "", verdict)


def ids(queue: list[QueuedText]) -> list[str]:
    return [due.id for due in queue]


def test_an_audit_set_begins_with_the_smaller_one() -> None:
    dataset = make_dataset(("pos",) * 200)
    whole = audit_set(dataset, QueueOrder("audit", 180, seed=5))
    assert len(set(whole)) == 180
    assert audit_set(dataset, QueueOrder("audit", 45, seed=5)) == whole[:45]
    assert audit_set(dataset, QueueOrder("audit", 45, seed=6)) != whole[:45]


def test_every_text_is_as_likely_in_an_audit_set() -> None:
    dataset = make_dataset(("pos",) * 10)
    counts = dict.fromkeys(dataset.ids, 0)
    for seed in range(2000):
        for key in audit_set(dataset, QueueOrder("audit", 3, seed=seed)):
            counts[key] += 1
    # Each is drawn with 0.3: 600 of 2,000, with a standard deviation of 20.5.
    assert all(abs(count - 600) < 5 * 20.5 for count in counts.values())


def test_an_audit_set_is_of_all_texts_whatever_was_judged_to_learn_from() -> None:
    dataset = make_dataset()
    order = QueueOrder("audit", 6)
    drawn = audit_set(dataset, order)
    known = [said(1, drawn[0], "Ann"), said(2, drawn[1], "Ann", why="audit")]
    known.append(said(3, drawn[2], "Bob", why="audit"))
    assert ids(build_queue(dataset, known, order, who="Ann")) == [drawn[0], *drawn[2:]]
    assert {due.why for due in build_queue(dataset, known, order, who="Ann")} == {"audit"}


def test_the_other_orders_leave_out_what_people_judged() -> None:
    dataset = make_dataset()
    known = [
        said(1, "t0", "Ann"),
        said(2, "t1", "Bob", why="audit"),
        said(3, "t2", "oracle", why="oracle"),
        said(4, "t3", "Bob", skipped=True),
        said(5, "t4", "Ann", skipped=True),
    ]
    sure = dict.fromkeys(dataset.ids, 0.5)
    order = QueueOrder("uncertain")
    assert ids(build_queue(dataset, known, order, who=" Ann ", confidence=sure)) == [
        "t2",
        "t3",
        "t5",
    ]
    assert ids(build_queue(dataset, known, order, who="Bob", confidence=sure)) == ["t2", "t4", "t5"]


def test_the_most_uncertain_first() -> None:
    sure = {"t0": 0.9, "t1": None, "t2": 0.3, "t3": 0.5, "t5": 0.4}
    queue = build_queue(make_dataset(), [], QueueOrder("uncertain", 3), who="Ann", confidence=sure)
    assert queue == [
        QueuedText("t2", "uncertain"),
        QueuedText("t5", "uncertain"),
        QueuedText("t3", "uncertain"),
    ]


def test_the_most_spread_out_keeps_off_what_is_judged() -> None:
    angles = np.radians([0, 10, 20, 90, 100, 180])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    known = [said(1, "t0", "Bob")]
    queue = build_queue(make_dataset(), known, QueueOrder("spread", 2), who="Ann", vectors=vectors)
    # Farthest from 0 degrees lies 180, farthest from both 90.
    assert queue == [QueuedText("t5", "spread"), QueuedText("t3", "spread")]


def test_a_label_at_a_time() -> None:
    dataset = make_dataset()
    queue = ids(build_queue(dataset, [], QueueOrder("label", seed=1), who="Ann"))
    assert set(queue[:3]) == {"t0", "t2", "t4"}
    assert set(queue[3:]) == {"t1", "t3", "t5"}
    orders = [QueueOrder("label", seed=seed) for seed in range(9)]
    assert len({tuple(ids(build_queue(dataset, [], own, who="Ann"))) for own in orders}) > 3
    alone = ids(build_queue(dataset, [], QueueOrder("label", 2, label="neg"), who="Ann"))
    assert len(alone) == 2
    assert set(alone) <= {"t1", "t3", "t5"}


def test_a_second_opinion_is_of_what_others_judged_for_the_same_reason() -> None:
    known = [
        said(1, "t3", "Bob", why="audit"),
        said(2, "t0", "Bob", why="spread"),
        said(3, "t3", "Cleo", why="label"),
        said(4, "t1", "Bob", skipped=True),
        said(5, "t2", "oracle", why="oracle"),
        said(6, "t4", "Ann"),
        said(7, "t4", "Bob"),
    ]
    order = QueueOrder("second")
    assert build_queue(make_dataset(), known, order, who="Ann") == [
        QueuedText("t3", "audit"),
        QueuedText("t0", "spread"),
    ]
    assert ids(build_queue(make_dataset(), known, order, who="Bob")) == []
    assert ids(build_queue(make_dataset(), known, QueueOrder("second", 1), who="Dan")) == ["t3"]


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (QueueOrder("uncertain"), "how certain"),
        (QueueOrder("spread"), "embedded"),
        (QueueOrder("label", label="meh"), "'meh'"),
    ],
)
def test_what_is_missing_is_said(order: QueueOrder, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        build_queue(make_dataset(), [], order, who="Ann")
