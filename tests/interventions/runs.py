"""Runs whose texts tell their label by their words, some of them under a wrong one."""

from dataclasses import dataclass

from core.domain.conditions import Condition
from core.domain.runs import Example, RunSpec
from core.domain.tasks import Label, Task
from core.store.database import Database
from core.store.generation.runs import create_run
from core.store.generation.samples import add_samples
from core.store.references import add_reference
from tests.store.making import make_sample

TASK = Task("Moods", "note", (Label("joy", "joy"), Label("grief", "grief"), Label("calm", "calm")))
WORDS = {
    "joy": ("happy", "glad", "cheerful", "merry"),
    "grief": ("sad", "lost", "crying", "lonely"),
    "calm": ("quiet", "still", "restful", "slow"),
}
OUT = ("invoice", "parcel", "tariff", "ledger")


@dataclass(frozen=True)
class Made:
    """A run, its reference, and the right label by text id; None for texts out of scope."""

    run_id: str
    reference_id: str
    right: dict[str, str | None]


def text_of(label: str, number: int) -> str:
    """A text of a label; every number another one."""
    words = WORDS.get(label, OUT)
    one, two = words[number % 4], words[number // 4 % 4]
    return f"{f'{one} {two} ' * 4}{number}"


def make_moods(db: Database, *, each: int = 20, wrong_each: int = 4, out: int = 0) -> Made:
    """A run of so many texts a label, every so manieth under the next label; and some out of scope.

    Args:
        db: the store.
        each: texts a label.
        wrong_each: every so manieth text bears a wrong label.
        out: further texts, out of scope, all under "calm".
    """
    names = TASK.label_names
    run = create_run(db, RunSpec(TASK, Condition(), per_label=each), name="Mine")
    right: dict[str, str | None] = {}
    made = []
    for number in range(each):
        for place, name in enumerate(names):
            at = len(made)
            borne = names[(place + 1) % 3] if at % wrong_each == 0 else name
            made.append(make_sample(run.id, at, text=text_of(name, number), label=borne))
            right[made[-1].id] = name
    for number in range(out):
        at = len(made)
        made.append(make_sample(run.id, at, text=text_of("out", number), label="calm"))
        right[made[-1].id] = None
    add_samples(db, made)
    parts = [
        [Example(text_of(name, number), name) for number in span for name in names]
        for span in (range(100, 120), range(200, 210))
    ]
    reference = add_reference(db, TASK, "Real", *parts, {"file": "real.csv"})
    return Made(run.id, reference.id, right)
