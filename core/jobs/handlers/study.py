"""The job that concludes from sweeps what matters: the regression and the replication card.

Its spec: `{"sweeps": ids}`. It loads statsmodels, so a page asks for it and reads what it stored.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.analysis.frames.results import named_apart, results_frame
from core.analysis.frames.stored import stored_results
from core.analysis.study import STUDY_VERSION
from core.analysis.study import study as concluded
from core.domain.errors import BadInput
from core.jobs.cached_measurements import Work, once
from core.jobs.context import JobContext
from core.store.database import Database
from core.store.interventions.previews import find_preview, latest_preview, save_preview

if TYPE_CHECKING:
    import pandas as pd

KIND = "study"

_NAMES = ("run_name", "sweep_id")  # columns that nothing is concluded from


@dataclass(frozen=True, slots=True)
class Studied:
    """What is there of a study.

    Args:
        result: of `core.analysis.study.study`; None before the first one.
        fresh: whether it is of exactly these results; else of what was there earlier.
        work: the job that makes the fresh one; None where nothing is missing or none was wanted.
    """

    result: Mapping[str, Any] | None
    fresh: bool
    work: Work | None


def studied(
    db: Database, sweep_ids: Sequence[str], results: "pd.DataFrame", *, queue: bool = True
) -> Studied:
    """The study of some sweeps; queues the job where it is missing.

    Args:
        db: the store.
        sweep_ids: the sweeps, in any order.
        results: the results frame of all their assessed runs, by `stored_results`.
        queue: whether to queue; of a sweep under way there would be another after every run.
    """
    sweeps = _sorted(sweep_ids)
    dataset, digest = _dataset(sweeps), results_digest(results)
    with db.read():
        found = find_preview(db, KIND, dataset, _request(sweeps, digest))
        if found is not None:
            return Studied(found.result, True, None)
        older = latest_preview(db, KIND, dataset)
    work = once(db, KIND, {"sweeps": sweeps}, [digest, STUDY_VERSION]) if queue else None
    return Studied(None if older is None else older.result, False, work)


def study_job(context: JobContext) -> None:
    """Conclude, and keep it.

    Raises:
        BadInput: no run of the sweeps is assessed, or there is no such sweep.
    """
    sweeps = _sorted(context.spec["sweeps"])
    context.report({"phase": "concluding", "done": 0, "total": 1}, at_once=True)
    results = results_frame(stored_results(context.db, sweep_ids=sweeps))
    if results.empty:
        raise BadInput("No run of the sweep is assessed yet.", "Wait for its first runs.")
    # What was there at this moment, which may be more than when it was asked for.
    request = _request(sweeps, results_digest(results))
    save_preview(context.db, KIND, _dataset(sweeps), request, concluded(results))
    context.report({"phase": "done", "done": 1, "total": 1}, at_once=True)


def results_digest(results: "pd.DataFrame") -> str:
    """A short key of all that a study rests on: equal results have equal ones, in any process.

    Tasks of one name are told apart first, as a page does for its charts.
    """
    import pandas as pd

    told = named_apart(results).drop(columns=list(_NAMES))
    rows = pd.util.hash_pandas_object(told, index=False)
    return hashlib.blake2b(rows.to_numpy().tobytes(), digest_size=12).hexdigest()


def _sorted(sweep_ids: Sequence[str]) -> list[str]:
    return sorted(set(sweep_ids))


def _dataset(sweeps: Sequence[str]) -> str:
    told = hashlib.blake2b(",".join(sweeps).encode(), digest_size=12).hexdigest()
    return f"study:{told}"


def _request(sweeps: Sequence[str], digest: str) -> dict[str, Any]:
    return {"sweeps": list(sweeps), "results": digest, "version": STUDY_VERSION}
