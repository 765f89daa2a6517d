"""Stores of version 6 found equal settings by JSON text; what they hold gets its keys."""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import pytest

from core.classification.settings import FineTuning
from core.diversity.embedding.encoder import EncoderChoice
from core.domain.runs import spec_from_dict
from core.domain.serialization import from_json
from core.domain.settings import Home
from core.domain.settings_key import settings_key
from core.interventions.previews import (
    BudgetRequest,
    EffectRequest,
    FilterRequest,
    JudgeRequest,
    RelabelRequest,
)
from core.services.demo import BUNDLE, open_demo
from core.store import database
from core.store.database import open_database
from core.store.diversity import find_measurement, latest_map, recipe_of
from core.store.generation.runs import list_runs
from core.store.interventions.previews import find_preview
from core.store.migrations import MIGRATIONS
from core.store.sweeps import find_assessments, find_run_of_spec, find_sweep, list_sweeps
from core.sweeps.assessment.recipe import Recipe, sweep_recipe
from core.sweeps.grid.spec import Grid, grid_from_dict

# What version 6 wrote: all fields, in the order of its classes.
CONDITION: Mapping[str, Any] = {
    "temperature": 0.7,
    "top_p": 1.0,
    "min_p": 0.0,
    "frequency_penalty": 0.02,
    "max_tokens": 100,
    "texts_a_request": 20,
    "suppression": {
        "strength": 0.0,
        "tokens": 100,
        "floor": None,
        "scope": "dataset",
        "method": "logit_bias",
    },
    "prompt": "A",
    "strict_order": False,
    "only_new": False,
    "logit_bias": [],
}
MODEL = {"backend": "local", "model": "embedded", "device": "auto"}
SERVER = {**MODEL, "backend": "openai", "model": "m", "base_url": "http://localhost:1/v1"}
LABELS = [{"name": "pos", "phrase": "good"}, {"name": "neg", "phrase": "bad"}]
TASK = {"name": "T", "text_type": "review", "labels": LABELS}
RUN: Mapping[str, Any] = {
    "task": TASK,
    "condition": CONDITION,
    "per_label": 20,
    "seed": 0,
    "seed_examples": [],
    "model": MODEL,
    "targets": [],
}
ENCODER = {"model": "embedded", "pooling": "mean", "device": "auto"}
TUNING = {
    "model": "embedded",
    "device": "auto",
    "learning_rate": 0.0001,
    "warmup_epochs": 3,
    "max_epochs": 20,
    "patience": 5,
    "batch_size": 32,
    "validation": 0.1,
    "class_weights": False,
    "max_tokens": 128,
    "weight_decay": 0.01,
}
RECIPE: Mapping[str, Any] = {
    "reference": None,
    "encoder": ENCODER,
    "budgets": [0, 90, 180, 270, "all"],
    "lr_repeats": 5,
    "weight": 0.3,
    "filter": False,
    "classifier": "probe",
    "fine_tuning": TUNING,
    "train_seeds": 1,
    "seed": 0,
}
GRID: Mapping[str, Any] = {
    "task": TASK,
    "name": "",
    "study": "",
    "per_label": 100,
    "seed": 0,
    "repeats": 1,
    "temperature": [0.3, 0.7, 0.9, 1.3],
    "suppression": [0.0, 7.5],
    "seeding": [0, 18],
    "min_p": [0.0],
    "models": [MODEL],
    "base": CONDITION,
    "recipe": RECIPE,
    "cap": 1000,
}
CONDITIONS = [
    CONDITION,
    {**CONDITION, "temperature": 1},  # from a page, which wrote whole numbers so
    {**CONDITION, "temperature": 1.3, "top_p": 0.9, "logit_bias": [[3, -2.0], [4, 1.5]]},
    {**CONDITION, "suppression": {**CONDITION["suppression"], "strength": 7.5, "floor": -10.0}},
    {**CONDITION, "prompt": "chat", "strict_order": True, "only_new": True, "max_tokens": 50},
]
RUNS: list[Mapping[str, Any]] = [
    *({**RUN, "condition": condition} for condition in CONDITIONS),
    {**RUN, "per_label": 4, "seed": 2**63 - 1, "targets": [["neg", 3]]},
    {**RUN, "seed_examples": [["Fine.", "pos"], ["Bad.", "neg"]]},
    {**RUN, "model": {**MODEL, "device": "cpu"}},
    {**RUN, "model": SERVER},
    {key: value for key, value in RUN.items() if key != "targets"},  # as the first versions wrote
]
RECIPES: list[Mapping[str, Any]] = [
    RECIPE,
    {**RECIPE, "reference": "r", "budgets": [0, 20, "all"], "weight": 1.0, "filter": True},
    {**RECIPE, "classifier": "fine-tuning", "train_seeds": 3},
    {
        **RECIPE,
        "classifier": "fine-tuning",
        "fine_tuning": {**TUNING, "model": "bert", "learning_rate": 3e-5, "device": "cuda"},
    },
    {**RECIPE, "encoder": {**ENCODER, "pooling": "cls", "device": "cpu"}},
]
GRIDS: list[Mapping[str, Any]] = [
    GRID,
    {**GRID, "temperature": [0.3, 1.0], "base": CONDITIONS[3], "recipe": RECIPES[1]},
    {**GRID, "models": [MODEL, SERVER], "recipe": RECIPES[3], "name": "Mine"},
    {**GRID, "repeats": 3, "spend": {"money": None, "tokens": None, "requests": 9}},
]
REQUESTS: list[tuple[str, type[Any], Mapping[str, Any]]] = [
    ("judge", JudgeRequest, {"n": 8, "encoder": ENCODER, "reference": "r"}),
    (
        "relabel",
        RelabelRequest,
        {
            "n": 8,
            "encoder": {**ENCODER, "device": "cpu"},
            "annotator": "oracle",
            "reference": "r",
            "inspect": 4,
            "error_rate": 0.0,
            "weight": 0.3,
            "seed": 0,
        },
    ),
    ("filter", FilterRequest, {"n": 8, "encoder": {**ENCODER, "pooling": "cls"}, "seed": 1}),
    (
        "filter_effect",
        EffectRequest,
        {"n": 8, "encoder": ENCODER, "reference": "r", "threshold": 1.0, "seed": 0},
    ),
    (
        "budget",
        BudgetRequest,
        {
            "n": 8,
            "encoder": ENCODER,
            "annotator": "people",
            "reference": None,
            "error_rate": 0.25,
            "weight": 0.5,
            "seed": 0,
            "repeats": 5,
        },
    ),
]
CHOICES = [ENCODER, {**ENCODER, "model": "other", "pooling": "cls"}]


