"""The replication: the paper's 16 conditions on real sets, with a small model of one's own.

The paper's knobs and repairs as they are (sections 4.1 and 5): four temperatures, suppression off
and on, seeding with no and with 18 real examples; LR with 0, 90, 180, 270 and all texts inspected.
Its sizes are not: 200 texts a run in place of 5,600, two runs a condition in place of three, probes
in place of fine-tuned BERT. So the card tells what holds for this model at this size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from core.domain.conditions import Condition
from core.domain.errors import BadInput
from core.domain.runs import ModelChoice
from core.domain.tasks import Task, preset
from core.sweeps.assessment.recipe import ALL, Recipe
from core.sweeps.grid.spec import Grid

STUDY = "Replication"
TEXTS = 200
REPEATS = 2
_LEAST_A_REQUEST = 6
FOLDERS = {
    "sst2": "sst2",
    "carer_emotion": "carer",
    "carer": "carer",
    "clickbait": "cb",
    "cb": "cb",
    "hwu64": "hwu64",
    "cola": "cola",
    "fo": "fo",
    "pubmed": "pubmed",
    "subj": "subj",
}
"""Names of folders with real data, and the preset that each is of."""


@dataclass(frozen=True, slots=True)
class RealSet:
    """A folder with train.csv and test.csv, and the task that its texts are of."""

    folder: Path
    task: Task


def real_sets(data: Path, only: Sequence[str] = ()) -> list[RealSet]:
    """The real sets of a folder that the paper has a task for.

    Args:
        data: holds a folder for each set.
        only: names of folders; empty is all that are known.

    Raises:
        BadInput: there is none, or one that was asked for is not there.
    """
    names = list(only) or sorted(FOLDERS)
    unknown = [name for name in only if name not in FOLDERS]
    if unknown:
        raise BadInput(
            f"'{unknown[0][:60]}' is no set of the paper's tasks.",
            f"Choose from {', '.join(sorted(FOLDERS))}.",
        )
    sets = [name for name in names if (data / name / "train.csv").is_file()]
    missing = [name for name in only if name not in sets]
    if missing or not sets:
        what = f"{data / missing[0]}" if missing else f"{data}"
        raise BadInput(
            f"There is no real set in {what}.",
            "Give a folder that holds sst2, carer_emotion, clickbait or hwu64, each with train.csv "
            "and test.csv (text, label); the README says where to get them.",
        )
    return [RealSet(data / name, preset(FOLDERS[name])) for name in sets]


def replication_grid(
    task: Task,
    *,
    reference: str | None,
    study: str = STUDY,
    texts: int = TEXTS,
    repeats: int = REPEATS,
    seed: int = 0,
    filtering: bool = False,
    model: ModelChoice | None = None,
) -> Grid:
    """The paper's grid for a task.

    A request asks for a third of a label's texts, but for 6 at least and the paper's 20 at most:
    suppression and the pool of examples move on between requests alone, so fewer, larger ones
    would leave them nothing to do, and many small ones read the long prompt of many labels anew.

    Args:
        task: which.
        reference: id of its real texts.
        study: shared by the sweeps of all tasks.
        texts: of a run at least; each label gets as many.
        repeats: runs of each condition.
        seed: of the first repeat.
        filtering: try OOSF, too.
        model: which one writes; None is the embedded one.
    """
    per_label = ceil(texts / len(task.labels))
    return Grid(
        task=task,
        name=f"{study}: {task.name}"[:200],
        study=study,
        per_label=per_label,
        seed=seed,
        repeats=repeats,
        axes={} if model is None else {"model": (model,)},
        base=Condition(texts_a_request=min(20, max(_LEAST_A_REQUEST, ceil(per_label / 3)))),
        recipe=Recipe(reference=reference, budgets=(0, 90, 180, 270, ALL), filter=filtering),
    )
