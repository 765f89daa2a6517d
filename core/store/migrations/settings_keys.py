"""Version 7: equal settings are found by a key (`core.domain.settings_key`), not by JSON text.

Runs, sweeps and maps get a column for it. Assessments, measurements and previews had a key already,
a hash of JSON text with all defaults in it; theirs is computed anew.
"""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from core.domain.settings_key import settings_key

_COLUMNS = (
    "ALTER TABLE runs ADD COLUMN settings_key TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE sweeps ADD COLUMN settings_key TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE maps ADD COLUMN settings_key TEXT NOT NULL DEFAULT ''",
    "CREATE INDEX runs_settings ON runs (settings_key, created_at)",
    "CREATE INDEX sweeps_settings ON sweeps (settings_key, created_at)",
    "CREATE INDEX maps_settings ON maps (task_key, settings_key, created_at)",
)

# The defaults of the settings of this version, which are left out of a key.
_Defaults = Mapping[str, Any]
_ENCODER: _Defaults = {"model": "embedded", "pooling": "mean", "device": "auto"}
_MODEL: _Defaults = {"backend": "local", "model": "embedded", "device": "auto", "base_url": ""}
_SUPPRESSION: _Defaults = {
    "strength": 0,
    "tokens": 100,
    "floor": None,
    "scope": "dataset",
    "method": "logit_bias",
}
_CONDITION: _Defaults = {
    "temperature": 0.7,
    "top_p": 1,
    "min_p": 0,
    "frequency_penalty": 0.02,
    "max_tokens": 100,
    "texts_a_request": 20,
    "suppression": _SUPPRESSION,
    "prompt": "A",
    "strict_order": False,
    "only_new": False,
    "logit_bias": [],
}
_RUN: _Defaults = {
    "condition": _CONDITION,
    "per_label": 20,
    "seed": 0,
    "seed_examples": [],
    "model": _MODEL,
    "targets": [],
}
_FINE_TUNING: _Defaults = {  # of the learning rate the one that is used always stays
    "model": "embedded",
    "device": "auto",
    "warmup_epochs": 3,
    "max_epochs": 20,
    "patience": 5,
    "batch_size": 32,
    "validation": 0.1,
    "class_weights": False,
    "max_tokens": 128,
    "weight_decay": 0.01,
}
_RECIPE: _Defaults = {
    "reference": None,
    "encoder": _ENCODER,
    "budgets": [0, 90, 180, 270, "all"],
    "lr_repeats": 5,
    "weight": 0.3,
    "filter": False,
    "classifier": "probe",
    "fine_tuning": _FINE_TUNING,
    "train_seeds": 1,
    "seed": 0,
}
_GRID: _Defaults = {
    "name": "",
    "study": "",
    "per_label": 100,
    "seed": 0,
    "repeats": 1,
    "temperature": [0.3, 0.7, 0.9, 1.3],
    "suppression": [0, 7.5],
    "seeding": [0, 18],
    "min_p": [0],
    "models": [{}],
    "base": _CONDITION,
    "recipe": _RECIPE,
    "cap": 1000,
}
_REQUESTS: Mapping[str, _Defaults] = {
    "judge": {},
    "relabel": {"reference": None, "inspect": None, "error_rate": 0, "weight": 0.3, "seed": 0},
    "filter": {"seed": 0},
    "filter_effect": {"seed": 0},
    "budget": {"reference": None, "error_rate": 0, "weight": 0.3, "seed": 0, "repeats": 5},
}
_RECIPE_VERSION = 1


def migrate(connection: sqlite3.Connection) -> None:
    """Add the columns and compute the key of all that is there."""
    for statement in _COLUMNS:
        connection.execute(statement)
    for row_id, spec in connection.execute("SELECT rowid, spec FROM runs").fetchall():
        _set(connection, "runs", row_id, _run_key(json.loads(spec)))
    for row_id, grid in connection.execute("SELECT rowid, grid FROM sweeps").fetchall():
        if "runs" not in (asked := json.loads(grid)):
            _set(connection, "sweeps", row_id, _grid_key(asked))
    for row_id, facts in connection.execute("SELECT rowid, facts FROM maps").fetchall():
        choice = json.loads(facts).get("choice", {})
        _set(connection, "maps", row_id, settings_key(_without(choice, _ENCODER)))
    _assessments(connection)
    _measurements(connection)
    _previews(connection)


def _set(connection: sqlite3.Connection, table: str, row_id: int, key: str) -> None:
    connection.execute(f"UPDATE {table} SET settings_key = ? WHERE rowid = ?", (key, row_id))


