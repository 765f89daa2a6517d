"""Adding a dataset of the Hugging Face hub as a task's reference."""

from collections.abc import Callable, Mapping
from typing import Any

from core.domain.references import TEST_SHARE, Reference, divided
from core.domain.tasks import task_from_dict
from core.files.hub import HubDataset, fetch_dataset
from core.files.mapping import read_mapped
from core.store.database import Database
from core.store.references import add_reference, list_references

Fetch = Callable[..., HubDataset]
"""Behaves as `core.files.hub.fetch_dataset`."""


def add_from_hub(
    db: Database,
    spec: Mapping[str, Any],
    *,
    fetch: Fetch = fetch_dataset,
    job_id: str | None = None,
) -> Reference:
    """Fetch a dataset, split it, add it.

    Args:
        db: the store.
        spec: `hub`, the dataset's id; `task`, a task as `Task.to_dict` gives it; and, each of
            which may be missing, `config`, `split`, `text_column`, `label_column`, `map`,
            `test_share`, `seed` and `name`.
        fetch: gives the dataset.
        job_id: the job that does it, if one does.

    Raises:
        WidesetError: the dataset can't be fetched or is refused; nothing was added.
    """
    task = task_from_dict(spec["task"])
    dataset = fetch(spec["hub"], config=spec.get("config"), split=spec.get("split"))
    mapped = read_mapped(
        dataset.files,
        task=task,
        text_column=spec.get("text_column"),
        label_column=spec.get("label_column"),
        label_map=spec.get("map"),
    )
    parts = divided(
        mapped.examples,
        test_share=float(spec.get("test_share", TEST_SHARE)),
        seed=int(spec.get("seed", 0)),
    )
    origin = {
        "hub": dataset.id,
        "config": dataset.config,
        "split": dataset.split,
        "commit": dataset.commit,
        **mapped.facts,
        **parts.facts,
        "job": job_id,
    }
    name = str(spec.get("name") or dataset.id)
    return add_reference(db, task, name, parts.train, parts.test, origin)


def reference_of_job(db: Database, job_id: str) -> Reference | None:
    """The reference that a job added, so that a resumed job adds no second one."""
    references = list_references(db, include_deleted=True)
    return next((item for item in references if item.origin.get("job") == job_id), None)
