"""The replication: which folders count, and the paper's grid for each task."""

from pathlib import Path

import pytest

from core.domain.errors import BadInput
from core.domain.tasks import preset, preset_names
from core.sweeps.assessment.recipe import ALL
from core.sweeps.replication import FOLDERS, real_sets, replication_grid


def made(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).mkdir()
        (folder / name / "train.csv").write_text("text,label\n")
    return folder


def test_folders_of_the_papers_tasks_count(tmp_path: Path) -> None:
    data = made(tmp_path, "sst2", "trec", "carer_emotion")
    found = [(one.folder.name, one.task.name) for one in real_sets(data)]
    assert found == [
        ("carer_emotion", preset("carer").name),
        ("sst2", preset("sst2").name),
    ]
    assert [one.folder.name for one in real_sets(data, ["sst2"])] == ["sst2"]
    assert set(FOLDERS.values()) == set(preset_names()) - {"support"}


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    data = made(tmp_path, "trec")
    with pytest.raises(BadInput, match="no real set"):
        real_sets(data)
    with pytest.raises(BadInput, match="no set of the paper"):
        real_sets(data, ["trec"])
    with pytest.raises(BadInput, match="sst2"):
        real_sets(made(tmp_path, "cola"), ["cola", "sst2"])


@pytest.mark.parametrize(
    ("task", "per_label", "a_request"), [("sst2", 100, 20), ("carer", 34, 12), ("hwu64", 12, 6)]
)
def test_the_papers_grid_at_our_size(task: str, per_label: int, a_request: int) -> None:
    grid = replication_grid(preset(task), reference="r")
    assert (grid.conditions, grid.repeats, grid.runs) == (16, 2, 32)
    assert grid.per_label == per_label
    assert grid.per_label * len(grid.task.labels) >= 200
    assert grid.base.texts_a_request == a_request
    assert grid.recipe.budgets == (0, 90, 180, 270, ALL)
    assert grid.recipe.reference == "r"
    assert grid.axes["temperature"] == (0.3, 0.7, 0.9, 1.3)
    assert grid.axes["suppression"] == (0.0, 7.5)
    assert grid.axes["seeding"] == (0, 18)
