"""What the Compare page draws from: the sweeps chosen in the side bar, their results and jobs;
which of the points a tab shows, their names, and the sentences that belong to any figure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

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
from core.analysis.frontier import short_names
from core.domain.registries.knobs import KNOB
from core.domain.registries.metrics import COLUMN, SWEEP_METRICS
from core.domain.registries.stages import ALL, stage_words
from core.domain.tasks import Task
from core.domain.wording import capitalized, counted, listed
from core.figures.compare.columns import at_stage
from core.jobs.queue import Work, status
from core.store.database import Database
from core.store.generation.runs import RunRecord, list_runs
from core.store.sweeps import SweepRecord, list_sweeps
from pages.components.shell import AppContext, escape_markdown, show_errors
from pages.components.task import choose_task, keep_open, open_runs, requested_runs

ALL_TASKS = "all"
WIDTH = 190


def column_title(column: str) -> str:
    """What a choice or a table calls a column of a points frame; "None" for none."""
    if column in COLUMN:
        return COLUMN[column].column_title
    if column in KNOB:
        return KNOB[column].title
    return {"": "None", "other": "Other settings"}.get(column) or capitalized(column)


def choose_one(
    label: str,
    options: Sequence[str],
    *,
    key: str,
    default: str | None = None,
    words: Mapping[str, str] | Callable[[str], str] = column_title,
    width: int | Literal["stretch"] = WIDTH,
    help: str | None = None,
) -> str:
    """Draw a choice of one option, which is kept while it is among the options.

    Args:
        label: its title.
        options: at least one.
        key: in the session.
        default: chosen where nothing was, or what is not there any more; None is the first.
        words: how an option reads.
        width: in pixels, or of what holds it.
        help: what it does.
    """
    if st.session_state.get(key) not in options:
        st.session_state[key] = options[0] if default is None else default
    chosen = st.selectbox(
        label,
        options,
        format_func=words if callable(words) else lambda option: words.get(option, option),
        key=key,
        persist_state="session",
        width=width,
        help=help,
    )
    return str(chosen)


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
        requested = requested_runs(rows, page="compare")
        task = choose_task(rows, requested, key="compare_task")
        runs = tuple(row.run for row in rows if row.run.spec.task.key == task.key)
        own_runs = [run.id for run in runs]
        asked = [run.id for run in requested if run.id in own_runs]
        keep_open(asked or open_runs(own_runs) or own_runs[:1], page="compare")
        own = list_sweeps(app.db, task_key=task.key)
        chosen = _choose_sweeps(own, task)
        study = _choose_study(chosen)
        if study:
            chosen = list_sweeps(app.db, study=study)
        x, y = "diversity", "label_accuracy"
        if chosen:
            x = choose_one("X axis", METRICS, key="compare_x", default=x, width="stretch")
            y = choose_one("Y axis", METRICS, key="compare_y", default=y, width="stretch")
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


def choose_part(comparison: Comparison, *, all_tasks: bool = True) -> pd.DataFrame:
    """The points of one task, or of all; a choice is drawn where there are several.

    Args:
        all_tasks: whether all together may be chosen.
    """
    names = dict(zip(comparison.points["task_key"], comparison.points["task"], strict=True))
    if len(names) < 2:
        return comparison.points
    own = comparison.choice.task.key
    options = sorted(names, key=lambda task_key: (task_key != own, names[task_key]))
    chosen = choose_one(
        "Task shown",
        [*options, *([ALL_TASKS] if all_tasks else [])],
        key="compare_part" if all_tasks else "compare_one_part",
        words={**names, ALL_TASKS: "All tasks"},
    )
    points = comparison.points
    return points if chosen == ALL_TASKS else points[points["task_key"] == chosen]


def several_tasks(points: pd.DataFrame) -> bool:
    """Whether points are of more than one task."""
    return bool(points["task_key"].nunique() > 1)


def names_of(points: pd.DataFrame) -> dict[str, str]:
    """Each condition in words by its key, unique, in the order of the knobs; not escaped."""
    return short_names(points, context=("task", "encoder", "classifier"))


def stage_of(row: pd.Series | Mapping[str, object]) -> str:
    """The key of a point's stage: what its own key has after its condition's."""
    return f"{row['inspected']}{'-filtered' if row['filtered'] else ''}"


def stages_of(points: pd.DataFrame) -> dict[str, str]:
    """The stages of repair in words by `stage_of`, as generated first, "all" last."""
    stages = points[["inspected", "filtered"]].drop_duplicates()
    pairs = zip(stages["inspected"].astype(str), stages["filtered"].astype(bool), strict=True)
    ordered = sorted(pairs, key=lambda stage: (stage[1], stage[0] == ALL, stage[0].zfill(12)))
    return {
        stage_of({"inspected": inspected, "filtered": filtered}): capitalized(
            stage_words(inspected, filtered=filtered)
        )
        for inspected, filtered in ordered
    }


def at(points: pd.DataFrame, stage: str) -> pd.DataFrame:
    """The rows of one stage, given as by `stage_of`."""
    inspected, _, filtered = stage.partition("-")
    return at_stage(points, inspected, filtered=bool(filtered))


def measured(points: pd.DataFrame) -> list[str]:
    """The metrics of which any point has a value."""
    return [metric for metric in METRICS if points[metric].notna().any()]


def show_mixtures(points: pd.DataFrame) -> None:
    """Warn of what makes these points incomparable."""
    sentences = mixtures(points)
    if sentences:
        st.warning(escape_markdown(" ".join(sentences)), icon=":material/balance:")


def basis(points: pd.DataFrame) -> str:
    """How many conditions of what size, measured by what; fit for Markdown."""
    raw = points.drop_duplicates("condition")
    n, repeats = raw["n"], raw["repeats"]
    size = f"{n.min():,.0f}" if n.max() - n.min() < 0.5 else f"{n.min():,.0f} to {n.max():,.0f}"
    runs = (
        counted(repeats.min(), "run")
        if repeats.min() == repeats.max()
        else f"{repeats.min():,} to {counted(repeats.max(), 'run')}"
    )
    sentences = [f"{counted(len(raw), 'condition')}, {runs} each, n = {size} texts per run."]
    encoders, classifiers = (_known(points[name]) for name in ("encoder", "classifier"))
    if encoders:
        embedded = [m.column for m in SWEEP_METRICS if m.needs_encoder and m.measured]
        names = capitalized(listed(embedded))
        sentences.append(f"{names} by {listed(encoders)}, cosine distance.")
    if classifiers and points["model_accuracy"].notna().any():
        sentences.append(f"Model accuracy of {listed(f'a {name}' for name in classifiers)}.")
    if repeats.max() > 1:
        sentences.append(
            "Intervals of repeated conditions are from the spread between the runs of all "
            "conditions of a task."
        )
    return escape_markdown(" ".join(sentences))


def _known(names: pd.Series) -> Sequence[str]:
    return sorted({str(name) for name in names if name})
