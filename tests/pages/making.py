"""What the tests of the pages make: runs in every state, straight in the store."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from streamlit.testing.v1 import AppTest

from core.domain.errors import BackendFailed, StoreFull
from core.domain.progress import DiversityProgress
from core.domain.runs import RunSpec, Sample
from core.generation.progress import Meter
from core.generation.suppression import SuppressedToken
from core.jobs import claims
from core.jobs.lease import release, take
from core.jobs.queue import Job, State, get_job, request_cancel, start_run
from core.store.database import Database
from core.store.generation.runs import RunRecord
from core.store.generation.samples import add_samples, samples_of
from pages.components.shell import WORD_JOINER
from tests.store.making import make_sample, make_spec

ROOT = Path(__file__).parent.parent.parent

# One of each: new, duplicate, empty, truncated, and a second label.
MIXED = (
    {"text": "a fine film"},
    {"text": "A fine  FILM", "duplicate_of": "first"},
    {"text": "", "outcome": "empty"},
    {"text": "it goes on and on and", "outcome": "truncated"},
    {"text": "a dull film", "label": "neg"},
    {"text": "=cmd()|' /C calc'!A0", "label": "neg"},
)


def mixed_samples(run_id: str, rows: Sequence[Mapping[str, Any]] = MIXED) -> list[Sample]:
    """The samples of a run as the rows say, in that order of arrival."""
    made = [make_sample(run_id, number, **row) for number, row in enumerate(rows)]
    return [replace(s, duplicate_of=s.duplicate_of and made[0].id) for s in made]


def make_run(
    db: Database,
    state: State = "done",
    *,
    spec: RunSpec | None = None,
    name: str = "",
    rows: Sequence[Mapping[str, Any]] = MIXED,
    shortfall: Mapping[str, int] | None = None,
    diversity: DiversityProgress | None = None,
) -> tuple[RunRecord, Job]:
    """A run with samples whose job reads as `state`.

    A running one holds the lease for ten minutes; make it the last.
    """
    spec = spec or make_spec()
    run, job = start_run(db, spec, name=name)
    if state == "queued":
        return run, job
    owner = f"worker of {run.id}"
    assert take(db, owner, 1, seconds=600)
    assert claims.claim(db, owner, job_id=job.id)
    add_samples(db, mixed_samples(run.id, rows))
    meter = Meter(spec, history=samples_of(db, run.id), timer=lambda: 0.0)
    meter.suppressed = [SuppressedToken(5, 3, 0.25, -0.5, " film")]
    phase = "done" if state == "done" else "generating"
    progress = replace(meter.progress(phase, shortfall=shortfall), diversity=diversity)
    claims.report(db, job.id, owner, progress)
    if state == "done":
        claims.settle(db, job.id, owner, "done")
    if state == "cancelled":
        request_cancel(db, job.id)
        claims.settle(db, job.id, owner, "cancelled")
    if state == "failed":
        error = BackendFailed("The model said <b>no</b> & $stopped$.", "Try *another* one.")
        claims.settle(db, job.id, owner, "failed", error)
    if state == "paused":
        claims.settle(
            db, job.id, owner, "paused", StoreFull("The disk is full.", "Free some space.")
        )
    if state != "running":
        release(db, owner)
    return run, get_job(db, job.id)


def words(app: AppTest) -> str:
    """All that the page says in Markdown, as a person reads it: without the escapes."""
    return re.sub(r"\\([\W_])", r"\1", _source(app)).replace(WORD_JOINER, "")


def markup(app: AppTest) -> str:
    """All that the page says in Markdown, without the characters that are escaped there."""
    return re.sub(r"\\[\W_]", "", _source(app))


def _source(app: AppTest) -> str:
    """What is handed to Streamlit as Markdown: texts, and labels and help of widgets."""
    parts = []
    for kind in ("markdown", "caption", "subheader", "info", "warning", "error", "success"):
        parts += [element.value for element in app.get(kind)]
    for kind in ("number_input", "button", "metric", "selectbox", "text_input", "toggle"):
        for element in app.get(kind):
            parts += [element.label, element.help or ""]
    return "\n".join(map(str, parts))


def buttons(app: AppTest) -> dict[str, bool]:
    """Which buttons there are by key, and whether each can be pressed."""
    return {button.key: not button.disabled for button in app.button if button.key}


def open_run(app: AppTest, run: RunRecord) -> AppTest:
    """The page of a run, opened by its address."""
    app.query_params["run"] = run.id
    app.run()
    assert not app.exception
    return app


def table(app: AppTest, column: str) -> pd.DataFrame:
    """The one table on the page that has the column."""
    (found,) = [frame.value for frame in app.dataframe if column in frame.value]
    return found
