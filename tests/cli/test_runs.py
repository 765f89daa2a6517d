"""`runs`, `show`, `export` and `tasks`: what is in the store, looked up by what a person types."""

import json
from pathlib import Path

import pytest

from core.cli import main
from core.cli.lookup import find_run, find_task
from core.domain.conditions import Condition
from core.domain.errors import BadInput
from core.domain.runs import Example, RunSpec
from core.domain.serialization import to_json
from core.domain.settings import Home
from core.domain.tasks import Label, Task, preset
from core.files.exports import export_samples
from core.jobs.queue import start_run
from core.store.database import Database, open_database
from core.store.generation.runs import create_run, delete_run
from core.store.generation.samples import add_samples
from core.store.tasks import save_task
from tests.cli.fake_generation import samples_for

Capture = pytest.CaptureFixture[str]
SPEC = RunSpec(preset("sst2"), Condition(temperature=0.9), per_label=3)
HOSTILE = "../../x\0 \x1b[2J\u202e" + "n" * 300


@pytest.fixture
def db(home: Home) -> Database:
    return open_database(home)


def said(capsys: Capture, *arguments: str, code: int = 0) -> str:
    assert main(arguments) == code
    output = capsys.readouterr()
    if code:
        assert output.out == ""
        assert output.err.count("\n") == 1
    return output.err if code else output.out


def test_an_empty_store_says_how_to_begin(db: Database, capsys: Capture) -> None:
    assert said(capsys, "runs").startswith("There are no runs yet. Start one: python -m core gene")
    assert said(capsys, "runs", "--json") == "[]\n"


def test_runs_are_listed_newest_first(db: Database, capsys: Capture) -> None:
    old, _ = start_run(db, SPEC, name="Old")
    new = create_run(db, SPEC)
    add_samples(db, samples_for(old.id, SPEC))
    rows = json.loads(said(capsys, "runs", "--json"))
    assert [(row["run"], row["name"], row["state"]) for row in rows] == [
        (new.id, "SST-2 sentiment, T 0.9, S 0", "new"),
        (old.id, "Old", "queued"),
    ]
    kinds = ("usable", "target", "empty", "truncated", "duplicates")
    assert [rows[1][kind] for kind in kinds] == [6, 6, 2, 2, 2]
    lines = said(capsys, "runs").splitlines()
    assert lines[1].startswith(f"{old.id}  20")
    assert lines[1].endswith("queued               6/6 texts  Old")
    delete_run(db, new.id)
    assert said(capsys, "runs").count("\n") == 1
    assert "deleted" in said(capsys, "runs", "--all").splitlines()[0]


def test_a_run_is_found_by_id_prefix_or_name(db: Database) -> None:
    run = create_run(db, SPEC, name="Mine")
    for wanted in (run.id, run.id[:14], "Mine"):
        assert find_run(db, wanted) == run
    with pytest.raises(BadInput, match=r"^There is no run 'mine'\. See python -m core runs\.$"):
        find_run(db, "mine")
    with pytest.raises(BadInput, match="There is no run ''"):
        find_run(db, "")
    twin = create_run(db, SPEC, name="Mine")
    with pytest.raises(BadInput) as refused:
        find_run(db, "Mine")
    assert str(refused.value) == f"'Mine' means 2 runs: {twin.id}, {run.id}. Give the full id."
    with pytest.raises(BadInput, match="means 2 runs"):
        find_run(db, run.id[:2])
    delete_run(db, twin.id)
    assert find_run(db, "Mine") == run
    assert find_run(db, twin.id).deleted_at is not None


def test_a_name_wins_over_the_start_of_an_id(db: Database) -> None:
    first = create_run(db, SPEC)
    named = create_run(db, SPEC, name=first.id[:5])
    assert find_run(db, first.id[:5]) == named


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_an_export_is_what_the_store_has(
    format: str, db: Database, capsys: Capture, tmp_path: Path
) -> None:
    run = create_run(db, SPEC, name="Mine")
    samples = add_samples(db, samples_for(run.id, SPEC))
    out = tmp_path / f"texts.{format}"
    assert said(capsys, "export", "Mine", "--out", str(out)) == f"Wrote 6 texts to {out}.\n"
    usable = [sample for sample in samples if sample.outcome == "usable"]
    assert out.read_bytes() == export_samples(usable, format=format)  # type: ignore[arg-type]
    assert said(capsys, "export", "Mine", "--out", str(out), "--all").startswith("Wrote 10 texts")
    assert out.read_bytes() == export_samples(samples, format=format)  # type: ignore[arg-type]


