"""A home folder of the first edition (see its README.md): all of it is there, and work goes on."""

import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.cli import main
from core.diversity.embedding.encoder import EncoderChoice
from core.domain.connections import Connection, Prices
from core.domain.runs import Sample
from core.domain.settings import Home
from core.domain.tasks import Label, Task
from core.domain.texts import text_hash
from core.generation.local.loading import converted_embedded
from core.jobs.handlers.sweep import retry_sweep
from core.jobs.queue import Job, list_jobs, resume, start_run, states_of_runs
from core.jobs.registry import JobHandlers
from core.jobs.worker import Worker
from core.store.connections import list_connections
from core.store.database import Database, open_database
from core.store.datasets import load_dataset, reference_key, run_key, version_key
from core.store.diversity import find_measurement, latest_map, matrix_of, points_of, recipe_of
from core.store.generation.rounds import rounds_of
from core.store.generation.runs import get_run, list_runs, restore_run
from core.store.generation.samples import Counts, counts, samples_of
from core.store.interventions.judgements import by_person, judgements_of, last_number
from core.store.interventions.versions import (
    head,
    list_versions,
    moves_of,
    redo,
    redo_target,
    version_rows,
)
from core.store.migrations import MIGRATIONS
from core.store.references import list_references
from core.store.sweeps import find_assessments, list_sweeps, trials_of
from core.store.tasks import list_tasks
from core.store.trainings import list_trainings, predictions_of, repeats_of

FIXTURE = Path(__file__).parents[2] / "homes" / "first_edition"
STORE_VERSION = 6