def earlier_key(asked: Any, *, size: int = 12) -> str:
    """As version 6 made keys."""
    return hashlib.blake2b(json.dumps(asked, sort_keys=True).encode(), digest_size=size).hexdigest()


def earlier_recipe(recipe: Mapping[str, Any]) -> str:
    """As version 6 made a recipe's key."""
    told = {**recipe, "encoder": {**recipe["encoder"]}, "fine_tuning": {**recipe["fine_tuning"]}}
    told["encoder"].pop("device")
    told["fine_tuning"].pop("device")
    if recipe["classifier"] != "fine-tuning":
        told.pop("fine_tuning")
    return earlier_key([1, told])


@pytest.fixture
def version_6(home: Home) -> Home:
    """A home whose store is of version 6 and holds one of everything above."""
    with closing(sqlite3.connect(home.prepare().store)) as old:
        for script in MIGRATIONS[:6]:
            assert isinstance(script, str)
            old.executescript(script)
        old.execute(f"PRAGMA application_id = {database.APPLICATION_ID}")
        old.execute("PRAGMA user_version = 6")
        for number, spec in enumerate(RUNS):
            old.execute(
                "INSERT INTO runs (id, name, spec, facts, revision, created_at)"
                " VALUES (?, 'run', ?, '{}', 1, ?)",
                (f"run{number}", json.dumps(spec), number),
            )
            old.execute(
                "INSERT INTO jobs (id, kind, run_id, spec, state, progress, message, remedy,"
                " cancel_requested, created_at, queued_at)"
                " VALUES (?, 'generate', ?, '{}', 'done', '{}', '', '', 0, 1, 1)",
                (f"job{number}", f"run{number}"),
            )
        for number, grid in enumerate([*GRIDS, {"runs": ["run0"], "recipe": RECIPE}]):
            old.execute(
                "INSERT INTO sweeps (id, name, study, task_key, grid, created_at)"
                " VALUES (?, 'sweep', '', 'k', ?, ?)",
                (f"sweep{number}", json.dumps(grid), number),
            )
        for number, recipe in enumerate(RECIPES):
            old.execute(
                "INSERT INTO assessments VALUES ('run0', ?, ?, ?, '{}', 1)",
                (earlier_recipe(recipe), number, json.dumps(recipe)),
            )
        old.execute("INSERT INTO assessments VALUES ('run0', 'of version 0', 5, ?, '{}', 1)",
            (json.dumps(RECIPE),))  # fmt: skip
        for number, choice in enumerate(CHOICES):
            old.execute(
                "INSERT INTO maps VALUES (?, 'k', 'e', ?, 1)",
                (f"map{number}", json.dumps({"choice": choice, "seed": 0})),
            )
            for reference in (None, "reference:r:train"):
                result = {"version": 1, "encoder_facts": {"choice": choice}, "n": number}
                if reference is not None:
                    result["reference"] = {"key": reference}
                asked = [choice["model"], choice["pooling"], reference, 1]
                old.execute(
                    "INSERT INTO measurements VALUES ('run:run0', ?, ?, 3, ?, 1)",
                    (f"e{number}", earlier_key(asked, size=8), json.dumps(result)),
                )
        others = [("study", {"sweeps": ["a"], "results": "x", "version": 3})]
        for kind, request in [*((kind, data) for kind, _, data in REQUESTS), *others]:
            old.execute(
                "INSERT INTO previews VALUES (?, ?, 'run:run0', ?, ?, 1)",
                (
                    *(kind, earlier_key(["run:run0", request])),
                    *(json.dumps(request), json.dumps({"of": kind})),
                ),
            )
        old.commit()
    return home


