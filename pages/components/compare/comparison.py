"""What the Compare page draws from: results and points of the chosen sweeps, and jobs under way."""

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from core.analysis.contrasts import with_common_intervals
from core.analysis.frames.results import mixtures, named_apart, points_frame, results_frame
from core.analysis.frames.stored import stored_results
from core.jobs.cached_measurements import Work
from core.jobs.queue import status
from core.store.database import Database
from core.store.sweeps import SweepRecord
from pages.components.compare.choice import Choice
from pages.components.shell import AppContext


@dataclass(frozen=True)
class Comparison:
    """What is compared.

    Args:
        choice: what was asked for.
        results: one row a run and stage (`core.analysis.frames.columns`).
        points: one row a condition and stage.
        mixtures: sentences on what forbids putting points on one axis unsaid.
        served: ids of the runs that a server wrote.
        works: the sweeps' jobs, newest first, that are not done.
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
        rows = (self.points["inspected"].astype(str) == "0") & ~self.points["filtered"]
        return self.points[rows]

    @property
    def budgets(self) -> list[str]:
        """The numbers of inspected texts that there are, "0" first and "all" last."""
        known = {str(one) for one in self.points["inspected"]}
        numbers = sorted((one for one in known if one != "all"), key=int)
        return numbers + (["all"] if "all" in known else [])


def compare(app: AppContext, choice: Choice) -> Comparison:
    """Read what there is."""
    ids = tuple(one.id for one in choice.sweeps)
    works = [Work(*status(app.db, one.job_id)) for one in choice.sweeps if one.job_id is not None]
    # Done jobs' numbers never change; of one under way each look finds more.
    ends = tuple((one.id, one.job_id) for one in choice.sweeps)
    done = sum(int(work.job.progress.get("done") or 0) for work in works)
    results, points, mixed, served = _frames(app.db, ids, (ends, done, len(choice.runs)))
    going = tuple(work for work in works if work.state != "done")
    return Comparison(choice, results, points, mixed, served, going)


def sweep_of(comparison: Comparison, sweep_id: str) -> SweepRecord | None:
    """The sweep of an id among those on view."""
    return next((one for one in comparison.choice.sweeps if one.id == sweep_id), None)


@st.cache_data(max_entries=8, show_spinner=False, hash_funcs={Database: lambda db: str(db.path)})
def _frames(
    db: Database, sweep_ids: tuple[str, ...], version: object
) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...], frozenset[str]]:
    found = stored_results(db, sweep_ids=sweep_ids)
    results = named_apart(results_frame(found))
    points = with_common_intervals(points_frame(results), results)
    served = frozenset(one.run.id for one in found if one.run.spec.model.base_url)
    return results, points, tuple(mixtures(points)), served
