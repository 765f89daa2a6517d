"""Datasets out of the store, by their keys."""

import json

from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.store.database import Database
from core.store.generation.runs import get_run
from core.store.interventions.versions import get_version


def run_key(run_id: str) -> str:
    """The key of a run's usable texts."""
    return f"run:{run_id}"


def reference_key(reference_id: str, part: str) -> str:
    """The key of a reference's part, `train` or `test`."""
    return f"reference:{reference_id}:{part}"


def version_key(version_id: str) -> str:
    """The key of a version's dataset: the texts that it keeps, under its labels."""
    return f"version:{version_id}"


def run_id_of(db: Database, key: str) -> str:
    """The id of the run whose texts are under a key, of a run or of a version.

    Raises:
        BadInput: there is no such version.
    """
    kind, _, name = key.partition(":")
    return name if kind == "run" else get_version(db, name).run_id


def load_dataset(db: Database, key: str) -> Dataset:
    """The texts behind a key, in order of arrival: of a run the usable ones, duplicates included.

    Raises:
        BadInput: nothing is stored under the key.
    """
    kind, _, name = key.partition(":")
    if kind == "run":
        return _of_run(db, key, name)
    if kind == "reference":
        reference_id, _, part = name.partition(":")
        return _of_reference(db, key, reference_id, part)
    if kind == "version":
        return _of_version(db, key, name)
    raise BadInput(f"There is no dataset '{key[:60]}' in this store.", "Choose one from the list.")


def _of_run(db: Database, key: str, run_id: str) -> Dataset:
    run = get_run(db, run_id)
    with db.read() as connection:
        rows = connection.execute(
            "SELECT id, text, label, fluency FROM samples"
            " WHERE run_id = ? AND outcome = 'usable' ORDER BY arrival",
            (run_id,),
        ).fetchall()
    return Dataset(
        key,
        run.name,
        run.spec.task.label_names,
        ids=tuple(row["id"] for row in rows),
        texts=tuple(row["text"] for row in rows),
        labels=tuple(row["label"] for row in rows),
        fluency=tuple(row["fluency"] for row in rows),
    )


def _of_version(db: Database, key: str, version_id: str) -> Dataset:
    version = get_version(db, version_id)
    run = get_run(db, version.run_id)
    with db.read() as connection:
        rows = connection.execute(
            "SELECT id, text, version_rows.label, fluency"
            " FROM version_rows JOIN samples ON samples.id = sample_id"
            " WHERE version_id = ? AND kept ORDER BY arrival",
            (version_id,),
        ).fetchall()
    return Dataset(
        key,
        f"{run.name}: {version.name}",
        run.spec.task.label_names,
        ids=tuple(row["id"] for row in rows),
        texts=tuple(row["text"] for row in rows),
        labels=tuple(row["label"] for row in rows),
        fluency=tuple(row["fluency"] for row in rows),
    )


def _of_reference(db: Database, key: str, reference_id: str, part: str) -> Dataset:
    with db.read() as connection:
        kept = connection.execute(
            "SELECT name, label_names FROM reference_sets WHERE id = ?", (reference_id,)
        ).fetchone()
        rows = connection.execute(
            "SELECT id, text, label FROM reference_texts"
            " WHERE reference_id = ? AND part = ? ORDER BY position",
            (reference_id, part),
        ).fetchall()
    if kept is None or part not in ("train", "test"):
        raise BadInput("There is no such reference in this store.", "Choose one from the list.")
    return Dataset(
        key,
        f"{kept['name']} ({part})",
        tuple(json.loads(kept["label_names"])),
        ids=tuple(row["id"] for row in rows),
        texts=tuple(row["text"] for row in rows),
        labels=tuple(row["label"] for row in rows),
        fluency=(None,) * len(rows),
    )
