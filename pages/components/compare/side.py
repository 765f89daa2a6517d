"""One side of two: the texts of a point's run, with what is known of their labels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.experiments.recipe import recipe_from_dict
from core.interventions.requests import JudgeRequest
from core.jobs.previews import look
from core.store.database import Database
from core.store.datasets import run_key
from core.store.runs import get_run
from core.store.samples import SAMPLE_COLUMNS, sample_rows
from core.store.version_moves import head
from core.store.versions import version_rows
from core.texts import fold
from pages.components.compare.comparison import Comparison, sweep_of


@dataclass(frozen=True)
class Side:
    """See the top of the file.

    Args:
        run_id: a run of the point's condition.
        label_names: its task's, in order.
        texts: its usable texts in order of arrival: id, text, label, folded, repeat (of an earlier
            one), now (label in the present version), taken_out (by it), oracle; None or False
            where that is not known.
        version: the present version's name; "" without one.
    """

    run_id: str
    label_names: tuple[str, ...]
    texts: pd.DataFrame
    version: str


def look_at(db: Database, seen: Comparison, point: Mapping[str, Any], run_id: str) -> Side:
    """Read what there is; queues nothing."""
    run = get_run(db, run_id)
    rows = _rows(db, run_id, float(point["n"]))
    texts = pd.DataFrame(
        {
            "id": rows["id"],
            "text": rows["text"],
            "label": rows["label"],
            "folded": rows["text"].map(fold),
            "repeat": rows["duplicate_of"].notna(),
        }
    )
    version = head(db, run_id)
    labels: dict[str, str] = {}
    kept: dict[str, bool] = {}
    if version is not None and version.kind != "raw":
        for row in version_rows(db, version.id):
            labels[row.sample_id], kept[row.sample_id] = row.label, row.kept
    says = _oracle(db, seen, run_id, len(texts))
    texts["now"] = [labels.get(one) for one in texts["id"]]
    texts["taken_out"] = [not kept.get(one, True) for one in texts["id"]]
    texts["oracle"] = [says.get(one) for one in texts["id"]]
    for column in ("now", "oracle"):
        texts[column] = texts[column].astype(object).where(texts[column].notna(), None)
    name = version.name if version is not None and labels else ""
    return Side(run_id, run.spec.task.label_names, texts, name)


def drawn(
    texts: pd.DataFrame, *, label: str | None, count: int, seed: int
) -> tuple[pd.DataFrame, int]:
    """Some texts of a label, in order of arrival, and how many there are of it.

    Args:
        texts: with a column label.
        label: None is all labels.
        count: at most so many.
        seed: 0 or more; equal ones draw the same.
    """
    own = texts if label is None else texts[texts["label"] == label]
    if len(own) <= count:
        return own, len(own)
    rows = np.random.default_rng(seed).choice(len(own), size=count, replace=False)
    return own.iloc[np.sort(rows)], len(own)


def _oracle(db: Database, seen: Comparison, run_id: str, n: int) -> Mapping[str, str]:
    """The oracle's labels by text id, as far as it was asked on the Intervene page."""
    ids = seen.results.loc[seen.results["run_id"] == run_id, "sweep_id"]
    sweep = sweep_of(seen, str(ids.iloc[0])) if len(ids) else None
    recipe = recipe_from_dict((sweep.grid.get("recipe") if sweep else None) or {})
    if recipe.reference is None:
        return {}
    request = JudgeRequest(n=n, encoder=dict(recipe.encoder), reference=recipe.reference)
    found = look(db, run_key(run_id), request).result
    return {} if found is None else dict(zip(found["ids"], found["labels"], strict=True))


@st.cache_data(max_entries=8, show_spinner=False, hash_funcs={Database: lambda db: str(db.path)})
def _rows(db: Database, run_id: str, n: float) -> pd.DataFrame:
    """Its usable samples; `n` tells a run that grew from its younger self."""
    return pd.DataFrame(sample_rows(db, run_id, outcome="usable"), columns=list(SAMPLE_COLUMNS))