def test_all_that_was_finished_is_found_again(version_6: Home) -> None:
    db = open_database(version_6)
    for number, data in enumerate(RUNS):
        found = find_run_of_spec(db, spec_from_dict(data))
        assert found is not None
        # The last one is equal to the first: what it does not tell is as by default.
        assert found.id == f"run{number or len(RUNS) - 1}"
    for number, data in enumerate(GRIDS):
        sweep = find_sweep(db, grid_from_dict(data).key)
        assert sweep is not None
        assert (sweep.id, sweep.grid) == (f"sweep{number}", data)
    for number, data in enumerate(RECIPES):
        (assessment,) = find_assessments(db, ["run0"], recipe=sweep_recipe({"recipe": data}).key)
        assert assessment.n == number
        settings = "SELECT settings FROM assessments WHERE recipe = ?"
        (row,) = db.connection().execute(settings, (assessment.recipe,)).fetchall()
        assert json.loads(row["settings"]) == data
    assert len(find_assessments(db, ["run0"])) == len(RECIPES) + 1
    for number, data in enumerate(CHOICES):
        choice = EncoderChoice(**data)
        kept = latest_map(db, "k", choice=choice)
        assert kept is not None
        assert kept.id == f"map{number}"
        for reference in (None, "reference:r:train"):
            result = find_measurement(db, "run:run0", recipe=recipe_of(choice, reference))
            assert result is not None
            assert (result["n"], result.get("reference", {}).get("key")) == (number, reference)
    for kind, request, data in REQUESTS:
        preview = find_preview(db, kind, "run:run0", from_json(request, data))
        assert preview is not None
        assert (preview.request, preview.result) == (data, {"of": kind})
    study = {"version": 3, "results": "x", "sweeps": ["a"]}
    assert find_preview(db, "study", "run:run0", study) is not None
    db.close()


