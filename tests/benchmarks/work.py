"""The work that is measured: one cycle of the CARER task, as a seeded run makes it."""

import os
from pathlib import Path

from core.domain.conditions import Condition
from core.domain.runs import Example, RunSpec
from core.domain.tasks import preset
from core.files.labelled import balanced_examples, read_labelled
from core.generation.backends import Request
from core.generation.prompts import prompt_for

ROOT = Path(__file__).parent.parent.parent
TEXTS_A_LABEL = 20
MAX_TOKENS = 100
TEMPERATURE = 0.9

# As long as CARER's own tweets are; for machines without the example data.
_WRITTEN = {
    "joy": (
        "i feel so happy to be back home with all of my family around the table again",
        "i woke up feeling cheerful and the sun was out for the first time this week",
        "i feel proud of how far the little team has come since the summer",
    ),
    "anger": (
        "i feel so angry that nobody told me the train had been cancelled again today",
        "im feeling irritated by people who talk all the way through a film",
        "i feel bitter about how that whole thing was handled by the office",
    ),
    "fear": (
        "i feel nervous about the results that are supposed to come in the morning",
        "i am feeling shaky and afraid to walk home on my own after what happened",
        "i feel a little uncertain whether i will be able to pay for all of it",
    ),
    "sadness": (
        "i feel empty since he moved away and the house has become so quiet",
        "i was feeling gloomy and could not bring myself to answer any of the letters",
        "i feel like i lost a friend and i do not really know why",
    ),
    "love": (
        "i feel so tender towards the two of them when they fall asleep on the sofa",
        "i am feeling fond of this old town and everyone who lives in it",
        "i feel loved every time she leaves a note for me on the kitchen door",
    ),
    "surprise": (
        "i feel amazed that the letter arrived at all after so many years in a drawer",
        "i was feeling curious about the noise and then the whole room shouted my name",
        "i feel dazed and impressed by how much the children had learned in a week",
    ),
}


def carer_spec(*, per_label: int) -> RunSpec:
    """The seeded CARER run; from real data where it is, else from the sentences above."""
    task = preset("carer")
    folder = Path(os.environ.get("WIDESET_TEST_DATA") or ROOT.parent / "shared" / "data")
    file = folder / "carer_emotion" / "train.csv"
    if file.is_file():
        examples = read_labelled(file, name=file.name, task=task)
        seeds = balanced_examples(examples, task=task, seed=0)
    else:
        seeds = tuple(Example(t, label) for label, texts in _WRITTEN.items() for t in texts)
    return RunSpec(
        task=task,
        condition=Condition(temperature=TEMPERATURE, max_tokens=MAX_TOKENS),
        per_label=per_label,
        seed=0,
        seed_examples=seeds,
    )


def requests_of(spec: RunSpec, cycle: int, *, count: int = TEXTS_A_LABEL) -> list[Request]:
    """A cycle's requests as the loop makes them, the pool holding the seed examples only.

    That no request depends on what was written before keeps the work of all contenders the same.
    """
    return [
        Request(
            prompt=prompt_for(spec, cycle=cycle, label_index=place, written={}),
            indices=tuple(range(count)),
            biases=(),
            entropy=(spec.seed, 2, cycle, place),
        )
        for place in range(len(spec.task.labels))
    ]
