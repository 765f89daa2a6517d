"""The example: messages to customer support, a task with a reference set of this project's own.

`assets/reference/README.md` says what the labels mean and how the texts came about.
"""

import csv
from pathlib import Path

from core.domain.runs import Example
from core.domain.tasks import Task, preset
from core.files.labelled import read_labelled

REFERENCE_FOLDER = Path(__file__).parents[2] / "assets" / "reference"
TRAIN_FILE = REFERENCE_FOLDER / "train.csv"
TEST_FILE = REFERENCE_FOLDER / "test.csv"
OUT_OF_SCOPE_FILE = REFERENCE_FOLDER / "out_of_scope.csv"


def example_task() -> Task:
    """The task of the example, which is also the preset `support`: five labels."""
    return preset("support")


def example_reference() -> tuple[list[Example], list[Example]]:
    """The example's reference: train part (60 texts a label) and test part (30 a label).

    No text is in both. Each part is in its file's order, which visits the labels in turn.
    """
    task = example_task()
    train = read_labelled(TRAIN_FILE, name=TRAIN_FILE.name, task=task)
    test = read_labelled(TEST_FILE, name=TEST_FILE.name, task=task)
    return train, test


def example_out_of_scope() -> list[str]:
    """30 texts that a model might write for the example and that fit none of its labels.

    What is wrong with each stands beside it in the file, in the column `reason`.
    """
    with OUT_OF_SCOPE_FILE.open(encoding="utf-8", newline="") as file:
        return [row["text"] for row in csv.DictReader(file)]