def test_what_was_not_found_before_stays_so(version_6: Home) -> None:
    db = open_database(version_6)
    rows = db.connection().execute("SELECT recipe FROM assessments").fetchall()
    assert "of version 0" in {row["recipe"] for row in rows}
    (told,) = (
        db.connection().execute("SELECT settings_key FROM sweeps WHERE id = 'sweep4'").fetchone()
    )
    assert told == ""
    assert find_sweep(db, Grid(task=spec_from_dict(RUN).task, per_label=3).key) is None
    assert find_run_of_spec(db, spec_from_dict({**RUN, "seed": 99})) is None
    assert find_assessments(db, recipe=Recipe(seed=99).key) == []
    tuned = Recipe(classifier="fine-tuning", fine_tuning=FineTuning(learning_rate=0.5))
    assert find_assessments(db, recipe=tuned.key) == []
    db.close()


def test_settings_that_turn_out_equal_are_kept_once_the_newest(version_6: Home) -> None:
    with closing(sqlite3.connect(version_6.store)) as old:
        same = {**RECIPE, "seed": 7, "weight": 1}
        for n, recipe in ((1, same), (2, {**same, "weight": 1.0})):
            old.execute(
                "INSERT INTO assessments VALUES ('run1', ?, ?, ?, '{}', ?)",
                (earlier_recipe(recipe), n, json.dumps(recipe), n),
            )
        old.commit()
    db = open_database(version_6)
    (kept,) = find_assessments(db, ["run1"])
    assert (kept.n, kept.recipe) == (2, sweep_recipe({"recipe": same}).key)
    db.close()


def test_a_backup_of_version_6_is_beside_it(version_6: Home) -> None:
    open_database(version_6).close()
    backup = version_6.folder / "wideset.sqlite3.backup-v6"
    with closing(sqlite3.connect(backup)) as copy:
        assert copy.execute("PRAGMA user_version").fetchone() == (6,)
        assert copy.execute("SELECT count(*) FROM runs").fetchone() == (len(RUNS),)


def test_runs_are_looked_up_by_an_index(version_6: Home) -> None:
    db = open_database(version_6)
    for query in (
        "SELECT id FROM runs WHERE settings_key = 'x' AND deleted_at IS NULL",
        "SELECT id FROM sweeps WHERE settings_key = 'x' ORDER BY created_at",
        "SELECT id FROM maps WHERE task_key = 'k' AND settings_key = 'x' ORDER BY created_at",
    ):
        plan = db.connection().execute(f"EXPLAIN QUERY PLAN {query}").fetchall()
        assert "_settings" in plan[0]["detail"]
    db.close()


def test_all_of_the_demo_project_is_found_by_its_settings(home: Home) -> None:
    """Its bundle may be of an older version; its keys are computed when it is taken over."""
    db = open_database(home)
    task = open_demo(db, bundle=BUNDLE)
    read = db.connection().execute
    for summary in list_runs(db):
        found = find_run_of_spec(db, spec_from_dict(summary.run.spec.to_dict()))
        assert found == summary.run
    for sweep in list_sweeps(db):
        assert find_sweep(db, grid_from_dict(sweep.grid).key) == sweep
    for row in read("SELECT run_id, settings FROM assessments").fetchall():
        recipe = sweep_recipe({"recipe": json.loads(row["settings"])})
        assert len(find_assessments(db, [row["run_id"]], recipe=recipe.key)) == 1
    requests = {kind: request for kind, request, _ in REQUESTS}
    for row in read("SELECT kind, dataset, request FROM previews").fetchall():
        asked = json.loads(row["request"])
        if row["kind"] in requests:
            asked = from_json(requests[row["kind"]], asked)
        assert find_preview(db, row["kind"], row["dataset"], asked) is not None
    for row in read("SELECT dataset, result FROM measurements").fetchall():
        result = json.loads(row["result"])
        choice = EncoderChoice(**result["encoder_facts"]["choice"])
        reference = result.get("reference", {}).get("key")
        assert find_measurement(db, row["dataset"], recipe=recipe_of(choice, reference)) == result
    assert latest_map(db, task.key, choice=EncoderChoice()) is not None
    keys = [row[0] for row in read("SELECT settings_key FROM runs").fetchall()]
    assert len(set(keys)) == 16
    assert settings_key(list_runs(db)[0].run.spec) in keys
    db.close()
