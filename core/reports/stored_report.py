"""A report of sweeps in the store, and its data as files."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from core.analysis.frames.results import points_frame, results_frame, stored_results
from core.analysis.study import Study, study
from core.domain.errors import BadInput
from core.files.exports import export_table
from core.reports.html.report import report_html
from core.reports.html.tables import Manifest, Text
from core.reports.story.conditions import choose_conditions
from core.store.database import Database
from core.store.datasets import load_dataset, run_key
from core.store.sweeps import SweepRecord, get_sweep
from core.sweeps.grid.spec import grid_from_dict
from core.sweeps.grid.writing import grid_toml


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report.

    Args:
        results: what it is of.
        points: the same, repeats put together.
        study: what is concluded.
        html: the file.
    """

    results: pd.DataFrame
    points: pd.DataFrame
    study: Study
    html: str

    def data(self) -> dict[str, bytes]:
        """Its numbers by the name of a file: points.csv, results.csv, study.json.

        A cell of the CSV files that a spreadsheet might run has an apostrophe before it
        (`core.files.exports.guarded_cell`).
        """
        written = json.dumps(self.study.to_json(), indent=1, ensure_ascii=False, allow_nan=False)
        return {
            "points.csv": _csv(self.points),
            "results.csv": _csv(self.results),
            "study.json": written.encode("utf-8"),
        }


def stored_report(
    db: Database, sweep_ids: Sequence[str], *, title: str, now: float | None = None
) -> StoredReport:
    """Compute the study and write the report; this loads statsmodels.

    Args:
        db: the store.
        sweep_ids: of the sweeps.
        title: any text; empty takes the tasks' names.
        now: seconds since 1970, UTC; None is the store's clock.

    Raises:
        BadInput: none of their runs is assessed, or there is no such sweep.
    """
    sweeps = [get_sweep(db, sweep_id) for sweep_id in sorted(set(sweep_ids))]
    results = results_frame(stored_results(db, sweep_ids=[sweep.id for sweep in sweeps]))
    if not len(results):
        raise BadInput(
            "No run of these sweeps is assessed yet.",
            "Wait for the first run, or resume the sweep.",
        )
    conclusions = study(results)
    points = points_frame(results)
    html = report_html(
        title or ", ".join(conclusions.tasks),
        results,
        conclusions,
        story_texts(db, points, results),
        manifest=_manifest(sweeps),
        now=db.now() if now is None else now,
    )
    return StoredReport(results, points, conclusions, html)


def story_texts(db: Database, points: pd.DataFrame, results: pd.DataFrame) -> dict[str, list[Text]]:
    """The usable texts of the first run of each task's baseline and most diverse condition.

    Args:
        db: the store.
        points: a points frame.
        results: the results frame that it was made of.
    """
    texts: dict[str, list[Text]] = {}
    for key in dict.fromkeys(points["task_key"]):
        chosen = choose_conditions(points, task_key=key)
        for condition in {chosen.baseline, chosen.most_diverse} - {""}:
            runs = results[results["condition"] == condition]["run_id"]
            data = load_dataset(db, run_key(str(runs.iloc[0])))
            texts[condition] = list(zip(data.texts, data.labels, strict=True))
    return texts


def _manifest(sweeps: Sequence[SweepRecord]) -> Manifest:
    grids: dict[str, Mapping[str, object]] = {}
    files: dict[str, str] = {}
    for sweep in sweeps:
        name = sweep.name if sweep.name not in grids else f"{sweep.name} ({sweep.id})"
        grids[name] = sweep.grid
        try:
            grid = grid_from_dict(sweep.grid)
            files[name] = grid_toml(grid, task=grid.task.name, reference=grid.recipe.reference)
        except (BadInput, KeyError, TypeError, ValueError):
            continue  # existing runs have no grid; some grids can't be written as a file
    return Manifest(grids, files)


def _csv(frame: pd.DataFrame) -> bytes:
    rows = [
        {
            str(name): None if isinstance(value, float) and value != value else value
            for name, value in row.items()
        }
        for row in frame.to_dict("records")
    ]
    return export_table(rows, columns=[str(name) for name in frame.columns], format="csv")