TASK = Task(
    "Kitchen notes",
    "short note about a kitchen appliance",
    (Label("praise", "praises the appliance"), Label("complaint", "complains about the appliance")),
)
PLAIN, SEEDED, DELETED, STOPPED = (
    "0mx3wbuoumeuhzy",
    "0mx3wc5remllrz0",
    "0mx3wcb63z74p4o",
    "0mx3wccvxnj0gs4",
)
SWEPT = ["0mx3wcih5pyu6u5", "0mx3wcog4o8h1q0", "0mx3wcw4b892wh1", "0mx3wd0cpbio1qk"]
REFERENCE = "0mx3wbuofk0i3ut"
RAW, RELABELLED, FILTERED = "0mx3wci34jfhdhu", "0mx3wci346gefry", "0mx3wci63a1a4m1"
SWEEP = "0mx3wci7uyvp21f"
MAJORITY, PROBE, TUNED = "0mx3wd60s4c7dqx", "0mx3wd61alahrq5", "0mx3wd61xa6qfl7"
ENCODER = "sha256:53aa51172d142c89 mean 256 float32"
CHOICE = EncoderChoice()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A copy of the home folder, with no converted model."""
    shutil.copytree(FIXTURE, tmp_path / "home")
    monkeypatch.setenv("WIDESET_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WIDESET_MODELS", str(tmp_path / "models"))
    return Home(tmp_path / "home", tmp_path / "models")


@pytest.fixture
def db(home: Home) -> Iterator[Database]:
    database = open_database(home)
    yield database
    database.close()


def work_off(home: Home, job: Job, jobs: JobHandlers | None = None) -> Job:
    """Run a queued job as the worker process does."""
    jobs = jobs or JobHandlers(home)
    return Worker(home, jobs.handlers(), answerers=jobs.answerers()).run_job(job.id)


def facts_of(sample: Sample) -> dict[str, Any]:
    """What must not depend on when and in which run a sample was made. (The order of arrival within
    a round depends on how many threads decode.)"""
    return {
        "cycle": sample.cycle,
        "label": sample.label,
        "index": sample.index,
        "text": sample.text,
        "outcome": sample.outcome,
        "finish_reason": sample.finish_reason,
        "tokens": list(sample.token_ids),
        "duplicate_of": sample.duplicate_of and sample.duplicate_of.removeprefix(sample.run_id),
    }


def by_place(samples: Iterable[Sample]) -> dict[tuple[int, str, int], dict[str, Any]]:
    """The facts of samples by cycle, label and index, in this order."""
    places = {(sample.cycle, sample.label, sample.index): facts_of(sample) for sample in samples}
    return dict(sorted(places.items()))


def sample_ids(db: Database) -> dict[str, list[str]]:
    """The ids of the samples of every run, deleted ones included."""
    runs = list_runs(db, include_deleted=True)
    return {one.run.id: [s.id for s in samples_of(db, one.run.id)] for one in runs}


def test_a_backup_is_made_before_the_store_is_changed(home: Home, db: Database) -> None:
    assert len(MIGRATIONS) >= STORE_VERSION
    backups = [path.name for path in home.folder.glob("*.backup-*")]
    changed = len(MIGRATIONS) > STORE_VERSION
    assert backups == ([f"{home.store.name}.backup-v{STORE_VERSION}"] if changed else [])
    if changed:
        assert (home.folder / backups[0]).read_bytes()[:16] == b"SQLite format 3\0"


def test_the_task_and_its_reference(db: Database) -> None:
    assert [record.task for record in list_tasks(db)] == [TASK]
    (reference,) = list_references(db, TASK.key)
    assert (reference.id, reference.name) == (REFERENCE, "Kitchen notes by hand")
    assert reference.train == {"praise": 12, "complaint": 12}
    assert reference.test == {"praise": 6, "complaint": 6}
    assert reference.origin["file"] == "notes_train.csv"
    train = load_dataset(db, reference_key(REFERENCE, "train"))
    assert (train.texts[0], train.labels[0], len(train)) == (
        "The kettle boils a full jug in under three minutes.",
        "praise",
        24,
    )
    test = load_dataset(db, reference_key(REFERENCE, "test"))
    assert (test.texts[-1], test.labels[-1], len(test)) == (
        "The steamer's timer stops halfway.",
        "complaint",
        12,
    )


def test_the_runs_with_their_settings_and_texts(db: Database) -> None:
    assert {one.run.id: one.run.name for one in list_runs(db)} == {
        PLAIN: "Kitchen notes, T 0.7, S 0",
        SEEDED: "Seeded, chat prompt",
        STOPPED: "Stopped half way",
        SWEPT[0]: "Kitchen notes, T 0.6, S 0",
        SWEPT[1]: "Kitchen notes, T 1.2, S 0",
        SWEPT[2]: "Kitchen notes, T 0.6, S 7.5",
        SWEPT[3]: "Kitchen notes, T 1.2, S 7.5",
    }
    assert counts(db, PLAIN) == {
        "praise": Counts(usable=20, truncated=1),
        "complaint": Counts(usable=20, duplicates=5),
    }
    assert counts(db, SEEDED) == {"praise": Counts(usable=12), "complaint": Counts(usable=12)}
    assert states_of_runs(db) == {
        **dict.fromkeys([PLAIN, SEEDED, DELETED, *SWEPT], "done"),
        STOPPED: "cancelled",
    }
    plain, seeded = get_run(db, PLAIN), get_run(db, SEEDED)
    assert (plain.spec.task, plain.spec.per_label, plain.spec.seed) == (TASK, 20, 11)
    assert plain.spec.condition.temperature == 0.7
    assert not plain.spec.condition.suppression.on
    assert plain.metadata is not None
    assert plain.metadata.fingerprint == "sha256:b179c9523d0e6a0f"
    condition = seeded.spec.condition
    assert (condition.temperature, condition.min_p, condition.prompt) == (1.1, 0.02, "chat")
    assert (condition.suppression.strength, condition.suppression.scope) == (5.0, "label")
    assert condition.only_new
    assert [example.label for example in seeded.spec.seed_examples].count("praise") == 3
    assert len(seeded.spec.seed_examples) == 6
    first = samples_of(db, PLAIN)[0]
    assert (first.text, first.label) == ("Chef's Pickleball", "praise")
    assert (first.cycle, first.index, first.outcome) == (1, 2, "usable")
    assert first.fluency is not None
    assert len(first.token_ids) > 3
    assert [done.cycle for done in rounds_of(db, PLAIN)] == [1, 2, 3, 4]


def test_the_deleted_run_can_be_restored(db: Database) -> None:
    assert get_run(db, DELETED).deleted_at is not None
    restore_run(db, DELETED)
    assert DELETED in [one.run.id for one in list_runs(db)]
    assert get_run(db, DELETED).name == "First try"
    assert counts(db, DELETED) == {"praise": Counts(usable=2), "complaint": Counts(usable=2)}


def test_the_judgements_of_two_people(db: Database) -> None:
    people = by_person(judgements_of(db, PLAIN))
    assert {who: len(said) for who, said in people.items()} == {"Ada": 13, "Ben": 6, "oracle": 16}
    # Ada's fourteenth was taken back, an event of its own
    assert last_number(db, PLAIN) == 14 + 1 + 6 + 16
    assert f"{PLAIN}-3-1-5" not in people["Ada"]
    both = {
        key.removeprefix(f"{PLAIN}-"): (people["Ada"][key].verdict.label, said.verdict.label)
        for key, said in people["Ben"].items()
    }
    assert both == {
        "3-1-2": ("praise", "praise"),
        "2-0-5": ("praise", "praise"),
        "1-0-5": ("praise", "praise"),
        "3-0-2": ("complaint", "praise"),
        "3-1-1": ("complaint", "complaint"),
        "4-1-1": ("complaint", None),
    }
    skipped = people["Ben"][f"{PLAIN}-4-1-1"]
    assert (skipped.verdict.skipped, skipped.why, skipped.session) == (True, "audit", "ben-1")
    scopes = [one.verdict.in_scope for one in people["Ada"].values()]
    assert (scopes.count(True), scopes.count(False)) == (6, 7)


def test_the_versions_and_the_undone_one(db: Database) -> None:
    assert [(v.id, v.parent_id, v.kind) for v in list_versions(db, PLAIN)] == [
        (RAW, None, "raw"),
        (RELABELLED, RAW, "lr"),
        (FILTERED, RELABELLED, "oosf"),
    ]
    now = head(db, PLAIN)
    assert now is not None
    assert (now.id, now.name) == (RELABELLED, "Label replacement")
    assert (now.spec["inspect"], now.spec["weight"]) == (16, 0.3)
    assert (now.facts["inspected"], now.facts["changed"]) == (16, 20)
    assert now.facts["flows"] == [["complaint", "praise", 19], ["praise", "complaint", 1]]
    assert [(m.action, m.who) for m in moves_of(db, PLAIN)] == [
        ("derive", "Ada"),
        ("derive", "Ada"),
        ("undo", "Ada"),
    ]
    rows = version_rows(db, RELABELLED)
    assert sum(row.human_label is not None for row in rows) == 16
    assert {row.who for row in rows if row.human_label is not None} == {"oracle"}
    assert load_dataset(db, version_key(RELABELLED)).labels.count("praise") == 38
    target = redo_target(db, PLAIN)
    assert target is not None
    assert (target.id, target.spec["threshold"], target.facts["removed"]) == (FILTERED, 0.5, 34)
    assert redo(db, PLAIN, who="Ben", seen=RELABELLED).id == FILTERED
    assert len(load_dataset(db, version_key(FILTERED))) == 6
    edited = head(db, SEEDED)
    assert edited is not None
    assert edited.kind == "manual"
    assert edited.facts == {"changed": 1, "removed": 1, "brought_back": 0}


def test_the_measurements_embeddings_and_the_map(db: Database) -> None:
    alone = find_measurement(db, run_key(PLAIN), recipe=recipe_of(CHOICE, None))
    beside = reference_key(REFERENCE, "train")
    compared = find_measurement(db, run_key(SEEDED), recipe=recipe_of(CHOICE, beside))
    assert alone is not None
    assert compared is not None
    assert (alone["n"], alone["labels"]) == (40, {"praise": 20, "complaint": 20})
    assert alone["remote_clique"]["value"] == pytest.approx(0.75503, abs=1e-5)
    assert compared["remote_clique"]["value"] == pytest.approx(0.84552, abs=1e-5)
    texts = [
        text
        for key in (run_key(PLAIN), run_key(SEEDED), beside)
        for text in load_dataset(db, key).texts
    ]
    hashes = [text_hash(text) for text in texts]
    vectors = matrix_of(db, ENCODER, hashes)
    assert vectors is not None
    assert vectors.shape == (40 + 24 + 24, 384)
    shown = latest_map(db, TASK.key, choice=CHOICE)
    assert shown is not None
    assert set(points_of(db, shown.id, hashes)) == set(hashes)


def test_the_trainings(home: Home, db: Database) -> None:
    found = {one.id: one for one in list_trainings(db, task_key=TASK.key)}
    assert {key: one.name for key, one in found.items()} == {
        MAJORITY: "Majority class",
        PROBE: "LR 16 · MiniLM probe",
        TUNED: "Kitchen notes by hand · MiniLM",
    }
    for key, f1 in ((MAJORITY, 1 / 3), (PROBE, 1 / 3), (TUNED, 0.4375)):
        result = found[key].result
        assert result is not None
        assert (result["n_test"], result["accuracy"]["mean"]) == (12, 0.5)
        assert result["macro_f1"]["mean"] == pytest.approx(f1)
    assert found[PROBE].spec["train"] == version_key(RELABELLED)
    assert found[PROBE].spec["test"] == reference_key(REFERENCE, "test")
    (repeat,) = repeats_of(db, TUNED)
    assert [epoch["epoch"] for epoch in repeat.history] == [1, 2]
    predicted = predictions_of(db, TUNED, repeat.seed)
    assert (predicted.labels.count("praise"), predicted.labels.count("complaint")) == (10, 2)
    assert predicted.probabilities.shape == (12, 2)


def test_the_sweep(db: Database) -> None:
    (sweep,) = list_sweeps(db, task_key=TASK.key)
    assert (sweep.id, sweep.name, sweep.study) == (SWEEP, "Four conditions", "Kitchen")
    trials = trials_of(db, SWEEP)
    assert [trial.run.id for trial in trials] == SWEPT
    assert [trial.state for trial in trials] == ["done"] * 4
    knobs = [trial.run.spec.condition for trial in trials]
    assert [(k.temperature, k.suppression.strength) for k in knobs] == [
        (0.6, 0.0),
        (1.2, 0.0),
        (0.6, 7.5),
        (1.2, 7.5),
    ]
    found = {one.run_id: one for one in find_assessments(db, sweep_ids=[SWEEP])}
    assert {run_id: one.n for run_id, one in found.items()} == dict.fromkeys(SWEPT, 16)
    stages = [found[run_id].result["stages"] for run_id in SWEPT]
    assert [len(of_run) for of_run in stages] == [3] * 4  # none inspected, and 6 twice
    assert [of_run[0]["label_accuracy"]["value"] for of_run in stages] == [
        0.375,
        0.3125,
        0.8125,
        0.6875,
    ]
    assert [of_run[0]["diversity"]["value"] for of_run in stages] == pytest.approx(
        [0.50531, 0.88548, 0.77435, 0.88027], abs=1e-5
    )


def test_the_connection(db: Database) -> None:
    assert list_connections(db) == [
        Connection(
            base_url="http://127.0.0.1:8080/v1",
            name="Loopback",
            model="small-model",
            tokenizer="server",
            prices=Prices(tokens_in=0.5, tokens_out=1.5),
            requests_at_once=4,
        )
    ]


def test_a_finished_sweep_that_is_queued_again_has_nothing_to_do(home: Home, db: Database) -> None:
    before = sample_ids(db)
    job = work_off(home, retry_sweep(db, SWEEP))
    assert (job.state, job.last_report["done"], job.last_report["texts"]) == ("done", 4, 0)
    assert sample_ids(db) == before
    assert not home.models.exists()  # no model was loaded


def test_the_same_grid_is_known_to_be_done(
    home: Home, db: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    before, jobs = sample_ids(db), len(list_jobs(db))
    assert main(["sweep", str(home.folder / "grid.toml"), "--json"]) == 0
    printed = capsys.readouterr()
    assert "All of it was done before." in printed.err
    result = json.loads(printed.out)
    assert (result["sweep"], result["done"], result["reused"]) == (SWEEP, 4, 0)
    assert [trial["run"] for trial in result["trials"]] == SWEPT
    assert (sample_ids(db), len(list_jobs(db))) == (before, jobs)


def test_another_sweep_of_equal_settings_reuses_its_runs_and_results(
    home: Home, db: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sample_ids(db)
    grid = home.folder / "grid.toml"
    grid.write_text(grid.read_text().replace("Four conditions", "The same again"))
    assert main(["sweep", str(grid), "--json", "--workers", "1"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["sweep"] != SWEEP
    assert (result["done"], result["failed"], result["reused"]) == (4, 0, 4)
    assert [trial["run"] for trial in result["trials"]] == SWEPT
    assert sample_ids(db) == before
    assert not home.models.exists()  # no model was loaded


@pytest.mark.model
def test_the_stopped_run_becomes_the_dataset_it_would_have_become(
    home: Home, db: Database, model_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Which layers are the quickest is measured, and the run goes on with its own alone.
    monkeypatch.setattr("core.generation.local.loading.quickest", lambda model: "plain")
    converted = converted_embedded(model_cache)
    home.models.mkdir()
    (home.models / converted.name).symlink_to(converted)

    before = samples_of(db, STOPPED)
    run = get_run(db, STOPPED)
    assert (len(before), len(rounds_of(db, STOPPED))) == (11, 1)  # of two rounds of six texts
    assert run.job_id is not None
    jobs = JobHandlers(home)
    job = work_off(home, resume(db, run.job_id), jobs)
    assert (job.state, job.message) == ("done", "")
    after = samples_of(db, STOPPED)
    assert after[:11] == before
    assert {label: one.usable for label, one in counts(db, STOPPED).items()} == {
        "praise": 9,
        "complaint": 9,
    }
    assert [sample.order for sample in after] == list(range(21))
    resumed = by_place(after)

    again, job = start_run(db, run.spec, name="Not stopped")
    job = work_off(home, job, jobs)
    assert job.state == "done"
    whole = by_place(samples_of(db, again.id))
    expected = json.loads((FIXTURE / "expected.json").read_text("utf-8"))
    metadata = get_run(db, again.id).metadata
    assert metadata is not None
    now = {**metadata.to_dict(), "processor": processor()}
    if now == {"threads": now["threads"], "processor": expected["processor"], **expected["facts"]}:
        assert list(whole.values()) == expected["samples"]
        assert resumed == whole
    # Another processor may round otherwise and so draw other tokens; then the first eleven samples
    # are not of its making, and there is no dataset to compare with.
    if all(whole.get(place) == facts for place, facts in by_place(before).items()):
        assert resumed == whole


def processor() -> str:
    """The instructions that PyTorch computes with here."""
    import torch

    return str(torch.backends.cpu.get_cpu_capability())


@pytest.mark.model
def test_the_kept_probe_still_answers(home: Home, db: Database) -> None:
    answer = JobHandlers(home).answerers()["classify"](
        {"training": PROBE, "text": "The kettle is quick and quiet."}
    )
    assert answer["labels"] == ["praise", "complaint"]
    assert sum(answer["probabilities"]) == pytest.approx(1)
    assert answer["probabilities"][0] > 0.8
