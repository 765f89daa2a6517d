"""`demo`: the demo project in a home folder, once."""

from pathlib import Path

import pytest

from core.cli import main
from core.diversity.encoder import EncoderChoice
from core.experiments.demo import BUNDLE, demo_task, open_demo
from core.settings import Home
from core.store.database import open_database
from core.store.maps import latest_map
from core.store.projects import list_projects
from core.store.sweeps import list_sweeps, trials_of

Capture = pytest.CaptureFixture[str]


def test_the_demo_that_comes_along_is_complete(home: Home, capsys: Capture) -> None:
    assert main(["demo"]) == 0
    assert "Demo: support messages" in capsys.readouterr().out
    assert main(["demo"]) == 0  # again adds nothing
    db = open_database(home)
    (project,) = list_projects(db)
    assert project.task == demo_task()
    assert (project.runs, project.sweeps, project.references) == (16, 1, 1)
    assert project.versions == 3
    assert project.trainings >= 10
    (sweep,) = list_sweeps(db)
    assert [trial.state for trial in trials_of(db, sweep.id)] == ["done"] * 16
    assert latest_map(db, project.task.key, choice=EncoderChoice().to_dict())


def test_it_is_small() -> None:
    folder = BUNDLE.parent
    assert sum(path.stat().st_size for path in folder.iterdir()) < 5_000_000


def test_a_missing_bundle_is_told(home: Home, tmp_path: Path) -> None:
    from core.errors import StoreUnusable

    with pytest.raises(StoreUnusable, match="no bundle"):
        open_demo(open_database(home), bundle=tmp_path / "gone")