def test_exports_that_cannot_be_are_refused(db: Database, capsys: Capture, tmp_path: Path) -> None:
    message = "There is no run 'none'. See python -m core runs.\n"
    assert said(capsys, "export", "none", "--out", str(tmp_path / "a.csv"), code=2) == message
    assert "End it in .csv, .jsonl or .parquet." in said(
        capsys, "export", "none", "--out", "a.xlsx", code=2
    )
    assert list(tmp_path.glob("*.csv")) == []


def test_a_hostile_name_is_only_displayed(db: Database, capsys: Capture, home: Home) -> None:
    run = create_run(db, SPEC, name=HOSTILE)
    listed = said(capsys, "runs")
    assert listed.count("\n") == 1
    assert "../../x [2Jnnn" in listed
    assert all(char.isprintable() for char in listed.rstrip("\n"))
    files = {path.name.removesuffix("-wal").removesuffix("-shm") for path in home.folder.iterdir()}
    assert {name.removesuffix("-journal") for name in files} == {"wideset.sqlite3", "worker.log"}
    assert json.loads(said(capsys, "show", run.name, "--json"))["run"] == run.id


def test_show_tells_every_setting(db: Database, capsys: Capture) -> None:
    spec = RunSpec(SPEC.task, SPEC.condition, seed_examples=(Example("a", "positive"),))
    run = create_run(db, spec)
    assert json.loads(said(capsys, "show", run.id, "--json")) == {
        "run": run.id,
        "name": "SST-2 sentiment, T 0.9, S 0",
        "state": "new",
        "spec": spec.to_dict(),
        "facts": {},
    }
    lines = [line.split("  ", 1) for line in said(capsys, "show", run.id).splitlines()]
    shown = {name: value.strip() for name, value in lines}
    assert shown["condition temperature"] == "0.9"
    assert shown["condition suppression strength"] == "0.0"
    assert shown["seed examples"] == "1"
    assert shown["label negative"] == "negative sentiment"


def test_tasks_lists_presets_and_saved_ones(db: Database, capsys: Capture) -> None:
    task = Task("My notes", "note", (Label("calm", "calm"),))
    save_task(db, task)
    rows = json.loads(said(capsys, "tasks", "--json"))
    assert [row["kind"] for row in rows] == ["preset"] * 9 + ["saved"]
    assert rows[4] == {"kind": "preset", "id": "hwu64", **to_json(preset("hwu64"))}
    assert rows[9] == {"kind": "saved", "id": "My notes", **to_json(task)}
    lines = said(capsys, "tasks").splitlines()
    assert " ".join(lines[0].split()) == "carer preset 6 labels emotional tweet (CARER emotions)"
    assert all(find_task(row["id"]) for row in rows)


def test_a_task_s_words_are_shown_without_what_a_terminal_obeys(
    db: Database, capsys: Capture
) -> None:
    task = Task("na\u202eme", "no\u2066te", (Label("ca\u202elm", "so\u202eft"),))
    save_task(db, task)
    run = create_run(db, RunSpec(task))
    for arguments in (["tasks"], ["show", run.id]):
        printed = said(capsys, *arguments)
        assert all(char.isprintable() or char == "\n" for char in printed)
    assert "so\N{REPLACEMENT CHARACTER}ft" in printed


def test_names_that_differ_in_case_only_must_be_exact(db: Database) -> None:
    save_task(db, Task("NOTES", "note", (Label("a", "a"),)))
    save_task(db, Task("notes", "memo", (Label("a", "a"),)))
    assert find_task("notes").text_type == "memo"
    with pytest.raises(BadInput, match="There is no task 'Notes'"):
        find_task("Notes")
