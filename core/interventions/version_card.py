"""The data card of a run's version, out of the store."""

from collections.abc import Mapping
from typing import Any

from core.interventions.card import data_card
from core.interventions.subject import Subject
from core.store.database import Database
from core.store.runs import get_run
from core.store.versions import lineage


def version_card(
    db: Database, subject: Subject, *, measures: Mapping[str, Any], made: str
) -> dict[str, Any]:
    """The card as JSON-ready data; see `data_card`.

    Args:
        db: the store.
        subject: the run's texts as the version has them.
        measures: by name, JSON-ready.
        made: when, as it is to be read.
    """
    run = get_run(db, subject.run_id)
    generation = {**run.spec.to_dict(), "facts": dict(run.facts)}
    task = generation.pop("task")
    # Real texts are not to leak into a card.
    generation["seed_examples"] = len(generation["seed_examples"])
    return data_card(
        name=subject.dataset.name,
        task=task,
        generation=generation,
        lineage=() if subject.version is None else lineage(db, subject.version.id),
        rows=subject.rows,
        specified=subject.specified,
        measures=measures,
        made=made,
    )
