"""What is known to fail: refused before a run exists, and listed by a sweep's dry run."""

from collections.abc import Iterable

from core.domain.errors import BadInput
from core.domain.runs import ModelChoice, RunSpec
from core.generation.servers.known_limits import check_known
from core.models.devices import WORKS_OFFLINE, folder_problem
from core.store.connections import find_capabilities
from core.store.database import Database


def check_run(db: Database, spec: RunSpec) -> None:
    """Refuse a run of which it is known that it would fail, by what the store and the disk hold.

    Raises:
        BadInput: its model is a folder without one, or its server was tested and does not honour
            one of the condition's knobs.
    """
    model = spec.model
    if model.backend == "local":
        problem = folder_problem(model.model)
        if problem and model.model != ModelChoice().model:
            raise BadInput(f"The model '{model.model}' can't be loaded: {problem}", WORKS_OFFLINE)
        return
    probed = find_capabilities(db, model.base_url, model.model)
    if probed is not None:
        check_known(spec.condition, probed.capabilities)


def refusals(db: Database, specs: Iterable[RunSpec]) -> list[BadInput | None]:
    """Why each run would be refused; None for those that would not."""
    found: list[BadInput | None] = []
    for spec in specs:
        try:
            check_run(db, spec)
        except BadInput as error:
            found.append(error)
        else:
            found.append(None)
    return found
