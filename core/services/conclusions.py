"""Concluding from sweeps what matters, and writing a report of them into the home folder.

What matters is the regression and the replication card. Both load statsmodels: a job does them, and
a page reads what was stored and offers the file.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from core.analysis.frames.results import named_apart, results_frame, stored_results
from core.analysis.study import STUDY_VERSION, Study
from core.analysis.study import study as study_results
from core.domain.errors import BadInput
from core.domain.settings import Home
from core.files.exports import write_whole
from core.store.database import Database
from core.store.interventions.previews import find_preview, latest_preview, save_preview

if TYPE_CHECKING:
    import pandas as pd

KIND = "study"
"""The kind of preview."""

FOLDER = "reports"

_NAMES = ["run_name", "sweep_id", "other"]  # wording; `condition` has the key of the settings


@dataclass(frozen=True, slots=True)
class StudyRequest:
    """A study of exactly these results.

    Args:
        sweeps: ids of the sweeps, sorted.
        results: digest of the results.
    """

    sweeps: tuple[str, ...]
    results: str

    @classmethod
    def of(cls, sweep_ids: Sequence[str], results: "pd.DataFrame") -> Self:
        """The study of some sweeps.

        Args:
            sweep_ids: in any order.
            results: the results frame of all their assessed runs, by `stored_results`.
        """
        return cls(tuple(sorted(set(sweep_ids))), results_digest(results))

    @property
    def version(self) -> tuple[str, int]:
        """What makes the same sweeps another study."""
        return self.results, STUDY_VERSION

    def stored(self, db: Database) -> Study | None:
        """The study, None while it is not made."""
        preview = find_preview(db, KIND, self._dataset, self._request)
        return None if preview is None else Study.from_json(preview.result)

    def latest_stored(self, db: Database) -> Study | None:
        """The newest study of the same sweeps, which may be of fewer results.

        None without one, and where it was made by another version.
        """
        preview = latest_preview(db, KIND, self._dataset)
        return None if preview is None else Study.from_json(preview.result)

    def save(self, db: Database, study: Study) -> None:
        """Store the study."""
        save_preview(db, KIND, self._dataset, self._request, study.to_json())

    @property
    def _dataset(self) -> str:
        digest = hashlib.blake2b(",".join(self.sweeps).encode(), digest_size=12).hexdigest()
        return f"study:{digest}"

    @property
    def _request(self) -> dict[str, object]:
        return {"sweeps": list(self.sweeps), "results": self.results, "version": STUDY_VERSION}


def conclude(db: Database, sweep_ids: Sequence[str]) -> Study:
    """Conclude from the results that sweeps have at this moment, and store the study.

    Raises:
        BadInput: no run of the sweeps is assessed, or there is no such sweep.
    """
    sweeps = sorted(set(sweep_ids))
    results = results_frame(stored_results(db, sweep_ids=sweeps))
    if results.empty:
        raise BadInput("No run of the sweep is assessed yet.", "Wait for its first runs.")
    study = study_results(results)
    StudyRequest.of(sweeps, results).save(db, study)
    return study


def results_digest(results: "pd.DataFrame") -> str:
    """A short key of all that a study rests on: equal results have equal ones, in any process.

    Tasks of one name are told apart first, as a page does for its charts.
    """
    import pandas as pd

    relevant = named_apart(results).drop(columns=_NAMES)
    rows = pd.util.hash_pandas_object(relevant, index=False)
    return hashlib.blake2b(rows.to_numpy().tobytes(), digest_size=12).hexdigest()


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A report of exactly these results.

    Args:
        sweeps: ids, sorted.
        title: of the page, any text.
        path: where it lies once it is written; its name is made of ids and digests alone.
    """

    sweeps: tuple[str, ...]
    title: str
    path: Path

    @classmethod
    def of(
        cls, home: Home, sweep_ids: Sequence[str], results: "pd.DataFrame", *, title: str
    ) -> Self:
        """The report of some sweeps.

        Args:
            home: the home folder.
            sweep_ids: in any order.
            results: the results frame of all their assessed runs, by `stored_results`.
            title: of the page, any text.
        """
        from core.reports.html.report import REPORT_VERSION

        sweeps = tuple(sorted(set(sweep_ids)))
        named = json.dumps([REPORT_VERSION, list(sweeps), title]).encode("utf-8", "surrogatepass")
        digest = hashlib.blake2b(named, digest_size=8).hexdigest()
        name = f"{digest}-{results_digest(results)}.html"
        return cls(sweeps, title, home.folder / FOLDER / name)

    @property
    def written(self) -> bool:
        """Whether it is there."""
        return self.path.is_file()


def write_report(db: Database, home: Home, sweep_ids: Sequence[str], *, title: str) -> ReportFile:
    """Write the report of the results that are there now, in place of older ones of these sweeps.

    Raises:
        BadInput: no run of the sweeps is assessed, there is no such sweep, or the folder can't be
            written to.
    """
    from core.reports.stored_report import stored_report

    sweeps = tuple(sweep_ids)
    report = stored_report(db, sweeps, title=title)
    file = ReportFile.of(home, sweeps, report.results, title=title)
    path = file.path
    path.parent.mkdir(exist_ok=True)
    write_whole(path, report.html.encode("utf-8"))
    for other in path.parent.glob(f"{path.name.partition('-')[0]}-*.html"):
        if other != path:
            other.unlink(missing_ok=True)
    return file
