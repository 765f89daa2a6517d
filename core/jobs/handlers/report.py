"""The job that writes a report of sweeps into the home folder, for a page to offer.

Its spec: `{"sweeps": ids, "title": words}`. It loads statsmodels, so a page asks for it and offers
the file.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.domain.settings import Home
from core.files.exports import write_whole
from core.jobs.cached_measurements import Work, once
from core.jobs.context import JobContext
from core.jobs.handlers.study import results_digest
from core.store.database import Database

if TYPE_CHECKING:
    import pandas as pd

KIND = "report"
FOLDER = "reports"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A report of exactly these results.

    Args:
        sweeps: ids, sorted.
        title: of the page.
        path: where it lies once it is there.
    """

    sweeps: tuple[str, ...]
    title: str
    path: Path

    @property
    def there(self) -> bool:
        """Whether it is written."""
        return self.path.is_file()


def wanted(home: Home, sweep_ids: Sequence[str], results: "pd.DataFrame", *, title: str) -> Wanted:
    """The report of some sweeps.

    Args:
        home: the home folder.
        sweep_ids: in any order.
        results: the results frame of all their assessed runs, by `stored_results`.
        title: of the page, any text.
    """
    sweeps = tuple(sorted(set(sweep_ids)))
    return Wanted(sweeps, title, _path(home, sweeps, title, results))


def queue_report(db: Database, report: Wanted) -> Work:
    """Queue the job that writes it; again it is the same job."""
    spec = {"sweeps": list(report.sweeps), "title": report.title}
    return once(db, KIND, spec, report.path.name)


def report_job(context: JobContext, home: Home) -> None:
    """Write the report of what is there now, in place of older ones of the same sweeps.

    Raises:
        BadInput: no run of the sweeps is assessed, there is no such sweep, or the folder can't be
            written to.
    """
    from core.reports.stored_report import stored_report

    context.report({"phase": "concluding", "done": 0, "total": 1}, at_once=True)
    sweeps, title = tuple(context.spec["sweeps"]), str(context.spec["title"])
    report = stored_report(context.db, sweeps, title=title)
    path = _path(home, sweeps, title, report.results)
    path.parent.mkdir(exist_ok=True)
    write_whole(path, report.html.encode("utf-8"))
    for other in path.parent.glob(f"{path.name.partition('-')[0]}-*.html"):
        if other != path:
            other.unlink(missing_ok=True)
    context.report({"phase": "done", "done": 1, "total": 1}, at_once=True)


def _path(home: Home, sweeps: Sequence[str], title: str, results: "pd.DataFrame") -> Path:
    """Its name is made of ids and digests alone."""
    from core.reports.html.report import REPORT_VERSION

    told = json.dumps([REPORT_VERSION, list(sweeps), title]).encode("utf-8", "surrogatepass")
    of = hashlib.blake2b(told, digest_size=8).hexdigest()
    return home.folder / FOLDER / f"{of}-{results_digest(results)}.html"
