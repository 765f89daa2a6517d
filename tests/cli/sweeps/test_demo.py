"""`demo`: the demo project in a home folder, once."""

import hashlib
import json
from pathlib import Path

import pytest

from core.analysis.frames.results import results_frame, stored_results
from core.cli import main
from core.diversity.embedding.encoder import EncoderChoice
from core.domain.settings import Home
from core.jobs.handlers.conclusions import studied
from core.services.demo import BUNDLE, demo_task, open_demo
from core.store.database import open_database
from core.store.diversity import latest_map
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
    assert latest_map(db, project.task.key, choice=EncoderChoice())


def test_what_its_results_support_is_concluded_already(home: Home) -> None:
    """It opens with everything filled in: nothing of its study waits for the worker."""
    db = open_database(home)
    task = open_demo(db)
    ids = [one.id for one in list_sweeps(db, task_key=task.key)]
    found = studied(db, ids, results_frame(stored_results(db, sweep_ids=ids)))
    assert (found.fresh, found.work) == (True, None)
    assert found.result is not None
    assert found.result.runs == 16
    assert [finding.number for finding in found.result.card] == [1, 2, 3, 4, 5, 6, 7]


def test_the_manifest_is_of_the_bundle() -> None:
    told = json.loads((BUNDLE.parent / "manifest.json").read_text("utf-8"))
    assert told["sha256"] == hashlib.sha256(BUNDLE.read_bytes()).hexdigest()
    assert told["bytes"] == BUNDLE.stat().st_size


def test_it_is_small() -> None:
    folder = BUNDLE.parent
    assert sum(path.stat().st_size for path in folder.iterdir()) < 5_000_000


def test_a_missing_bundle_is_told(home: Home, tmp_path: Path) -> None:
    from core.domain.errors import StoreUnusable

    with pytest.raises(StoreUnusable, match="no bundle"):
        open_demo(open_database(home), bundle=tmp_path / "gone")
