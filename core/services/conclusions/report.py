"""Writing a report of sweeps into the home folder.

This loads statsmodels: a job does it, and a page offers the file.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from core.domain.settings import Home
from core.files.exports import write_whole
from core.services.conclusions.study import results_digest
from core.store.database import Database

if TYPE_CHECKING:
    import pandas as pd

FOLDER = "reports"


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
