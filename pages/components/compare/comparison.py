"""What the Compare page draws from: the sweeps chosen in the side bar, their results and jobs."""

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from core.analysis.contrasts import with_common_intervals
from core.analysis.frames.columns import METRICS
from core.analysis.frames.results import (
    mixtures,
    named_apart,
    points_frame,
    results_frame,
    stored_results,
)
from core.domain.registries.knobs import KNOB
from core.domain.registries.metrics import COLUMN
from core.domain.tasks import Task
from core.domain.wording import capitalized
from core.figures.compare.columns import at_stage
from core.jobs.queue import Work, status
from core.store.database import Database
from core.store.generation.runs import RunRecord, list_runs
from core.store.sweeps import SweepRecord, list_sweeps
from pages.components.shell import AppContext, show_errors
from pages.components.task import choose_task, requested_run


def column_title(column: str) -> str:
    """What a choice or a table calls a column of a points frame; "None" for none."""
    if column in COLUMN:
        return COLUMN[column].column_title
    if column in KNOB:
        return KNOB[column].title
    return {"": "None", "other": "Other settings"}.get(column) or capitalized(column)


@dataclass(frozen=True)
class Choice:
    """What is to be compared.

    Args:
        task: of the project.
        runs: the project's runs that have texts, newest first.
        sweeps: those chosen, newest first; also of other tasks where a study is shown.
        all_sweeps: all of the project's.
        x: metric on the X axis of the frontier.
        y: metric on its Y axis.
        study: name of the study shown; empty for sweeps of the project alone.
    """

    task: Task
    runs: tuple[RunRecord, ...]
    sweeps: tuple[SweepRecord, ...]
    all_sweeps: tuple[SweepRecord, ...]
    x: str
    y: str
    study: str


def choose(app: AppContext) -> Choice | None:
    """Draw the choice in the side bar; None while no project has a text."""
    rows = [row for row in list_runs(app.db) if row.counts.usable]
    if not rows:
        return None
    swept = {sweep.task_key for sweep in list_sweeps(app.db)}
    # Projects that have something to compare come first, and so one of them is selected.
    rows.sort(key=lambda row: row.run.spec.task.key not in swept)
    with st.sidebar, show_errors():
        task = choose_task(rows, requested_run(rows, page="compare"), key="compare_task")
        runs = tuple(row.run for row in rows if row.run.spec.task.key == task.key)
        own = list_sweeps(app.db, task_key=task.key)
        chosen = _choose_sweeps(own, task)
        study = _choose_study(chosen)
        if study:
            chosen = list_sweeps(app.db, study=study)
        x, y = _choose_axes() if chosen else ("diversity", "label_accuracy")
        return Choice(task, runs, tuple(chosen), tuple(own), x, y, study)
    return None


def _choose_sweeps(own: list[SweepRecord], task: Task) -> list[SweepRecord]:
    if not own:
        st.caption("No sweep of this project yet.")
        return []
    by_id = {sweep.id: sweep for sweep in own}
    key = f"compare_sweeps-{task.key}"
    kept = [sweep_id for sweep_id in st.session_state.get(key, []) if sweep_id in by_id]
    st.session_state[key] = kept or [own[0].id]
    chosen = st.multiselect(
        "Sweeps",
        list(by_id),
        format_func=lambda sweep_id: by_id[sweep_id].name if sweep_id in by_id else sweep_id,
        key=key,
        persist_state="session",
        wrap=True,
        help="Grids of conditions. Their points are shown together.",
    )
    return [by_id[sweep_id] for sweep_id in chosen]


def _choose_study(chosen: list[SweepRecord]) -> str:
    """A study's name if its other tasks are to be shown, too."""
    studies = sorted({sweep.study for sweep in chosen if sweep.study})
    if len(studies) != 1:
        return ""
    show_all = st.toggle(
        "All tasks of the study",
        key="compare_study",
        persist_state="session",
        help=f"Also shows the sweeps of other tasks in the study {studies[0]}.",
    )
    return studies[0] if show_all else ""


def _choose_axes() -> tuple[str, str]:
    x, y = (
        st.selectbox(
            label,
            METRICS,
            index=METRICS.index(default),
            format_func=column_title,
            key=key,
            persist_state="session",
        )
        for label, default, key in (
            ("X axis", "diversity", "compare_x"),
            ("Y axis", "label_accuracy", "compare_y"),
        )
    )
    return x, y


@dataclass(frozen=True)
class Comparison:
    """What is compared.

    Args:
        choice: what was asked for.
        results: one row per run and stage (`core.analysis.frames.columns`).
        points: one row per condition and stage.
        mixtures: sentences on what makes points incomparable.
        served: ids of the runs that a server generated.
        works: the sweeps' unfinished jobs, newest first.
    """

    choice: Choice
    results: pd.DataFrame
    points: pd.DataFrame
    mixtures: tuple[str, ...]
    served: frozenset[str]
    works: tuple[Work, ...]

    @property
    def raw(self) -> pd.DataFrame:
        """The points as generated."""
        return at_stage(self.points)


def compare(app: AppContext, choice: Choice) -> Comparison:
    """Read the results of what was chosen."""
    ids = tuple(sweep.id for sweep in choice.sweeps)
    works = [
        Work(*status(app.db, sweep.job_id)) for sweep in choice.sweeps if sweep.job_id is not None
    ]
    # Results of finished jobs never change; those of a running one grow.
    ends = tuple((sweep.id, sweep.job_id) for sweep in choice.sweeps)
    done = sum(work.job.progress.done or 0 for work in works)
    results, points, notes, served = _frames(app.db, ids, (ends, done, len(choice.runs)))
    unfinished = tuple(work for work in works if work.state != "done")
    return Comparison(choice, results, points, notes, served, unfinished)


def sweep_of(comparison: Comparison, sweep_id: str) -> SweepRecord | None:
    """The sweep of an id among those shown."""
    return next((sweep for sweep in comparison.choice.sweeps if sweep.id == sweep_id), None)


@st.cache_data(max_entries=8, show_spinner=False, hash_funcs={Database: lambda db: str(db.path)})
def _frames(
    db: Database, sweep_ids: tuple[str, ...], version: object
) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...], frozenset[str]]:
    stored = stored_results(db, sweep_ids=sweep_ids)
    results = named_apart(results_frame(stored))
    points = with_common_intervals(points_frame(results), results)
    served = frozenset(row.run.id for row in stored if row.run.spec.model.base_url)
    return results, points, tuple(mixtures(points)), served
