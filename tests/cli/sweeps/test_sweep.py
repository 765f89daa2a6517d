"""`sweep`: from the grid file to the table, stopped and gone on with."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.cli import main
from core.cli.lookup import find_or_prepare_reference
from core.domain.connections import Connection, Prices
from core.domain.errors import BadInput
from core.domain.registries.capabilities import Capabilities
from core.domain.runs import Example
from core.domain.serialization import to_json
from core.domain.settings import Home
from core.domain.tasks import preset
from core.jobs.context import Handler, JobContext
from core.jobs.queue import get_job, list_jobs, request_cancel
from core.services.sweep.progress import SweepProgress
from core.store.connections import save_capabilities, save_connection
from core.store.database import Database, open_database
from core.store.datasets import load_dataset, reference_key
from core.store.generation.runs import create_run, delete_run
from core.store.generation.samples import add_samples
from core.store.references import delete_reference, list_references
from core.store.sweeps import (
    add_trial,
    get_sweep,
    list_sweeps,
    save_assessment,
    set_trial,
    trials_of,
)
from core.sweeps.grid.plan import plan_runs
from core.sweeps.grid.spec import grid_from_dict
from tests.cli.fake_generation import samples_for

Capture = pytest.CaptureFixture[str]

GRID = """
task = "sst2"
reference = "real"
per_label = 3
[axes]
temperature = [0.5, 1]
suppression = [0]
seeding = [0, 2]
[repair]
inspect = [0, 2, 4, 5, "all"]
repeats = 2
"""


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    """A grid file beside the folder that it names."""
    folder = tmp_path / "real"
    folder.mkdir()
    for part in ("train", "test"):
        rows = [f"{part} {k},{label}" for k in range(4) for label in ("good", "bad")]
        (folder / f"{part}.csv").write_text("\n".join(["text,label", *rows]))
    (folder / "labels.csv").write_text(
        "label,label_in_prompt\ngood,positive sentiment\nbad,Negative sentiment\n"
    )
    path = tmp_path / "grid.toml"
    path.write_text(GRID)
    return path


def pretend(*, stop_after: int | None = None, fail: int | None = None) -> Handler:
    """A sweep that makes up its runs and assessments; if told, it stops itself or fails a trial."""

    def handler(context: JobContext) -> None:
        db, record = context.db, get_sweep(context.db, context.spec["sweep"])
        grid = grid_from_dict(record.grid)
        real = load_dataset(db, reference_key(grid.recipe.reference or "", "train"))
        trials = {trial.position: trial for trial in trials_of(db, record.id)}
        ended = {position for position, trial in trials.items() if trial.state == "done"}
        for wanted in plan_runs(grid, train=list(map(Example, real.texts, real.labels))):
            if wanted.position in ended:
                continue
            if stop_after == wanted.position:
                request_cancel(db, context.job.id)
                while not context.should_stop():
                    time.sleep(0.01)
                return
            begun = trials.get(wanted.position)
            run = begun.run if begun else create_run(db, wanted.spec, name=wanted.name)
            add_trial(db, record.id, wanted.position, run.id, repeat=wanted.repeat, reused=False)
            if fail == wanted.position:
                set_trial(db, record.id, wanted.position, "failed", message="No.", remedy="Rest.")
                continue
            add_samples(db, samples_for(run.id, wanted.spec))
            save_assessment(
                db,
                run.id,
                recipe=grid.recipe.key,
                n=6,
                settings=to_json(grid.recipe),
                result=assessed(wanted.position),
            )
            set_trial(db, record.id, wanted.position, "done")
            context.report(SweepProgress(seconds_left=3.0))

    return handler


def assessed(position: int) -> dict[str, Any]:
    def stage(inspected: str, repeat: int, value: float | None) -> dict[str, Any]:
        told = {"value": value, "low": None, "high": None}
        return {
            "inspected": inspected,
            "filtered": False,
            "repeat": repeat,
            "n": 6,
            "removed": 0,
            "diversity": told,
            "similarity": told,
            "label_accuracy": told,
            "model_accuracy": told,
        }

    first = position / 10
    stages = [stage("0", 0, first), stage("4", 0, 0.4), stage("4", 1, 0.6), stage("all", 0, None)]
    return {
        "version": 1,
        "n": 6,
        "encoder": "MiniLM",
        "distance": "cosine",
        "oracle": {"accuracy": 0.9, "n": 10, "notes": []},
        "reference": {"train": 8, "test": 8},
        "fluency": -1.0,
        "duplicates": 0.0,
        "classifier": "probe",
        "notes": [],
        "stages": stages,
    }


def sweep(grid: Path, *options: str, handler: Handler | None = None) -> int:
    return main(["sweep", str(grid), *options], handlers={"sweep": handler or pretend()})


def records(home: Home) -> list[Any]:
    return list_sweeps(open_database(home))


def test_a_line_a_trial_and_a_table_at_the_end(grid: Path, home: Home, capsys: Capture) -> None:
    assert sweep(grid) == 0
    said = capsys.readouterr()
    (record,) = records(home)
    assert said.err.splitlines() == [
        f"Sweep {record.id}: 4 conditions, 4 runs of 6 texts.",
        "[1/4] T 0.5 · unseeded: 6 texts, diversity 0.000, label accuracy 0.000, model "
        "accuracy 0.000",
        "[2/4] T 1 · unseeded: 6 texts, diversity 0.100, label accuracy 0.100, model "
        "accuracy 0.100",
        "[3/4] T 0.5 · 2 examples: 6 texts, diversity 0.200, label accuracy 0.200, model "
        "accuracy 0.200",
        "[4/4] T 1 · 2 examples: 6 texts, diversity 0.300, label accuracy 0.300, model "
        "accuracy 0.300",
    ]
    head, *rows = said.out.splitlines()
    assert re.split(" {2,}", head) == [
        "condition",
        "n",
        "diversity",
        "label accuracy",
        "model accuracy at 0",
        "model accuracy at 4",
        "model accuracy at all",
    ]
    scores = ["6", "0.300", "0.300", "0.300", "0.500", "-"]
    assert re.split(" {2,}", rows[-1]) == ["T 1 · 2 examples", *scores]
    assert len(rows) == 4


def test_json_says_it_all(grid: Path, home: Home, capsys: Capture) -> None:
    assert sweep(grid, "--json", handler=pretend(fail=2)) == 1
    said = capsys.readouterr()
    assert said.out.count("\n") == 1
    told = json.loads(said.out)
    (record,) = records(home)
    assert {key: told[key] for key in told if key != "trials"} == {
        "sweep": record.id,
        "name": "SST-2 sentiment, 4 conditions",
        "state": "done",
        "conditions": 4,
        "runs": 4,
        "done": 3,
        "failed": 1,
        "reused": 0,
    }
    assert [trial["state"] for trial in told["trials"]] == ["done", "done", "failed", "done"]
    assert told["trials"][2]["message"] == "No. Rest."
    assert told["trials"][3]["stages"][2] == {
        "inspected": "4",
        "filtered": False,
        "repeat": 1,
        "diversity": 0.6,
        "similarity": 0.6,
        "label_accuracy": 0.6,
        "model_accuracy": 0.6,
    }
    assert said.err.splitlines()[-1] == (
        f"1 of 4 runs of sweep {record.id} failed. 3 of 4 runs are done and kept; the same "
        "command continues."
    )


def test_a_stopped_sweep_goes_on_with_the_same_command(
    grid: Path, home: Home, capsys: Capture
) -> None:
    assert sweep(grid, handler=pretend(stop_after=1)) == 1
    (record,) = records(home)
    assert (
        f"Sweep {record.id} was stopped. 1 of 4 runs are done and kept" in capsys.readouterr().err
    )
    assert sweep(grid) == 0
    assert [one.id for one in records(home)] == [record.id]
    assert len(list_jobs(open_database(home))) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line[:5] for line in lines[1:]] == ["[2/4]", "[3/4]", "[4/4]"]
    assert sweep(grid) == 0  # all done: no further job
    assert capsys.readouterr().err.splitlines()[1:] == ["All of it was done before."]
    assert len(list_jobs(open_database(home))) == 1


def test_failed_runs_are_tried_again(grid: Path, home: Home, capsys: Capture) -> None:
    assert sweep(grid, handler=pretend(fail=2)) == 1
    assert "[3/4] T 0.5 · 2 examples: failed. No. Rest." in capsys.readouterr().err
    assert sweep(grid) == 0
    assert len(records(home)) == 1
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 1 + 4
    assert [line.split(":")[0] for line in said.err.splitlines()[1:]] == [
        "[4/4] T 0.5 · 2 examples"
    ]


def test_a_stopped_sweep_goes_on_with_other_workers(grid: Path, home: Home) -> None:
    tried: list[str] = []

    def noting(handler: Handler) -> Handler:
        def noted(context: JobContext) -> None:
            tried.append(context.job.id)
            handler(context)

        return noted

    assert sweep(grid, handler=noting(pretend(stop_after=0))) == 1
    assert sweep(grid, "--workers", "2", handler=noting(pretend(stop_after=0))) == 1
    db = open_database(home)
    assert [get_job(db, job).spec["workers"] for job in tried] == [None, 2]
    assert len(records(home)) == 1
    assert get_job(db, tried[0]).state == "cancelled"


def test_another_grid_or_a_deleted_run_is_another_sweep(grid: Path, home: Home) -> None:
    assert sweep(grid) == 0
    db = open_database(home)
    delete_run(db, trials_of(db, records(home)[0].id)[0].run.id)
    assert sweep(grid) == 0
    grid.write_text(GRID.replace("0.5, 1", "0.6, 1"))
    assert sweep(grid) == 0
    assert len(records(home)) == 3
    assert len(list_references(db)) == 1  # the same folder is not added twice


def test_a_dry_run_stores_nothing(grid: Path, home: Home, capsys: Capture) -> None:
    assert sweep(grid, "--dry-run", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["conditions"], told["runs"], told["reused"], told["texts"]) == (4, 4, 0, 24)
    assert told["money"] == 0
    db = open_database(home)
    assert (list_references(db), list_sweeps(db), list_jobs(db)) == ([], [], [])
    sweep(grid)
    capsys.readouterr()
    assert sweep(grid, "--dry-run") == 0
    said = capsys.readouterr().out.splitlines()
    # The pretended runs have no job of their own, but all of their texts.
    assert said[0] == ("4 conditions, 4 runs; 4 of them exist already (4 with their assessment).")
    assert said[1] == "0 texts to generate: about 0 tokens in, 0 out."
    assert said[2] == "It takes less than a minute and costs no money."


def test_a_servers_prices_are_those_of_its_connection(
    grid: Path, home: Home, capsys: Capture
) -> None:
    options = ("--base-url", "http://localhost:8000/v1", "--model", "m", "--dry-run", "--json")
    assert sweep(grid, *options) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["money"], told["minutes_high"]) == (None, None)
    connection = Connection(
        base_url="http://localhost:8000/v1",
        prices=Prices(tokens_in=1, tokens_out=2, currency="EUR"),
    )
    save_connection(open_database(home), connection)
    assert sweep(grid, *options) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["money"] == pytest.approx((told["tokens_in"] + 2 * told["tokens_out"]) / 1e6)
    assert told["currency"] == "EUR"


def test_a_dry_run_lists_what_would_be_refused(grid: Path, home: Home, capsys: Capture) -> None:
    url = "http://localhost:8000/v1"
    found = Capabilities(base_url=url, model="m", temperature="ignored")
    save_capabilities(open_database(home), found)
    options = ("--base-url", url, "--model", "m")
    assert sweep(grid, *options, "--dry-run", "--json") == 0
    refused = json.loads(capsys.readouterr().out)["refused"]
    assert len(refused) == 2  # those at temperature 0.5; 1 is the server's own
    assert refused[0]["what"].startswith("The temperature 0.5 would have no effect")
    assert sweep(grid, *options, "--dry-run") == 0
    said = capsys.readouterr().out.splitlines()[-1]
    assert said.startswith("2 runs would be refused (SST-2 sentiment, ")
    assert said.endswith("Set it to 1, or choose another model or server.")
    cold = grid.with_name("cold.toml")
    cold.write_text(grid.read_text().replace("[0.5, 1]", "[0.5]"))
    assert sweep(cold, *options) == 2
    assert "would have no effect" in capsys.readouterr().err
    assert list_sweeps(open_database(home)) == []


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (("[0.5, 1]", "[0.5, 3]"), (), "grid.toml, line 6, axes.temperature: 3 is above 2."),
        (('"real"', '"none"'), (), "grid.toml, line 3, reference: There is no reference 'none'."),
        (('"real"', '"example"'), (), "grid.toml, line 3, reference: The example is the refer"),
        (("[0, 2]", "[0, 9]"), (), "grid.toml, line 8, axes.seeding: 9 balanced seed examples ne"),
        (
            ("a", "a"),
            ("--cap", "3"),
            "grid.toml, line 5, axes: they make 4 conditions (2 temperature x 2 seeding), above",
        ),
        (("a", "a"), ("--cap", "0"), "limits.conditions: 0 is below 1."),
        (("a", "a"), ("--workers", "0"), "--workers is 0."),
        (("a", "a"), ("--backend", "openai"), "A server's model needs the server's base URL"),
        (("a", "a"), ("--base-url", "file://x"), "The base URL is no address of http"),
    ],
)
def test_what_is_refused_stores_nothing(
    grid: Path,
    home: Home,
    capsys: Capture,
    change: tuple[str, str],
    options: tuple[str, ...],
    said: str,
) -> None:
    grid.write_text(GRID.replace(*change))
    assert sweep(grid, *options) == 2
    error = capsys.readouterr().err
    assert error.startswith(said)
    assert error.count("\n") == 1
    db = open_database(home)
    assert (list_references(db), list_sweeps(db), list_jobs(db)) == ([], [], [])


def test_a_model_takes_the_place_of_the_grids(grid: Path, home: Home) -> None:
    options = ("--base-url", "http://LOCALHOST:8000/v1/", "--model", "m")
    assert sweep(grid, *options) == 0
    assert records(home)[0].grid["models"] == [
        {
            "backend": "openai",
            "model": "m",
            "device": "auto",
            "base_url": "http://localhost:8000/v1",
        }
    ]


def test_a_folders_labels_are_mapped_by_their_phrases(grid: Path, home: Home) -> None:
    db, task, folder = open_database(home), preset("sst2"), str(grid.parent / "real")
    chosen = find_or_prepare_reference(db, folder, task)
    assert chosen.train[:2] == (Example("train 0", "positive"), Example("train 0", "negative"))
    assert (len(chosen.train), len(chosen.test), chosen.known) == (8, 8, None)
    stored = chosen.attached(db, task)
    assert (stored.name, stored.origin["label_map"]) == (
        "real",
        {"good": "positive", "bad": "negative"},
    )
    again = find_or_prepare_reference(db, folder, task)
    assert again.known == stored
    assert (again.train, again.test) == (chosen.train, chosen.test)
    assert find_or_prepare_reference(db, "real", task).known == stored
    with pytest.raises(BadInput, match="that of another task"):
        find_or_prepare_reference(db, stored.id, preset("cola"))


def test_another_content_or_a_deleted_reference_is_added_anew(grid: Path, home: Home) -> None:
    db, task, folder = open_database(home), preset("sst2"), grid.parent / "real"

    def attach() -> str:
        return find_or_prepare_reference(db, str(folder), task).attached(db, task).id

    first = attach()
    (folder / "labels.csv").write_text("label,label_in_prompt\nbad,positive\ngood,negative\n")
    second = attach()
    assert second != first
    assert find_or_prepare_reference(db, str(folder), task).train[0] == Example(
        "train 0", "negative"
    )
    delete_reference(db, second)
    assert attach() not in (first, second)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "test.csv").unlink(), r"test.csv can't be read"),
        (lambda folder: (folder / "labels.csv").unlink(), r"2 labels that the task lacks"),
        (lambda folder: (folder / "labels.csv").write_text("label\nx\n"), "no second column"),
    ],
)
def test_a_folder_that_lacks_something(
    grid: Path, home: Home, spoil: Callable[[Path], None], said: str
) -> None:
    spoil(grid.parent / "real")
    with pytest.raises(BadInput, match=said):
        find_or_prepare_reference(open_database(home), str(grid.parent / "real"), preset("sst2"))


def test_the_example_is_added_once(home: Home) -> None:
    db: Database = open_database(home)
    task = preset("support")
    chosen = find_or_prepare_reference(db, "example", task)
    assert (len(chosen.train), len(chosen.test)) == (300, 150)
    stored = chosen.attached(db, task)
    assert find_or_prepare_reference(db, "example", task).known == stored
    assert stored.origin["example"] is True


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "folder"),
    [("sst2", "sst2"), ("carer", "carer_emotion"), ("cb", "clickbait"), ("hwu64", "hwu64")],
)
def test_the_papers_sets_go_with_the_presets(
    home: Home, data: Path, name: str, folder: str
) -> None:
    task = preset(name)
    chosen = find_or_prepare_reference(open_database(home), str(data / folder), task)
    assert {example.label for example in chosen.train} == set(task.label_names)
    assert len(chosen.train) > 5_900
