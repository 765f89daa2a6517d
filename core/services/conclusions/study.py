"""Concluding from sweeps what matters: the regression and the replication card.

This loads statsmodels: a job does it, and a page reads what was stored.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from core.analysis.frames.results import named_apart, results_frame, stored_results
from core.analysis.study import STUDY_VERSION, Study
from core.analysis.study import study as study_results
from core.domain.errors import BadInput
from core.store.database import Database
from core.store.interventions.previews import find_preview, latest_preview, save_preview

if TYPE_CHECKING:
    import pandas as pd

KIND = "study"
"""The kind of preview."""

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