def _run_key(spec: dict[str, Any]) -> str:
    if examples := spec.get("seed_examples"):
        pairs = [{"text": text, "label": label} for text, label in examples]
        spec = {**spec, "seed_examples": pairs}
    return settings_key(_without(spec, _RUN))


def _grid_key(grid: dict[str, Any]) -> str:
    models = [_without(model, _MODEL) for model in grid.get("models", [{}])]
    recipe = {"fine_tuning": {}, **grid.get("recipe", {})}
    recipe["fine_tuning"] = _with_rate(recipe["fine_tuning"])
    kept = {key: value for key, value in grid.items() if key != "spend"}
    return settings_key(_without({**kept, "models": models, "recipe": recipe}, _GRID))


def _assessments(connection: sqlite3.Connection) -> None:
    """Those of an earlier version of the recipe, or of settings it no longer had, stay as they are:
    they were not found before either."""
    for run_id, recipe, settings in connection.execute(
        "SELECT run_id, recipe, settings FROM assessments ORDER BY created_at"
    ).fetchall():
        asked = json.loads(settings)
        settings = {**asked, "encoder": _without_device(asked.get("encoder", {}))}
        if asked.get("classifier") == "fine-tuning":
            settings["fine_tuning"] = _without_device(asked.get("fine_tuning", {}))
        else:
            settings.pop("fine_tuning", None)
        if recipe == _earlier_key([_RECIPE_VERSION, settings]):
            if "fine_tuning" in settings:
                settings["fine_tuning"] = _with_rate(settings["fine_tuning"])
            key = settings_key([_RECIPE_VERSION, _without(settings, _RECIPE)])
            _replace_key(connection, "assessments", ("run_id", run_id), recipe, key)


def _measurements(connection: sqlite3.Connection) -> None:
    for dataset, encoder, recipe, choice, reference, version in connection.execute(
        "SELECT dataset, encoder, recipe, json_extract(result, '$.encoder_facts.choice'),"
        " json_extract(result, '$.reference.key'), json_extract(result, '$.version')"
        " FROM measurements ORDER BY created_at"
    ).fetchall():
        asked = _without_device(_ENCODER if choice is None else json.loads(choice))
        earlier = json.dumps([asked.get("model"), asked.get("pooling"), reference, version])
        if recipe == hashlib.blake2b(earlier.encode(), digest_size=8).hexdigest():
            key = settings_key([_without(asked, _ENCODER), reference, version])
            row = ("dataset", dataset, "encoder", encoder)
            _replace_key(connection, "measurements", row, recipe, key)


def _previews(connection: sqlite3.Connection) -> None:
    for kind, recipe, dataset, request in connection.execute(
        "SELECT kind, recipe, dataset, request FROM previews ORDER BY created_at, rowid"
    ).fetchall():
        asked = json.loads(request)
        if kind in _REQUESTS:
            asked = _without(asked, _REQUESTS[kind])
            if isinstance(asked.get("encoder"), dict):
                asked["encoder"] = _without(asked["encoder"], _ENCODER)
        key = settings_key([dataset, asked])
        _replace_key(connection, "previews", ("kind", kind), recipe, key)


def _replace_key(
    connection: sqlite3.Connection, table: str, row: tuple[str, ...], earlier: str, key: str
) -> None:
    """Give a row its new key; an older one that turns out to be of equal settings makes way."""
    where = " AND ".join(f"{column} = ?" for column in (*row[::2], "recipe"))
    connection.execute(f"DELETE FROM {table} WHERE {where}", (*row[1::2], key))
    connection.execute(f"UPDATE {table} SET recipe = ? WHERE {where}", (key, *row[1::2], earlier))


def _earlier_key(settings: Any) -> str:
    written = json.dumps(settings, sort_keys=True)
    return hashlib.blake2b(written.encode(), digest_size=12).hexdigest()


def _with_rate(tuning: Mapping[str, Any]) -> dict[str, Any]:
    rate = tuning.get("learning_rate")
    if rate is None:
        rate = 1e-4 if tuning.get("model", "embedded") == "embedded" else 3e-5
    return {**tuning, "learning_rate": rate}


def _without_device(choice: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in choice.items() if key != "device"}


def _without(settings: Mapping[str, Any], defaults: _Defaults) -> dict[str, Any]:
    """Settings without what is as by default, nested ones too."""
    kept = {}
    for name, value in settings.items():
        default = defaults.get(name, _NO_DEFAULT)
        if isinstance(default, Mapping) and isinstance(value, Mapping):
            value = _without(value, default)
            if not value:
                continue
        elif value == default and isinstance(value, bool) == isinstance(default, bool):
            continue
        kept[name] = value
    return kept


_NO_DEFAULT = object()  # equal to nothing else
